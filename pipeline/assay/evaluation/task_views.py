"""What is shown of a model's rows in plots and on the page: one class a task.

The plots are small tables in the layout of DVC's plot templates (`assay.evaluation.plots`):

================== ==============================================================
binary             ``roc.csv``, ``precision_recall.csv``, ``calibration.csv``,
                   ``confusion.csv``, ``score_histogram.csv``
multiclass         ``calibration.csv`` and ``score_histogram.csv`` of the predicted
                   class's probability, ``confusion.csv``, ``classes.csv``
regression         ``predicted_actual.csv``, ``error_histogram.csv``
================== ==============================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.evaluation import plots
from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import Bools, Floats, Ints
from assay.metrics.labelled_scores import LabelledScores
from assay.pages import charts, svg
from assay.pages.svg import ORANGE, PALE
from assay.project.text import format_short
from assay.reports.comparison import SliceComparison
from assay.reports.evaluation import SliceResult

SHOWN = 30
"""Maximum number of values shown per slice field."""

SHOWN_CLASSES = 20
"""Maximum number of classes for which the page has a confusion table."""

ZERO = Estimate(0.0, None, None)
"""For an axis that shall hold 0."""

AnySlice = TypeVar("AnySlice", SliceResult, SliceComparison)
Named: TypeAlias = tuple[str, Estimate]


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that share an axis."""

    title: str
    rows: Sequence[tuple[str, Any]]
    low: float
    high: float


def by_field(
    slices: Iterable[AnySlice], ranked: Iterable[AnySlice]
) -> list[tuple[str, list[AnySlice], int]]:
    """Each field of the slices, its ranked slices that are shown, and how many more there are."""
    fields: dict[str, list[AnySlice]] = {part.field: [] for part in slices}
    for part in ranked:
        fields[part.field].append(part)
    return [(name, own[:SHOWN], max(0, len(own) - SHOWN)) for name, own in fields.items()]


@dataclass(frozen=True)
class ClassifierView:
    """Rows of a model that predicts a class by probabilities; more than one class is among them.

    Attributes
    ----------
    names
        The classes, in the order of the confusion matrix.
    predicted
        The number of each row's class ``(n,)``.
    true, p
        The probability of each row that calibration is about, and whether it came true.
    whose
        The words for that probability.
    outcomes
        How score_histogram.csv calls the rows for which it came true, and the others.
    """

    scored: LabelledScores
    label: str
    names: tuple[str, ...]
    predicted: Ints
    true: Bools
    p: Floats

    whose: ClassVar[str]
    outcomes: ClassVar[tuple[str, str]]

    def own_tables(self) -> dict[str, pd.DataFrame]:
        """The plots that only this task has."""
        return {}

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Confusion matrix of shape ``(classes, classes)``: actual by predicted class."""
        size = len(self.names)
        cell = size * self.scored.truth.astype(np.int64) + self.predicted
        return np.bincount(cell, minlength=size * size).astype(np.int64).reshape(size, size)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """File name -> table of each plot."""
        return {
            plots.CALIBRATION: plots.calibration_curve(self.true, self.p),
            plots.CONFUSION: plots.confusion_rows(self.confusion, self.names),
            plots.SCORES: plots.score_histogram(self.true, self.p, self.outcomes),
            **self.own_tables(),
        }

    def variables(self) -> dict[str, object]:
        """Template variables for the charts and tables of the page."""
        curve = self.tables[plots.CALIBRATION]
        top = float(curve[["mean_predicted", "observed_share"]].to_numpy(dtype=np.float64).max())
        few = len(self.names) <= SHOWN_CLASSES
        return {
            "calibration": charts.dot_plot(
                curve,
                "mean_predicted",
                "observed_share",
                (f"mean {self.whose} probability", "observed share"),
                low=0.0,
                high=min(max(0.1, top * 1.08), 1.0),
            ),
            "scores": self.histogram(None),
            "colours": (ORANGE, PALE),
            "outcomes": self.outcomes,
            "at": "",
            "names": self.names,
            "classes": [],
            "confusion": [*zip(self.names, self.confusion.tolist(), strict=True)] if few else [],
            "number": lambda value: format_short(value) if np.isfinite(value) else "-",
        }

    def histogram(self, mark: tuple[float, str] | None) -> object:
        """The histogram of scores, with a line at ``mark``."""
        return charts.bar_chart(
            self.tables[plots.SCORES],
            "probability",
            tuple(zip(self.outcomes[::-1], (PALE, ORANGE), strict=True)),
            f"{self.whose} probability",
            low=0.0,
            high=1.0,
            mark=mark,
        )

    def groups(self, higher: Sequence[Named], lower: Sequence[Named]) -> list[MetricGroup]:
        """The metrics of which higher values are better, and the others, each with an axis."""
        tops = [one.high or one.value or 0.0 for _, one in lower]
        return [
            MetricGroup("Higher is better", higher, 0.0, 1.0),
            MetricGroup("Lower is better", lower, 0.0, max(1.0, *tops)),
        ]


class BinaryView(ClassifierView):
    """Rows of a model that predicts yes or no at a threshold."""

    whose = "predicted"
    outcomes = ("positives", "negatives")

    def own_tables(self) -> dict[str, pd.DataFrame]:
        return {
            plots.ROC: plots.roc_curve(self.true, self.p),
            plots.PRECISION_RECALL: plots.precision_recall_curve(self.true, self.p),
        }

    def variables(self) -> dict[str, object]:
        at = self.scored.threshold
        return {
            **super().variables(),
            "scores": self.histogram((at, f"threshold {at:g}")),
            "outcomes": (self.label, f"not {self.label}"),
            "note": f"Rows right of the line are predicted {self.label}.",
            "at": f" at threshold {at}",
        }


class MulticlassView(ClassifierView):
    """Rows of a model that predicts the likeliest of several classes."""

    whose = "predicted class's"
    outcomes = ("right", "wrong")

    def own_tables(self) -> dict[str, pd.DataFrame]:
        return {plots.CLASSES: plots.class_metrics(self.confusion, self.names)}

    def variables(self) -> dict[str, object]:
        fewest_right_first = self.tables[plots.CLASSES].sort_values("recall", kind="stable")
        return {
            **super().variables(),
            "note": f"Each row is predicted to be of its likeliest {self.label}.",
            "classes": fewest_right_first.to_dict("records"),
        }


@dataclass(frozen=True)
class RegressionView:
    """Rows of a model that predicts a number; attributes as above."""

    scored: LabelledScores
    label: str

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """File name -> table of each plot."""
        return {
            plots.PREDICTED_ACTUAL: plots.predicted_actual(self.scored.truth, self.scored.scores),
            plots.ERRORS: plots.error_histogram(self.scored.truth, self.scored.scores),
        }

    def variables(self) -> dict[str, object]:
        """Template variables for the charts of the page."""
        actual, errors = self.tables[plots.PREDICTED_ACTUAL], self.tables[plots.ERRORS]
        values = actual[["predicted", "actual", "low", "high"]].to_numpy(dtype=np.float64)
        low, high = svg.round_out(float(values.min()), float(values.max()))
        half = float(errors["error"].diff().iloc[1]) / 2
        return {
            "actual": charts.dot_plot(
                actual,
                "predicted",
                "actual",
                (f"mean predicted {self.label}", f"mean {self.label}"),
                low=low,
                high=high,
            ),
            "errors": charts.bar_chart(
                errors,
                "error",
                [("rows", PALE)],
                "error",
                low=float(errors["error"].iloc[0]) - half,
                high=float(errors["error"].iloc[-1]) + half,
                mark=(0.0, "no error"),
            ),
        }

    def groups(self, higher: Sequence[Named], lower: Sequence[Named]) -> list[MetricGroup]:
        """The metrics of which higher values are better, and the others, each with an axis."""
        scale = svg.axis_limits([ZERO, *(one for _, one in lower)])
        ends = [one.value if one.low is None else one.low for _, one in higher]
        worst = min((end for end in ends if end is not None), default=0.0)
        low = svg.round_out(worst, 1.0, most=1.0)[0] if worst < 0 else 0.0
        return [
            MetricGroup(f"Errors, in the unit of {self.label}; nearer 0 is better", lower, *scale),
            MetricGroup("Higher is better", higher, low, 1.0),
        ]


View: TypeAlias = BinaryView | MulticlassView | RegressionView


def view_of(scored: LabelledScores, label: str) -> View:
    """The rows as their task is shown; ``label`` is the label's name."""
    if scored.task == "regression":
        return RegressionView(scored, label)
    if scored.task == "binary":
        yes = (scored.scores >= scored.threshold).astype(np.intp)
        return BinaryView(scored, label, (f"not {label}", label), yes, scored.truth, scored.scores)
    best = np.argmax(scored.scores, axis=1)
    right, p = best == scored.truth, scored.scores.max(axis=1)
    return MulticlassView(scored, label, scored.classes, best, right, p)
