"""Rows out of the store: those of one night, a batch at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from assay.errors import NothingScored
from assay.store import Store, history
from assay.store.delta import rows


def test_batches_add_up_to_the_night(store: Store, make: Any) -> None:
    make.run("r1", "p", [1, 2, 3], [8, 9])
    make.run("r2", "q", [4])
    batches = list(store.prediction_batches("p"))
    assert [batch.num_rows for batch in batches] == [1, 2]
    assert batches[0].schema.equals(store.predictions("p").schema)
    chosen = list(store.prediction_batches("p", ["probability", "date", "id"]))
    assert chosen[0].to_pydict() == {"probability": [0.01], "date": ["p"], "id": [1]}
    refused = [batch["id"].to_pylist() for batch in store.quarantine_batches("p", ["id"])]
    assert refused == [[8], [9]]
    with pytest.raises(NothingScored):
        next(store.prediction_batches("z"))


def test_no_more_than_a_batch_is_read_ahead(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BATCH_ROWS", 2)
    make.run("r1", good=[1, 2, 3, 4, 5, 6])
    batches = store.prediction_batches("p", ["id"])
    assert [next(batches)["id"].to_pylist() for _ in range(2)] == [[1], [2, 3]]
    for path in Path(store.table_uri("predictions")).rglob("*.parquet"):
        path.unlink()  # the second file is open, and is read on
    assert [batch["id"].to_pylist() for batch in batches] == [[4, 5], [6]]


def test_a_replaced_night_is_read_to_its_end(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2, 3])
    batches = store.prediction_batches("p", ["id"])
    first = next(batches)
    make.run("r2", good=[4])
    assert first["id"].to_pylist() == [1]
    assert [batch["id"].to_pylist() for batch in batches] == [[2, 3]]


def test_the_rows_of_a_file_need_not_be_published(store: Store, make: Any) -> None:
    staged = make.stage("r1", good=[1, 2])
    (batch,) = store.file_batches("predictions", staged.predictions[1], ["id"])
    assert batch["id"].to_pylist() == [2]


def test_quarantine_is_chosen_by_file_and_not_by_the_run_that_a_row_names(
    store: Store, make: Any
) -> None:
    kept = make.write("quarantine", "r2", "p", make.refused("r1", [7]))
    store.publish_run(make.stage("r2", quarantine=kept))
    assert make.seen() == ([1], [7])
    assert store.quarantine("p")["run_id"].to_pylist() == ["r1"]


def test_a_night_that_changes_hands_between_the_tables_is_looked_at_again(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", good=[1], bad=[8])
    view = history.read_partition_view

    def then_another_publishes(place: Store, table: Any, partition: str, **how: Any) -> Any:
        found = view(place, table, partition, **how)
        if table == "predictions":
            monkeypatch.setattr(history, "read_partition_view", view)
            make.run("r2", good=[2], bad=[9])
        return found

    monkeypatch.setattr(history, "read_partition_view", then_another_publishes)
    assert store.quarantine("p")["id"].to_pylist() == [9]


def test_turns_survive_a_checkpoint(store: Store, make: Any) -> None:
    for run_id in ("r1", "r2"):
        make.run(run_id)
    DeltaTable(store.table_uri("predictions")).create_checkpoint()
    first, _ = sorted(Path(store.table_uri("predictions"), "_delta_log").glob("*.json"))
    first.unlink()
    assert store.turn("p") == 2 and store.turn("q") == 0
    make.run("r3", "q")
    assert (store.turn("p"), store.turn("q")) == (2, 1)


def test_the_visible_run_of_every_partition_in_one_look(store: Any, make: Any) -> None:
    assert history.visible_runs(store) == {}
    make.run("a", "2013-07-02")
    make.run("b", "2013-07-01")
    make.run("c", "2013-07-01", [1, 2])
    make.hold("d", "2013-07-03")
    assert history.visible_runs(store) == {"2013-07-01": "c", "2013-07-02": "a"}


@pytest.mark.parametrize(("most", "times"), [(0, 2), (9, 1)])
def test_a_small_table_is_read_once_and_a_large_one_each_time(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch, most: int, times: int
) -> None:
    make.run("r1", "p", [1])
    make.run("r2", "q", [2])
    monkeypatch.setattr(rows, "KEPT_ROWS", most)
    read: list[str] = []
    real = rows.batches
    monkeypatch.setattr(rows, "batches", lambda *of: read.append(of[1]) or real(*of))
    for night in ("p", "q"):
        (record,) = history.read_run_records(store, night)
        assert record.partition == night
    assert read == ["runs"] * times
