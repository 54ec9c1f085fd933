"""A label as a function of one number, from few rows: by lines between neighbouring values.

Bins need several rows each, so of a few hundred rows they blur even an exact function.
"""

from __future__ import annotations

import numpy as np

from assay.columns.features import Floats

FEW_ROWS = 1000
"""From so many rows on, bins tell as much and are disturbed less by noise."""


def interpolate(values: Floats, target: Floats, asked: Floats) -> Floats:
    """The target at other values, by a line between the two known ones that are next.

    Parameters
    ----------
    values, target
        Of n known rows; of rows with equal values the mean target is taken.
    asked
        Values of m other rows; one that is not finite gets the mean target.

    >>> interpolate(np.array([0.0, 2.0]), np.array([1.0, 5.0]), np.array([1.0, np.nan]))
    array([3., 3.])
    """
    result = np.full(len(asked), target.mean())
    known, there = np.isfinite(values), np.isfinite(asked)
    if known.any():
        places, inverse = np.unique(values[known], return_inverse=True)
        means = np.bincount(inverse, weights=target[known]) / np.bincount(inverse)
        result[there] = np.interp(asked[there], places, means)
    return result
