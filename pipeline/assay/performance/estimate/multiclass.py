"""Estimated metrics of a multiclass model.

The probability of the most likely class is the probability that the prediction is right, so
accuracy is exactly its mean. The other metrics are computed one-vs-rest, as the realized ones are:
each class's probabilities of all rows, and of the rows predicted as that class, form a binary
problem, and the macro metrics are the means over classes (NannyML's CBPE does the same row by row).

A row has one label, so the errors of the classes depend on each other, in a way that counts do not
show. Rows predicted as different classes are different rows, so the errors of macro precision are
added as independent ones. Those of AUC, recall and F1 are added as fully correlated, which is the
worst case: their intervals cover at least as often as stated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assay.columns.grid import NumberGrid
from assay.columns.night_effects import NightEffects
from assay.columns.profile import ColumnProfile
from assay.metrics.evaluator import FEWEST
from assay.performance.estimate import binary
from assay.performance.estimate.decisions import ScoreCells, cells_from_profile
from assay.performance.estimate.metric_estimate import (
    UNKNOWN_NIGHTS,
    CellInfluence,
    MetricEstimate,
    estimate_metric,
    interval,
    label_variance,
    missing_estimate,
    night_reach,
)
from assay.project.text import counted

ACCURACY = "accuracy"
MACRO = {"auc": "auc", "precision": "macro_precision", "recall": "macro_recall", "f1": "macro_f1"}
"""Metric of a class -> the name of its mean over classes."""


def estimate(
    cells: ScoreCells, confidence: float, effects: NightEffects | None
) -> dict[str, MetricEstimate]:
    """Accuracy, from cells of the most likely class's probability.

    Parameters
    ----------
    effects
        As in `assay.performance.estimate.binary.estimate`.
    """
    if not len(cells.counts):
        return {ACCURACY: missing_estimate("no rows")}
    value = float(cells.counts @ cells.means) / cells.rows
    size = len(cells.counts)
    right = CellInfluence(value, np.full(size, 1 - value), np.full(size, -value))
    accuracy = estimate_metric(ACCURACY, right, cells.counts, cells.means, confidence)
    if effects is None:
        return {ACCURACY: accuracy.without_interval(UNKNOWN_NIGHTS)}
    reach = night_reach(right, cells.counts, cells.means, effects, confidence)
    return {ACCURACY: accuracy.widened(ACCURACY, reach)}


@dataclass(frozen=True)
class ClassCells:
    """The probabilities of one class.

    Attributes
    ----------
    every
        Of all rows.
    said
        Of the rows predicted as this class; null for all others.
    effects
        How far nights lie from the probabilities of this class; None if it is unknown.
    """

    name: str
    grid: NumberGrid
    every: ColumnProfile
    said: ColumnProfile
    effects: NightEffects | None

    @property
    def split(self) -> tuple[ScoreCells, ScoreCells]:
        """Cells of the rows predicted as this class, and of the others."""
        others = replace(
            self.every,
            total_squares=max(self.every.total_squares - self.said.total_squares, 0.0),
            fine=replace(
                self.every.fine,
                counts=self.every.fine.counts - self.said.fine.counts,
                sums=self.every.fine.sums - self.said.fine.sums,
            ),
        )
        return cells_from_profile(self.said, self.grid), cells_from_profile(others, self.grid)


Found = tuple[CellInfluence, ScoreCells, NightEffects | None]


def macro(classes: Sequence[ClassCells], confidence: float) -> dict[str, MetricEstimate]:
    """The means over the classes of AUC, precision, recall and F1."""
    of_class = {one.name: _found(one) for one in classes}
    why = _few(classes)
    made = {}
    for metric, name in MACRO.items():
        parts = [each[metric] for each in of_class.values() if metric in each]
        lacking = [title for title, each in of_class.items() if metric not in each]
        if lacking or not parts:
            what = ", ".join(lacking) or "any class"
            made[name] = missing_estimate(f"it has no value of {what}")
        else:
            made[name] = _mean(name, metric, parts, confidence).without_interval(why)
    return made


def _found(one: ClassCells) -> Mapping[str, Found]:
    """The one-vs-rest metrics of a class that have a value."""
    said, others = one.split
    if not said.rows + others.rows:
        return {}
    both = ScoreCells(
        *(
            np.concatenate([getattr(part, name) for part in (said, others)])
            for name in ("low", "high", "counts", "means", "spread")
        )
    )
    answers = np.repeat([1.0, 0.0], [len(said.counts), len(others.counts)])
    by_metric: dict[str, Found] = {
        name: (influence, both, one.effects)
        for name, influence in binary.decision_metrics(both, answers).items()
    }
    whole = cells_from_profile(one.every, one.grid)
    area = binary.estimate_auc(whole)
    return by_metric if area is None else {**by_metric, "auc": (area, whole, one.effects)}


def _mean(name: str, metric: str, parts: Sequence[Found], confidence: float) -> MetricEstimate:
    value = math.fsum(influence.value for influence, _, _ in parts) / len(parts)
    labels = [
        math.sqrt(label_variance(influence, cells.counts, cells.means))
        for influence, cells, _ in parts
    ]
    apart = math.hypot(*labels) if metric == "precision" else math.fsum(labels)
    low, high = interval(name, value, apart / len(parts), confidence)
    reaches = [
        night_reach(influence, cells.counts, cells.means, effects, confidence)
        for influence, cells, effects in parts
        if effects is not None
    ]
    made = MetricEstimate(value, low, high)
    if len(reaches) < len(parts):
        return made.without_interval(UNKNOWN_NIGHTS)
    return made.widened(name, math.fsum(reaches) / len(parts))


def _few(classes: Sequence[ClassCells]) -> str | None:
    """Why too few rows determine the metrics to give intervals; None if enough do."""
    for one in classes:
        positives, called = one.every.total, one.said.rows - one.said.nulls
        if positives < FEWEST:
            return f"{positives:.1f} rows of class {one.name} expected, fewer than {FEWEST}"
        if called < FEWEST:
            return f"{counted(called, 'row')} predicted {one.name}, fewer than {FEWEST}"
    return None
