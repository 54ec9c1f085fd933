"""Loops over one column of a block that encode it as scikit-learn does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import CODES, FLOATS, jit

if TYPE_CHECKING:
    import numpy.typing as npt

    from assay.columns.features import Codes, Floats
    from assay.compiled.array_types import Bytes, Shorts

SHORTS = "Array(uint16, 1, 'C', readonly=True)"
_RANKS = (
    "void({floats}, {floats}, {shorts}, float64, float64, int64, int64, "
    "Array({kind}, 1, '{order}'), Array({kind}, 1, '{order}'))"
)

BLOCK = 2048
"""Rows that all passes process before the next ones, so that they stay in the L1 cache."""


@jit(f"void({CODES}, {SHORTS}, uint16[::1])")
def translate(codes: Codes, states: Shorts, out: Shorts) -> None:
    """The state of each row's category; a null (code -1) gets the last of ``states``."""
    null = len(states) - 1
    for i in range(len(out)):
        code = codes[i]
        out[i] = states[null if code < 0 else code]


@jit(f"void({FLOATS}, float64, float64, boolean, bool[::1])")
def refuse(
    values: Floats, low: float, high: float, null: bool, refused: npt.NDArray[np.bool_]
) -> None:
    """Mark rows whose value lies outside ``low`` to ``high``, and nulls if ``null``."""
    for i in range(len(refused)):
        value = values[i]
        refused[i] |= (value < low) | (value > high) | (null & (value != value))


@jit(f"void({FLOATS}, boolean, float64, float64, float64, boolean, float64[::1])")
def encode(
    values: Floats, scaled: bool, fill: float, mean: float, scale: float, single: bool, out: Floats
) -> None:
    """Impute and scale as scikit-learn does, in its order of operations.

    Parameters
    ----------
    scaled
        Whether to impute and scale; else values are copied.
    fill, mean, scale
        The imputed value, the number to subtract, the divisor.
    single
        Whether the estimator rounds its input to float32.
    """
    if scaled:
        for i in range(len(out)):
            value = values[i]
            out[i] = ((fill if value != value else value) - mean) / scale
    else:
        for i in range(len(out)):
            out[i] = values[i]
    if single:
        for i in range(len(out)):
            out[i] = np.float32(out[i])


@jit(
    [
        _RANKS.format(floats=FLOATS, shorts=SHORTS, kind=kind, order=order)
        for kind, order in (("uint8", "C"), ("uint16", "A"))
    ]
)
def ranks(
    values: Floats,
    thresholds: Floats,
    starts: Shorts,
    origin: float,
    step: float,
    half: int,
    top: int,
    low: Bytes | Shorts,
    high: Bytes | Shorts,
) -> None:
    """The number of thresholds below each value.

    A grid of equal cells gives the start of the search. At most ``2 * half - 1`` thresholds
    share a cell, and they are searched by bisection without branches. Rounding is safe: the
    cells of values and thresholds are computed by the same monotone arithmetic.

    Parameters
    ----------
    thresholds
        Increasing, followed by at least ``2 * half`` infinities.
    starts
        For each cell, the number of thresholds in the cells before it.
    origin, step
        The cell of a value is ``(value - origin) * step``, rounded down and clipped to the grid.
    low, high
        Output: the ranks, with 0 for a null in ``low`` and ``top`` in ``high``.
    """
    last = float(len(starts) - 1)
    zero, one = np.uint64(0), np.uint64(1)
    room = np.empty(BLOCK, np.uint32)
    # Each step is a simple loop over a block, which the compiler vectorises without branches.
    # Indices are unsigned because signed ones would be checked for negative values.
    for start in range(0, len(values), BLOCK):
        block, width = values[start : start + BLOCK], np.uint64(half)
        rank = room[: len(block)]
        for i in range(len(rank)):
            cell = (block[i] - origin) * step
            cell = cell if cell > 0.0 else 0.0
            cell = cell if cell < last else last
            rank[i] = np.uint32(cell)
        for i in range(len(rank)):
            at = np.uint64(starts[rank[i]])
            rank[i] = at + (width if thresholds[at + width - one] < block[i] else zero)
        width >>= one
        while width > zero:
            for i in range(len(rank)):
                at = np.uint64(rank[i])
                rank[i] = at + (width if thresholds[at + width - one] < block[i] else zero)
            width >>= one
        lowest, highest = low[start : start + BLOCK], high[start : start + BLOCK]
        for i in range(len(rank)):
            null = block[i] != block[i]
            lowest[i] = 0 if null else rank[i]
            highest[i] = top if null else rank[i]
