"""Permutation importance: by how much a metric gets worse when a feature is shuffled.

L. Breiman, "Random Forests", Machine Learning 45, 2001. The labels of the holdout are known, so the
model's metric is compared. `assay.training.train.reference` compares the scores instead, for
nights whose labels are not known yet.

The cost is bounded: at most ``ROWS`` rows are scored ``REPEATS`` times for each feature.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from assay.columns.features import ColumnCache, FrameFeatures, Scorer, ShuffledFeatures
from assay.metrics.estimate import round_value
from assay.metrics.evaluator import Ints
from assay.metrics.labelled_scores import LabelledScores
from assay.project.tasks import inapplicable_reason, orient_value
from assay.reports.evaluation import FeatureDrop, FeatureImportance

if TYPE_CHECKING:
    import pandas as pd

ROWS = 5_000
"""The most rows of the holdout that are shuffled and scored."""
REPEATS = 5
"""How often each feature is shuffled."""


def measure_importance(
    scorer: Scorer,
    frame: pd.DataFrame,
    scored: LabelledScores,
    features: Sequence[str],
    metric: str,
    seed: int,
) -> FeatureImportance:
    """How much ``metric`` drops when each feature is shuffled, the largest drop first.

    Parameters
    ----------
    frame
        The holdout, ``n`` rows, with all features.
    scored
        Labels and scores of the same rows, all valid.
    features
        The model's features.
    metric
        ``train.select_by``.
    seed
        Each feature has its own random stream, so adding one does not change the others.
    """
    rows = draw_rows(len(scored), ROWS, seed)
    unknown = inapplicable_reason(metric, scored.task)
    if unknown is not None:
        return FeatureImportance(metric=metric, rows=len(rows), repeats=REPEATS, why=unknown)
    sample = scored.take(rows)
    before = _value(sample, metric)
    if not math.isfinite(before):
        why = f"{metric} has no value on these rows"
        return FeatureImportance(metric=metric, rows=len(rows), repeats=REPEATS, why=why)
    columns = ColumnCache(FrameFeatures(frame.iloc[rows]))
    drops_by_feature = []
    for name in features:
        random = np.random.default_rng([seed, zlib.crc32(name.encode())])
        drops = []
        for _ in range(REPEATS):
            shuffled = ShuffledFeatures(columns, name, random.permutation(len(rows)))
            after = _value(replace(sample, scores=scorer.scores(shuffled)), metric)
            drops.append(orient_value(metric, before) - orient_value(metric, after))
        drops_by_feature.append(_drop(name, drops))
    drops_by_feature.sort(
        key=lambda one: (math.inf if one.drop is None else -one.drop, one.feature)
    )
    return FeatureImportance(
        metric=metric, rows=len(rows), repeats=REPEATS, features=tuple(drops_by_feature)
    )


def _value(scored: LabelledScores, metric: str) -> float:
    """One metric; NaN if it has no value."""
    if metric == "calibration_error" or not scored.is_valid_input():
        return scored.values()[metric]
    # What corrects the calibration error would take most of the time.
    return scored.evaluator().metrics()[metric]


def draw_rows(rows: int, most: int, seed: int) -> Ints:
    """The numbers of ``most`` of the rows, ascending; of all if there are no more."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _drop(name: str, drops: Sequence[float]) -> FeatureDrop:
    """The mean drop and its spread; None if the metric has no value for a shuffled feature."""
    if not all(map(math.isfinite, drops)):
        return FeatureDrop(feature=name, drop=None, low=None, high=None)
    mean = math.fsum(drops) / len(drops)
    return FeatureDrop(
        feature=name,
        drop=round_value(mean),
        low=round_value(min(drops)),
        high=round_value(max(drops)),
    )
