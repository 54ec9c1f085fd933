"""Nights in rehearsal.json: what is written can be read, and counts that cannot be are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assay.errors import AssayError
from assay.reports.rehearsal import Rehearsal, SliceFlips
from tests.gate import build

SLICES = (
    SliceFlips(field="origin", value="JFK", rows=60, flipped=4),
    SliceFlips(field="origin", value=None, rows=40, flipped=1),
)
FOUND = build.rehearsal(
    nights=build.nights(build.night(slices=SLICES), build.unread_night("2014-01-01"))
)


def tree() -> dict[str, Any]:
    return json.loads(json.dumps(FOUND.tree()))


@pytest.mark.parametrize("found", [FOUND, build.rehearsal()])
def test_what_is_written_is_what_is_read(found: Rehearsal) -> None:
    assert Rehearsal.parse(found.text(), "it") == found


def test_which_nights_were_compared_and_what_they_have_together() -> None:
    found = build.nights(build.night(), build.night("2014-01-02", 50, 1), build.unread_night())
    assert [night.day for night in found.compared] == ["2013-12-30", "2014-01-02"]
    assert (found.rows, found.flipped) == (150, 6)
    assert build.nights(build.night(flipped=None)).flipped is None


def first(**change: Any) -> Callable[[Any], None]:
    return lambda nights: nights["nights"][0].update(change)


def champion(**change: Any) -> Callable[[Any], None]:
    return lambda nights: nights["champion"].update(change)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (first(rows=None), "why and rows disagree"),
        (first(why="gone"), "why and rows disagree"),
        (first(flipped=101, slices=[]), "flipped is 101 of 100 rows"),
        (first(flipped=4), "slices of origin have 5 flipped, and the night 4"),
        (first(flipped=None), "slices are there: flipped is null"),
        (first(rows=99), "slices of origin have 100 rows, and the night 99"),
        (first(slices=[{**SLICES[0].tree(), "flipped": 61}]), "flipped is 61 of 60 rows"),
        (first(slices=[SLICES[0].tree()] * 2), "slices has origin=JFK more than once"),
        (first(day="2014-01-01"), "nights has 2014-01-01 more than once"),
        (lambda nights: nights.update(nights=[]), "disagree on whether any was rehearsed"),
        (lambda nights: nights.update(why="none"), "disagree on whether any was rehearsed"),
        (champion(state="none", why="nobody"), "disagree on whether any was rehearsed"),
        (champion(why="no"), "why is there: scored"),
        (champion(version=None), "version and bundle do not both"),
    ],
)
def test_counts_that_cannot_be_are_refused(spoil: Callable[[Any], None], told: str) -> None:
    given = tree()
    spoil(given["nights"])
    with pytest.raises(AssayError) as caught:
        Rehearsal.parse(json.dumps(given), "rehearsal.json")
    assert told in caught.value.line()
