"""A vacuum deletes what is old enough in every night, and keeps logs and small tables short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from assay.columns.profile import Profile
from assay.errors import StoreError
from assay.store import Store, vacuum
from assay.store.delta.tables import INSTANT
from assay.store.vacuum import read_tombstones

WHY = {"by": "Ada", "because": "why"}


def later(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_a_vacuum_deletes_what_is_older_than_it_keeps(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r1", good=[1, 2], bad=[8], profile=profile)
    make.run("r2", good=[3], bad=[9], profile=profile)
    make.begin("r3", "q")
    make.stage("r3", "q")  # killed, and nobody scored the night again
    make.hold("r4", "h", good=[5])
    files = [*make.files("predictions"), *make.files("quarantine")]
    dry = vacuum.vacuum(store, 3, dry_run=True, now=later(4))
    assert [*make.files("predictions"), *make.files("quarantine")] == files
    assert vacuum.vacuum(store, 3, now=later(2))[0].replaced == 0
    done = {each.table: each for each in vacuum.vacuum(store, 3, now=later(4))}
    assert (done["predictions"].replaced, done["predictions"].left) == (2, 1)
    assert (done["quarantine"].replaced, done["quarantine"].left) == (1, 0)
    planned = {each.table: each for each in dry}
    for table in ("predictions", "quarantine"):
        assert done[table] == planned[table] and done[table].bytes > 0
    assert make.files("predictions") == ["r2-0.0.parquet", "r4-0.0.parquet"]
    assert make.seen() == ([3], [9]) and store.profile("r2", "p") == profile
    store.release("r4", **WHY)
    assert make.seen("h") == ([5], [])
    assert store.retract("r2", **WHY).back_to is None


def test_the_age_of_a_replaced_version_counts_from_its_replacement(store: Store, make: Any) -> None:
    make.run("r1", good=[1])
    make.age(400)
    make.run("r2", good=[2])
    assert {each.replaced for each in vacuum.vacuum(store, 30)} == {0}
    assert store.retract("r2", **WHY).back_to == "r1"


def test_a_held_run_that_was_overtaken_goes_and_one_that_was_not_stays(
    store: Store, make: Any
) -> None:
    make.hold("r1")
    make.run("r2")
    make.hold("r3")
    vacuum.vacuum(store, 1, now=later(9999))
    assert make.files("predictions") == ["r2-0.0.parquet", "r3-0.0.parquet"]


def test_what_a_killed_commit_left_in_a_log_goes_and_the_log_stays(store: Store, make: Any) -> None:
    make.run("r1", good=[1])
    left = Path(store.table_uri("runs"), "_delta_log", f"{9:020}.json#1")
    left.touch()
    done = {each.table: each.left for each in vacuum.vacuum(store, 3, now=later(2))}
    assert done["runs"] == 0 and left.exists()
    done = {each.table: each.left for each in vacuum.vacuum(store, 3, now=later(4))}
    assert done["runs"] == 1 and not left.exists()
    assert make.seen() == ([1], []) and [run.run_id for run in store.runs()] == ["r1"]


def test_small_tables_become_few_files_and_logs_short(store: Store, make: Any) -> None:
    for n in range(4):
        make.run(f"r{n}", f"p{n}")
    records = store.runs()
    dry = {each.table: each.merged for each in store.vacuum(1, dry_run=True)}
    shorter = Store(store.uri, "date", keep_days=9)
    done = {each.table: each.merged for each in shorter.vacuum(1)}
    assert done["runs"] == dry["runs"] == 8 and done["predictions"] == 0
    assert len(make.active("runs")) == 1 and store.runs() == records
    for table in ("runs", "predictions"):
        folder = Path(store.table_uri(table), "_delta_log")
        assert list(folder.glob("*.checkpoint.parquet"))
        kept = DeltaTable(store.table_uri(table)).metadata().configuration
        assert kept["delta.deletedFileRetentionDuration"] == "interval 9 days"
    assert {each.table: each.merged for each in store.vacuum(1)}["runs"] == 0


def test_no_truth_and_no_number_is_ever_lost(store: Store, make: Any) -> None:
    make.run("r1", "p")
    make.run("r2", "q")
    for hour, truth in enumerate((True, False, True)):
        store.append_labels({"p": truths(truth, hour)}, f"{hour}.csv", "Ada")
        store.append_performance([number("r1", hour)])
    store.append_labels({"q": truths(True, 0)}, "0.csv", "Ada")
    store.retract("r2", **WHY)
    unfinished = Path(store.table_uri("labels"), "date=p", "part-00000-dead-c000.snappy.parquet")
    unfinished.write_bytes(b"a writer was killed before it could commit")
    histories = [sorted_rows(store.label_history(night)) for night in ("p", "q")]
    done = {each.table: each for each in vacuum.vacuum(store, 30, now=later(2))}
    assert [done[name].merged for name in ("labels", "performance")] == [3, 3]
    assert unfinished.exists()
    done = {each.table: each for each in vacuum.vacuum(store, 30, now=later(9999))}
    assert (done["labels"].replaced, done["labels"].left) == (3, 1) and not unfinished.exists()
    assert histories == [sorted_rows(store.label_history(night)) for night in ("p", "q")]
    assert [len(rows) for rows in histories] == [3, 1]
    assert store.performance("p")["value"].to_pylist() == [0.2]
    assert DeltaTable(store.table_uri("performance")).to_pyarrow_table().num_rows == 3


def truths(truth: bool, hour: int) -> pa.Table:
    at = datetime(2013, 7, 2, hour, tzinfo=UTC)
    return pa.table({"id": [1], "truth": [truth], "arrived_at": pa.array([at], INSTANT)})


def number(run_id: str, tenths: int) -> dict[str, Any]:
    return {
        "date": "p", "run_id": run_id, "maturity_days": 1, "slice": "", "metric": "auc",
        "value": tenths / 10, "estimated": False, "at": later(tenths),
    }  # fmt: skip


def sorted_rows(table: pa.Table) -> list[dict[str, Any]]:
    return table.sort_by("arrived_at").to_pylist()


def test_an_empty_store_has_nothing_to_vacuum(store: Store) -> None:
    assert {each.bytes for each in store.vacuum(1)} == {0}
    assert not Path(store.uri).exists()


def test_the_log_is_read_from_its_last_checkpoint(store: Store, make: Any) -> None:
    uri = store.table_uri("predictions")
    for n in (1, 2, 3):
        make.run(f"r{n}", "é/ü")
        if n == 2:
            DeltaTable(uri).create_checkpoint()
    assert sorted(read_tombstones(uri)) == [
        f"date=%C3%A9%2F%C3%BC/r{n}-0.0.parquet" for n in (1, 2)
    ]
    store.retract("r3", **WHY)
    assert sorted(path[-14:] for path in read_tombstones(uri)) == [
        "r1-0.0.parquet",
        "r3-0.0.parquet",
    ]
    last = sorted(Path(uri, "_delta_log").glob("*.json"))[-1]
    last.write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="its log cannot be read"):
        read_tombstones(uri)
