"""The influence of each row on the metrics of a classifier.

Precision, recall and F1 are ratios of counts of rows by truth and prediction. The difference of two
models' ratios is a smooth function of the joint counts truth x champion x challenger, and these
derivatives give its delta-method variance.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.metrics.evaluator import CLIP, Floats
from assay.metrics.influence import Influence
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.ranks import RankedScores
from assay.metrics.skill import skill_influence


def binary_influences(scored: LabelledScores) -> Mapping[str, Influence]:
    """By metric; NaN throughout if the metric has no value.

    Without the calibration error, which has no derivative (`assay.metrics.calibration`).
    """
    true = scored.truth.astype(np.float64)
    predicted = (scored.scores >= scored.threshold).astype(np.float64)
    p = scored.scores
    positives, called, hits = true.mean(), predicted.mean(), (true * predicted).mean()
    loss = -np.log(np.clip(np.where(scored.truth, p, 1 - p), CLIP, 1 - CLIP))
    square = np.square(p - true)
    right = (true == predicted).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = hits / called, hits / positives
        f1 = 2 * hits / (positives + called)
        influences = {
            "log_loss": Influence(loss - loss.mean()),
            "brier": Influence(square - square.mean()),
            "brier_skill": skill_influence(square, np.square(true - positives)),
            "accuracy": Influence(right - right.mean(), np.ones(1)),
            "precision": Influence(predicted * (true - precision) / called, 1 / called[None]),
            "recall": Influence(true * (predicted - recall) / positives, 1 / positives[None]),
            "f1": Influence(
                (2 * true * predicted - f1 * (true + predicted)) / (positives + called),
                2 / (positives + called)[None],
            ),
        }
    if 0 < positives < 1:
        order = RankedScores(scored.truth, p)
        influences["auc"] = Influence(order.auc_influence())
        influences["average_precision"] = Influence(order.average_precision_influence())
    return influences


def multiclass_influences(scored: LabelledScores) -> Mapping[str, Influence]:
    """By metric; NaN or absent if the metric has no value.

    Without the calibration error, which has no derivative (`assay.metrics.calibration`).
    """
    truth, p, size = scored.truth, scored.scores, scored.scores.shape[1]
    called, rows = np.argmax(p, axis=1), np.arange(len(truth))
    right = (called == truth).astype(np.float64)
    actual = np.bincount(truth, minlength=size) / len(truth)
    predicted = np.bincount(called, minlength=size) / len(truth)
    hits = np.bincount(truth, weights=right, minlength=size) / len(truth)
    occur = actual > 0
    true = p[rows, truth]
    loss = -np.log(np.clip(true, CLIP, 1 - CLIP))
    square = np.square(p).sum(axis=1) - 2 * true + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, precision, f1 = hits / actual, hits / predicted, 2 * hits / (actual + predicted)
        by_actual = (right - recall[truth]) / actual[truth]
        by_said = (right - precision[called]) / predicted[called]
        both = (2 * right - f1[truth]) / (actual + predicted)[truth] - (f1 / (actual + predicted))[
            called
        ]
        influences = {
            "log_loss": Influence(loss - loss.mean()),
            "brier": Influence(square - square.mean()),
            "brier_skill": skill_influence(square, np.square(actual).sum() - 2 * actual[truth] + 1),
            "accuracy": Influence(right - right.mean(), np.ones(1)),
            "balanced_accuracy": Influence(by_actual / occur.sum(), _steps(actual[occur])),
            "macro_recall": Influence(by_actual / size, _steps(actual)),
            "macro_precision": Influence(by_said / size, _steps(predicted)),
            "macro_f1": Influence(both / size, 2 * _steps(actual + predicted)),
        }
    if occur.all():
        influences["auc"] = Influence(_auc(scored))
    return influences


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
