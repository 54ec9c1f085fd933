"""``assay quarantine show`` and ``export``: refused rows, for people."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import SourceError
from pipeline.params import Params
from pipeline.score import repaired
from pipeline.store import Store, open_store
from pipeline.terminal import console

EXAMPLES = 3


@dataclass
class Refused:
    """One rule, how many rows broke it, and some of them."""

    rule: str
    rows: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


def show(root: Path, params: Params, partition: str, as_json: bool = False) -> list[Refused]:
    """Print the rules that rows of a published night broke, the most broken first.

    Raises
    ------
    NothingScored
        No run has published the night.
    """
    store = open_store(root, params)
    run = store.published_run(partition)
    found: dict[str, Refused] = {}
    rows = 0
    for row in _rows(store, partition):
        rows += 1
        for rule in row["broken_rules"]:
            each = found.setdefault(rule, Refused(rule))
            each.rows += 1
            if len(each.examples) < EXAMPLES:
                each.examples.append(json.loads(row["row"]))
    rules = sorted(found.values(), key=lambda each: (-each.rows, each.rule))
    read = run.rows_read if run is not None else None
    if as_json:
        tree = {
            "partition": partition,
            "run_id": run.run_id if run is not None else None,
            "rows_read": read,
            "rows_quarantined": rows,
            "rules": [vars(each) for each in rules],
        }
        print(json.dumps(tree, ensure_ascii=False))
    else:
        _print(partition, rules, rows, read)
    return rules


def export(root: Path, params: Params, partition: str, out: Path, as_json: bool = False) -> int:
    """Write the refused rows of a published night to a file, whole or not at all.

    Raises
    ------
    NothingScored
        No run has published the night.
    UsageError
        The file's name asks for no format that there is.
    SourceError
        The file cannot be written.
    """
    repaired.format_of(out, "--out")
    store = open_store(root, params)
    columns: dict[str, None] = {}
    for row in _rows(store, partition):
        columns |= dict.fromkeys(json.loads(row["row"]))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            made = Path(scratch) / out.name
            count = repaired.write(made, _rows(store, partition), list(columns))
            made.replace(out)
    except OSError as error:
        raise SourceError("cannot be written", where=str(out), found=str(error)) from None
    if as_json:
        print(json.dumps({"partition": partition, "rows": count, "file": str(out)}))
    else:
        print(f"quarantine: {count:,} rows of {partition} written to {out}")
        if count:
            print(
                f"Change values, keep {repaired.MARK}, then: assay quarantine replay "
                f"--date {partition} --rows {out} --because WHY"
            )
    return count


def _rows(store: Store, partition: str) -> Iterator[Mapping[str, Any]]:
    for batch in store.quarantine_batches(partition):
        yield from batch.select(["broken_rules", "row"]).to_pylist()


def _print(partition: str, rules: list[Refused], rows: int, read: int | None) -> None:
    from rich.table import Table
    from rich.text import Text

    of = "" if read is None else f" of {read:,} read"
    print(f"{partition}: {rows:,} rows quarantined{of}")
    if not rules:
        return
    table = Table(show_lines=True)
    table.add_column("broken rule", overflow="fold")
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("examples", overflow="fold")
    for each in rules:
        examples = "\n".join(
            ", ".join(f"{name}={value}" for name, value in row.items()) for row in each.examples
        )
        table.add_row(Text(each.rule), f"{each.rows:,}", Text(examples))
    console().print(table)
