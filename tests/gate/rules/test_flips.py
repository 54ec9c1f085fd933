"""`kind: flips`: changed decisions by night, in slices, and none where none may change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.gate.rules import flips as rule_flips
from assay.metrics.intervals.estimates import estimate_share
from assay.metrics.sampling_units import NIGHT, SamplingUnits
from assay.reports.rehearsal import RehearsedChampion, RehearsedNights, SliceFlips
from assay.reports.verdict import Finding, Outcome
from tests.gate import build

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def decide(found: RehearsedNights | None, **values: Any) -> tuple[Finding, ...]:
    rule = build.rule(kind="flips", **values)
    return rule_flips.evaluate(rule, build.rehearsal(nights=found), 0.95, build.gate())


def one(found: RehearsedNights | None, **values: Any) -> Finding:
    (finding,) = decide(found, **values)
    return finding


def places(jfk: tuple[int, int], lga: tuple[int, int], rest: tuple[int, int]) -> Any:
    return tuple(
        SliceFlips(field="origin", value=value, rows=rows, flipped=flipped)
        for value, (rows, flipped) in (("JFK", jfk), ("LGA", lga), (None, rest))
    )


FLIPPED = (5, 3, 4, 6, 5, 2, 4, 5, 3, 4, 5, 4)
DAYS = tuple(f"2013-12-{day:02}" for day in range(10, 10 + len(FLIPPED)))


def twelve(days: tuple[str, ...] = DAYS, rows: int = 100) -> RehearsedNights:
    """Nights on which JFK changes and LGA never does."""
    return build.nights(
        *(
            build.night(
                day, rows, flipped=count, slices=places((50, count), (40, 0), (rows - 90, 0))
            )
            for day, count in zip(days, FLIPPED, strict=False)
        )
    )


def test_the_interval_is_that_of_the_rows_by_night() -> None:
    nights = twelve()
    found = one(nights, max=0.2)
    rows = np.concatenate([np.arange(100) < count for count in FLIPPED])
    by_row = SamplingUnits(NIGHT, 12, np.repeat(np.arange(12), 100))
    wanted = estimate_share(rows, by_row, 0.95)
    assert (found.outcome, found.rows, found.unit, found.units) == (PASS, 1200, "night", 12)
    assert (found.observed, found.low, found.high) == (wanted.value, wanted.low, wanted.high)
    assert found.detail.endswith(", on 12 nights, 2013-12-10 to 2013-12-21")


def test_the_whole_interval_decides() -> None:
    nights = twelve()
    known = one(nights, max=1)
    assert known.low is not None and known.high is not None
    assert one(nights, max=known.high).outcome is PASS
    between = one(nights, max=(known.low + known.high) / 2)
    assert (between.outcome, between.blocks) == (INCONCLUSIVE, True)
    assert one(nights, max=known.low * 0.9).outcome is FAIL


def test_a_few_nights_can_fail_and_not_pass() -> None:
    few = twelve(DAYS[:7])
    doubtful = one(few, max=0.5)
    assert doubtful.outcome is INCONCLUSIVE and "7 nights, fewer than 10" in doubtful.detail
    assert one(few, max=0.001).outcome is FAIL
    rule = build.rule(kind="flips", max=0.5)
    assert rule.advice(doubtful) == "Raise rehearse.nights to 10, or ask for less in gate.rules."


def test_each_value_of_a_field_is_decided() -> None:
    jfk, lga = decide(twelve(), max=0.3, slice="origin")
    assert (jfk.slice, jfk.outcome, jfk.rows) == ("origin=JFK", PASS, 600)
    assert (lga.slice, lga.observed, lga.rows) == ("origin=LGA", 0.0, 480)
    jfk, small = decide(twelve(), max=0.3, slice="origin", min_rows=500)
    assert (jfk.slice, small.outcome, small.blocks) == ("origin=JFK", INCONCLUSIVE, False)
    unknown = one(twelve(), max=0.3, slice="orign")
    assert unknown.outcome is FAIL


def test_rows_that_must_keep_their_decision() -> None:
    jfk, lga = decide(twelve(), where={"origin": ("JFK", "LGA")})
    assert (jfk.slice, jfk.outcome, jfk.observed) == ("origin=JFK", FAIL, 50 / 600)
    assert jfk.detail.endswith("; the most on 2013-12-13: 6 of 50 rows")
    assert (lga.slice, lga.outcome, lga.method) == ("origin=LGA", PASS, "the value alone")
    both = decide(twelve(), max=0.2, where={"origin": "LGA"})
    assert [(each.slice, each.outcome) for each in both] == [(None, PASS), ("origin=LGA", PASS)]


def test_a_value_that_was_not_counted_or_has_no_rows_cannot_pass() -> None:
    absent = one(twelve(), where={"origin": "EWR"})
    assert absent.outcome is FAIL and "does not count origin=EWR" in absent.detail
    assert absent.metric == rule_flips.FLIPPED
    nobody = build.nights(build.night(flipped=0, slices=places((60, 0), (0, 0), (40, 0))))
    for values in ({"where": {"origin": "LGA"}}, {"max": 1, "slice": "origin"}):
        lga = decide(nobody, **values)[-1]
        assert (lga.slice, lga.outcome) == ("origin=LGA", FAIL)
        assert lga.detail.startswith("origin=LGA has no rows")


def test_nights_without_rows_that_both_scored_are_no_measurement() -> None:
    found = one(build.nights(build.night(rows=0, flipped=0)), max=1)
    assert (found.outcome, found.observed, found.metric) == (FAIL, None, rule_flips.FLIPPED)
    rule = build.rule(kind="flips", max=1)
    assert rule.advice(found) is None
    assert rule.advice(one(None, max=1)) is None


def test_without_nights_or_champion_nothing_can_be_decided() -> None:
    for nights in (None, build.nights(why="the bucket does not answer")):
        assert one(nights, max=1).outcome is INCONCLUSIVE
    states = {}
    for state in ("none", "unreadable", "incomparable"):
        champion = RehearsedChampion(state=state, version=None, bundle=None, why="it is gone")
        found = one(build.nights(champion=champion), max=1)
        states[state] = (found.outcome, found.blocks)
    failed = (FAIL, True)
    assert states == {
        "none": (INCONCLUSIVE, False),
        "unreadable": failed,
        "incomparable": failed,
    }


def test_nights_that_could_not_be_compared_are_named() -> None:
    some = one(build.nights(build.night(), build.unread_night()), max=0.001)
    assert "(1 of 2 could not be; 2013-12-31: a column is missing)" in some.detail
    none = one(build.nights(build.unread_night()), max=1)
    assert none.outcome is INCONCLUSIVE and "none of 1 night could be rehearsed" in none.detail


def test_a_regression_has_no_decisions() -> None:
    found = one(build.nights(build.night(flipped=None)), max=1)
    assert (found.outcome, found.blocks) == (FAIL, True)


@pytest.mark.parametrize(("field", "faults"), [("town", 0), ("twon", 1)])
def test_a_field_of_where_has_to_be_sliced(field: str, faults: int) -> None:
    from types import SimpleNamespace

    contract: Any = SimpleNamespace(slices=("town",))
    params: Any = SimpleNamespace(evaluate=SimpleNamespace(pairs=()))
    rule = build.rule(kind="flips", where={field: "x"})
    lines = list(rule.faults(params, contract, "binary"))
    assert len(lines) == faults and all("where" in line and "town" in line for line in lines)
    sliced = build.rule(kind="flips", max=0.1, slice=field)
    assert len(list(sliced.faults(params, contract, "binary"))) == faults
