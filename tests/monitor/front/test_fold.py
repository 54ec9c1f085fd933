"""From runs, decisions and metrics to one value a night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.monitor.nights import facts
from assay.monitor.nights.night import Night

NIGHT = "2013-07-01"


def one(nights: list[Night]) -> Night:
    (found,) = nights
    return found


@pytest.mark.parametrize(
    ("kind", "state", "note"),
    [
        ("held", "held", "held: too many rows"),
        ("failed", "failed", "failed: too many rows"),
        ("started", "unfinished", "started and never ended: too many rows"),
        ("retracted", "retracted", "taken back by Ada: wrong day"),
        ("published", "retracted", "replaced, then taken back: too many rows"),
    ],
)
def test_a_night_nobody_sees(
    kind: str, state: str, note: str, event: Callable[..., Any], records: Callable[..., Any]
) -> None:
    run = event(NIGHT, "r", kind, detail="too many rows", by="Ada", because="wrong day")
    night = one(facts.combine_nights(records(run), {}, {}))
    assert (night.state, night.status.name, night.note) == (state, state, note)
    assert night.reasons()[0] == note
    assert (night.held, len(night.reasons())) == (("r", 2) if kind == "held" else ("", 1))


def test_a_held_run_names_refused_rows_only_where_it_has_some(
    event: Callable[..., Any], records: Callable[..., Any]
) -> None:
    def steps(refused: int, *before: Any) -> str:
        held = event(NIGHT, "h", "held", 5, rows_read=9, rows_scored=9, rows_quarantined=refused)
        seen = {NIGHT: "a"} if before else {}
        return one(facts.combine_nights(records(*before, held), seen, {})).reasons()[1]

    shown = event(NIGHT, "a", "published", rows_read=10, rows_quarantined=1, rows_scored=9)
    for before in ((), (shown,)):
        assert "assay quarantine show --run h" in steps(2, *before)
        told = steps(0, *before)
        assert "quarantine" not in told and "assay release h --because WHY" in told
        assert told.startswith("fix the input and score the night again: assay score --date 2013")


def test_what_readers_see_counts_whatever_came_later(
    event: Callable[..., Any], records: Callable[..., Any]
) -> None:
    runs = records(
        event(NIGHT, "a", "published", rows_read=10, rows_quarantined=1, rows_scored=9),
        event(NIGHT, "b", "failed", 5, detail="disk full"),
    )
    night = one(facts.combine_nights(runs, {NIGHT: "a"}, {}))
    assert (night.state, night.status.name, night.run_id) == ("published", "unseen", "a")
    assert night.quarantine_share == 0.1
    assert night.note == "a later run, b: failed: disk full"


def test_a_decision_about_another_run_is_not_the_night_s(
    event: Callable[..., Any], records: Callable[..., Any], drift: Callable[..., Any]
) -> None:
    runs = records(event(NIGHT, "a", "published"))
    mine = {NIGHT: drift(NIGHT, "a", True, x=2.0)}
    night = one(facts.combine_nights(runs, {NIGHT: "a"}, mine))
    assert night.status.name == "over"
    assert night.reasons() == ("probability: distance 0.210 over its limit 0.120",)
    old = {NIGHT: drift(NIGHT, "z", True, x=2.0)}
    night = one(facts.combine_nights(runs, {NIGHT: "a"}, old))
    assert (night.status.name, night.drift) == ("unseen", None)
    assert night.reasons() == ("monitored as run z left it; monitor it again",)


def test_published_rows_are_known_although_every_event_is_lost() -> None:
    night = one(facts.combine_nights([], {NIGHT: "a"}, {}))
    assert (night.state, night.run_id, night.rows_read) == ("published", "a", None)
    assert night.quarantine_share is None


@pytest.mark.parametrize(
    ("known", "every"),
    [
        ("2013-07-01 2013-07-02 2013-07-04", "2013-07-01 2013-07-02 2013-07-03 2013-07-04"),
        ("2024-03-04 2024-03-11", "2024-03-04 2024-03-11"),
        # A weekly schedule leaves out no days.
        ("2013-07-01 2013-07-08 2013-07-22", "2013-07-01 2013-07-08 2013-07-15 2013-07-22"),
        # Months and years are not of one length.
        ("2012-10-01 2012-11-01 2013-01-01", "2012-10-01 2012-11-01 2012-12-01 2013-01-01"),
        ("2011-01-01 2012-01-01 2013-01-01", "2011-01-01 2012-01-01 2013-01-01"),
        ("2012-01-15 2012-04-15 2012-07-15", "2012-01-15 2012-04-15 2012-07-15"),
        ("north east", "east north"),
        ("2013-07-01", "2013-07-01"),
        ("", ""),
    ],
)
def test_the_nights_a_schedule_left_out_are_named(known: str, every: str) -> None:
    assert facts.fill_missing_dates(known.split()) == every.split()


def test_two_days_with_a_gap_are_days() -> None:
    found = facts.combine_nights([], {"2024-03-01": "a", "2024-03-04": "b"}, {})
    assert [night.status.name for night in found[1:-1]] == ["missing", "missing"]


@given(st.sets(st.dates(date(2013, 1, 1), date(2014, 1, 1)), min_size=1, max_size=40))
def test_every_night_keeps_what_is_known_and_stays_between_first_and_last(days: set[date]) -> None:
    known = {str(day) for day in days}
    found = facts.fill_missing_dates(known)
    assert known <= set(found)
    assert found == sorted(set(found))
    assert (found[0], found[-1]) == (min(known), max(known))
    after = min(days) + timedelta(days=1)
    if after in days and after < max(days) and len(days) > (max(days) - min(days)).days // 2 + 1:
        # More than half of all days are there, so a step of one day is among the commonest.
        assert len(found) == (max(days) - min(days)).days + 1


def row(**more: Any) -> dict[str, Any]:
    known = {
        "partition": NIGHT, "run_id": "a", "maturity_days": 7, "slice": "", "metric": "auc",
        "value": 0.7, "low": 0.6, "high": 0.8, "estimated": False, "at": 1,
    }  # fmt: skip
    return {**known, **more}


def test_the_longest_maturity_and_the_last_answer_count() -> None:
    rows = [
        row(maturity_days=30, value=0.72, at=5),
        row(maturity_days=30, value=0.71, at=3),
        row(maturity_days=1, value=0.5, at=9),
        row(estimated=True, maturity_days=None, value=0.74),
        row(slice="origin=JFK", value=0.1, at=9, maturity_days=90),
        row(metric="brier", value=0.2, maturity_days=90),
        row(run_id="replaced", value=0.3, maturity_days=90),
        row(maturity_days=90, value=None),
    ]
    night = one(facts.combine_nights([], {NIGHT: "a"}, {}, rows))
    assert night.realized is not None and night.estimated is not None
    assert (night.realized.value, night.realized.maturity_days) == (0.72, 30)
    assert (night.estimated.value, night.estimated.maturity_days) == (0.74, 0)
    assert facts.headline_metric(["rmse", "mae"]) == "mae"
    assert facts.headline_metric(["pinball"]) == "pinball"
    assert facts.headline_metric([]) is None
