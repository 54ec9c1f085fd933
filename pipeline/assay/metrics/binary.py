"""The ten metrics of a binary classifier.

``calibration_error`` is the expected calibration error over ten bins of equal count: the mean over
rows of the absolute difference between a bin's mean probability and its share of positives (Naeini,
Cooper and Hauskrecht, AAAI 2015). Equal-count bins are less biased than equal-width ones (Roelofs
et al., AISTATS 2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from assay.metrics.evaluator import CLIP, FEWEST, NO_NUMBER, Bools, Floats, calibration_error
from assay.metrics.influence import Influence
from assay.metrics.ranks import RankedScores
from assay.metrics.skill import compute_skill, skill_influence


def is_valid_input(y: Floats, p: Floats) -> bool:
    """Whether there are rows, each with a label 0 or 1 and a probability from 0 to 1."""
    return bool(len(y) and ((y == 0) | (y == 1)).all() and ((p >= 0) & (p <= 1)).all())


class BinaryEvaluator:
    """Rows with their labels and probabilities.

    Parameters
    ----------
    positive
        Booleans ``(n,)``.
    p
        Probabilities ``(n,)``, from 0 to 1.
    threshold
        A row is predicted positive when its probability is at or above it.
    """

    def __init__(self, positive: Bools, p: Floats, threshold: float) -> None:
        self._positive, self._p, self._called = positive, p, p >= threshold
        self._positives = int(positive.sum())
        self._negatives = len(p) - self._positives

    def why(self, name: str) -> str:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        positives, negatives = self._positives, self._negatives
        predicted = int(self._called.sum())
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
        """See `assay.metrics.labelled_scores.MetricEvaluator`: enough rows of both labels."""
        positives, negatives = self._positives, self._negatives
        if min(positives, negatives) >= FEWEST:
            return None
        return f"{positives} positives and {negatives} negatives, fewer than {FEWEST} of a label"

    @property
    def rarest(self) -> int:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        return min(self._positives, self._negatives)

    def metrics(self) -> dict[str, float]:
        """See `assay.metrics.labelled_scores.MetricEvaluator`."""
        positive, p, positives, rows = self._positive, self._p, self._positives, len(self._p)
        hits, called = int((positive & self._called).sum()), int(self._called.sum())
        clipped = np.clip(p, CLIP, 1 - CLIP)
        brier = float(np.square(p - positive).mean())
        ranked = RankedScores(positive, p) if positives and self._negatives else None
        return {
            "auc": ranked.auc_value if ranked else math.nan,
            "average_precision": ranked.average_precision if ranked else math.nan,
            "log_loss": float(-np.log(np.where(positive, clipped, 1 - clipped)).mean()),
            "brier": brier,
            "brier_skill": compute_skill(brier, positives * self._negatives / rows**2),
            "calibration_error": calibration_error(p, positive),
            "accuracy": float((positive == self._called).mean()),
            "precision": _share(hits, called),
            "recall": _share(hits, positives),
            "f1": _share(2 * hits, called + positives),
        }

    def influences(self) -> Mapping[str, Influence]:
        """See `assay.metrics.labelled_scores.MetricEvaluator`.

        Precision, recall and F1 are ratios of counts of rows by truth and prediction. The
        difference of two models' ratios is a smooth function of the joint counts truth x champion
        x challenger, and these derivatives give its delta-method variance.
        """
        true, predicted, p, n = self._positive * 1.0, self._called * 1.0, self._p, len(self._p)
        positives, called, hits = true.mean(), predicted.mean(), (true * predicted).mean()
        loss = -np.log(np.clip(np.where(self._positive, p, 1 - p), CLIP, 1 - CLIP))
        square = np.square(p - true)
        right = (true == predicted).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision, recall = hits / called, hits / positives
            f1 = 2 * hits / (positives + called)
            influences = {
                "log_loss": Influence(loss - loss.mean()),
                "brier": Influence(square - square.mean()),
                "brier_skill": skill_influence(square, np.square(true - positives)),
                "accuracy": Influence(right - right.mean(), np.ones(1), n),
                "precision": Influence(
                    predicted * (true - precision) / called, 1 / called[None], predicted.sum()
                ),
                "recall": Influence(
                    true * (predicted - recall) / positives, 1 / positives[None], true.sum()
                ),
                "f1": Influence(
                    (2 * true * predicted - f1 * (true + predicted)) / (positives + called),
                    2 / (positives + called)[None],
                    np.maximum(true, predicted).sum(),
                ),
            }
        if 0 < positives < 1:
            order = RankedScores(self._positive, p)
            influences["auc"] = Influence(order.auc_influence())
            influences["average_precision"] = Influence(order.average_precision_influence())
        return influences


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
