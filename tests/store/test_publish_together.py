"""Several nights in one commit: as if each had been published for itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.profile import Profile
from assay.errors import StoreError
from assay.store import Store, check
from assay.store import publish as publishing

NIGHTS = ("p", "q", "r")
GROUPS = st.lists(
    st.dictionaries(
        st.sampled_from(NIGHTS),
        st.tuples(st.lists(st.integers(0, 9), max_size=3), st.lists(st.integers(0, 9), max_size=2)),
        min_size=1,
    ),
    min_size=1,
    max_size=4,
)


def version(store: Store, table: str = "predictions") -> int:
    return DeltaTable(store.table_uri(table)).version()


@given(groups=GROUPS)
@settings(max_examples=12, deadline=None)
def test_readers_see_what_they_would_if_each_night_had_a_commit(
    tmp_path_factory: pytest.TempPathFactory, maker: Any, groups: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    together = maker(Store(str(folder / "together"), "date"))
    alone = maker(Store(str(folder / "alone"), "date"))
    for number, group in enumerate(groups):
        names = {night: f"r{number}{night}" for night in group}
        staged = [
            together.stage(names[night], night, list(good), list(bad))
            for night, (good, bad) in group.items()
        ]
        assert together.store.publish_runs(staged) == {}
        for night, (good, bad) in group.items():
            alone.store.publish_run(alone.stage(names[night], night, list(good), list(bad)))
    for night in {night for group in groups for night in group}:
        assert together.seen(night) == alone.seen(night)
        assert together.store.turn(night) == alone.store.turn(night)
        assert together.store.published_run(night) == alone.store.published_run(night)
    for table in ("predictions", "quarantine"):
        assert sorted(together.active(table)) == sorted(alone.active(table))
    assert version(together.store) == len(groups) - 1


def test_the_commit_keeps_what_is_needed_of_each_run(store: Store, make: Any) -> None:
    make.run("r1", "p", [1])
    for run_id, night in (("r2", "p"), ("r3", "q")):
        make.begin(run_id, night)
    store.publish_runs([make.stage("r2", "p", [2], [8]), make.stage("r3", "q", [3])])
    for run_id, night in (("r2", "p"), ("r3", "q")):
        make.event(run_id, "published", 1, partition=night)
    assert [store.published_run(night).run_id for night in ("p", "q")] == ["r2", "r3"]
    assert store.retract("r3", "me", "why").back_to is None
    assert store.partitions() == ["p"] and make.seen() == ([2], [8])
    assert store.retract("r2", "me", "why").back_to == "r1"
    assert make.seen() == ([1], []) and check.check(store) == []


def test_runs_whose_events_are_lost_are_told_again_from_the_commit(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r1", "o", [1], profile=profile)
    lost = [("r2", "p", [2, 3], [8]), ("r3", "q", [4], [])]
    store.publish_runs([make.stage(*each, profile=profile) for each in lost])
    found = check.check(store, fix=True)
    assert [each.fixed for each in found] == [True, True] and check.check(store) == []
    assert [(each.run_id, each.rows_scored, each.version) for each in store.runs(["p", "q"])] == [
        ("r2", 2, "v1.0.0"),
        ("r3", 1, "v1.0.0"),
    ]


def test_one_that_was_overtaken_leaves_the_others_alone(store: Store, make: Any) -> None:
    staged = [make.stage(f"r-{night}", night, [1], [9]) for night in NIGHTS]
    make.run("other", "q", [5], [6])
    (name, error), *rest = store.publish_runs(staged).items()
    assert (name, rest) == ("r-q", []) and "found run other" in str(error)
    assert [make.seen(night) for night in NIGHTS] == [([1], [9]), ([5], [6]), ([1], [9])]
    assert not any("r-q" in path for path in make.active("quarantine"))


def test_one_that_is_overtaken_at_the_last_moment_takes_its_quarantine_back(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = [make.stage(f"r-{night}", night, [1], [9]) for night in NIGHTS]
    add = publishing._add

    def then_another_publishes(*given: Any) -> None:
        add(*given)
        monkeypatch.setattr(publishing, "_add", add)
        make.run("other", "q", [5], [6])

    monkeypatch.setattr(publishing, "_add", then_another_publishes)
    assert list(store.publish_runs(staged)) == ["r-q"]
    assert [make.seen(night) for night in NIGHTS] == [([1], [9]), ([5], [6]), ([1], [9])]
    assert not any("r-q" in path for path in make.active("quarantine"))
    history = DeltaTable(store.table_uri("predictions")).history(1)[0]
    assert "r-q" not in str(history)


def test_a_file_that_is_gone_keeps_all_of_them_back(store: Store, make: Any) -> None:
    staged = [make.stage(f"r-{night}", night, [1]) for night in NIGHTS]
    Path(store.table_uri("predictions"), staged[1].predictions[0].path).unlink()
    with pytest.raises(StoreError, match="files are not there as they were written"):
        store.publish_runs(staged)
    assert store.partitions() == []
    assert store.publish_runs([staged[0], staged[2]]) == {}
    assert store.partitions() == ["p", "r"]


def test_runs_of_other_columns_are_not_published_together(store: Store, make: Any) -> None:
    staged = [make.stage(f"r-{night}", night, [1]) for night in NIGHTS]
    other = staged[1].predictions_schema.append(pa.field("more", pa.int64()))
    staged[1] = replace(staged[1], predictions_schema=other)
    with pytest.raises(StoreError, match=r"date=q, run r-q: the columns of runs .* differ"):
        store.publish_runs(staged)
    assert store.partitions() == []
