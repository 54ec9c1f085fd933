"""``kind: nights``: what the challenger did with the last real nights, compared with the champion.

The value alone decides. It is no estimate for other nights: it is what these nights would have
been, so it has no interval. Changed decisions, which have one, are `assay.gate.rules.flips`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from assay.gate.inputs import GateInputs
from assay.gate.rules.kind import Rule
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

NightsMeasure = Literal["newly_quarantined", "quarantined", "score_distance", "held", "slower"]


class Nights(Rule):
    """A limit on what the challenger did with the last real nights, mostly against the champion."""

    of: NightsMeasure
    max: Annotated[float, Field(ge=0)]

    reads: ClassVar = ("rehearsal",)

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
    "newly_quarantined": "the rows that the new contract refuses",
    "quarantined": "the rows that the contract refuses",
    "score_distance": "the scores that changed",
    "held": "why they would be held",
    "slower": "how long each takes",
}
"""What a rule of kind ``nights`` is about, to be looked at."""

ALONE = frozenset({"quarantined", "held"})
"""Measures that need no champion."""

ABOUT = {
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


@dataclass(frozen=True)
class UsableNights:
    """The nights that a rule can be decided on; ``about`` names them and those left out."""

    nights: Sequence[RehearsedNight]
    about: str


def evaluate(rule: Nights, rehearsal: Rehearsal) -> tuple[Finding, ...]:
    """One finding."""
    usable = usable_nights(
        rule, rehearsal, rule.of, alone=rule.of in ALONE, scored=rule.of == "score_distance"
    )
    if isinstance(usable, Finding):
        return (usable,)
    value = _MEASURES[rule.of](usable.nights)
    if value is None:
        return (rule.fail(f"{rule.of} was measured on no rows", metric=rule.of),)
    measured = rule.at_most(rule.of, value.value, rule.max, ABOUT[rule.of], value.rows)
    detail = f"{measured.detail}, {usable.about}; {value.worst}"
    return (measured.model_copy(update={"detail": detail}),)


def usable_nights(
    rule: Rule, rehearsal: Rehearsal, metric: str, *, alone: bool, scored: bool
) -> UsableNights | Finding:
    """The nights that a rule can be decided on, or a finding with the reason why there are none.

    Parameters
    ----------
    alone
        Whether the rule needs no champion.
    scored
        Whether it is about rows that both models scored, so that there must be some.
    """
    known = rehearsal.nights
    if known is None:
        return _unknown(rule, metric, NOT_ASKED)
    if not alone and known.champion.state != "scored":
        return _without_champion(rule, metric, known)
    nights = known.scored if alone else known.compared
    if not nights:
        return _unknown(rule, metric, _why_none(known))
    refused = _refused(nights) if scored else None
    if refused is not None:
        return rule.fail(refused, metric=metric, fix=REFUSED)
    return UsableNights(nights, f"on {_span(nights)}{_left_out(known, nights)}")


def _without_champion(rule: Rule, metric: str, known: RehearsedNights) -> Finding:
    """Tolerated if there is no champion yet, else FAIL."""
    state, why = known.champion.state, known.champion.why
    if state == "none":
        reason = "no champion yet, so there is nothing to compare the nights with"
        return _unknown(rule, metric, reason, tolerated=True)
    words = STATES["incomparable" if state == "incomparable" else "unreadable"]
    return rule.fail(f"{words}: {why or 'no reason given'}", metric=metric)


def _unknown(rule: Rule, metric: str, why: str, **facts: Any) -> Finding:
    return rule.finding(Outcome.INCONCLUSIVE, why, metric=metric, **facts)


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


def _newly_quarantined(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    return _share(
        {night.day: (night.rows or 0, one.newly_quarantined) for night, one in changes(nights)}
    )


def _quarantined(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    return _share(
        {night.day: (night.rows or 0, one.quarantined) for night, one in _challengers(nights)}
    )


def _score_distance(nights: Sequence[RehearsedNight]) -> MeasuredNights | None:
    known = {night.day: one.distance for night, one in changes(nights) if one.distance is not None}
    if not known:
        return None
    # What is no distance (NaN, or under 0) must not hide behind another night's number.
    worst = max(known, key=lambda day: (not 0 <= known[day] < math.inf, known[day]))
    rows = sum(one.rows for _, one in changes(nights))
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
    "newly_quarantined": _newly_quarantined,
    "quarantined": _quarantined,
    "score_distance": _score_distance,
    "held": _held,
    "slower": _slower,
}


def changes(nights: Sequence[RehearsedNight]) -> list[tuple[RehearsedNight, NightChange]]:
    """Nights that both models scored, each with what changed."""
    return [(night, night.change) for night in nights if night.change is not None]


def _challengers(nights: Sequence[RehearsedNight]) -> list[tuple[RehearsedNight, ModelNight]]:
    return [(night, night.challenger) for night in nights if night.challenger is not None]
