"""``assay quarantine show`` and ``export``: the quarantined rows of a night.

An exported row has its original columns and the rules that it broke.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from assay.contract.definition import mask
from assay.contract.loader import load_contract
from assay.contract.private_columns import private_columns
from assay.errors import SourceError, UsageError
from assay.project.params import Params
from assay.score.operations.disclosure import record
from assay.score.operations.export_targets import EXPORTS, check_target
from assay.store import Run, Store, open_store
from assay.store.delta.tables import PRIVATE
from assay.store.key_rows import ROW, read_row, whole_row
from assay.store.run_files import RunQuarantine, find_quarantine

EXAMPLES = 3


@dataclass
class BrokenRule:
    """A rule, the number of rows that broke it, and some of them."""

    rule: str
    rows: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class QuarantineReport:
    """A run's quarantined rows, by broken rule, the most broken first."""

    run: Run
    rows: int
    rules: tuple[BrokenRule, ...]

    def document(self) -> dict[str, Any]:
        run = self.run
        return {
            "partition": run.partition,
            "run_id": run.run_id,
            "state": run.event,
            "detail": run.detail if run.event == "held" else "",
            "rows_read": run.rows_read,
            "rows_quarantined": self.rows,
            "rules": [vars(each) for each in self.rules],
        }


@dataclass(frozen=True)
class QuarantineFile:
    """A file with a run's quarantined rows."""

    run: Run
    rows: int
    file: Path

    def document(self) -> dict[str, Any]:
        tree = {"partition": self.run.partition, "run_id": self.run.run_id, "rows": self.rows}
        return {**tree, "file": str(self.file)}


def show(
    root: Path,
    params: Params,
    partition: str | None,
    run_id: str | None = None,
    show_private: str | None = None,
) -> QuarantineReport:
    """The rules that the quarantined rows of a night broke, with examples.

    Examples are masked where the contract of today hides a column, or that of the night did.

    Parameters
    ----------
    run_id
        A held or published run; by default the night's newest one.
    show_private
        Why private cells are to be shown; sensitive ones are still masked.

    Raises
    ------
    NothingScored
        No run of the night is published or held.
    RunUnknown
        There is no such run, or it is neither published nor held.
    ContractFileError
        The contract, which says what is sensitive, cannot be read.
    """
    store = open_store(root, params)
    chosen = find_quarantine(store, partition, run_id)
    contract = load_contract(root / params.contract.file, params.contract.file, root=root)
    hidden = contract.sensitive if show_private else contract.hidden
    record(root, store, "quarantine show", chosen.run.partition, show_private)
    by_rule: dict[str, BrokenRule] = {}
    rows = 0
    for row in _rows(store, chosen):
        rows += 1
        for rule in row["broken_rules"]:
            each = by_rule.setdefault(rule, BrokenRule(rule))
            each.rows += 1
            if len(each.examples) < EXAMPLES:
                cells = whole_row(row) if show_private else read_row(row[ROW])
                each.examples.append(mask(cells, hidden))
    rules = sorted(by_rule.values(), key=lambda each: (-each.rows, each.rule))
    return QuarantineReport(chosen.run, rows, tuple(rules))


def export(
    root: Path,
    params: Params,
    partition: str | None,
    run_id: str | None = None,
    out: Path | None = None,
    show_private: str | None = None,
) -> QuarantineFile:
    """Write the quarantined rows of a night to a file, completely or not at all.

    Private cells are masked.

    Parameters
    ----------
    run_id
        A held or published run; by default the visible one, if there is one.
    out
        By default a CSV file named after the night in ``exports/``.
    show_private
        Why private cells are to be written too.

    Raises
    ------
    UsageError
        The file's name has an unknown format, or git would add the file.
    SourceError
        The file cannot be written.
    """
    store = open_store(root, params)
    if run_id is None and partition is not None:
        run_id = store.visible_run(partition)
    chosen = find_quarantine(store, partition, run_id)
    partition = chosen.run.partition
    hidden = None if show_private else private_columns(root, params)
    record(root, store, "quarantine export", partition, show_private)
    if out is None:
        out = root / EXPORTS / f"refused-{quote(partition, safe=' ')}.csv"
    file_format(out, "--out")
    check_target(root, out, "--out")
    columns: dict[str, None] = {}
    for row in _rows(store, chosen):
        columns |= dict.fromkeys(json.loads(row["row"]))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            made = Path(scratch) / out.name
            count = write(made, _rows(store, chosen), list(columns), hidden)
            made.replace(out)
    except OSError as error:
        raise SourceError("cannot be written", where=str(out), found=str(error)) from None
    return QuarantineFile(chosen.run, count, out)


def _rows(store: Store, chosen: RunQuarantine) -> Iterator[Mapping[str, Any]]:
    for batch in chosen.batches(store, ["broken_rules", ROW, PRIVATE]):
        yield from batch.to_pylist()


BROKEN = "_broken_rules"
FORMATS = (".csv", ".jsonl")


def file_format(path: Path, option: str) -> str:
    """The format according to a file's name.

    Raises
    ------
    UsageError
        The ending is unknown.
    """
    if path.suffix not in FORMATS:
        raise UsageError(
            "unknown kind of file",
            where=f"{option} {path}",
            expected=f"a name that ends in {' or '.join(FORMATS)}",
            found=path.suffix or "no ending",
        )
    return path.suffix


def write(
    path: Path,
    refused: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    hidden: Collection[str] | None,
) -> int:
    """Write quarantined rows; returns how many there were.

    Parameters
    ----------
    refused
        With ``row`` and ``private``, the row's JSON, and ``broken_rules``.
    columns
        The names of the rows' columns, in order.
    hidden
        What is masked, besides what was private at night; None for nothing.
    """
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        names = [BROKEN, *columns]
        table = csv.DictWriter(file, names, lineterminator="\n") if path.suffix == ".csv" else None
        if table is not None:
            table.writeheader()
        for each in refused:
            row = {
                BROKEN: "; ".join(each["broken_rules"]),
                **(whole_row(each) if hidden is None else mask(read_row(each[ROW]), hidden)),
            }
            if table is None:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            else:
                table.writerow({name: _cell(value) for name, value in row.items()})
            count += 1
    return count


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
