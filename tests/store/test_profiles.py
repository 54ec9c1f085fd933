"""The nights before: nearest first, visible runs only, scores of the same version only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assay.columns.profile import ColumnProfile
from assay.project.params import Publish
from assay.store import RecentRuns, Store, profiles, publish
from assay.store.delta import rows

LIMITS = Publish(recent_nights=2)


def profile(number: int) -> dict[str, ColumnProfile]:
    counts = ColumnProfile(number, 0, (number,), 0.0, 0.0, None, None)
    return {"x": counts, "probability": counts}


def scored(make: Any, run_id: str, day: str, good: int, bad: int, version: str = "v1.0.0") -> None:
    make.begin(run_id, day)
    ids = list(range(good))
    staged = make.stage(run_id, day, ids, list(range(bad)), profile=profile(good))
    make.store.publish_run(replace(staged, run=replace(staged.run, version=version)))


def counts(recent: RecentRuns) -> list[int]:
    return [column.rows for column in recent.scores]


def test_the_nearest_nights_before_are_gathered(store: Store, make: Any) -> None:
    for number in range(1, 6):
        scored(make, f"r{number}", f"2024-03-0{number}", number, number % 2)
    found = store.recent_runs("2024-03-04", "v1.0.0", LIMITS, "probability")
    assert found.rows == (4, 2) and counts(found) == [3, 2]
    assert store.recent_runs("2024-03-01", "v1.0.0", LIMITS, "probability") == RecentRuns()
    assert store.recent_runs("2024-03-03", "v1.0.0", LIMITS, "prediction") == RecentRuns((2, 2), ())


def test_only_what_readers_see_is_compared_with(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(make, "r1", "2024-03-01", 1, 1)
    scored(make, "r2", "2024-03-01", 5, 2)
    make.hold("r3", "2024-03-02", good=[1], profile=profile(9))
    scored(make, "r4", "2024-03-03", 3, 0)
    store.retract("r4", "me", "why")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(publish, "_replace", killed)
        scored(make, "r5", "2024-03-01", 1, 4)
    found = store.recent_runs("2024-03-04", "v1.0.0", LIMITS, "probability")
    assert found.rows == (7,) and counts(found) == [5]


def test_scores_of_another_version_do_not_count(store: Store, make: Any) -> None:
    scored(make, "r1", "2024-03-01", 1, 0)
    scored(make, "r2", "2024-03-02", 2, 0, version="v2.0.0")
    found = store.recent_runs("2024-03-03", "v1.0.0", LIMITS, "probability")
    assert found.rows == (2, 1) and counts(found) == [1]


def test_no_more_profiles_are_read_than_there_are_recent_nights(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        scored(make, f"r{number}", f"2024-03-0{number}", number, 0)
    select, read = rows.select, []

    def watched(*given: Any) -> Any:
        table = select(*given)
        read.append((given[1], table.num_rows))
        return table

    monkeypatch.setattr(rows, "select", watched)
    forget(monkeypatch)
    first = store.recent_runs("2024-03-09", "v1.0.0", LIMITS, "probability")
    assert read == [("profiles", 2)]
    # None is read twice, and one that this process wrote not even once.
    scored(make, "r6", "2024-03-08", 6, 0)
    then = store.recent_runs("2024-03-09", "v1.0.0", LIMITS, "probability")
    assert read == [("profiles", 2)]
    assert counts(first) == [5, 4] and counts(then) == [6, 5]
    forget(monkeypatch)
    assert store.recent_runs("2024-03-09", "v1.0.0", LIMITS, "probability") == then


def test_a_process_that_remembers_few_profiles_reads_the_others(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles._RecentProfiles, "MOST", 1)
    for number in range(1, 4):
        scored(make, f"r{number}", f"2024-03-0{number}", number, 0)
    for _ in range(2):
        found = store.recent_runs("2024-03-09", "v1.0.0", LIMITS, "probability")
        assert counts(found) == [3, 2]


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that has neither written nor read a profile."""
    monkeypatch.setattr(profiles, "_RECENT", profiles._RecentProfiles())


def test_a_new_store_has_no_recent_nights(store: Store) -> None:
    assert store.recent_runs("2024-03-09", "v1.0.0", LIMITS, "probability") == RecentRuns()
