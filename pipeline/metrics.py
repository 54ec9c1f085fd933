"""The nine metrics of a binary classifier, for many weightings of the same rows at once.

Rows are split by label and sorted by probability once (:class:`Ranking`); after that a
weighting of the rows costs a few cumulative sums. :func:`metric` uses it for one
weighting, the bootstrap for hundreds.

Each metric equals scikit-learn's. A metric that has no value is NaN, never 0 or 1:
scikit-learn's ``zero_division`` and its average precision of 1 without any negative are
numbers that would pass a gate.

``calibration_error`` is the expected calibration error over ten bins that hold an equal
count of rows: the mean over rows of the distance between a bin's mean probability and its
share of positives (Naeini, Cooper and Hauskrecht, AAAI 2015). Equal-count rather than
equal-width bins because they are less biased (Roelofs et al., AISTATS 2022). The bins
depend on the probabilities alone, never on the weights, so that all resamples of one
table share them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.params import METRICS

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

CLIP = float(np.finfo(np.float64).eps)
"""log_loss takes probabilities from CLIP to 1 - CLIP (2.2e-16), as scikit-learn does."""

BINS = 10
"""Bins of the calibration error, of equal count up to ties."""


def metric(
    name: str, y: ArrayLike, p: ArrayLike, threshold: float, weight: ArrayLike | None = None
) -> float:
    """One metric of one table.

    Parameters
    ----------
    name
        One of ``params.METRICS``.
    y, p
        Labels (0 or 1, or booleans) and probabilities of the positive class, both ``(n,)``.
    threshold
        A row is predicted positive when its probability is at or above it.
    weight
        Weights ``(n,)``, none of them negative; None weighs all rows alike.

    Returns
    -------
    float
        NaN where the metric has no value: no rows, a label other than 0 and 1, a
        probability that is not finite or outside 0 to 1, or what :func:`why` says.

    Raises
    ------
    ValueError
        For an unknown name, shapes that differ, or a weight that is negative or not finite.
    """
    if name not in METRICS:
        raise ValueError(f"no metric is called {name!r}; there are {', '.join(METRICS)}")
    labels = np.asarray(y, dtype=np.float64)
    scores = np.asarray(p, dtype=np.float64)
    weights = np.ones(labels.shape) if weight is None else np.asarray(weight, dtype=np.float64)
    if labels.ndim != 1 or not labels.shape == scores.shape == weights.shape:
        raise ValueError(
            f"expected one dimension and one length, found {labels.shape} labels, "
            f"{scores.shape} probabilities, {weights.shape} weights"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("a weight is negative or not finite")
    if not usable(labels, scores):
        return float("nan")
    ranking = Ranking(labels == 1, scores, threshold)
    return float(ranking.metrics(*ranking.split(weights))[name][0])


def usable(y: Floats, p: Floats) -> bool:
    """Whether there are rows, each with a label 0 or 1 and a probability from 0 to 1."""
    return bool(len(y) and ((y == 0) | (y == 1)).all() and ((p >= 0) & (p <= 1)).all())


def why(name: str, positives: int, negatives: int, predicted: int) -> str:
    """Why metric ``name`` has no value in a table with these counts of rows, in words."""
    if not positives + negatives:
        return "no rows"
    if name in ("auc", "average_precision") and not (positives and negatives):
        return f"one class only: {positives} positives, {negatives} negatives"
    if name == "recall" and not positives:
        return "no positives"
    if name == "precision" and not predicted:
        return "no row is predicted positive"
    if name == "f1" and not positives + predicted:
        return "no positives and no row predicted positive"
    return "it came out as not a number"


def calibration_edges(p: Floats) -> Floats:
    """Upper edges ``(<= BINS - 1,)`` of all calibration bins but the last, ascending.

    Edges are probabilities that occur, and equal probabilities share a bin, so a model
    with few distinct outputs has fewer bins.
    """
    return np.unique(np.quantile(p, np.arange(1, BINS) / BINS, method="inverted_cdf"))


def calibration_bins(p: Floats) -> Ints:
    """The calibration bin of each row, ``(n,)``, counted from 0 for the lowest."""
    return np.searchsorted(calibration_edges(p), p, side="left")


class Ranking:
    """Rows split by label, highest probability first, and where ties and limits fall.

    Parameters
    ----------
    positive
        Booleans ``(n,)``.
    p
        Probabilities ``(n,)``, from 0 to 1.
    threshold
        See :func:`metric`.

    Attributes
    ----------
    positives, negatives
        Numbers of the rows in ``positive`` and ``p``, in the order that weights must have.
    """

    def __init__(self, positive: NDArray[np.bool_], p: Floats, threshold: float) -> None:
        order = np.argsort(-p, kind="stable")
        self.positives: Ints = order[positive[order]]
        self.negatives: Ints = order[~positive[order]]
        self._high, self._low = p[self.positives], p[self.negatives]
        # How many positives, and negatives, come at or strictly before each positive.
        self._with_ties = np.searchsorted(-self._high, -self._high, side="right")
        self._below_or_tied = np.searchsorted(-self._low, -self._high, side="right")
        self._before = np.searchsorted(-self._low, -self._high, side="left")
        self._called = (
            _count_at_least(self._high, threshold),
            _count_at_least(self._low, threshold),
        )
        edges = calibration_edges(p)[::-1]
        self._bins = (_ranges(self._high, edges), _ranges(self._low, edges))
        self._loss = (
            -np.log(np.clip(self._high, CLIP, 1 - CLIP)),
            -np.log(1 - np.clip(self._low, CLIP, 1 - CLIP)),
        )
        self._square = (np.square(1 - self._high), np.square(self._low))

    @property
    def predicted(self) -> int:
        """Rows at or above the threshold."""
        return int(sum(self._called))

    def split(self, weight: Floats) -> tuple[Floats, Floats]:
        """Weights ``(n,)`` in row order as the two arguments of :meth:`metrics`."""
        return weight[None, self.positives], weight[None, self.negatives]

    def metrics(self, positive: Floats, negative: Floats) -> Mapping[str, Floats]:
        """Every metric under each of ``r`` weightings.

        Parameters
        ----------
        positive, negative
            Weights ``(r, positives)`` and ``(r, negatives)``, in the order of
            ``self.positives`` and ``self.negatives``.

        Returns
        -------
        Mapping
            By name ``(r,)``, NaN where a metric has no value.
        """
        seen_positive, seen_negative = _running(positive), _running(negative)
        with np.errstate(divide="ignore", invalid="ignore"):
            ranks = self._ranks(positive, seen_positive, seen_negative)
            means = self._means(positive, negative, seen_positive, seen_negative)
            calls = self._calls(seen_positive, seen_negative)
        return {**ranks, **means, **calls}

    def _ranks(self, weight: Floats, positives: Floats, negatives: Floats) -> dict[str, Floats]:
        all_positive, all_negative = positives[:, -1], negatives[:, -1]
        false = np.take(negatives, self._below_or_tied, axis=1)
        # Mann-Whitney: a negative below counts one, a tied one a half.
        beaten = all_negative[:, None] - (false + np.take(negatives, self._before, axis=1)) / 2
        auc = _dot(weight, beaten) / (all_positive * all_negative)
        true = np.take(positives, self._with_ties, axis=1)
        called = true + false
        precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
        average = _dot(weight, precision) / all_positive
        return {
            "auc": auc,
            "average_precision": np.where(all_negative > 0, average, np.nan),
        }

    def _means(
        self, positive: Floats, negative: Floats, positives: Floats, negatives: Floats
    ) -> dict[str, Floats]:
        total = positives[:, -1] + negatives[:, -1]
        gap = np.zeros(len(total))
        for (a, b), (c, d) in zip(*self._bins, strict=True):
            expected = positive[:, a:b] @ self._high[a:b] + negative[:, c:d] @ self._low[c:d]
            gap += np.abs(expected - (positives[:, b] - positives[:, a]))
        loss = positive @ self._loss[0] + negative @ self._loss[1]
        square = positive @ self._square[0] + negative @ self._square[1]
        return {
            "log_loss": loss / total,
            "brier": square / total,
            "calibration_error": gap / total,
        }

    def _calls(self, positives: Floats, negatives: Floats) -> dict[str, Floats]:
        all_positive, all_negative = positives[:, -1], negatives[:, -1]
        true, false = positives[:, self._called[0]], negatives[:, self._called[1]]
        return {
            "accuracy": (true + all_negative - false) / (all_positive + all_negative),
            "precision": true / (true + false),
            "recall": true / all_positive,
            "f1": 2 * true / (true + false + all_positive),
        }


def _running(weight: Floats) -> Floats:
    """Column k is the weight of the first k rows."""
    sums = np.zeros((weight.shape[0], weight.shape[1] + 1))
    np.cumsum(weight, axis=1, out=sums[:, 1:])
    return sums


def _dot(left: Floats, right: Floats) -> Floats:
    result: Floats = np.einsum("rn,rn->r", left, right)
    return result


def _count_at_least(descending: Floats, limit: float) -> int:
    return int(np.searchsorted(-descending, -limit, side="right"))


def _ranges(descending: Floats, edges: Floats) -> list[tuple[int, int]]:
    """Where each calibration bin starts and ends; a bin reaches down to the edge below it."""
    above = np.searchsorted(-descending, -edges, side="left")
    cuts = [0, *(int(count) for count in above), len(descending)]
    return list(pairwise(cuts))
