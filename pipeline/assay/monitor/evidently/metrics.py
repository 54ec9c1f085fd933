"""Assay's numbers as Evidently metrics and tests.

Nothing is computed here: a metric is given its value and a test its result, so Evidently cannot
reach another one. A metric's name (its fields) is the same every night, because a dashboard plots
the metrics of one name as one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidently._pydantic_compat import PrivateAttr
from evidently.core.container import MetricContainer
from evidently.core.metric_types import (
    BoundTest,
    MetricTest,
    MetricTestResult,
    SingleValue,
    SingleValueBoundTest,
    SingleValueCalculation,
    SingleValueMetric,
)
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.tests.base_test import TestStatus

from assay.columns import summary_statistics
from assay.monitor.evidently import widgets
from assay.monitor.nights.column_values import MOST_DRAWN, format_number
from assay.monitor.nights.content import ColumnContent, Mark, MetricContent, ReportContent
from assay.monitor.nights.metric_cells import format_interval
from assay.project.text.number_format import counted

STATUS = {"ok": TestStatus.SUCCESS, "odd": TestStatus.WARNING, "bad": TestStatus.FAIL}


class DecisionTest(MetricTest):
    """A test with the result that Assay decided."""

    name: str
    standing: str
    words: str

    def to_test(self) -> Any:
        def run(_: Any, calculation: Any, value: SingleValue) -> MetricTestResult:
            return MetricTestResult(
                id="assay",
                name=self.name,
                description=self.words,
                metric_config=calculation.to_metric_config(),
                test_config={},
                status=STATUS[self.standing],
            )

        return run


class FixedResultTest(SingleValueBoundTest):
    """Returns a given result, which does not name this class, so any Evidently can read it."""

    def run_test(self, context: Any, calculation: Any, metric_result: Any) -> MetricTestResult:
        return self.test.to_test()(context, calculation, metric_result)


class ComputedMetric(SingleValueMetric):
    """A metric with a value that Assay computed, its charts, and an optional test."""

    _value: float = PrivateAttr()
    _label: str = PrivateAttr()
    _pictures: Any = PrivateAttr()
    _answer: Any = PrivateAttr()

    def __init__(
        self,
        value: float,
        label: str,
        pictures: Sequence[BaseWidgetInfo],
        answer: DecisionTest | None = None,
        **name: str,
    ) -> None:
        self._value, self._label = value, label
        self._pictures, self._answer = pictures, answer
        super().__init__(**name)

    def get_bound_tests(self, context: Any) -> list[BoundTest]:
        if self._answer is None:
            return []
        return [FixedResultTest(test=self._answer, metric_fingerprint=self.get_fingerprint())]


class ComputedMetricCalculation(SingleValueCalculation[ComputedMetric]):
    """Returns the given value."""

    def display_name(self) -> str:
        return str(self.metric._label)

    def calculate(self, context: Any, current_data: Any, reference_data: Any) -> SingleValue:
        result = self.result(self.metric._value)
        result.widget = list(self.metric._pictures)
        return result


class DriftShare(ComputedMetric):
    """Share of the features that drifted; its test is the decision about the night."""


class DriftLimit(ComputedMetric):
    """The share of the features that may drift on one night."""


class AlarmShare(ComputedMetric):
    """Share of the features in alarm by the false-alarm budget."""


class ColumnLimit(ComputedMetric):
    """The limit of a column's distance from the reference on one night."""

    column: str


class ScoreMean(ComputedMetric):
    """Mean score, or mean prediction of a regression."""


class QuarantineShare(ComputedMetric):
    """Share of the rows read that were quarantined."""


class ScoredRows(ComputedMetric):
    """How many rows were scored."""


class NullShare(ComputedMetric):
    """Share of all cells of the features that are null."""


class ColumnDistance(ComputedMetric):
    """A column's Jensen-Shannon distance from the reference, base 2."""

    column: str


class ColumnNotCompared(ComputedMetric):
    """A column without a distance: missing, empty, or counted on another grid."""

    column: str


class EstimatedPerformance(ComputedMetric):
    """A metric estimated without labels."""

    metric: str


class RealizedPerformance(ComputedMetric):
    """A metric computed from labels."""

    metric: str


class AllRows(MetricContainer):
    """The whole content of a night, from counts of all rows."""

    _told: ReportContent = PrivateAttr()

    def __init__(self, told: ReportContent) -> None:
        self._told = told
        super().__init__(include_tests=False)

    def generate_metrics(self, context: Any) -> list[ComputedMetric]:
        told = self._told
        return [
            *overview(told),
            *(
                metric
                for each in told.performance
                for metric in performance(each, each.metric == told.headline)
            ),
            *(distance(each, drawn=place < MOST_DRAWN) for place, each in enumerate(told.columns)),
        ]

    def render(self, context: Any, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        told = self._told
        drawn = dict(child_widgets or ())
        metrics = self.metrics(context)
        numbers = [
            picture
            for metric in metrics
            if not isinstance(metric, ColumnDistance | ColumnNotCompared)
            for picture in drawn.get(metric.metric_id, ())
        ]
        pictures = {
            metric.column: drawn.get(metric.metric_id, ())
            for metric in metrics
            if isinstance(metric, ColumnDistance)
        }
        of_score = told.score_column
        score = widgets.histogram(of_score) if of_score else None
        found = [
            widgets.text(INTRODUCTION.format(title=told.title, rows=told.rows_scored)),
            *numbers,
            widgets.pending_metric(told),
            widgets.performance(told.performance),
            score,
            widgets.columns(told, pictures),
            widgets.quality(told),
            widgets.broken_rules_table(told),
        ]
        return [each for each in found if each is not None]


INTRODUCTION = (
    "**{title}, on all {rows:,} scored rows.** Assay counted them while it scored them, and "
    "decided; Evidently shows the numbers, and the answers as tests. Limits are those of a "
    "night."
)


def overview(told: ReportContent) -> list[ComputedMetric]:
    """The available metrics about the night as a whole."""
    found: list[ComputedMetric] = [
        ScoredRows(told.rows_scored, "rows scored", []),
    ]
    share = told.drifted_share
    if share is not None:
        words = told.drifted_words
        found.append(
            DriftShare(share, words, [widgets.number(words, f"{share:.1%}")], _whole(told))
        )
        found.append(DriftLimit(told.most_drifted, "share of the features that may drift", []))
    alarms = told.alarm_share
    if alarms is not None:
        words = f"{told.in_alarm} of {told.features} features in alarm, with the nights before"
        found.append(AlarmShare(alarms, words, []))
    quarantined = told.quarantine_share
    if quarantined is not None:
        words = f"of {told.rows_read:,} rows read are in quarantine"
        found.append(
            QuarantineShare(quarantined, words, [widgets.number(words, f"{quarantined:.2%}")])
        )
    return [*found, *_score(told), *_nulls(told)]


def _whole(told: ReportContent) -> DecisionTest:
    # The night alone: its status with other nights is above the report, and may change.
    words = "; ".join(told.reasons) if told.crossed else "no limit is crossed"
    standing: Mark = "bad" if told.crossed else "ok"
    return DecisionTest(name="The night by itself", standing=standing, words=words)


def _score(told: ReportContent) -> list[ComputedMetric]:
    score = told.score_column
    now = None if score is None or score.now is None else summary_statistics.mean(score.now)
    if score is None or now is None:
        return []
    before = format_number(summary_statistics.mean(score.before))
    words = f"mean {score.name} (reference {before})"
    found: list[ComputedMetric] = [
        ScoreMean(now, f"mean {score.name}", [widgets.number(words, format_number(now))])
    ]
    if score.finding.limit is not None:
        label = f"{score.name}: limit of a night"
        found.append(ColumnLimit(score.finding.limit, label, [], column=score.name))
    return found


def _nulls(told: ReportContent) -> list[ComputedMetric]:
    counted = [each.now for each in told.columns if each.now is not None]
    cells = sum(each.rows for each in counted)
    if not cells:
        return []
    share = sum(each.nulls for each in counted) / cells
    words = "of all cells are null"
    return [NullShare(share, words, [widgets.number(words, f"{share:.1%}")])]


def performance(measured: MetricContent, headline: bool) -> list[ComputedMetric]:
    """A metric's estimated and realized value, as far as known.

    Parameters
    ----------
    headline
        Whether it is shown large.
    """
    found: list[ComputedMetric] = []
    kinds = (
        (EstimatedPerformance, measured.estimated, "expected without labels"),
        (
            RealizedPerformance,
            measured.realized,
            f"with the labels that arrived within {counted(measured.maturity_days, 'day')}",
        ),
    )
    for kind, number, how in kinds:
        if number is not None:
            words = f"{measured.metric}, {how}"
            picture = [widgets.number(words, format_interval(number), half=True)]
            found.append(
                kind(number.value, words, picture if headline else [], metric=measured.metric)
            )
    return found


def distance(column: ColumnContent, drawn: bool = True) -> ComputedMetric:
    """A column with its test, and its chart if ``drawn``."""
    answer = DecisionTest(name=column.name, standing=column.standing, words=column.words)
    far = column.finding.distance
    if far is None:
        return ColumnNotCompared(1, f"{column.name}: not compared", [], answer, column=column.name)
    picture = widgets.histogram(column) if drawn else None
    pictures = [] if picture is None else [picture]
    words = f"{column.name}: distance from the reference"
    return ColumnDistance(far, words, pictures, answer, column=column.name)
