"""A command replays a log once, and sees at once what anybody changes in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from assay.errors import PublishConflict, StoreError
from assay.store import Store
from assay.store.delta import log, log_files
from assay.store.delta.log_files import LogListing, LogState
from assay.store.delta.tables import PREDICTIONS, RUNS
from assay.store.delta.upkeep import EVERY


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


def test_a_night_more_replays_no_log_to_write_and_each_at_most_twice_to_read(
    store: Store, make: Any, opened: list[str]
) -> None:
    for number in range(3):
        opened.clear()
        make.run(f"r{number}", f"p{number}", bad=[number])
    assert max(opened.count(name) for name in (PREDICTIONS, RUNS, "quarantine")) <= 2


@pytest.mark.parametrize("emptied", [False, True])
def test_a_turn_is_looked_up_once_from_the_start_of_a_run_to_its_commit(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch, emptied: bool
) -> None:
    make.run("r1", "p")
    if emptied:
        store.retract("r1", "ann", "another day's")
    asked: list[str] = []
    real = DeltaTable.transaction_version

    def counted(self: DeltaTable, name: str) -> int | None:
        asked.append(name)
        return real(self, name)

    monkeypatch.setattr(DeltaTable, "transaction_version", counted)
    nights = ["q1", "q2", "q3"]
    turns = store.turns(nights)
    runs = [make.stage(f"r-{night}", night, base=turns[night]) for night in nights]
    store.publish_runs(runs)
    expected = [log.EMPTIED, *nights] if emptied else [log.EMPTIED]
    turns_asked = [name for name in asked if name != log.BARRED]
    assert sorted(turns_asked) == [log.turn_app_id(name) for name in expected]
    assert asked.count(log.BARRED) == 1, "of predictions, with the turns; no row was refused"


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
    assert log.views_to_change(uri, opened, "date", ["p"])["p"].turn == 0


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


def test_a_table_that_somebody_writes_to_is_nobody_else_s(store: Store, make: Any) -> None:
    make.event("r1", "started")
    make.event("r2", "started")
    uri = store.table_uri(RUNS)
    one, another, read = log.open_to_write(uri), log.open_to_write(uri), log.open_table(uri)
    assert one is not None and one is not another and read is not one and read is not another
    log.give_back(uri, one)
    assert log.open_to_write(uri) is one


def test_after_a_checkpoint_the_next_writer_opens_the_table_anew(
    store: Store, make: Any, opened: list[str]
) -> None:
    anew = []
    for number in range(2 * EVERY):
        opened.clear()
        make.event(f"r{number}", "started", number)
        anew.append(opened.count(RUNS))
    # The first makes the table. A table that went on through a checkpoint would remember all.
    assert [number for number, times in enumerate(anew) if times and number] == [1, EVERY + 1]


def test_a_table_that_is_not_the_newest_is_not_given_back(store: Store, make: Any) -> None:
    make.event("r1", "started")
    make.event("r2", "started")
    uri = store.table_uri(RUNS)
    old = log.open_to_write(uri)
    other_commits(store)
    assert old is not None
    log.give_back(uri, old)
    assert log.open_to_write(uri) is not old


@pytest.mark.parametrize("said", [None, "{}", '{"version": "a"}', "[", '{"version": 9}'])
def test_a_log_whose_last_checkpoint_is_unknown_is_listed(
    store: Store, make: Any, said: str | None
) -> None:
    for number in range(13):
        make.event(f"r{number}", "started", number)
    folder = Path(store.table_uri(RUNS), "_delta_log")
    newest = log_files.list_log(folder).newest
    known = log_files.read_state(folder)
    assert 0 < known.listing.checkpoint < newest
    assert log_files.read_state_at(folder, newest) == LogState(
        folder, LogListing(frozenset(known.listing.needed), known.listing.checkpoint), known.looks
    )
    hint = folder / "_last_checkpoint"
    hint.unlink() if said is None else hint.write_text(said, encoding="utf-8")
    found = log_files.read_state_at(folder, newest)
    assert found is not None and found.is_current()
    assert log_files.read_state_at(folder, newest - 1) is None


def test_what_a_thread_commits_meanwhile_is_read_again(store: Store, make: Any) -> None:
    make.run("r1", "p")
    uri = store.table_uri(PREDICTIONS)
    seen: list[int] = []

    def slowly(table: DeltaTable | None) -> tuple[int, int]:
        assert table is not None
        first = table.version()
        if not seen:
            make.run("r2", "p")
        seen.append(first)
        return first, table.version()

    assert log.read_newest(uri, slowly) == (seen[0] + 1,) * 2
    assert len(seen) == 2


def test_an_error_that_a_commit_explains_is_no_error(store: Store, make: Any) -> None:
    make.run("r1", "p")
    uri = store.table_uri(PREDICTIONS)
    seen: list[int] = []

    def fails(table: DeltaTable | None) -> str:
        if not seen:
            seen.append(1)
            make.run("r2", "p")
            raise ValueError("columns of two versions")
        return "read"

    assert log.read_newest(uri, fails) == "read"

    def always(table: DeltaTable | None) -> str:
        raise ValueError("really")

    with pytest.raises(ValueError, match="really"):
        log.read_newest(uri, always)
