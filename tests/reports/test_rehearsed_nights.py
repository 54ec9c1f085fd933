"""Nights in rehearsal.json: what is written can be read, and counts that cannot be are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assay.errors import AssayError
from assay.reports.rehearsal import NightChange, Rehearsal, SliceFlips
from tests.gate import build

SLICES = (
    SliceFlips(field="origin", value="JFK", rows=60, flipped=4),
    SliceFlips(field="origin", value=None, rows=38, flipped=1),
)
FOUND = build.rehearsal(
    nights=build.nights(
        build.night(newly=2, slices=SLICES),
        build.night_alone("2013-12-31", champion_why="it cannot score: no"),
        build.unread_night("2014-01-01"),
    )
)

NOTHING_TO_COMPARE = NightChange(
    newly_quarantined=0,
    newly_refused_by={},
    newly_null=100,
    rows=0,
    flipped=0,
    challenger_mean=None,
    champion_mean=None,
    distance=None,
    absolute_change=None,
    slices=(SliceFlips(field="origin", value="JFK", rows=0, flipped=0),),
)
UNSCORED = build.rehearsal(
    nights=build.nights(
        build.night(
            challenger=build.model_night(null_scores=100, mean=None), change=NOTHING_TO_COMPARE
        )
    )
)
"""The challenger gave no row a score."""


def tree() -> dict[str, Any]:
    return json.loads(json.dumps(FOUND.tree()))


@pytest.mark.parametrize("found", [FOUND, UNSCORED, build.rehearsal()])
def test_what_is_written_is_what_is_read(found: Rehearsal) -> None:
    assert Rehearsal.parse(found.text(), "it") == found


def test_which_nights_were_scored_and_which_compared() -> None:
    assert FOUND.nights is not None
    both, alone, _ = FOUND.nights.nights
    assert (FOUND.nights.scored, FOUND.nights.compared) == ((both, alone), (both,))


def test_a_rehearsal_of_an_earlier_version_has_no_nights() -> None:
    old = tree()
    del old["nights"]
    assert Rehearsal.parse(json.dumps(old), "it").nights is None


def first(change: dict[str, Any]) -> Callable[[Any], None]:
    return lambda nights: nights["nights"][0].update(change)


def part(name: str, **change: Any) -> Callable[[Any], None]:
    return lambda nights: nights["nights"][0][name].update(change)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (first({"rows": 99}), "challenger has 98 scored and 2 quarantined, of 99 rows"),
        (part("champion", scored=99), "champion has 99 scored and 0 quarantined, of 100 rows"),
        (part("change", newly_quarantined=3), "newly_quarantined is 3 of 2 quarantined rows"),
        (part("change", newly_quarantined=0), "newly_refused_by names other rows than the 0"),
        (part("change", flipped=99), "flipped is 99 of 98 rows"),
        (part("change", flipped=4), "slices of origin have 5 flipped, and the night 4"),
        (part("change", flipped=None), "slices are there: flipped is null"),
        (part("change", rows=99), "slices of origin have 98 rows, and the night 99"),
        (part("change", rows=99, slices=[]), "change.rows is 99, more than one model gave a score"),
        (part("challenger", null_scores=1), "change.rows is 98, more than one model gave a score"),
        (
            part("change", slices=[{**SLICES[0].tree(), "flipped": 61}]),
            "flipped is 61 of 60 rows",
        ),
        (part("change", distance=None), "a mean or the distance is null: 98 rows have two scores"),
        (part("change", slices=[SLICES[0].tree()] * 2), "slices has origin=JFK more than once"),
        (part("challenger", null_scores=99), "null_scores is 99 of 98 rows"),
        (part("challenger", refused_by={}), "refused_by names other rows than the 2 quarantined"),
        (part("challenger", refused_by={"a": 3}), "refused_by.a is 3 of 2 rows"),
        (first({"champion": None}), "champion and change must both be there or both be null"),
        (first({"champion": None, "change": None}), "2013-12-30: champion_why is missing"),
        (first({"champion_why": "no"}), "champion is there, beside a reason why it cannot be"),
        (first({"why": "gone"}), "disagree on whether the night was scored"),
        (first({"day": "2013-12-31"}), "nights has 2013-12-31 more than once"),
        (lambda nights: nights.update(nights=[]), "why is missing: nights is empty"),
        (lambda nights: nights.update(why="none"), "why is there beside nights"),
        (
            lambda nights: nights["champion"].update(state="none", why="nobody"),
            "2013-12-30: champion is there: state is none",
        ),
        (lambda nights: nights["champion"].update(why="no"), "why is there: scored"),
        (lambda nights: nights["champion"].update(memory_mb=None), "cost_why is missing"),
        (lambda nights: nights["champion"].update(version=None), "version and bundle do not both"),
        (lambda nights: nights["nights"][0].pop("fingerprint"), "fingerprint is missing"),
    ],
)
def test_counts_that_cannot_be_are_refused(spoil: Callable[[Any], None], told: str) -> None:
    given = tree()
    spoil(given["nights"])
    with pytest.raises(AssayError) as caught:
        Rehearsal.parse(json.dumps(given), "rehearsal.json")
    assert told in caught.value.line()
