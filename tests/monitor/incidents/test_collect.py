"""One incident from first crossing to recovery, the same whatever is looked at later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.monitor.drift.night_decision import NightDecision, find_snooze, states
from assay.monitor.incidents.collect import group_alarms
from assay.project.params.monitoring import Snooze
from tests.monitor.decided import alarm, decided, finding


def judged(days: str, column: str = "x", kind: str = "features") -> list[NightDecision]:
    """A night a character: ``!`` is in alarm."""
    nights = []
    for i, day in enumerate(days, start=1):
        name = f"2013-07-{i:02}"
        found = (alarm(column, name, kind),) if day == "!" else ()
        nights.append(decided(name, findings=[finding(column, effect=i / 10)], alarms=found))
    return nights


@pytest.mark.parametrize(
    ("days", "spans"),
    [
        ("......", []),
        ("..!...", [("03", "03", "06", "recovered")]),
        ("..!..!..", [("03", "06", None, "open")]),
        ("!!!...!", [("01", "03", "06", "recovered"), ("07", "07", None, "open")]),
        ("!", [("01", "01", None, "open")]),
    ],
)
def test_from_first_crossing_to_recovery(days: str, spans: list) -> None:
    found = group_alarms(judged(days))
    assert [
        (each.first[-2:], each.last[-2:], each.recovered and each.recovered[-2:], each.state)
        for each in found
    ] == spans


def test_kinds_do_not_hide_each_other_and_columns_are_ranked() -> None:
    features, answers = judged("!!!!"), judged("...!", "probability", "answers")
    other = judged("..!!", "y")
    nights = [
        decided(
            a.partition,
            findings=[*a.drift.findings, *b.drift.findings, finding("y", effect=0.9)],
            alarms=[*a.alarms.alarms, *b.alarms.alarms, *c.alarms.alarms],
        )
        for a, b, c in zip(features, answers, other, strict=True)
    ]
    first, second = group_alarms(nights)
    assert (first.id, first.columns, first.nights) == ("2013-07-01-features", ("y", "x"), 4)
    assert (second.id, second.columns) == ("2013-07-04-answers", ("probability",))
    assert first.hits[1].effect == 0.4 and first.hits[0].nights == 2
    assert first.sentence() == (
        "features drifted: y, x; since 2013-07-01, found on 2013-07-01, last on 2013-07-04; "
        "still open"
    )


def test_what_cannot_be_told_on_one_night_may_be_anything() -> None:
    nights = judged("!!!")
    unknown = [finding("x", effect=None)]
    nights[1] = replace(nights[1], drift=replace(nights[1].drift, findings=tuple(unknown)))
    assert group_alarms(nights)[0].hits[0].effect is None


@given(st.text("!.", min_size=1, max_size=25), st.integers(1, 25))
def test_later_nights_leave_what_has_recovered(days: str, cut: int) -> None:
    whole, before = group_alarms(judged(days)), group_alarms(judged(days[:cut]))
    done = [each for each in before if each.state == "recovered"]
    assert list(whole[: len(done)]) == done
    assert [each.id for each in whole[: len(before)]] == [each.id for each in before]
    assert sum(each.nights for each in whole) == days.count("!")
    assert sum(each.state == "open" for each in whole) <= 1


SNOOZES = (
    Snooze(column="x", because="known", owner="ops", until="2013-07-02"),
    Snooze(column="x", because="still known", owner="ops", until="2013-07-03"),
    Snooze(column="xx", because="a slip", owner="ops", until="2013-07-09"),
)


def test_a_snooze_ends_and_the_incident_goes_on_under_its_id() -> None:
    ids = set()
    for days, state in (("!!!", "snoozed"), ("!!!.", "snoozed"), ("!!!!", "open")):
        (incident,) = group_alarms(
            replace(each, snoozed=("x",) if find_snooze(SNOOZES, "x", each.partition) else ())
            for each in judged(days)
        )
        assert incident.state == state
        ids.add(incident.id)
    assert ids == {"2013-07-01-features"}


def test_a_snooze_tells_what_became_of_it() -> None:
    found = states(SNOOZES, {"x", "y"}, "2013-07-03")
    assert [each.state for each in found] == ["expired", "active", "no such column"]
    assert find_snooze(SNOOZES, "x", "2013-07-01") is SNOOZES[1]
    assert find_snooze(SNOOZES, "x", "not a day") is None
    assert states(SNOOZES[:1], {"x"}, "not a day")[0].state == "expired"
