"""The report of the stage ``evaluate``: the metrics of a bundle on the holdout.

Reading checks only the schema. Implausible numbers (NaN, an inverted interval) are reported by
the gate's rules as findings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from assay.metrics.estimate import Estimate
from assay.project import layout
from assay.project.document import (
    Count,
    Document,
    Finite,
    Report,
    SparseDocument,
    Text,
    find_duplicates,
    json_type,
)
from assay.project.tasks import HEADLINE, Better, Task, orient_value

Measured = Annotated[Estimate, PlainSerializer(Estimate.plain)]
Metrics = Annotated[
    Mapping[str, Measured],
    AfterValidator(MappingProxyType),
    PlainSerializer(lambda found: {name: one.plain() for name, one in found.items()}),
]
"""Metric -> estimate; immutable."""

OwnDirections = Annotated[
    Mapping[str, Better], AfterValidator(MappingProxyType), PlainSerializer(dict)
]
"""The project's own metrics in a report -> which of their values are better; immutable."""


SECONDARY_METRIC: Mapping[Task, str] = {
    "binary": "calibration_error",
    "multiclass": "calibration_error",
    "regression": "bias",
}
"""Task -> the second metric shown for slices, beside the headline metric that ranks them."""


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"is {json_type(value)}, not a slice's value")
    return str(value)


class SliceResult(SparseDocument):
    """One slice (`assay.metrics.slices.SliceRows`); ``metrics`` is None if it is too small.

    ``positives``, ``selected`` (rows predicted positive) and ``selection_rate`` are for binary
    models only. The two error rates are of sensitive fields only: the share of negative rows that
    are predicted positive, and of positive rows that are not.
    """

    field: Text
    value: Annotated[str, BeforeValidator(_as_text)]
    rows: Count
    positives: Count | None = None
    selected: Count | None = None
    units: Count
    selection_rate: Measured | None = None
    false_positive_rate: Measured | None = None
    false_negative_rate: Measured | None = None
    metrics: Metrics | None
    why: Text | None = None

    @property
    def title(self) -> str:
        return f"{self.field}={self.value}"

    @model_validator(mode="after")
    def _nothing_without_a_reason(self) -> Self:
        if self.metrics is None and self.why is None:
            raise ValueError("why is missing: metrics is null for no reason")
        return self


_THOUSANDTHS = re.compile(r"-|-?(1000|\d{1,3})")


def _pairs_of(count: int) -> int:
    return count * (count - 1) // 2


class GroupCorrelations(Document):
    """How the errors of a field's groups go together, as they share nights.

    ``metrics`` has for each metric or rate the correlation of every pair of ``values``, the first
    with all others, then the second with those after it, as whole thousandths; ``-`` if unknown.
    """

    field: Text
    values: tuple[Annotated[str, BeforeValidator(_as_text)], ...]
    metrics: Annotated[Mapping[str, str], AfterValidator(MappingProxyType), PlainSerializer(dict)]

    @model_validator(mode="after")
    def _all_pairs(self) -> Self:
        pairs = _pairs_of(len(self.values))
        for name, text in self.metrics.items():
            each = text.split(" ")
            if len(each) != pairs or not all(map(_THOUSANDTHS.fullmatch, each)):
                raise ValueError(
                    f"metrics.{name} holds no {pairs} correlations in whole thousandths"
                )
        return self

    @classmethod
    def of(
        cls, field: str, values: Sequence[str], correlations: Mapping[str, Sequence[float | None]]
    ) -> Self:
        """Correlations are rounded down, which makes intervals wider."""
        written = {
            name: " ".join("-" if one is None else str(math.floor(one * 1000)) for one in each)
            for name, each in correlations.items()
        }
        return cls(field=field, values=tuple(values), metrics=written)

    def between(self, one: str, other: str, metric: str) -> float | None:
        """The correlation of two groups; None if it is unknown."""
        text = self.metrics.get(metric)
        if text is None or one not in self.values or other not in self.values or one == other:
            return None
        first, second = sorted((self.values.index(one), self.values.index(other)))
        before = _pairs_of(len(self.values)) - _pairs_of(len(self.values) - first)
        word = text.split(" ")[before + second - first - 1]
        return None if word == "-" else int(word) / 1000


class Measurement(SparseDocument):
    """Everything that is computed from labels and scores alone.

    ``unit`` is the unit of resampling and ``units`` their number (`assay.metrics.sampling_units`).
    ``positives``, ``selected`` (rows predicted positive) and ``threshold`` are for binary models
    only. ``sensitive`` are the fields among the slices that are groups of people. ``own_metrics``
    are those of ``metrics`` that are the project's own code. ``correlations`` are of the fields
    whose groups share units.
    """

    task: Task
    unit: Text
    units: Count
    rows: Count
    positives: Count | None = None
    selected: Count | None = None
    threshold: float | None = None
    confidence: Annotated[float, Field(gt=0, lt=1)]
    metrics: Metrics
    own_metrics: OwnDirections = Field(default_factory=dict, validate_default=True)
    slices: tuple[SliceResult, ...]
    sensitive: tuple[Text, ...] = ()
    correlations: tuple[GroupCorrelations, ...] = ()

    @model_validator(mode="after")
    def _each_slice_once(self) -> Self:
        if twice := find_duplicates(part.title for part in self.slices):
            raise ValueError(f"slices has {twice} more than once")
        return self

    @property
    def rank_by(self) -> str:
        """The metric that slices are ranked by."""
        return HEADLINE[self.task]

    def summary(self) -> dict[str, float | int | None]:
        """The flat values for ``dvc metrics show``, rounded to six decimals."""
        values = {
            name: None if estimate.value is None else round(estimate.value, 6)
            for name, estimate in self.metrics.items()
        }
        counts = {"rows": self.rows, "positives": self.positives, "selected": self.selected}
        return {**values, **{name: count for name, count in counts.items() if count is not None}}


class FeatureDrop(Document):
    """By how much the metric got worse when one feature was shuffled.

    ``drop`` is the mean of the repeats, ``low`` and ``high`` the least and the most of them; None
    if the metric had no value. Below 0 it got better, as by chance.
    """

    feature: Text
    drop: Finite | None
    low: Finite | None
    high: Finite | None


class FeatureImportance(SparseDocument):
    """The permutation importance of each feature, the largest first.

    ``metric`` is ``train.select_by``; ``rows`` of the holdout were shuffled ``repeats`` times a
    feature. ``why`` says why there are no features.
    """

    metric: Text
    rows: Count
    repeats: Count
    features: tuple[FeatureDrop, ...] = ()
    why: Text | None = None

    @model_validator(mode="after")
    def _each_feature_once(self) -> Self:
        if twice := find_duplicates(one.feature for one in self.features):
            raise ValueError(f"features has {twice} more than once")
        return self


class ExplainedPart(Document):
    """The mean absolute contribution of each feature over some rows, the strongest first."""

    rows: Count
    units: Count
    features: Metrics


class Reasons(SparseDocument):
    """What moved the scores: of all rows that were explained, and of each slice by its title.

    A row's contributions are to the output that decides about it: with several classes, that of the
    class it is predicted to be of. ``scale`` is what they are in, ``against`` what they
    compare a row with. ``why`` says why there are none.
    """

    scale: Text | None = None
    against: Text | None = None
    whole: ExplainedPart | None = None
    slices: Mapping[Text, ExplainedPart] = Field(default_factory=dict)
    why: Text | None = None

    @model_validator(mode="after")
    def _nothing_without_a_reason(self) -> Self:
        if (self.whole is None) is (self.why is None):
            raise ValueError("why is missing: whole is null for no reason")
        return self


class Evaluation(Measurement, Report):
    """evaluation.json. Digests are ``sha256:<hex>``.

    ``types`` are the Python types in the model file beyond scikit-learn's own. ``importance`` is
    of models whose reasons are not known exactly, and of regressions, which rules of kind
    ``leakage`` need it of.
    """

    SCHEMA: ClassVar = 2
    FILE: ClassVar = layout.EVALUATION
    STAGE: ClassVar = "evaluate"
    WHAT: ClassVar = "an evaluation"

    schema_number: Literal[2] = Field(default=2, alias="schema")
    name: Text
    candidate: Text
    bundle: Text
    data: Text
    contract: Text
    types: tuple[Text, ...] = ()
    importance: FeatureImportance | None = None
    reasons: Reasons | None = None

    @classmethod
    def _of(cls, tree: Any) -> Self:
        report = super()._of(tree)
        if report.task == "binary":
            _complete(report, ("positives", "selected", "threshold"), "")
            for number, part in enumerate(report.slices):
                _complete(part, ("positives", "selected", "selection_rate"), f"slices[{number}].")
        return report


def _complete(part: Document, names: Sequence[str], where: str) -> None:
    """Check the fields that a binary model's evaluation must have.

    Raises
    ------
    ValueError
        One is missing.
    """
    for name in names:
        if getattr(part, name) is None:
            raise ValueError(f"{where}{name} is missing")


GROUP_RATES: Mapping[Task, tuple[str, ...]] = {
    "binary": ("selection_rate", "false_positive_rate", "false_negative_rate"),
    "multiclass": ("accuracy", "balanced_accuracy"),
    "regression": ("mae", "bias"),
}
"""Task -> what is shown of each group of people."""


LEAST_SHOWN = 10
"""Rows of a group of people from which on it is shown: a rate of fewer tells of single ones."""


def shown_groups(parts: Iterable[SliceResult]) -> tuple[list[SliceResult], int]:
    """The groups that people may see, the largest first, and how many are too small for that."""
    every = sorted(parts, key=lambda part: -part.rows)
    shown = [part for part in every if part.rows >= LEAST_SHOWN]
    return shown, len(every) - len(shown)


def group_rates(task: Task, part: SliceResult) -> dict[str, Estimate | None]:
    """The rates of a group by name, `GROUP_RATES`; None where they were not measured."""
    if task == "binary":
        return {name: getattr(part, name) for name in GROUP_RATES[task]}
    metrics = part.metrics or {}
    return {name: metrics.get(name) for name in GROUP_RATES[task]}


def sort_slices(report: Measurement) -> list[SliceResult]:
    """Slices by ``rank_by``, the worst first; those without a value come last."""

    def rank(part: SliceResult) -> tuple[bool, float]:
        value = None if part.metrics is None else part.metrics[report.rank_by].value
        return (value is None, 0.0 if value is None else orient_value(report.rank_by, value))

    return sorted(report.slices, key=rank)
