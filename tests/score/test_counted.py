"""A night of counts that servers sent is published, monitored and replaced as any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay.columns.profile import merge_profiles
from assay.errors import PublishConflict, StoreError
from assay.model.batch import score_batch
from assay.score.counted import publish_counted
from assay.store import Run, Store
from assay.store.counts import COUNTED, Counts
from tests.scorer import NIGHT, Scorer


@pytest.fixture
def fleet(live: Path) -> Scorer:
    return Scorer(live, None)


def sent(fleet: Scorer, source: str, first: int, rows: int, sequence: int = 0) -> Counts:
    """What a source counts that scores some rows of the night."""
    part = pq.read_table(fleet.file()).slice(first, rows)
    scored = score_batch(fleet.pinned.bundle, fleet.pinned.contract, part)
    return Counts(
        partition=NIGHT,
        source=source,
        sequence=sequence,
        version=fleet.pinned.version.version,
        bundle=fleet.pinned.bundle.digest,
        rows=rows,
        broken={},
        profile=scored.profile,
    )


def publish(fleet: Scorer) -> Run:
    return publish_counted(fleet.root, fleet.params, fleet.store, NIGHT)


def test_a_night_of_counts_is_the_night_of_all_their_rows(fleet: Scorer) -> None:
    a, b = sent(fleet, "a", 0, 20), sent(fleet, "b", 20, 30)
    fleet.store.append_counts([b])
    assert publish(fleet).rows_scored == 30
    fleet.store.append_counts([a, b])
    both = publish(fleet)
    assert both.rows_read == 50
    found = fleet.store.profile(both.run_id, NIGHT)
    assert found == merge_profiles(a.profile, b.profile)
    record = fleet.store.published_run(NIGHT)
    assert record is not None and (record.run_id, record.carrier) == (both.run_id, COUNTED)
    assert fleet.store.predictions(NIGHT).num_rows == 0
    assert publish(fleet).run_id == both.run_id
    assert fleet.events() == ["published", "published"]
    assert fleet.store.check() == []


def test_rows_that_broke_a_rule_are_counted_and_no_fault_of_the_store(fleet: Scorer) -> None:
    whole = sent(fleet, "a", 0, 20)
    fleet.store.append_counts([replace(whole, rows=25, broken={"weight: finite": 5})])
    found = publish(fleet)
    assert (found.rows_read, found.rows_scored, found.rows_quarantined) == (25, 20, 5)
    assert fleet.store.runs(NIGHT)[-1].detail == "weight: finite: 5"
    assert fleet.store.check() == []


def test_a_night_is_of_the_version_of_most_sources(fleet: Scorer) -> None:
    every = [sent(fleet, name, 10 * at, 10) for at, name in enumerate("abc")]
    old = replace(every[0], version="v0.0.9")
    fleet.store.append_counts([old, *every[1:]])
    night = publish(fleet)
    assert (night.version, night.rows_read) == (every[0].version, 20)


def test_what_was_counted_is_never_changed(fleet: Scorer) -> None:
    whole = sent(fleet, "a", 0, 20)
    fleet.store.append_counts([whole])
    again = sent(fleet, "a", 0, 10)
    fleet.store.append_counts([again, replace(again, sequence=1)])
    assert [each.rows for each in fleet.store.counts(NIGHT)] == [20, 10]


@pytest.mark.parametrize("at", ["append_run_events", "publish_run"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", [1, 2])
def test_killed_midway_it_is_published_by_the_next(
    fleet: Scorer, monkeypatch: pytest.MonkeyPatch, at: str, after: bool, call: int
) -> None:
    fleet.store.append_counts([sent(fleet, "a", 0, 20)])
    real, calls = getattr(Store, at), 0

    def killed(self: Store, *given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls < call:
            return real(self, *given)
        if after:
            real(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, at, killed)
        if at == "publish_run" and call == 2:
            publish(fleet)
        else:
            with pytest.raises(KeyboardInterrupt):
                publish(fleet)
    found = publish(fleet)
    record = fleet.store.published_run(NIGHT)
    assert record is not None and record.rows_read == found.rows_read == 20
    assert fleet.store.profile(found.run_id, NIGHT)["weight"].rows == 20


def test_counts_that_came_meanwhile_are_not_replaced_by_fewer(
    fleet: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.store.append_counts([sent(fleet, "a", 0, 20)])
    real = Store.counts

    def overtaken(self: Store, partition: str) -> list[Counts]:
        found = real(self, partition)
        patch.undo()
        fleet.store.append_counts([sent(fleet, "b", 20, 30)])
        assert publish(fleet).rows_read == 50
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Store, "counts", overtaken)
        with pytest.raises(PublishConflict):
            publish(fleet)
    assert publish(fleet).rows_read == 50


def test_counts_of_other_columns_are_not_merged(fleet: Scorer) -> None:
    one, other = sent(fleet, "a", 0, 20), sent(fleet, "b", 20, 30)
    fewer = {name: other.profile[name] for name in fleet.pinned.bundle.reference.grid}
    fleet.store.append_counts([one, replace(other, profile=fewer)])
    with pytest.raises(StoreError, match=r"profiles of different columns.* a store of its own"):
        publish(fleet)
    assert fleet.store.partitions() == []


def test_a_night_with_rows_is_not_replaced_by_counts(fleet: Scorer) -> None:
    fleet.score()
    fleet.store.append_counts([sent(fleet, "a", 0, 20)])
    with pytest.raises(PublishConflict, match=r"has rows of its own .*a store of its own"):
        publish(fleet)
    assert fleet.store.predictions(NIGHT).num_rows == 50


def test_counts_that_do_not_add_up_are_none(fleet: Scorer) -> None:
    whole = sent(fleet, "a", 0, 20)
    with pytest.raises(ValueError, match="a profile of 20 rows, but 19 were scored"):
        replace(whole, rows=19)
    with pytest.raises(ValueError, match="at least 0"):
        replace(whole, sequence=-1)
    with pytest.raises(StoreError, match="no counts of the night"):
        publish(fleet)
