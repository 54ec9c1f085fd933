"""The table of a night's columns explains itself."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from markupsafe import Markup

from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.nights.section import EvidentlyPart, render
from assay.monitor.nights.summary import NightSummary
from tests.monitor.nights.test_summary_read import written

REFERENCE = cast(Any, SimpleNamespace(distances={"x": (0.1, 0.2), "y": ()}))
TOLD = cast(Any, SimpleNamespace(columns=(), performance=(), rules={}))


def section(summary: NightSummary) -> Markup:
    return render(summary, REFERENCE, TOLD, EvidentlyPart.NOT_ASKED)


@pytest.mark.parametrize("weekdays", [("2013-06-24",), ()])
def test_headings_say_what_a_number_is_and_fit_their_columns(weekdays: tuple[str, ...]) -> None:
    found = WeekdayDistances(weekdays, {"x": 0.2, "y": None})
    html = str(section(replace(written(), weekday=found)))
    table = html[html.index('<table class="columns">') : html.index("</table>")]
    head, body = table.split("<tbody>")
    groups = [int(span) for span in re.findall(r'colspan="(\d+)"', head)]
    cells = re.search(r'<th scope="row">x</th>(.*?)</tr>', body, re.DOTALL)
    assert cells is not None and cells[1].count("<td") == sum(groups) + 1
    assert f'<td colspan="{sum(groups) + 2}">far</td>' in body
    assert ("same<br>weekdays before" in head) is bool(weekdays)
    for words in ("this night", "limit", "alarm from", "std. dev.", "New values"):
        assert words in head


def test_the_legend_has_two_lines() -> None:
    html = str(section(written()))
    legend = html[html.index('id="columns"') : html.index('<table class="columns">')]
    (words,) = re.findall(r'<p class="quiet">(.*?)</p>', legend, re.DOTALL)
    assert len(words.split()) < 50 and "docs/drift.md" in words
