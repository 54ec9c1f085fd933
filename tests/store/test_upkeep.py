"""Tables look after themselves: few files, a short log, the same rows, and no harm if it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.store import Store
from assay.store.delta import fsync, upkeep
from assay.store.delta.tables import RUNS
from assay.store.runs import EVENTS, fold

CALLS = {
    "_written": upkeep,
    "sync_files": fsync,
    "create_write_transaction": DeltaTable,
    "sync_commits": fsync,
    "create_checkpoint": DeltaTable,
    "sync_checkpoint": fsync,
    "cleanup_metadata": DeltaTable,
}
"""All that an upkeep does, in its order, and where it is found."""
OF_THE_EVENT = ("create_write_transaction", "sync_commits")
"""What is called for the event too, before."""


class Killed(BaseException):
    """The process is killed here: nothing after it happens."""


def replayed(store: Store, table: str) -> list[str]:
    """The commits that a reader has to open: those after the newest checkpoint."""
    folder = Path(store.table_uri(table), "_delta_log")
    newest = max((path.name[:20] for path in folder.glob("*.checkpoint*.parquet")), default="")
    return [path.name for path in folder.glob("*.json") if path.name[:20] > newest]


def test_many_events_are_few_files_and_few_commits_to_read(store: Store, make: Any) -> None:
    for number in range(75):
        make.event(f"r{number}", "started", number)
        assert len(make.active(RUNS)) <= upkeep.EVERY + 1
        assert len(replayed(store, RUNS)) <= upkeep.EVERY + 1
    assert [record.run_id for record in store.runs()] == [f"r{n}" for n in range(75)]
    # A merged file is merged again and again; a row group for each old file would never end.
    sizes = [pq.read_metadata(path) for path in Path(store.table_uri(RUNS)).glob("*.parquet")]
    assert {each.num_row_groups for each in sizes} == {1}
    assert max(each.num_rows for each in sizes) >= 60


def test_nights_that_are_replaced_stay_as_they_are_and_get_checkpoints(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "EVERY", 2)
    for number in range(5):
        make.run(f"r{number}", good=[1, 2, number], bad=[number])
    assert make.active("predictions") == ["r4-0.0.parquet", "r4-0.1.parquet"]
    assert len(replayed(store, "predictions")) <= 2 and len(replayed(store, "quarantine")) <= 2
    assert store.retract("r4", "Ada", "why").back_to == "r3"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(EVENTS)), min_size=1, max_size=12),
    st.integers(1, 4),
)
def test_no_reader_sees_that_files_were_merged(
    event: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[str, Any]],
    every: int,
) -> None:
    store = Store(str(tmp_path_factory.mktemp("store")), "date")
    events = [event(run_id, kind, minute) for minute, (run_id, kind) in enumerate(told)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upkeep, "EVERY", every)
        for number, each in enumerate(events, start=1):
            store.append_run_events(each)
            assert store.runs() == fold(events[:number])
    assert DeltaTable(store.table_uri(RUNS)).to_pyarrow_table().num_rows == len(events)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [Killed(), OSError("no disk")], ids=["killed", "failed"])
def test_an_upkeep_that_ends_anywhere_loses_nothing(
    store: Store,
    make: Any,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    after: bool,
    error: BaseException,
) -> None:
    monkeypatch.setattr(upkeep, "EVERY", 4)
    monkeypatch.setattr(upkeep, "CLEANED_EVERY", 4)
    for number in range(4):
        make.event(f"r{number}", "started", number)
    real = getattr(CALLS[name], name)
    calls = 0

    def ends(*given: Any, **how: Any) -> Any:
        nonlocal calls
        calls += 1
        # The event itself is committed and synced first; its upkeep comes after that.
        if name in OF_THE_EVENT and calls == 1:
            return real(*given, **how)
        if after:
            real(*given, **how)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(CALLS[name], name, ends)
        if isinstance(error, Killed):
            with pytest.raises(Killed):
                make.event("r4", "started", 4)
        else:
            make.event("r4", "started", 4)
    assert calls > (name in OF_THE_EVENT), "the upkeep never came there"
    assert [record.run_id for record in store.runs()] == [f"r{n}" for n in range(5)]
    assert store.check() == []
    for number in range(5, 9):
        make.event(f"r{number}", "started", number)
    assert [record.run_id for record in store.runs()] == [f"r{n}" for n in range(9)]
    assert len(make.active(RUNS)) <= 4 and len(replayed(store, RUNS)) <= 4


@pytest.mark.parametrize("other", ["adds", "merges"])
def test_a_writer_that_comes_first_is_not_undone(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setattr(upkeep, "EVERY", 4)
    for number in range(4):
        make.event(f"r{number}", "started", number)
    commit, wanted = DeltaTable.create_write_transaction, {f"r{n}" for n in range(5)}
    uri = store.table_uri(RUNS)

    def overtaken(self: DeltaTable, actions: list[Any], *given: Any, **how: Any) -> None:
        if len(actions) == 1:  # the event, not the merge
            return commit(self, actions, *given, **how)
        monkeypatch.setattr(DeltaTable, "create_write_transaction", commit)
        if other == "adds":
            make.event("another", "started", 9)
            wanted.add("another")
        else:
            assert upkeep.merge_files(uri, DeltaTable(uri)) == 5
        return commit(self, actions, *given, **how)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", overtaken)
    make.event("r4", "started", 4)
    assert {record.run_id for record in store.runs()} == wanted
    assert DeltaTable(store.table_uri(RUNS)).to_pyarrow_table().num_rows == len(wanted)
    assert store.check() == []
