"""What it costs to forget ten keys among a year of nights, against delta-rs' own DELETE.

``python -m benchmarks.forget_keys`` writes a store of 365 nights of a million rows (``--rows``),
with refused rows and labels, and forgets ten keys that are in one night each. Then delta-rs deletes
ten others from the table of predictions alone (``DeltaTable.delete``, and ``vacuum`` of what that
replaced). It prints which files were written again, and the seconds. No file has statistics, so
both read the keys of every row.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from assay.store import Run, StagedRun, Store, predictions_schema, quarantine_schema, write_part
from assay.store.delta.tables import PREDICTIONS, QUARANTINE
from assay.store.key_rows import KeyRows
from benchmarks.measure import say

NIGHTS, KEYS = 365, 10
FIRST = date(2021, 1, 1)
AT = datetime(2021, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema([("customer", pa.int64())])
REFUSED = 100
"""Refused and labelled rows of each night."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.forget_keys", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each night")
    rows = parser.parse_args(argv).rows
    with tempfile.TemporaryDirectory(prefix="assay-forget-") as folder:
        store = Store(folder, "day")
        started = time.monotonic()
        for number in range(NIGHTS):
            _publish(store, number, rows)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
        say(f"{NIGHTS} nights, {size / 1e9:.2f} GB", time.monotonic() - started)
        ours = _ours(store, rows)
        theirs = _theirs(store, rows)
    print(f"forget {ours:.1f} s, delta-rs {theirs:.1f} s: ratio {ours / theirs:.2f}")
    return 0


def _ours(store: Store, rows: int) -> float:
    wanted = [night * rows * 2 + 7 for night in range(0, NIGHTS, NIGHTS // KEYS)][:KEYS]
    table = pa.table({"customer": pa.array(wanted, pa.int64())})
    asked = KeyRows([{"customer": str(each)} for each in wanted], table)
    started = time.monotonic()
    done = store.forget(asked, "the benchmark", "it asked us to")
    took = time.monotonic() - started
    assert len(done.known) == KEYS and done.rows[PREDICTIONS] == KEYS, done
    print(f"forget: {done.counts()} in {took:.1f} s")
    for name in done.rewritten:
        print(f"  {name}")
    return took


def _theirs(store: Store, rows: int) -> float:
    wanted = [night * rows * 2 + 9 for night in range(0, NIGHTS, NIGHTS // KEYS)][:KEYS]
    started = time.monotonic()
    table = DeltaTable(store.table_uri(PREDICTIONS))
    done = table.delete(f"customer IN ({', '.join(map(str, wanted))})")
    table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    took = time.monotonic() - started
    assert done["num_deleted_rows"] == KEYS, done
    print(f"delta-rs: {done['num_removed_files']} files of predictions in {took:.1f} s")
    return took


def _publish(store: Store, number: int, rows: int) -> None:
    """A night of customers that are in no other; the odd numbers among them are scored."""
    night, run_id = str(FIRST + timedelta(days=number)), f"r{number}"
    ids = np.arange(rows, dtype=np.int64) * 2 + 1 + number * rows * 2
    stamped = {"model_version": "v1.0.0", "bundle": "sha256:ab", "run_id": run_id}
    probability = np.random.default_rng(number).random(rows)
    scored = {
        "customer": ids, "prediction": probability > 0.5, "probability": probability,
        **{name: _constant(value, rows) for name, value in stamped.items()},
        "scored_at": pa.repeat(pa.scalar(AT, pa.timestamp("us", "UTC")), rows),
    }  # fmt: skip
    refused = {
        "customer": ids[:REFUSED] - 1, "broken_rules": [["a"]] * REFUSED,
        "row": ['{"customer": 1}'] * REFUSED,
        **{name: _constant(value, REFUSED) for name, value in stamped.items()},
        "quarantined_at": pa.repeat(pa.scalar(AT, pa.timestamp("us", "UTC")), REFUSED),
    }  # fmt: skip
    files = {
        table: write_part(
            store.table_uri(table),
            store.part_path_for(table, night, run_id, "0"),  # type: ignore[arg-type]
            pa.table(columns),
        )
        for table, columns in ((PREDICTIONS, scored), (QUARANTINE, refused))
    }
    run = Run(run_id=run_id, event="started", partition=night, at=AT, base=0, version="v1.0.0")
    staged = StagedRun(
        run=run,
        predictions=(files[PREDICTIONS],),
        quarantine=(files[QUARANTINE],),
        profile=None,
        predictions_schema=predictions_schema("day", SCHEMA, "binary"),
        quarantine_schema=quarantine_schema("day", SCHEMA),
    )
    store.publish_run(staged)
    arrived = pa.repeat(pa.scalar(AT, pa.timestamp("us", "UTC")), REFUSED)
    truths = {"customer": ids[:REFUSED], "truth": [True] * REFUSED, "arrived_at": arrived}
    store.append_labels({night: pa.table(truths)}, "benchmark", "benchmark")


def _constant(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [value])


if __name__ == "__main__":
    sys.exit(main())
