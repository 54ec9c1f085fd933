"""``kind: flips``: how many rows of the last real nights get another decision than before.

The share is an estimate for nights to come, so its interval is by night: nights differ, and follow
each other (`assay.metrics.following`). Rows that ``where`` names must all keep their decision; that
is about these nights, so no interval is needed to say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from assay.gate.inputs import GateInputs
from assay.gate.rules import limit
from assay.gate.rules.kind import SlicedRule, select_slices
from assay.metrics.intervals.estimates import estimate_share_of_counts
from assay.metrics.sampling_units import NIGHT, SamplingUnits
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.params.messages import unknown_name
from assay.project.params.values import Share, Text
from assay.project.text import counted
from assay.reports.rehearsal import Rehearsal, RehearsedNight
from assay.reports.verdict import STATES, Finding, Outcome

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.project.params import Params
    from assay.project.tasks import Task

FLIPPED = "share of rows with another decision"
NOT_ASKED = "no night was rehearsed: set rehearse.nights in params.yaml and run dvc repro"


class Flips(SlicedRule):
    """A limit on the share of rows with another decision than the champion's.

    Attributes
    ----------
    where
        Values of slice fields whose rows must all keep their decision.
    """

    max: Share | None = None
    where: Annotated[Mapping[Text, Text | tuple[Text, ...]], Field(min_length=1)] | None = None

    reads: ClassVar = ("rehearsal", "evaluation")
    more_rows: ClassVar = "rehearse more nights (rehearse.nights)"

    @model_validator(mode="after")
    def _a_limit(self) -> Flips:
        if self.max is None and self.where is None:
            raise ValueError("max, where or both|neither")
        for field, values in (self.where or {}).items():
            if not values:
                # No finding would come of it, and what has no finding blocks nothing.
                raise ValueError(f"a value or more of {field} in where|none")
        if self.max is None and self.slice is not None:
            raise ValueError("a max beside slice|none")
        return self

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """A finding for all rows or for each slice, and one for each value of ``where``."""
        return evaluate(self, inputs.rehearsal, inputs.evaluation.confidence, gate)

    def missed(self) -> str:
        """Where to see the rows."""
        return (
            "assay plan shows the rows that change and where they are; if they should, raise max "
            "or shorten where in gate.rules."
        )

    def advice(self, finding: Finding) -> str | None:
        """More nights where nights are too few."""
        if finding.outcome is Outcome.INCONCLUSIVE and finding.observed is not None:
            many = f"to {finding.units_needed}" if finding.units_needed else "in params.yaml"
            return f"Raise rehearse.nights {many}, or ask for less in gate.rules."
        return super().advice(finding)

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """Fields that are not sliced."""
        yield from super().faults(params, contract, task)
        for field in self.where or ():
            where = f"{layout.PARAMS}: {self.place}: where"
            if field not in contract.slices:
                yield from unknown_name(
                    field, contract.slices, where, "a column with the role slice or sensitive"
                )

    def protected(self) -> Iterator[tuple[str, str]]:
        """The fields and values of ``where``."""
        for field, values in (self.where or {}).items():
            for value in (values,) if isinstance(values, str) else values:
                yield field, value


@dataclass(frozen=True)
class CountedSlice:
    """Rows that both models scored, and those with another decision, of each night ``(nights,)``.

    ``value`` is None for all rows.
    """

    field: str
    value: str | None
    by_night: Sequence[tuple[str, int, int]]

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"

    @property
    def rows(self) -> int:
        return sum(rows for _, rows, _ in self.by_night)

    @property
    def flipped(self) -> int:
        return sum(flipped for _, _, flipped in self.by_night)


@dataclass(frozen=True)
class UsableCounts:
    """The nights that a rule can be decided on; ``about`` names them and those left out."""

    nights: Sequence[RehearsedNight]
    about: str


@dataclass(frozen=True)
class ByNight:
    """That intervals are by night."""

    confidence: float
    unit: str = NIGHT


def evaluate(
    rule: Flips, rehearsal: Rehearsal, confidence: float, gate: GateParams
) -> tuple[Finding, ...]:
    """A finding for all rows or for each slice, and one for each value of ``where``."""
    usable = usable_nights(rule, rehearsal)
    if isinstance(usable, Finding):
        return (usable,)
    if any(night.flipped is None for night in usable.nights):
        return (rule.fail("a regression gives no decisions that could be flipped"),)
    slices = _slices(usable)
    findings: list[Finding] = []
    if rule.max is not None:
        wanted, rest = [_all_rows(usable)], list[Finding]()
        if rule.slice is not None:
            places = list(slices.values())
            wanted, rest = select_slices(rule, places, "the rehearsal of the last nights")
        sample = ByNight(confidence)
        asked = limit.at_most(rule, FLIPPED, rule.max)
        read = [_read(asked, place, confidence) for place in sorted(wanted, key=_title)]
        decided = limit.decided(asked, read, sample, gate)
        findings += [*(_about(each, usable) for each in decided), *rest]
    return (*findings, *(_kept(rule, key, slices.get(key), usable) for key in rule.protected()))


def _title(place: CountedSlice) -> str:
    return place.title


def _all_rows(usable: UsableCounts) -> CountedSlice:
    nights = [(night.day, night.rows or 0, night.flipped or 0) for night in usable.nights]
    return CountedSlice("", None, nights)


def _slices(usable: UsableCounts) -> dict[tuple[str, str], CountedSlice]:
    by_place: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
    for night in usable.nights:
        for part in night.slices:
            if part.value is not None:
                row = (night.day, part.rows, part.flipped)
                by_place.setdefault((part.field, part.value), []).append(row)
    return {key: CountedSlice(*key, rows) for key, rows in by_place.items()}


def _read(
    asked: limit.Limit, place: CountedSlice, confidence: float
) -> limit.ValidMeasurement | Finding:
    """The measurement of a slice on the nights that have rows of it."""
    title = None if place.value is None else place.title
    counts = np.array([(rows, hits) for _, rows, hits in place.by_night if rows], dtype=np.float64)
    if not len(counts):
        where = f"{title} has no rows" if title else f"{FLIPPED} was measured on no rows"
        return asked.fail(where, slice=title, metric=FLIPPED)
    units = SamplingUnits.of_counts(NIGHT, counts[:, 0])
    measured = estimate_share_of_counts(counts[:, 1], units, confidence)
    return limit.read_part(asked, {FLIPPED: measured}, place.rows, units, title)


def _about(finding: Finding, usable: UsableCounts) -> Finding:
    """The finding with the nights that it is about."""
    return finding.model_copy(update={"detail": f"{finding.detail}, {usable.about}"})


def _kept(
    rule: Flips,
    key: tuple[str, str],
    place: CountedSlice | None,
    usable: UsableCounts,
) -> Finding:
    """Whether all rows of a value kept their decision. A value without rows cannot pass."""
    title = f"{key[0]}={key[1]}"
    if place is None or not place.rows:
        why = (
            f"{title} has no rows {usable.about}"
            if place is not None
            else f"the rehearsal does not count {title}: only values that are frequent in training "
            "are counted (evaluate.min_slice_rows)"
        )
        return rule.fail(why, slice=title, metric=FLIPPED)
    held = rule.at_most(
        *(FLIPPED, place.flipped / place.rows, 0.0, f"the {FLIPPED} on {title} is", place.rows),
        title,
    )
    day, rows, most = max(place.by_night, key=lambda one: one[2])
    worst = f"; the most on {day}: {most:,} of {counted(rows, 'row')}" if most else ""
    return held.model_copy(update={"detail": f"{held.detail}, {usable.about}{worst}"})


def usable_nights(rule: Flips, rehearsal: Rehearsal) -> UsableCounts | Finding:
    """The nights that both models scored, or a finding with the reason why there are none."""
    known = rehearsal.nights
    if known is None:
        return _unknown(rule, NOT_ASKED)
    state, why = known.champion.state, known.champion.why
    if state == "none":
        reason = "no champion yet, so there is nothing to compare the nights with"
        return _unknown(rule, reason, tolerated=True)
    if state != "scored":
        words = STATES["incomparable" if state == "incomparable" else "unreadable"]
        return rule.fail(f"{words}: {why or 'no reason given'}", metric=FLIPPED)
    if known.why is not None:
        return _unknown(rule, f"no night was rehearsed: {known.why}")
    nights, lost = known.compared, [night for night in known.nights if night.why is not None]
    first = f"{lost[0].day}: {lost[0].why}" if lost else ""
    if not nights:
        count = counted(len(known.nights), "night")
        return _unknown(rule, f"none of {count} could be rehearsed; {first}")
    span = (
        f"the night of {nights[0].day}"
        if len(nights) == 1
        else f"{counted(len(nights), 'night')}, {nights[0].day} to {nights[-1].day}"
    )
    left_out = f" ({len(lost)} of {len(known.nights)} could not be; {first})" if lost else ""
    return UsableCounts(nights, f"on {span}{left_out}")


def _unknown(rule: Flips, why: str, **facts: Any) -> Finding:
    return rule.finding(Outcome.INCONCLUSIVE, why, metric=FLIPPED, **facts)
