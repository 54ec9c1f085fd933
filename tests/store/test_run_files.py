"""The files of runs that readers see no more, or never saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.errors import NothingScored, RunUnknown, StoreError, UsageError
from assay.store import RunFiles
from tests.store.conftest import Maker


def ids(make: Maker, found: RunFiles) -> list[int]:
    return [
        number
        for batch in found.batches(make.store, ["id"])
        for number in batch.column("id").to_pylist()
    ]


def by(make: Maker, run_id: str, version: str, **more: object) -> None:
    """A published run of a version."""
    make.run(run_id, **more)
    make.event(run_id, "published", 2, version=version)


def test_the_newest_run_of_a_version_is_found_replaced_or_held(make: Maker) -> None:
    by(make, "a", "v1", good=[1])
    by(make, "b", "v1", good=[1, 2])
    by(make, "c", "v2", good=[3])
    make.hold("d", good=[4, 5])
    make.event("d", "held", 2, version="v3")
    found = make.store.run_of_version("p", "v1")
    assert (found.run.run_id, ids(make, found)) == ("b", [1, 2])
    held = make.store.run_of_version("p", "v3")
    assert (held.run.run_id, ids(make, held)) == ("d", [4, 5])


def test_a_version_that_never_scored_the_night_is_named_with_those_that_did(make: Maker) -> None:
    by(make, "a", "v1")
    by(make, "b", "v2")
    with pytest.raises(RunUnknown, match=r"date=p: there is no run of v9 .*expected .*: v1\)"):
        make.store.run_of_version("p", "v9")
    with pytest.raises(RunUnknown, match="v2 has no run of the night but the one that readers see"):
        make.store.run_of_version("p", "v2")


def test_files_that_vacuum_took_are_named(make: Maker) -> None:
    by(make, "a", "v1", good=[1, 2])
    by(make, "b", "v2")
    later = datetime.now(UTC) + timedelta(days=40)
    make.age(50)
    make.store.vacuum(30, now=later)
    for find in (
        lambda: make.store.run_of_version("p", "v1"),
        lambda: make.store.run_at_turn("p", 1),
    ):
        with pytest.raises(RunUnknown, match=r"files of the run are not there any more.*vacuum"):
            find()


def test_a_damaged_file_of_what_readers_see_is_named_by_who_reads_it(make: Maker) -> None:
    by(make, "a", "v1", good=[1, 2])
    run = make.store.published_run("p")
    lost = make.store.files_of_run(run).files[0].path
    Path(make.store.table_uri("predictions"), lost).unlink()
    with pytest.raises(StoreError, match=f"{lost}: the file is gone"):
        ids(make, make.store.files_of_run(run))


def test_an_older_run_whose_files_exist_is_taken_before_a_newer_one_that_lost_some(
    make: Maker,
) -> None:
    by(make, "a", "v1", good=[1, 2])
    by(make, "b", "v1", good=[3])
    by(make, "c", "v2")
    (lost,) = Path(make.store.table_uri("predictions")).rglob("b-*.parquet")
    lost.unlink()
    assert make.store.run_of_version("p", "v1").run.run_id == "a"


def test_each_turn_is_what_readers_saw_then(make: Maker) -> None:
    by(make, "a", "v1", good=[1])
    make.run("x", partition="other", good=[9])
    by(make, "b", "v2", good=[2])
    make.store.retract("b", "me", "odd")
    make.store.retract("a", "me", "odd too")
    by(make, "c", "v3", good=[3])
    assert make.store.turn("p") == 5
    found = {turn: make.store.run_at_turn("p", turn) for turn in (1, 2, 3, 5)}
    seen = {turn: (each.run.run_id, ids(make, each)) for turn, each in found.items()}
    assert seen == {1: ("a", [1]), 2: ("b", [2]), 3: ("a", [1]), 5: ("c", [3])}
    with pytest.raises(NothingScored, match="readers saw nothing at turn 4"):
        make.store.run_at_turn("p", 4)
    for turn in (0, 6, -1):
        with pytest.raises(UsageError, match=rf"no such turn.*expected 1 to 5.*found {turn}"):
            make.store.run_at_turn("p", turn)


def test_a_run_whose_events_are_lost_is_known_from_its_commit(make: Maker) -> None:
    make.store.publish_run(make.stage("a", good=[1]))
    by(make, "b", "v2")
    found = make.store.run_at_turn("p", 1)
    assert (found.run.run_id, found.run.event, ids(make, found)) == ("a", "published", [1])
