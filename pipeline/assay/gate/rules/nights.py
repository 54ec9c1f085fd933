"""``kind: nights``: what the challenger did with the last real nights, beside the champion.

The value alone decides. It is no estimate for other nights: it is what these nights would have
been, so it has no interval.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import SlicedRule, select_slices
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.text import counted
from assay.reports.rehearsal import (
    ModelNight,
    NightChange,
    Rehearsal,
    RehearsedNight,
    RehearsedNights,
)
from assay.reports.verdict import STATES, Finding, Outcome

NightsMeasure = Literal[
    "flipped", "newly_quarantined", "quarantined", "score_distance", "held", "slower"
]


class Nights(SlicedRule):
    """A limit on what the challenger did with the last real nights, mostly beside the champion.

    Only ``flipped`` can be decided for each value of a slice field.
    """

    of: NightsMeasure
    max: Annotated[float, Field(ge=0)]

    reads: ClassVar = ("rehearsal",)
    more_rows: ClassVar = "rehearse more nights (rehearse.nights)"

    @model_validator(mode="after")
    def _only_flips_have_slices(self) -> Nights:
        if self.slice is not None and self.of != "flipped":
            raise ValueError(f"a slice beside 'of: flipped' only|of: {self.of}")
        return self

    @model_validator(mode="after")
    def _shares_end_at_one(self) -> Nights:
        if self.of not in ("held", "slower") and self.max > 1:
            raise ValueError(f"a max of at most 1, because {self.of} is a share|{self.max:g}")
        return self

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding, or one for each slice."""
        return evaluate(self, inputs.rehearsal)

    def missed(self) -> str:
        """What to look at."""
        return (
            f"Look at {NIGHTS[self.of]}, night by night, in {layout.REHEARSAL}; if that is "
            "accepted, raise max in gate.rules."
        )


NIGHTS: Mapping[NightsMeasure, str] = {
    "flipped": "the answers that changed",
    "newly_quarantined": "the rows that the new contract refuses",
    "quarantined": "the rows that the contract refuses",
    "score_distance": "the scores that changed",
    "held": "why they would be held",
    "slower": "how long each takes",
}
"""What a rule of kind ``nights`` is about, to be looked at."""

ALONE = frozenset({"quarantined", "held"})
"""Measures that need no champion."""

SCORED = frozenset({"flipped", "score_distance"})
"""Measures of rows that both models scored."""

ABOUT = {
    "flipped": "the share of rows with another decision is",
    "newly_quarantined": "the share of rows that only the challenger refuses is",
    "quarantined": "the share of rows that the challenger refuses is",
    "score_distance": "the largest Jensen-Shannon distance of a night's scores from the "
    "champion's is",
    "held": "the number of nights that would be held with the challenger is",
    "slower": "the challenger's time for each row, as a multiple of the champion's, is",
}
REFUSED = (
    "If the rows are as they should be, correct data/contract.py; else fix score.input. Then dvc "
    "repro."
)
NOT_ASKED = "no night was rehearsed: set rehearse.nights in params.yaml and run dvc repro"


@dataclass(frozen=True)
class FlippedSlice:
    """A value of a slice field over all nights.

    Attributes
    ----------
    by_night
        Rows and flips of each night.
    """

    field: str
    value: str
    by_night: Mapping[str, tuple[int, int]]

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.by_night.values())


@dataclass(frozen=True)
class MeasuredNights:
    """A number about all nights, and what it was on the worst one.

    Attributes
    ----------
    rows
        What it was measured on.
    worst
        The end of the sentence.
    """

    value: float
    rows: int
    worst: str


def evaluate(rule: Nights, rehearsal: Rehearsal) -> tuple[Finding, ...]:
    """One finding, or for a sliced rule one per value of its field; never empty."""
    found = rehearsal.nights
    if found is None:
        return (_unknown(rule, NOT_ASKED),)
    if rule.of not in ALONE and found.champion.state != "scored":
        return (_without_champion(rule, found),)
    nights = found.scored if rule.of in ALONE else found.compared
    if not nights:
        return (_unknown(rule, _why_none(found)),)
    about = f"on {_span(nights)}{_left_out(found, nights)}"
    refused = _refused(nights) if rule.of in SCORED else None
    if refused is not None:
        return (rule.fail(refused, metric=rule.of, fix=REFUSED),)
    if rule.of == "flipped" and any(one.flipped is None for _, one in _changes(nights)):
        return (rule.fail("a regression gives no decisions that could be flipped"),)
    if rule.slice is not None:
        return tuple(_by_slice(rule, nights, about))
    value = _MEASURES[rule.of](nights)
    if value is None:
        return (rule.fail(f"{rule.of} was measured on no rows", metric=rule.of),)
    return (_judged(rule, value, ABOUT[rule.of], about),)


def _without_champion(rule: Nights, found: RehearsedNights) -> Finding:
    """Tolerated if there is no champion yet, else FAIL."""
    state, why = found.champion.state, found.champion.why
    if state == "none":
        told = "no champion yet, so there is nothing to compare the nights with"
        return _unknown(rule, told, tolerated=True)
    words = STATES["incomparable" if state == "incomparable" else "unreadable"]
    return rule.fail(f"{words}: {why or 'no reason given'}", metric=rule.of)


def _unknown(rule: Nights, why: str, **facts: Any) -> Finding:
    return rule.finding(Outcome.INCONCLUSIVE, why, metric=rule.of, **facts)


def _why_none(found: RehearsedNights) -> str:
    """Why no night can be judged: the first reason stands for all."""
    if found.why is not None:
        return f"no night was rehearsed: {found.why}"
    first = found.nights[0]
    why = first.why or first.champion_why or "no reason given"
    return f"none of {counted(len(found.nights), 'night')} could be rehearsed; {first.day}: {why}"


def _span(nights: Sequence[RehearsedNight]) -> str:
    first, last = nights[0].day, nights[-1].day
    return (
        f"the night of {first}"
        if len(nights) == 1
        else f"{counted(len(nights), 'night')}, {first} to {last}"
    )


def _left_out(found: RehearsedNights, nights: Sequence[RehearsedNight]) -> str:
    missing = [night for night in found.nights if night not in nights]
    if not missing:
        return ""
    first = missing[0]
    why = first.why or first.champion_why or "no reason given"
    return f" ({len(missing)} of {len(found.nights)} could not be; {first.day}: {why})"


def _refused(nights: Sequence[RehearsedNight]) -> str | None:
    """That a contract refused every row of the nights, and by which rule; None if it did not."""
    rows = sum(night.rows or 0 for night in nights)
    for whose, models in (
        ("the contract", [one for _, one in _challengers(nights)]),
        ("the champion's contract", [night.champion for night in nights if night.champion]),
    ):
        if rows and sum(one.quarantined for one in models) == rows:
            name, broken = _by_rule(models).most_common(1)[0]
            return (
                f"{whose} refused {'all ' if rows > 1 else ''}{counted(rows, 'row')} of "
                f"{_span(nights)}: {broken:,} broke '{name}'"
            )
    return None


def _by_rule(models: Iterable[ModelNight]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in models:
        found.update(one.refused_by)
    return found


def _judged(
    rule: Nights, found: MeasuredNights, words: str, about: str, where: str | None = None
) -> Finding:
    told = rule.at_most(rule.of, found.value, rule.max, words, found.rows, where)
    return told.model_copy(update={"detail": f"{told.detail}, {about}; {found.worst}"})


def _by_slice(rule: Nights, nights: Sequence[RehearsedNight], about: str) -> Iterator[Finding]:
    places: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
    for night, change in _changes(nights):
        for part in change.slices:
            if part.value is not None:
                mine = places.setdefault((part.field, part.value), {})
                mine[night.day] = (part.rows, part.flipped)
    listed = [FlippedSlice(*key, mine) for key, mine in places.items()]
    wanted, rest = select_slices(rule, listed, "the rehearsal of the last nights")
    for place in sorted(wanted, key=lambda one: one.title):
        found = _share(place.by_night)
        if found is None:
            yield rule.fail(f"{place.title} has no rows", slice=place.title)
            continue
        words = f"the share of rows with another decision on {place.title} is"
        yield _judged(rule, found, words, about, place.title)
    yield from rest


def _share(by_night: Mapping[str, tuple[int, int]]) -> MeasuredNights | None:
    """A share over all nights, from rows and hits of each; None without rows."""
    rows = sum(each for each, _ in by_night.values())
    if not rows:
        return None
    filled = {day: (each, hits) for day, (each, hits) in by_night.items() if each}
    worst = max(filled, key=lambda day: filled[day][1] / filled[day][0])
    most, hits = filled[worst]
    return MeasuredNights(
        sum(each for _, each in by_night.values()) / rows,
        rows,
        f"the most on {worst}: {hits:,} of {most:,} rows",
    )


def _flipped(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    return _share({night.day: (one.rows, one.flipped or 0) for night, one in _changes(nights)})


def _newly_quarantined(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    return _share(
        {night.day: (night.rows or 0, one.newly_quarantined) for night, one in _changes(nights)}
    )


def _quarantined(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    return _share(
        {night.day: (night.rows or 0, one.quarantined) for night, one in _challengers(nights)}
    )


def _score_distance(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    known = {night.day: one.distance for night, one in _changes(nights) if one.distance is not None}
    if not known:
        return None
    # What is no distance (NaN, or under 0) must not hide behind another night's number.
    worst = max(known, key=lambda day: (not 0 <= known[day] < math.inf, known[day]))
    rows = sum(one.rows for _, one in _changes(nights))
    return MeasuredNights(known[worst], rows, f"the most on {worst}")


def _held(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    rows = sum(night.rows or 0 for night in nights)
    held = [(night, one) for night, one in _challengers(nights) if one.held]
    if not held:
        return MeasuredNights(0.0, rows, "each would be published")
    too = sum(night.champion is not None and bool(night.champion.held) for night, _ in held)
    first, why = held[0][0].day, held[0][1].held[0]
    return MeasuredNights(
        float(len(held)), rows, f"{too} of them also with the champion; {first}: {why}"
    )


def _slower(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    rows = sum(night.rows or 0 for night in nights)
    pairs = [
        (night.day, night.challenger.seconds, night.champion.seconds)
        for night in nights
        if night.challenger is not None and night.champion is not None
    ]
    mine, theirs = sum(each for _, each, _ in pairs), sum(each for _, _, each in pairs)
    if not rows or not theirs > 0:
        return None
    worst = max(pairs, key=lambda each: each[1] / each[2] if each[2] > 0 else 0.0)
    return MeasuredNights(
        mine / theirs,
        rows,
        f"{mine / rows * 1e6:,.1f} ms for 1,000 rows against {theirs / rows * 1e6:,.1f}, the most "
        f"on {worst[0]}",
    )


_MEASURES: Mapping[NightsMeasure, Callable[[Sequence[RehearsedNight]], MeasuredNights | None]] = {
    "flipped": _flipped,
    "newly_quarantined": _newly_quarantined,
    "quarantined": _quarantined,
    "score_distance": _score_distance,
    "held": _held,
    "slower": _slower,
}


def _changes(nights: Sequence[RehearsedNight]) -> list[tuple[RehearsedNight, NightChange]]:
    return [(night, night.change) for night in nights if night.change is not None]


def _challengers(nights: Sequence[RehearsedNight]) -> list[tuple[RehearsedNight, ModelNight]]:
    return [(night, night.challenger) for night in nights if night.challenger is not None]
