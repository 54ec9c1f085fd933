"""A damaged store is an error in one line, never an empty store and never a traceback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.errors import StoreError
from assay.store import StagedRun, Store, predictions_schema
from assay.store.delta import commits


def told_in_one_line(caught: pytest.ExceptionInfo[StoreError]) -> str:
    line = caught.value.line()
    assert "\n" not in line and "\x1b" not in line and len(line) < 600
    return line


def test_other_columns_than_the_table_has_are_named(store: Store, make: Any) -> None:
    make.run("r1")
    keys = pa.schema([("id", pa.string()), ("more", pa.int64())])
    staged = make.stage("r2", predictions_schema=predictions_schema("date", keys, "regression"))
    with pytest.raises(StoreError) as caught:
        store.publish_run(staged)
    line = told_in_one_line(caught)
    for words in (
        "id: int64 in the table, string in the run",
        "more: missing in the table",
        "prediction: bool in the table, double in the run",
        "probability: missing in the run",
    ):
        assert words in line
    other = Store(store.uri, "day")
    with pytest.raises(StoreError, match="expected by day, found by date"):
        commits.commit(
            commits.CommitTarget(other, "predictions", make.keys, ["p"]),
            lambda now: commits.CommitChange((), ()),
        )
    assert make.seen() == ([1], [])


def test_a_file_in_the_store_s_place_is_one_line(store: Store, make: Any) -> None:
    Path(store.uri).write_text("not a folder", encoding="utf-8")
    for use in (
        lambda: store.partitions(),
        lambda: store.runs(),
        lambda: store.turn("p"),
        lambda: make.event("r1", "started", 0),
        lambda: store.vacuum(1),
        lambda: make.stage("r1", base=0),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert store.uri in told_in_one_line(caught)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "no beginning"])
def test_a_damaged_log_is_an_error_and_not_an_empty_store(
    store: Store, make: Any, damage: str
) -> None:
    make.run("r1")
    make.run("r2")
    staged: StagedRun = make.stage("r3")
    first, last = sorted(Path(store.table_uri("predictions"), "_delta_log").glob("*.json"))
    if damage == "no beginning":
        first.unlink()
    else:
        text = last.read_text(encoding="utf-8")
        last.write_text(text[:100] if damage == "truncated" else "garbage", encoding="utf-8")
    for use in (
        lambda: store.partitions(),
        lambda: store.predictions("p"),
        lambda: store.published_run("p"),
        lambda: store.publish_run(staged),
        lambda: store.retract("r2", "me", "why"),
        lambda: store.vacuum(1),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert "predictions" in told_in_one_line(caught)


def test_a_lost_or_cut_data_file_is_one_line(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2])
    one, two = sorted(Path(store.table_uri("predictions")).rglob("*.parquet"))
    whole = one.read_bytes()
    one.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=one.name) as caught:
        store.predictions("p")
    told_in_one_line(caught)
    one.write_bytes(whole)
    two.unlink()
    with pytest.raises(StoreError, match=two.name) as caught:
        list(store.prediction_batches("p", ["id"]))
    told_in_one_line(caught)


def test_a_file_with_other_rows_than_the_log_says_is_not_passed_off(
    store: Store, make: Any
) -> None:
    staged = make.stage("r1", good=[1, 2])
    first, second = staged.predictions
    store.publish_run(replace(staged, predictions=(first, replace(second, rows=7))))
    with pytest.raises(StoreError, match="expected 7, found 1"):
        store.predictions("p")


def test_files_of_two_runs_in_a_partition_are_an_error_that_a_rerun_fixes(
    store: Store, make: Any
) -> None:
    make.run("r1")
    files = make.stage("r2", good=[2]).predictions
    schema = predictions_schema("date", make.keys, "binary")
    target = commits.CommitTarget(store, "predictions", schema, ["p"])
    commits.commit(target, lambda _: commits.CommitChange(files, ()))
    for use in (lambda: store.predictions("p"), lambda: store.visible_run("p")):
        with pytest.raises(StoreError, match="not those of one run"):
            use()
    make.run("r3", good=[3], bad=[4])
    assert make.seen() == ([3], [4])


def test_a_missing_column_is_named(store: Store, make: Any) -> None:
    make.run("r1")
    with pytest.raises(StoreError, match=r"no such column \(expected date, id, .*found ids"):
        list(store.prediction_batches("p", ["date", "ids"]))
