"""``assay quarantine show`` and ``export``: refused rows, for people."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from assay.errors import SourceError, UsageError
from assay.pages.terminal import console
from assay.project.params import Params
from assay.project.visible import visible
from assay.score.published import repair_file
from assay.score.published.outside import EXPORTS, kept_out
from assay.store import RunRecord, Store, open_store
from assay.store.refused_rows import Refused, refused

EXAMPLES = 3


@dataclass
class Broken:
    """One rule, how many rows broke it, and some of them."""

    rule: str
    rows: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


def show(
    root: Path,
    params: Params,
    partition: str | None,
    run_id: str | None = None,
    as_json: bool = False,
) -> list[Broken]:
    """Print the rules that rows of a night broke, the most broken first.

    Parameters
    ----------
    run_id
        A run that is held or published; by default the night's newest that is either.

    Raises
    ------
    NothingScored
        No run of the night is published or held.
    RunUnknown
        There is no such run, or it is neither.
    """
    store = open_store(root, params)
    chosen = refused(store, partition, run_id)
    found: dict[str, Broken] = {}
    rows = 0
    for row in _rows(store, chosen):
        rows += 1
        for rule in row["broken_rules"]:
            each = found.setdefault(rule, Broken(rule))
            each.rows += 1
            if len(each.examples) < EXAMPLES:
                each.examples.append(json.loads(row["row"]))
    rules = sorted(found.values(), key=lambda each: (-each.rows, each.rule))
    run = chosen.run
    if as_json:
        tree = {
            "partition": run.partition,
            "run_id": run.run_id,
            "state": run.event,
            "detail": run.detail if run.event == "held" else "",
            "rows_read": run.rows_read,
            "rows_quarantined": rows,
            "rules": [vars(each) for each in rules],
        }
        print(json.dumps(tree, ensure_ascii=False))
    else:
        _print(run, rules, rows)
    return rules


def export(
    root: Path,
    params: Params,
    partition: str | None,
    run_id: str | None = None,
    out: Path | None = None,
    spreadsheet: bool = False,
    as_json: bool = False,
) -> int:
    """Write the refused rows of a night to a file, whole or not at all.

    Parameters
    ----------
    run_id
        A run that is held or published; by default the one that readers see, if there is any.
    out
        By default a CSV file of the night's name in ``exports/``.
    spreadsheet
        Cells that a spreadsheet would take for a formula are marked as text.

    Raises
    ------
    NothingScored
        No run of the night is published or held.
    RunUnknown
        There is no such run, or it is neither.
    UsageError
        The file's name asks for no format that there is, or git would list it.
    SourceError
        The file cannot be written.
    """
    store = open_store(root, params)
    if run_id is None and partition is not None:
        run_id = store.visible_run(partition)
    chosen = refused(store, partition, run_id)
    partition = chosen.run.partition
    if out is None:
        out = root / EXPORTS / f"refused-{quote(partition, safe=' ')}.csv"
    if repair_file.format_of(out, "--out") != ".csv" and spreadsheet:
        raise UsageError("spreadsheets read .csv", where="--spreadsheet", found=str(out))
    kept_out(root, out, "--out")
    columns: dict[str, None] = {}
    for row in _rows(store, chosen):
        columns |= dict.fromkeys(json.loads(row["row"]))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            made = Path(scratch) / out.name
            count = repair_file.write(made, _rows(store, chosen), list(columns), spreadsheet)
            made.replace(out)
    except OSError as error:
        raise SourceError("cannot be written", where=str(out), found=str(error)) from None
    if as_json:
        told = {"partition": partition, "run_id": chosen.run.run_id, "rows": count}
        print(json.dumps({**told, "file": str(out)}))
    else:
        print(f"quarantine: {count:,} rows of {partition} written to {out}")
        if count and chosen.run.event == "held":
            print(f"Run {chosen.run.run_id} is held: rows are repaired once it is released")
        elif count:
            print(
                f"Change values, keep {repair_file.MARK}, then: assay quarantine replay "
                f"--date {partition} --rows {out} --because WHY"
            )
    return count


def _rows(store: Store, chosen: Refused) -> Iterator[Mapping[str, Any]]:
    for batch in chosen.batches(store):
        yield from batch.select(["broken_rules", "row"]).to_pylist()


def _print(run: RunRecord, rules: list[Broken], rows: int) -> None:
    from rich.table import Table
    from rich.text import Text

    of = "" if run.rows_read is None else f" of {run.rows_read:,} read"
    print(f"{run.partition}: {rows:,} rows quarantined{of}, by run {run.run_id} ({run.event})")
    if run.event == "held":
        print(f"held: {run.detail}")
        print(f"Publish it as it is: assay release {run.run_id} --because WHY")
    if not rules:
        return
    table = Table(show_lines=True)
    table.add_column("broken rule", overflow="fold")
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("examples", overflow="fold")
    for each in rules:
        examples = "\n".join(
            ", ".join(f"{name}={visible(value)}" for name, value in row.items())
            for row in each.examples
        )
        table.add_row(Text(each.rule), f"{each.rows:,}", Text(examples))
    console().print(table)
