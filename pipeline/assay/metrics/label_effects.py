"""What each row's label does to a metric of a binary model, whatever the label turns out to be.

The influence of a row on a metric (`assay.metrics.influence`) depends on its label in two values
only, so it is ``fixed + label * slope``: a label that is not known yet moves the metric by at most
its slope. With labels between 0 and 1, or beyond for rows that speak for many, the same lines give
the metric that is expected, or estimated from a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from assay.metrics.evaluator import CLIP, Floats
from assay.metrics.influence import Influence


@dataclass(frozen=True)
class LabelEffects:
    """A metric of some rows, and the influence of each, ``fixed + label * slope``.

    Attributes
    ----------
    value
        The metric with the labels that it was computed for.
    fixed, slope
        Of shape (n,). A row of slope 0 needs no label: neither would change anything.
    """

    value: float
    fixed: Floats
    slope: Floats

    def subtract(self, other: LabelEffects) -> LabelEffects:
        """The difference of two models' metrics on the same rows."""
        return LabelEffects(
            self.value - other.value, self.fixed - other.fixed, self.slope - other.slope
        )

    def influence(self, labels: Floats) -> Influence:
        """The influence of rows with these labels ``(n,)``."""
        return Influence(self.fixed + labels * self.slope)


def label_effects(metric: str, scores: Floats, threshold: float, labels: Floats) -> LabelEffects:
    """The metric of rows with these scores and labels, and what each label does to it.

    Parameters
    ----------
    metric
        One of `METRICS`.
    scores, labels
        Of shape (n,). Labels are 0 and 1, what is expected of them, or estimates whose mean over
        all samples is right (`assay.ask.answer`).
    threshold
        A row is predicted positive at or above it.

    Returns
    -------
    LabelEffects
        NaN where the metric has no value.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return METRICS[metric](scores, (scores >= threshold).astype(np.float64), labels)


def _mean(where_0: Floats, where_1: Floats, labels: Floats) -> LabelEffects:
    """Of a mean of losses, which are ``where_0`` or ``where_1`` as the label is."""
    slope = where_1 - where_0
    value = float((where_0 + labels * slope).mean())
    return LabelEffects(value, where_0 - value, slope)


def _accuracy(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    return _mean(1 - called, called, labels)


def _brier(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    return _mean(np.square(scores), np.square(1 - scores), labels)


def _log_loss(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    return _mean(-np.log(1 - clipped), -np.log(clipped), labels)


def _brier_skill(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    loss, share = _brier(scores, called, labels), labels.mean()
    constant = share * (1 - share)
    ratio = loss.value / constant
    return LabelEffects(
        1 - ratio,
        (ratio * share**2 - np.square(scores)) / constant,
        (ratio * (1 - 2 * share) - loss.slope) / constant,
    )


def _precision(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    value = float((called * labels).sum() / called.sum())
    return LabelEffects(value, -called * value / called.mean(), called / called.mean())


def _recall(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    value = float((called * labels).sum() / labels.sum())
    return LabelEffects(value, np.zeros(len(scores)), (called - value) / labels.mean())


def _f1(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    both = called.mean() + labels.mean()
    value = float(2 * (called * labels).mean() / both)
    return LabelEffects(value, -called * value / both, (2 * called - value) / both)


class _Ranks:
    """Sums of values ``(n,)`` over the rows of lower, or of higher or equal score than each row."""

    def __init__(self, scores: Floats) -> None:
        self._order = np.argsort(scores, kind="stable")
        ordered = scores[self._order]
        self._below = np.searchsorted(ordered, scores, "left")
        self._to = np.searchsorted(ordered, scores, "right")

    def _sums(self, values: Floats) -> Floats:
        return np.concatenate([[0.0], np.cumsum(values[self._order])])

    def below(self, values: Floats) -> Floats:
        """Of lower score; a tie counts 1/2."""
        sums = self._sums(values)
        return np.asarray((sums[self._below] + sums[self._to]) / 2)

    def from_here(self, values: Floats) -> Floats:
        """Of the same or a higher score."""
        sums = self._sums(values)
        return np.asarray(sums[-1] - sums[self._below])

    def to_here(self, values: Floats) -> Floats:
        """Of the same or a lower score."""
        return np.asarray(self._sums(values)[self._to])


def _auc(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    ranks, positives, negatives = _Ranks(scores), labels.sum(), (1 - labels).sum()
    # A row is no pair with itself; that its label times the rest is 0 holds for 0 and 1 alone.
    pairs = (labels * ranks.below(1 - labels)).sum() - (labels * (1 - labels)).sum() / 2
    value = float(pairs / positives / negatives)
    as_0 = (1 - ranks.below(labels) / positives - value) / (1 - labels.mean())
    as_1 = (ranks.below(1 - labels) / negatives - value) / labels.mean()
    return LabelEffects(value, as_0, as_1 - as_0)


def _average_precision(scores: Floats, called: Floats, labels: Floats) -> LabelEffects:
    ranks, share = _Ranks(scores), labels.mean()
    listed = ranks.from_here(np.ones(len(scores)))
    # The precision where a positive is: it counts itself as one, however its label is estimated.
    precision = (ranks.from_here(labels) - labels + 1) / listed
    value = float((labels * precision).sum() / labels.sum())
    raises, lowers = ranks.to_here(labels / listed), ranks.to_here(labels * precision / listed)
    return LabelEffects(value, -lowers / share, (precision - value + raises) / share)


METRICS: Mapping[str, Callable[[Floats, Floats, Floats], LabelEffects]] = MappingProxyType(
    {
        "accuracy": _accuracy,
        "auc": _auc,
        "average_precision": _average_precision,
        "brier": _brier,
        "brier_skill": _brier_skill,
        "f1": _f1,
        "log_loss": _log_loss,
        "precision": _precision,
        "recall": _recall,
    }
)
"""The metrics with derivatives; the calibration error has none."""
