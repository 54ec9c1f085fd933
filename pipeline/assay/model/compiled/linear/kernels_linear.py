"""A linear model, one feature at a time, and what turns its sums into probabilities."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.model.compiled.kinds import Shorts

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
    """Add a numeric feature's share to each output.

    Parameters
    ----------
    scaled, fill, mean, scale
        How it is encoded; see `kernels_columns.encode`.
    weights
        Of each output.
    known, null
        What a value and a null add besides, by output: the weighted indicator of nulls.
    encoded
        Room for a number a row.
    out
        Of shape (outputs, rows).
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
    """Add ``table[k * states + state]`` to output k: one-hot columns without the columns."""
    count = len(table) // out.shape[0]
    for k in range(out.shape[0]):
        share, total = table[k * count : (k + 1) * count], out[k]
        for i in range(out.shape[1]):
            total[i] += share[states[i]]


@jit(f"void({FLOATS}, float64, float64, float64[::1])")
def logistic(values: Floats, slope: float, intercept: float, out: Floats) -> None:
    """``1 / (1 + exp(-(slope * value + intercept)))``, to the bit as scikit-learn's."""
    for i in range(len(out)):
        out[i] = 1.0 / (1.0 + math.exp(-(slope * values[i] + intercept)))


@jit(f"void({FLOATS}, {_STATES}, {FLOATS}, {FLOATS}, float64[::1])")
def interpolate(values: Floats, ranks: Shorts, knots: Floats, heights: Floats, out: Floats) -> None:
    """Heights between knots on straight lines, to the bit as ``numpy.interp``.

    Parameters
    ----------
    values
        None lies before the first knot or behind the last.
    ranks
        How many knots lie below each value.
    knots, heights
        Where they are, increasing, and how high.
    """
    for i in range(len(out)):
        value, rank = values[i], ranks[i]
        if knots[rank] == value:
            out[i] = heights[rank]
        else:
            left = rank - 1
            slope = (heights[rank] - heights[left]) / (knots[rank] - knots[left])
            out[i] = slope * (value - knots[left]) + heights[left]
