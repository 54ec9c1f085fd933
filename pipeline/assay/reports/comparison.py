"""The report of the stage ``compare``: the challenger against the champion.

Reading checks only the schema. Implausible numbers (NaN, an inverted interval) are reported by
the gate's rules as findings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from assay.metrics.estimate import Estimate
from assay.metrics.intervals.difference import Difference
from assay.project import layout
from assay.project.document import (
    Count,
    Document,
    Finite,
    Report,
    SparseDocument,
    Text,
    find_duplicates,
)
from assay.project.tasks import HEADLINE, Task, orient_value
from assay.reports.evaluation import Measured, OwnDirections

State = Literal["none", "compared", "unreadable", "features_missing", "incomparable"]
"""``none``: there is no champion. ``unreadable``: the champion's bundle cannot be fetched, loaded
or used for scoring. ``features_missing``: the holdout lacks columns that the champion needs, or
has them with another type. ``incomparable``: the champion has another task, other classes or
another label. Only ``compared`` has numbers."""

SIGNIFICANT = 12
"""Significant digits of a number in the file. Fixed decimals would round small errors to 0."""

_KEYS = tuple(field.name for field in fields(Difference))
_NO_MEASURE = frozenset({"method", "why", "few", "needed", "doubt"})


def shorten(value: float | None) -> float | None:
    """The value as written to files; the digits beyond depend on the order of adding up."""
    if value is None or not math.isfinite(value):
        return value
    return float(f"{value:.{SIGNIFICANT}g}")


def _plain(one: Difference) -> dict[str, object]:
    values = ((name, getattr(one, name)) for name in _KEYS)
    return {name: value if name in _NO_MEASURE else shorten(value) for name, value in values}


def _with_a_reason(one: Difference) -> Difference:
    if one.value is None and not one.why:
        raise ValueError("why is missing: value is null for no reason")
    if one.needed is not None and one.needed < 0:
        raise ValueError(f"needed is {one.needed}, not 0 or more")
    return one


Differences = Annotated[
    Mapping[str, Annotated[Difference, AfterValidator(_with_a_reason)]],
    AfterValidator(MappingProxyType),
    PlainSerializer(lambda found: {name: _plain(one) for name, one in found.items()}),
]
"""Metric -> difference; immutable."""


class Challenger(Document):
    """The bundle that select chose."""

    candidate: Text
    bundle: Text


class ComparedChampion(Document):
    """The version that holds the stage; an unknown fact is None.

    In the state ``compared`` both are known.
    """

    version: Text | None
    bundle: Text | None


class SliceComparison(Document):
    """One slice (`assay.metrics.slices.SliceRows`); ``differences`` is None if it is too small."""

    field: Text
    value: str
    rows: Count
    units: Count
    differences: Differences | None
    why: Text | None = None

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"

    @model_validator(mode="after")
    def _nothing_without_a_reason(self) -> Self:
        if self.differences is None and self.why is None:
            raise ValueError("why is missing: differences is null for no reason")
        return self


class Stability(Document):
    """How far the challenger's predictions are from the champion's, regardless of labels.

    ``distance`` is the Jensen-Shannon distance of both score histograms. ``flipped`` is the
    share and ``rows`` the number of rows with another prediction; both are None for a regression.
    """

    distance: Annotated[float, PlainSerializer(shorten)]
    flipped: Measured | None
    rows: Count | None

    @model_validator(mode="after")
    def _counted_where_there_is_a_share(self) -> Self:
        if (self.flipped is None) is not (self.rows is None):
            null, other = ("rows", "flipped") if self.rows is None else ("flipped", "rows")
            raise ValueError(f"{null} is null, and {other} is not")
        return self


class ChangedPart(Document):
    """The share of the rows explained by both models whose strongest feature is another."""

    rows: Count
    units: Count
    changed: Measured


class ReasonChanges(SparseDocument):
    """How the challenger's reasons differ from the champion's.

    ``slices`` is by a slice's title. ``parts`` has each feature's part of all mean absolute
    contributions, the champion's and the challenger's; 0 if a model does not have it. ``why`` says
    why nothing is known.
    """

    whole: ChangedPart | None = None
    slices: Mapping[Text, ChangedPart] = Field(default_factory=dict)
    parts: Annotated[
        Mapping[Text, tuple[Finite, Finite]],
        AfterValidator(MappingProxyType),
        PlainSerializer(lambda found: {name: [*map(shorten, two)] for name, two in found.items()}),
    ] = Field(default_factory=dict, validate_default=True)
    why: Text | None = None

    @model_validator(mode="after")
    def _nothing_without_a_reason(self) -> Self:
        if (self.whole is None) is (self.why is None):
            raise ValueError("why is missing: whole is null for no reason")
        return self

    @property
    def sentence(self) -> str:
        """Whose reasons changed, in one line without anything of single rows."""
        share = None if self.whole is None else self.whole.changed.value
        if share is None:
            return f"Whether scores have other reasons is not known: {self.why}."
        who = f"{share:.1%} of rows have" if share else "No row has"
        text = f"{who} another strongest reason than with the champion"
        by = {name: now - was for name, (was, now) in self.parts.items()}
        moved = []
        for word, sign in (("gained", 1), ("lost", -1)):
            name = max(by, key=lambda each: sign * by[each])
            was, now = self.parts[name]
            if sign * by[name] > 0 and f"{was:.1%}" != f"{now:.1%}":
                moved.append(f"{name} {word} most ({was:.1%} → {now:.1%})")
        return f"{text}. Of all contributions {', '.join(moved)}." if moved else f"{text}."


class Comparison(Report):
    """comparison.json. Digests are ``sha256:<hex>``, ``confidence`` is a share.

    ``why`` is the reason why there are no numbers. If there are numbers, it is a caveat about
    their fairness, or None. ``own_metrics`` are those of the project's own code, also
    where there are no numbers.
    """

    SCHEMA: ClassVar = 2
    FILE: ClassVar = layout.COMPARISON
    STAGE: ClassVar = "compare"
    WHAT: ClassVar = "a comparison"

    schema_number: Literal[2] = Field(default=2, alias="schema")
    name: Text
    task: Task
    state: State
    why: Text | None
    challenger: Challenger
    champion: ComparedChampion | None
    data: Text
    contract: Text
    rows: Count
    unit: Text
    units: Count
    confidence: Annotated[float, Field(gt=0, lt=1)]
    differences: Differences | None
    own_metrics: OwnDirections = Field(default_factory=dict, validate_default=True)
    slices: tuple[SliceComparison, ...]
    stability: Stability | None
    reasons: ReasonChanges | None = None

    @model_validator(mode="after")
    def _each_slice_once(self) -> Self:
        if twice := find_duplicates(part.title for part in self.slices):
            raise ValueError(f"slices has {twice} more than once")
        return self

    @model_validator(mode="after")
    def _numbers_only_where_it_was_compared(self) -> Self:
        state, champion, compared = self.state, self.champion, self.state == "compared"
        # Numbers without a champion, or a champion without numbers: the file was edited.
        for name, part in (("differences", self.differences), ("stability", self.stability)):
            if (part is not None) is not compared:
                raise ValueError(
                    f"{name} is {'missing' if compared else 'there'}: state is {state}"
                )
        for many, there in (("slices", self.slices), ("reasons", self.reasons)):
            if there and not compared:
                raise ValueError(f"{many} are there: state is {state}")
        if (champion is None) is not (state == "none"):
            text = "null" if champion is None else "there"
            raise ValueError(f"champion is {text}: state is {state}")
        if compared and champion is not None:
            for name in ("version", "bundle"):
                if getattr(champion, name) is None:
                    raise ValueError(f"champion.{name} is null: state is {state}")
        if self.why is None and not compared:
            raise ValueError(f"why is missing: state is {state} for no reason")
        return self


def difference_estimate(one: Difference | None) -> Estimate | None:
    """The difference as an estimate with its interval, for display."""
    if one is None:
        return None
    return Estimate(
        one.value,
        one.low,
        one.high,
        one.why,
        one.degrees,
        one.design_effect,
        one.few,
        one.needed,
        one.doubt,
        one.worth,
    )


def sort_slices(report: Comparison) -> list[SliceComparison]:
    """Slices by the challenger's loss, the largest first; those without a value come last."""
    by = HEADLINE[report.task]

    def rank(part: SliceComparison) -> tuple[bool, float]:
        one = None if part.differences is None else part.differences.get(by)
        value = None if one is None else one.value
        return (value is None, 0.0 if value is None else orient_value(by, value))

    return sorted(report.slices, key=rank)
