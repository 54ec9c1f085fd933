"""A command replays a log once, and sees at once what anybody changes in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from assay.errors import PublishConflict, StoreError
from assay.store import Store
from assay.store.delta import log
from assay.store.delta.tables import PREDICTIONS, RUNS


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables whose logs were replayed since the test began."""
    found: list[str] = []
    real = DeltaTable.__init__

    def counted(self: DeltaTable, uri: Any, *given: Any, **how: Any) -> None:
        found.append(str(uri).rpartition("/")[2])
        real(self, uri, *given, **how)

    monkeypatch.setattr(DeltaTable, "__init__", counted)
    return found


def test_a_log_is_replayed_once_while_nothing_changes(
    store: Store, make: Any, opened: list[str]
) -> None:
    make.run("r1", "p")
    store.runs(), store.visible_runs()
    opened.clear()
    for _ in range(3):
        assert store.partitions() == ["p"] and store.visible_run("p") == "r1"
        assert [record.run_id for record in store.runs()] == ["r1"]
    assert opened == []


def test_a_night_more_replays_each_log_but_a_few_times(
    store: Store, make: Any, opened: list[str]
) -> None:
    for number in range(3):
        opened.clear()
        make.run(f"r{number}", f"p{number}", bad=[number])
    assert max(opened.count(name) for name in (PREDICTIONS, RUNS, "quarantine")) <= 3


def test_the_turn_of_a_night_that_was_left_empty_is_not_forgotten(store: Store, make: Any) -> None:
    make.run("r1", "p")
    late = make.stage("r2", "p")
    store.retract("r1", "ann", "another day's")
    assert (store.turn("p"), store.turn("q")) == (2, 0)
    with pytest.raises(PublishConflict, match="retracted"):
        store.publish_run(late)


def test_a_table_made_anew_with_the_same_version_is_read_anew_before_a_change(
    store: Store, make: Any, tmp_path: Path
) -> None:
    make.run("r1", "p")
    uri = store.table_uri(PREDICTIONS)
    assert log.read_partition_views(uri, "date", ["p"])["p"].turn == 1
    Path(uri).rename(tmp_path / "old")
    table = DeltaTable(tmp_path / "old").to_pyarrow_table()
    write_deltalake(uri, table, partition_by=["date"])
    opened = log.open_to_write(uri)
    assert opened is not None and opened.version() == 0
    assert log.partition_views(opened, "date", ["p"])["p"].turn == 0


def other_commits(store: Store) -> None:
    uri = store.table_uri(RUNS)
    write_deltalake(uri, DeltaTable(uri).to_pyarrow_table(), mode="append")


def newest_gone(store: Store) -> None:
    commits(store)[-1].unlink()


def first_damaged(store: Store) -> None:
    commits(store)[0].write_text("", encoding="utf-8")


def newest_damaged(store: Store) -> None:
    commits(store)[-1].write_text("nonsense", encoding="utf-8")


def commits(store: Store) -> list[Path]:
    return sorted(Path(store.table_uri(RUNS), "_delta_log").glob("*.json"))


@pytest.mark.parametrize("change", [other_commits, newest_gone])
def test_what_another_process_changes_is_seen_at_once(
    store: Store, make: Any, change: Callable[[Store], None]
) -> None:
    for number in range(3):
        make.event(f"r{number}", "started", number)
    uri = store.table_uri(RUNS)
    before = log.open_table(uri)
    assert before is not None and before.version() == 2 and log.open_table(uri) is before
    change(store)
    now, writes = log.open_table(uri), log.open_to_write(uri)
    assert now is not None and writes is not None
    assert now.version() == writes.version() == DeltaTable(uri).version() != 2
    assert before.version() == 2, "who reads a version goes on reading it"


@pytest.mark.parametrize("damage", [first_damaged, newest_damaged])
def test_a_log_that_is_damaged_meanwhile_is_not_taken_for_whole(
    store: Store, make: Any, damage: Callable[[Store], None]
) -> None:
    for number in range(3):
        make.event(f"r{number}", "started", number)
    assert len(store.runs()) == 3
    damage(store)
    with pytest.raises(StoreError, match="not a readable Delta table"):
        store.runs()
    with pytest.raises(StoreError, match="not a readable Delta table"):
        make.event("r3", "started", 3)
