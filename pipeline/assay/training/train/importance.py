"""Permutation importance: how far a model's output moves when a feature is shuffled.

L. Breiman, "Random Forests", Machine Learning 45, 2001, shuffles a feature and compares losses.
Here the outputs themselves are compared, because a night that was just scored has no labels yet. A
feature that the model does not use has importance 0.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.columns.features import ColumnCache, Floats, FrameFeatures, Scorer, ShuffledFeatures

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 9


def permutation_importance(
    scorer: Scorer, sample: pd.DataFrame, features: Sequence[str], seed: int
) -> dict[str, float]:
    """The mean absolute change of the score, for each feature that is shuffled within ``sample``.

    For several classes it is half the sum over the classes: the share of probability that moves
    between classes.

    Parameters
    ----------
    sample
        Rows with all features.
    seed
        Each feature has its own random stream, so adding one does not change the others.
    """
    columns = ColumnCache(FrameFeatures(sample))
    before = scorer.scores(columns)
    found = {}
    for name in features:
        order = np.random.default_rng([seed, zlib.crc32(name.encode())]).permutation(len(sample))
        moved = _moved(before, scorer.scores(ShuffledFeatures(columns, name, order)))
        found[name] = float(f"{moved:.{DIGITS}g}")
    return found


def _moved(before: Floats, after: Floats) -> float:
    change = np.abs(after - before)
    each = change if change.ndim == 1 else change.sum(axis=1) / 2
    return float(each.mean()) if len(each) else 0.0
