"""Loops of linear models, one feature at a time, and of links and calibrations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.compiled.array_types import Shorts

_STATES = "Array(uint16, 1, 'C', readonly=True)"


@jit(
    f"void({FLOATS}, boolean, float64, float64, float64, {FLOATS}, {FLOATS}, {FLOATS}, "
    "float64[::1], float64[:, ::1])"
)
def add_numbers(
    values: Floats,
    scaled: bool,
    fill: float,
    mean: float,
    scale: float,
    weights: Floats,
    known: Floats,
    null: Floats,
    encoded: Floats,
    out: Floats,
) -> None:
    """Add the term of a numeric feature to each output.

    Parameters
    ----------
    scaled, fill, mean, scale
        How the feature is encoded; see `kernels_columns.encode`.
    weights
        Weight for each output.
    known, null
        For each output, the weighted missing indicator of a value and of a null.
    encoded
        Working memory of shape (rows,).
    out
        Of shape (outputs, rows); added to.
    """
    rows = len(values)
    if scaled:
        for i in range(rows):
            value = values[i]
            encoded[i] = ((fill if value != value else value) - mean) / scale
    else:
        for i in range(rows):
            encoded[i] = values[i]
    for k in range(len(weights)):
        weight, of_known, of_null, total = weights[k], known[k], null[k], out[k]
        for i in range(rows):
            value = values[i]
            indicator = of_null if value != value else of_known
            total[i] = (total[i] + weight * encoded[i]) + indicator


@jit(f"void({_STATES}, {FLOATS}, float64[:, ::1])")
def add_states(states: Shorts, table: Floats, out: Floats) -> None:
    """Add ``table[k * states + state]`` to output k; replaces one-hot columns."""
    count = len(table) // out.shape[0]
    for k in range(out.shape[0]):
        share, total = table[k * count : (k + 1) * count], out[k]
        for i in range(out.shape[1]):
            total[i] += share[states[i]]


@jit(f"void({FLOATS}, float64, float64, float64[::1])")
def logistic(values: Floats, slope: float, intercept: float, out: Floats) -> None:
    """``1 / (1 + exp(-(slope * value + intercept)))``, bit for bit as in scikit-learn."""
    for i in range(len(out)):
        out[i] = 1.0 / (1.0 + math.exp(-(slope * values[i] + intercept)))


@jit(f"void({FLOATS}, {_STATES}, {FLOATS}, {FLOATS}, float64[::1])")
def interpolate(values: Floats, ranks: Shorts, knots: Floats, heights: Floats, out: Floats) -> None:
    """Linear interpolation between knots, bit for bit as in ``numpy.interp``.

    Parameters
    ----------
    values
        Between the first and the last knot.
    ranks
        The number of knots below each value.
    knots, heights
        The positions of the knots, increasing, and the values at them.
    """
    for i in range(len(out)):
        value, rank = values[i], ranks[i]
        if knots[rank] == value:
            out[i] = heights[rank]
        else:
            left = rank - 1
            slope = (heights[rank] - heights[left]) / (knots[rank] - knots[left])
            out[i] = slope * (value - knots[left]) + heights[left]
