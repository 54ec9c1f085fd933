"""What the events of a run add up to, whatever the clocks said and whatever got lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.columns.profile import Profile
from assay.errors import StoreError
from assay.store import Run, Store
from assay.store.runs import EVENTS, fold

NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)


def test_a_record_is_the_sum_of_its_events(store: Store, make: Any) -> None:
    make.event("r1", "started", 0, input="i", carrier="files", scorer="compiled trees", base=4)
    make.event("r1", "failed", 2, seconds=120.0, detail="no disk")
    make.event("r2", "started", 1, partition="q")
    make.event("r2", "held", 3, partition="q", rows_read=5, rows_scored=4, files="{}")
    first, second = store.runs()
    assert (first.run_id, first.event, first.detail) == ("r1", "failed", "no disk")
    assert (first.started_at, first.at) == (NOON, NOON + timedelta(minutes=2))
    assert (first.input, first.carrier, first.scorer, first.base) == (
        "i", "files", "compiled trees", 4,
    )  # fmt: skip
    assert (second.event, second.rows_read, second.rows_quarantined) == ("held", 5, None)
    assert [record.run_id for record in store.runs("q")] == ["r2"]


LIVES = [
    (["started"], "started"),
    (["started", "failed"], "failed"),
    (["started", "published"], "published"),
    (["started", "held"], "held"),
    (["started", "held", "released"], "published"),
    (["started", "held", "released", "retracted"], "retracted"),
    (["started", "published", "retracted"], "retracted"),
]


@given(st.data())
def test_neither_the_order_of_reading_nor_a_clock_that_jumps_makes_a_difference(
    event: Callable[..., Run], data: st.DataObject
) -> None:
    lives = data.draw(st.lists(st.sampled_from(LIVES), min_size=1, max_size=4))
    events = [
        event(f"r{number}", kind, data.draw(st.integers(-9999, 9999)), because=kind)
        for number, (kinds, _) in enumerate(lives)
        for kind in kinds
    ]
    records = {record.run_id: record for record in fold(data.draw(st.permutations(events)))}
    assert len(records) == len(lives)
    for number, (kinds, state) in enumerate(lives):
        record = records[f"r{number}"]
        assert (record.event, record.because) == (state, kinds[-1])


def test_no_event_of_an_unknown_kind_or_without_a_zone(event: Callable[..., Run]) -> None:
    with pytest.raises(ValueError, match=", ".join(EVENTS)):
        event("r1", "finished")
    with pytest.raises(ValueError, match="zone"):
        Run(
            run_id="r", event="started", at=NOON.replace(tzinfo=None), partition="p", name="n",
            version="v", bundle="b", contract="c",
        )  # fmt: skip


def test_the_record_of_a_published_run_is_what_it_wrote_down(store: Store, make: Any) -> None:
    make.begin("r1")
    store.publish_run(make.stage("r1", good=[1, 2], bad=[9]))
    counts = {"rows_read": 3, "rows_scored": 2, "rows_quarantined": 1, "seconds": 60.0}
    make.event("r1", "published", 1, **counts)
    found = store.published_run("p")
    assert found is not None
    assert (found.rows_read, found.seconds) == (3, 60.0)
    assert [found] == store.runs("p")


@pytest.mark.parametrize("told", ["started", "failed", None])
def test_a_run_that_died_after_its_commit_is_published_all_the_same(
    store: Store, make: Any, told: str | None
) -> None:
    if told is not None:
        make.event("r1", told, 0)
    store.publish_run(make.stage("r1", good=[1, 2], bad=[9]))
    make.event("r2", "started", 5)
    found = store.published_run("p")
    assert found is not None
    assert (found.run_id, found.event, found.version, found.bundle, found.contract) == (
        "r1", "published", "v1.0.0", "sha256:ab", "c",
    )  # fmt: skip
    assert told is not None or found.input == "i"
    assert (found.rows_read, found.rows_scored, found.rows_quarantined) == (3, 2, 1)
    assert found.started_at == (None if told is None else NOON)
    states = {record.run_id: record.event for record in store.runs()}
    assert states.pop("r2") == "started"
    assert states == ({} if told is None else {"r1": "published"})


def test_the_profile_of_a_run_that_was_replaced_can_still_be_read(
    store: Store, make: Any, profile: Profile
) -> None:
    make.run("r1", profile=profile)
    make.run("r2")
    assert list(store.profile("r1", "p").items()) == list(profile.items())
    with pytest.raises(StoreError, match="run r2 in p: no profile was kept"):
        store.profile("r2", "p")
