"""`kind: nights`: each measure passes at its limit and fails beyond; what is unknown blocks."""

from __future__ import annotations

import math
from typing import Any

import pytest

from assay.gate.rules import nights as rule_nights
from assay.reports.rehearsal import RehearsedChampion, RehearsedNights
from assay.reports.verdict import STATES, Finding, Outcome
from tests.gate import build

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
MEASURES = ("newly_quarantined", "quarantined", "score_distance", "held", "slower")
NONE = RehearsedChampion(state="none", version=None, bundle=None, why="nobody was promoted")


def decide(found: RehearsedNights | None, **values: Any) -> tuple[Finding, ...]:
    rule = build.rule(kind="nights", **values)
    return rule_nights.evaluate(rule, build.rehearsal(nights=found))


def one(found: RehearsedNights | None, **values: Any) -> Finding:
    (told,) = decide(found, **values)
    return told


TWO = build.nights(
    build.night("2013-12-30", flipped=5, newly=2, distance=0.02),
    build.night(
        "2013-12-31",
        rows=300,
        flipped=35,
        newly=4,
        distance=0.3,
        challenger=build.model_night(300, 4, held=("row_count: too many",), seconds=2.5),
        champion=build.model_night(300, seconds=0.5),
    ),
)
VALUES = {
    "newly_quarantined": (6 / 400, "the most on 2013-12-30: 2 of 100 rows", 400),
    "quarantined": (6 / 400, "the most on 2013-12-30: 2 of 100 rows", 400),
    "score_distance": (0.3, "the most on 2013-12-31", 394),
    "held": (1.0, "0 of them also with the champion; 2013-12-31: row_count: too many", 400),
    "slower": (3.0, "7,500.0 ms for 1,000 rows against 2,500.0, the most on 2013-12-31", 400),
}


@pytest.mark.parametrize("of", MEASURES)
def test_at_the_limit_passes_and_beyond_fails(of: str) -> None:
    value, worst, rows = VALUES[of]
    good, bad = one(TWO, of=of, max=value), one(TWO, of=of, max=value * 0.99)
    assert (good.outcome, bad.outcome, bad.blocks) == (PASS, FAIL, True)
    assert (good.metric, good.observed, good.rows) == (of, pytest.approx(value), rows)
    assert (good.low, good.method, good.direction) == (None, "the value alone", "max")
    assert good.detail.endswith(worst)


def test_a_sentence_as_people_read_it() -> None:
    assert one(TWO, of="quarantined", max=0.1).detail == (
        "the share of rows that the challenger refuses is 0.015, which meets the limit of at most "
        "0.1, on 2 nights, 2013-12-30 to 2013-12-31; the most on 2013-12-30: 2 of 100 rows"
    )


def test_nights_that_would_all_be_published() -> None:
    told = one(build.nights(build.night()), of="held", max=0)
    assert (told.outcome, told.observed) == (PASS, 0.0)


# ----------------------------------------------------------------------------- what is unknown


@pytest.mark.parametrize("of", MEASURES)
def test_without_nights_nothing_can_be_told(of: str) -> None:
    for found in (
        None,
        build.nights(why="the bucket does not answer"),
        build.nights(build.unread_night()),
    ):
        told = one(found, of=of, max=1)
        assert (told.outcome, told.blocks) == (INCONCLUSIVE, True)
        assert one(found, of=of, max=1, inconclusive="pass").blocks is False


@pytest.mark.parametrize("of", MEASURES)
def test_without_a_champion(of: str) -> None:
    found = build.nights(build.night_alone(), champion=NONE)
    told = one(found, of=of, max=1)
    if of in ("quarantined", "held"):
        assert told.outcome is PASS
    else:
        assert (told.outcome, told.blocks) == (INCONCLUSIVE, False)
        assert "no champion yet" in told.detail


@pytest.mark.parametrize("state", ["unreadable", "incomparable"])
def test_a_champion_that_cannot_be_used_fails_what_needs_it(state: Any) -> None:
    words = STATES[state]
    champion = build.changed(build.CHAMPION, state=state, why="its contract is gone")
    found = build.nights(build.night_alone(), champion=champion)
    told = one(found, of="score_distance", max=1)
    assert (told.outcome, told.blocks) == (FAIL, True)
    assert (told.detail, told.metric) == (f"{words}: its contract is gone", "score_distance")
    assert one(found, of="held", max=0).outcome is PASS


def test_nights_that_could_not_be_rehearsed_are_named() -> None:
    lost = build.night_alone("2013-12-31", champion_why="it cannot score: no")
    told = one(build.nights(build.night(), lost), of="score_distance", max=0.02)
    assert (
        told.outcome is PASS and "1 of 2 could not be; 2013-12-31: it cannot score" in told.detail
    )
    none = one(build.nights(lost), of="score_distance", max=1)
    assert (none.outcome, none.metric) == (INCONCLUSIVE, "score_distance")


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1])
def test_a_number_that_is_none_is_fail(value: float) -> None:
    found = build.nights(build.night(distance=value), build.night("2013-12-31", distance=0.9))
    back = build.nights(*reversed(found.nights))
    for nights in (found, back):
        told = one(nights, of="score_distance", max=1)
        assert told.outcome is FAIL
    alone = one(build.nights(build.night(distance=value)), of="score_distance", max=1)
    assert (alone.outcome, alone.observed) == (FAIL, None)


def test_nothing_is_a_number_too() -> None:
    same = build.nights(build.night(flipped=0, distance=0.0), build.night("2013-12-31", flipped=0))
    assert one(same, of="score_distance", max=0.01).observed == 0.02


def test_a_night_without_rows_is_no_measurement() -> None:
    nothing = {"challenger_mean": None, "champion_mean": None, "distance": None}
    change = build.changed(build.night(flipped=0).change, rows=0, **nothing)
    empty = build.nights(build.night(rows=0, flipped=0, change=change))
    for measure in MEASURES:
        told = one(empty, of=measure, max=0.5)
        wanted = (PASS, 0, 0) if measure == "held" else (FAIL, None, None)
        assert (told.outcome, told.observed, told.rows) == wanted, measure
        assert told.metric == measure


@pytest.mark.parametrize(
    ("whose", "who"),
    [("challenger", "the contract"), ("champion", "the champion's contract")],
)
def test_nights_whose_rows_were_all_refused_are_told_by_their_rule(whose: str, who: str) -> None:
    both = [
        build.night(
            day,
            change=build.changed(build.night(flipped=0).change, rows=0),
            **{whose: build.model_night(100, 100)},
        )
        for day in ("2013-12-30", "2013-12-31")
    ]
    found = one(build.nights(*both), max=0.1, of="score_distance")
    assert (found.outcome, found.blocks) == (FAIL, True)
    assert found.fix is not None and "data/contract.py" in found.fix


def test_the_slowest_night_is_the_one_with_the_largest_ratio() -> None:
    def night(day: str, mine: float, theirs: float) -> Any:
        return build.night(
            day,
            challenger=build.model_night(seconds=mine),
            champion=build.model_night(seconds=theirs),
        )

    found = build.nights(
        night("2013-12-29", 3.0, 3.0), night("2013-12-30", 1.0, 0.5), night("2013-12-31", 9.0, 0.0)
    )
    told = one(found, of="slower", max=9)
    assert (told.observed, told.rows) == (pytest.approx(13 / 3.5), 300)


def test_a_night_that_the_champion_would_hold_too_is_told() -> None:
    held = build.model_night(held=("row_count: too many",))
    both = build.night(challenger=held, champion=held)
    alone = build.night_alone("2013-12-31", challenger=held, champion_why="no")
    told = one(build.nights(both, alone), of="held", max=9)
    assert told.observed == 2


def test_a_champion_that_took_no_time_is_fail() -> None:
    found = build.nights(build.night(champion=build.model_night(seconds=0.0)))
    assert one(found, of="slower", max=9).outcome is FAIL
