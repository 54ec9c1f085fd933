"""The influence of each row on the metrics of a classifier with several classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.metrics.evaluator import CLIP, Floats
from assay.metrics.influence import Influence
from assay.metrics.intervals.ranks import RankedScores
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.skill import skill_influence


def influences(scored: LabelledScores) -> Mapping[str, Influence]:
    """By metric; NaN or absent if the metric has no value.

    Without the calibration error, which has no derivative (`assay.metrics.calibration`).
    """
    truth, p, size = scored.truth, scored.scores, scored.scores.shape[1]
    called, rows = np.argmax(p, axis=1), np.arange(len(truth))
    right = (called == truth).astype(np.float64)
    actual = np.bincount(truth, minlength=size) / len(truth)
    said = np.bincount(called, minlength=size) / len(truth)
    hits = np.bincount(truth, weights=right, minlength=size) / len(truth)
    occur = actual > 0
    true = p[rows, truth]
    loss = -np.log(np.clip(true, CLIP, 1 - CLIP))
    square = np.square(p).sum(axis=1) - 2 * true + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, precision, f1 = hits / actual, hits / said, 2 * hits / (actual + said)
        by_actual = (right - recall[truth]) / actual[truth]
        by_said = (right - precision[called]) / said[called]
        both = (2 * right - f1[truth]) / (actual + said)[truth] - (f1 / (actual + said))[called]
        found = {
            "log_loss": Influence(loss - loss.mean()),
            "brier": Influence(square - square.mean()),
            "brier_skill": skill_influence(square, np.square(actual).sum() - 2 * actual[truth] + 1),
            "accuracy": Influence(right - right.mean(), np.ones(1)),
            "balanced_accuracy": Influence(by_actual / occur.sum(), _steps(actual[occur])),
            "macro_recall": Influence(by_actual / size, _steps(actual)),
            "macro_precision": Influence(by_said / size, _steps(said)),
            "macro_f1": Influence(both / size, 2 * _steps(actual + said)),
        }
    if occur.all():
        found["auc"] = Influence(_auc(scored))
    return found


def _steps(shares: Floats) -> Floats:
    """For each class, how far one more right answer moves the mean over classes."""
    return np.asarray(1 / (shares * len(shares)), dtype=np.float64)


def _auc(scored: LabelledScores) -> Floats:
    """The influence on the mean over classes of the AUC of one class against the rest."""
    size = scored.scores.shape[1]
    rows = np.zeros(len(scored))
    for place in range(size):
        rows += RankedScores(scored.truth == place, scored.scores[:, place]).auc_influence()
    rows /= size
    return rows
