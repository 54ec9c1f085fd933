"""The ten metrics of a binary classifier.

Rows are split by label and sorted by probability once.

``calibration_error`` is the expected calibration error over ten bins of equal count: the mean over
rows of the absolute difference between a bin's mean probability and its share of positives (Naeini,
Cooper and Hauskrecht, AAAI 2015). Equal-count bins are less biased than equal-width ones (Roelofs
et al., AISTATS 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from assay.metrics.evaluator import (
    CLIP,
    FEWEST,
    NO_NUMBER,
    Bools,
    Floats,
    Ints,
    calibration_edges,
    cumulative_weights,
    row_dot,
)
from assay.metrics.skill import compute_skill


def is_valid_input(y: Floats, p: Floats) -> bool:
    """Whether there are rows, each with a label 0 or 1 and a probability from 0 to 1."""
    return bool(len(y) and ((y == 0) | (y == 1)).all() and ((p >= 0) & (p <= 1)).all())


class OneVsRestRanking:
    """Ranks one class against the rest, highest probability first.

    Parameters
    ----------
    high, low
        Probabilities of the positives and of the negatives, descending.
    """

    def __init__(self, high: Floats, low: Floats) -> None:
        self._below_or_tied = np.searchsorted(-low, -high, side="right")
        self._before = np.searchsorted(-low, -high, side="left")

    def negatives_above(self, negatives: Floats) -> Floats:
        """Weight of the negatives ranked at or above each positive, ``(r, positives)``.

        ``negatives`` are their cumulative weights ``(r, 1 + negatives)``.
        """
        return np.take(negatives, self._below_or_tied, axis=1)

    def auc(self, weight: Floats, all_positive: Floats, negatives: Floats, false: Floats) -> Floats:
        """Mann-Whitney AUC: a negative ranked below a positive counts 1, a tied one 1/2."""
        all_negative = negatives[:, -1]
        beaten = all_negative[:, None] - (false + np.take(negatives, self._before, axis=1)) / 2
        return row_dot(weight, beaten) / (all_positive * all_negative)


class BinaryEvaluator:
    """Rows split by label, highest probability first, with the positions of ties and cuts.

    Parameters
    ----------
    positive
        Booleans ``(n,)``.
    p
        Probabilities ``(n,)``, from 0 to 1.
    threshold
        A row is predicted positive when its probability is at or above it.

    Attributes
    ----------
    strata
        Row numbers of the positives and of the negatives.
    """

    def __init__(self, positive: Bools, p: Floats, threshold: float) -> None:
        order = np.argsort(-p, kind="stable")
        self.strata: tuple[Ints, Ints] = (order[positive[order]], order[~positive[order]])
        self._high, self._low = (p[rows] for rows in self.strata)
        # Number of positives ranked at or above each positive.
        self._with_ties = np.searchsorted(-self._high, -self._high, side="right")
        self._pairs = OneVsRestRanking(self._high, self._low)
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

    def why(self, name: str) -> str:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        positives, negatives = (len(rows) for rows in self.strata)
        predicted = sum(self._called)
        if name in ("auc", "average_precision", "brier_skill") and not (positives and negatives):
            return f"one class only: {positives} positives, {negatives} negatives"
        if name == "recall" and not positives:
            return "no positives"
        if name == "precision" and not predicted:
            return "no row is predicted positive"
        if name == "f1" and not positives + predicted:
            return "no positives and no row predicted positive"
        return NO_NUMBER

    def few(self, name: str) -> str | None:
        """See `assay.metrics.evaluator`; every metric needs enough rows of both labels."""
        positives, negatives = (len(rows) for rows in self.strata)
        if min(positives, negatives) >= FEWEST:
            return None
        return f"{positives} positives and {negatives} negatives, fewer than {FEWEST} of a label"

    @property
    def rarest(self) -> int:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        return min(len(rows) for rows in self.strata)

    def metrics(self, *weights: Floats) -> Mapping[str, Floats]:
        """See `assay.metrics.evaluator.MetricEvaluator`."""
        positive, negative = weights
        seen_positive, seen_negative = cumulative_weights(positive), cumulative_weights(negative)
        with np.errstate(divide="ignore", invalid="ignore"):
            ranks = self._ranks(positive, seen_positive, seen_negative)
            means = self._means(positive, negative, seen_positive, seen_negative)
            calls = self._calls(seen_positive, seen_negative)
        return {**ranks, **means, **calls}

    def _ranks(self, weight: Floats, positives: Floats, negatives: Floats) -> dict[str, Floats]:
        all_positive, false = positives[:, -1], self._pairs.negatives_above(negatives)
        true = np.take(positives, self._with_ties, axis=1)
        called = true + false
        precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
        average = row_dot(weight, precision) / all_positive
        return {
            "auc": self._pairs.auc(weight, all_positive, negatives, false),
            "average_precision": np.where(negatives[:, -1] > 0, average, np.nan),
        }

    def _means(
        self, positive: Floats, negative: Floats, positives: Floats, negatives: Floats
    ) -> dict[str, Floats]:
        all_positive, all_negative = positives[:, -1], negatives[:, -1]
        total = all_positive + all_negative
        gap = np.zeros(len(total))
        for (a, b), (c, d) in zip(*self._bins, strict=True):
            expected = positive[:, a:b] @ self._high[a:b] + negative[:, c:d] @ self._low[c:d]
            gap += np.abs(expected - (positives[:, b] - positives[:, a]))
        loss = positive @ self._loss[0] + negative @ self._loss[1]
        square = positive @ self._square[0] + negative @ self._square[1]
        return {
            "log_loss": loss / total,
            "brier": square / total,
            "brier_skill": compute_skill(
                square / total, all_positive * all_negative / np.square(total)
            ),
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


def _count_at_least(descending: Floats, limit: float) -> int:
    return int(np.searchsorted(-descending, -limit, side="right"))


def _ranges(descending: Floats, edges: Floats) -> list[tuple[int, int]]:
    """Start and end of each calibration bin, whose lower edge is the edge of the bin below."""
    above = np.searchsorted(-descending, -edges, side="left")
    cuts = [0, *(int(count) for count in above), len(descending)]
    return list(pairwise(cuts))
