"""The influence of each row on the metrics of a binary classifier.

Precision, recall and F1 are ratios of counts of rows by truth and prediction. The difference of two
models' ratios is a smooth function of the joint counts truth x champion x challenger, and these
derivatives give its delta-method variance.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assay.metrics.evaluator import CLIP
from assay.metrics.influence import Influence
from assay.metrics.intervals.ranks import RankedScores
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.skill import skill_influence


def influences(scored: LabelledScores) -> Mapping[str, Influence]:
    """By metric; NaN throughout if the metric has no value.

    Without the calibration error, which has no derivative (`assay.metrics.calibration`).
    """
    true = scored.truth.astype(np.float64)
    said = (scored.scores >= scored.threshold).astype(np.float64)
    p = scored.scores
    positives, called, hits = true.mean(), said.mean(), (true * said).mean()
    loss = -np.log(np.clip(np.where(scored.truth, p, 1 - p), CLIP, 1 - CLIP))
    square = np.square(p - true)
    right = (true == said).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = hits / called, hits / positives
        f1 = 2 * hits / (positives + called)
        found = {
            "log_loss": Influence(loss - loss.mean()),
            "brier": Influence(square - square.mean()),
            "brier_skill": skill_influence(square, np.square(true - positives)),
            "accuracy": Influence(right - right.mean(), np.ones(1)),
            "precision": Influence(said * (true - precision) / called, 1 / called[None]),
            "recall": Influence(true * (said - recall) / positives, 1 / positives[None]),
            "f1": Influence(
                (2 * true * said - f1 * (true + said)) / (positives + called),
                2 / (positives + called)[None],
            ),
        }
    if 0 < positives < 1:
        order = RankedScores(scored.truth, p)
        found["auc"] = Influence(order.auc_influence())
        found["average_precision"] = Influence(order.average_precision_influence())
    return found
