"""The table of a night's columns explains itself."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from markupsafe import Markup

from assay.columns.break_limits import Break
from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.nights.night import Incident, MonitoringStatus, decide_status
from assay.monitor.nights.page import EvidentlyPart, PageContent, render, render_status
from assay.monitor.nights.summary import NightSummary, overall_metrics
from assay.performance.label_drift import LabelDrift
from assay.project.params import Monitor
from tests.monitor.decided import alarm, decided, published

REFERENCE = cast(Any, SimpleNamespace(distances={"x": (0.1, 0.2), "y": ()}))
SPELL = Incident("i", "drift", "open", "2013-07-01", "2013-07-03", ("seats",), "")
TOLD = PageContent((), ())


def row(metric: str, value: float | None, days: int | None = None, slice: str = "") -> Any:
    known = {"metric": metric, "slice": slice, "estimated": days is None, "maturity_days": days}
    return {**known, "value": value, "low": 0.1, "high": None, "rows": 7, "run_id": "run-1"}


def written() -> NightSummary:
    far = DriftFinding(
        "x", 0.4, 0.1, 0.2, 0.0, 0.0, 0.1, None, True, True, False, ("far",), 0.3, 1.5
    )
    far = replace(far, breaks=(Break("distance", 0.4, 0.3),), break_limit=0.3)
    far = replace(far, ks_break_limit=0.25, null_break_limit=0.2)
    gone = DriftFinding("y", None, None, None, None, None, 0.1, None, True, True, True, ("gone",))
    decision = DriftDecision(True, ("y: gone",), 300, ("x", "y"), 2, 0.99, 30, (gone, far))
    performance = [row("auc", 0.7), row("auc", 0.6, 7, "c=a"), row("f1", None, 1), row("auc", 0.71)]
    weekday = WeekdayDistances(("2013-06-24",), {"x": 0.2, "y": None})
    judged = decided("2013-07-01", alarms=[alarm("x", "2013-07-01")])
    return NightSummary(
        published(),
        replace(judged, drift=decision, weekday=weekday),
        MonitoringStatus("incident", ("features drifted: x; still open",)),
        Monitor(max_drifted_share=0.25),
        label=LabelDrift(7, 290, 0.97, 0.02, None, 0.1, 0.05, None),
        broken_rules={"x: finite": 3},
        performance=overall_metrics(performance),
    )


def section(summary: NightSummary) -> Markup:
    return render(summary, REFERENCE, TOLD, EvidentlyPart.NOT_ASKED)


@pytest.mark.parametrize("weekdays", [("2013-06-24",), ()])
def test_headings_say_what_a_number_is_and_fit_their_columns(weekdays: tuple[str, ...]) -> None:
    found = WeekdayDistances(weekdays, {"x": 0.2, "y": None})
    before = written()
    html = str(section(replace(before, judged=replace(before.judged, weekday=found))))
    table = html[html.index('<table class="columns">') : html.index("</table>")]
    head, body = table.split("<tbody>")
    groups = [int(span) for span in re.findall(r'colspan="(\d+)"', head)]
    cells = re.search(r'<th scope="row">x</th>(.*?)</tr>', body, re.DOTALL)
    assert cells is not None and cells[1].count("<td") == sum(groups) + 1
    assert f'<td colspan="{sum(groups) + 2}">far</td>' in body
    assert ("same<br>weekdays before" in head) is bool(weekdays)
    for words in ("this night", "limit", "alarm from", "std. dev.", "New values"):
        assert words in head


INCIDENT = "features drifted: seats, dew_point; since 2013-07-01, found on 2013-07-03; still open"


def answer(crossed: bool, over: int, *incidents: str) -> str:
    """The words at the top of the page of 2013-07-01, of which so many of 18 features are over."""
    before = written()
    decision = replace(
        before.decision,
        crossed=crossed,
        reasons=("y: gone",) if crossed else (),
        drifted=("dew_point", "x", "y")[:over],
        features=18,
    )
    stand = decide_status(
        "published", crossed, [replace(SPELL, sentence=each) for each in incidents]
    )
    night = replace(before, judged=replace(before.judged, drift=decision), status=stand)
    return " ".join(str(render_status(night)).split())


@pytest.mark.parametrize("over", [0, 1])
def test_the_words_of_a_night_in_an_incident_hold_for_its_first_night_too(over: int) -> None:
    html = answer(False, over, INCIDENT)
    assert "<h1>In an open incident on 2013-07-01</h1>" in html
    # One of its columns may be over a limit, and it may be the night that the incident began.
    assert "crosses no limit" not in html and "began before" not in html
    assert f"no alarm: {over} of 18 features drifted (at most 25% may)." in html
    named = html.index("not of this night:</p> <ul>")
    assert named < html.index("features drifted: seats")
    assert html.count("<ul>") == 1


def test_limits_that_a_night_crossed_stand_apart_from_its_incidents() -> None:
    html = answer(True, 3, INCIDENT, "the data is not what it was: y")
    own, _, of_incidents = html.partition("It is part of incidents.")
    assert "<li>y: gone</li>" in own and "seats" not in own and "no alarm" not in own
    assert "those of the incidents, not of this night:" in of_incidents
    assert of_incidents.count("<li>") == 2


@pytest.mark.parametrize("over", [0, 1])
def test_a_night_within_its_limits_says_nothing_of_incidents(over: int) -> None:
    html = answer(False, over)
    assert "the score is no further from the reference" in html
    assert "incident" not in html and "<ul>" not in html


def test_the_legend_has_two_lines() -> None:
    html = str(section(written()))
    legend = html[html.index('id="columns"') : html.index('<table class="columns">')]
    (words,) = re.findall(r'<p class="quiet">(.*?)</p>', legend, re.DOTALL)
    assert len(words.split()) < 50 and "docs/drift.md" in words


def test_only_numbers_over_all_rows_are_kept_and_the_last_of_each() -> None:
    found = written().performance
    assert [(each["metric"], each["value"], each["maturity_days"]) for each in found] == [
        ("auc", 0.71, None),
        ("f1", None, 1),
    ]
