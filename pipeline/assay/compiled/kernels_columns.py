"""Loops over one column of a block that encode it as scikit-learn does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import CODES, FLOATS, jit

if TYPE_CHECKING:
    import numpy.typing as npt

    from assay.columns.features import Codes, Floats
    from assay.compiled.array_types import Bytes, Ints, Shorts, Words

SHORTS = "Array(uint16, 1, 'C', readonly=True)"
_INTS = "Array(int64, 1, 'C', readonly=True)"
_WORDS = "Array(uint64, 1, 'C', readonly=True)"
_RANKS = (
    "void({floats}, {floats}, {shorts}, float64, float64, int64, int64, "
    "uint32[::1], Array({kind}, 1, 'A'), Array({kind}, 1, 'A'))"
)


@jit(f"void({CODES}, {SHORTS}, uint16[::1])")
def translate(codes: Codes, states: Shorts, out: Shorts) -> None:
    """The state of each row's category; a null (code -1) gets the last of ``states``."""
    null = len(states) - 1
    for i in range(len(out)):
        code = codes[i]
        out[i] = states[null if code < 0 else code]


@jit(f"void({FLOATS}, uint16[::1])")
def nulls(values: Floats, out: Shorts) -> None:
    """1 where a value is null, else 0."""
    for i in range(len(out)):
        value = values[i]
        out[i] = value != value


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


@jit([_RANKS.format(floats=FLOATS, shorts=SHORTS, kind=kind) for kind in ("uint8", "uint16")])
def ranks(
    values: Floats,
    thresholds: Floats,
    starts: Shorts,
    origin: float,
    step: float,
    half: int,
    top: int,
    rank: npt.NDArray[np.uint32],
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
    rank
        Working memory of shape (rows,).
    low, high
        Output: the ranks, with 0 for a null in ``low`` and ``top`` in ``high``.
    """
    last = float(len(starts) - 1)
    zero, one, width = np.uint64(0), np.uint64(1), np.uint64(half)
    # Each step is a simple loop over all rows, which the compiler vectorises without branches.
    # Indices are unsigned because signed ones would be checked for negative values.
    for i in range(len(rank)):
        cell = (values[i] - origin) * step
        cell = cell if cell > 0.0 else 0.0
        cell = cell if cell < last else last
        rank[i] = np.uint32(cell)
    for i in range(len(rank)):
        at = np.uint64(starts[rank[i]])
        rank[i] = at + (width if thresholds[at + width - one] < values[i] else zero)
    width >>= one
    while width > zero:
        for i in range(len(rank)):
            at = np.uint64(rank[i])
            rank[i] = at + (width if thresholds[at + width - one] < values[i] else zero)
        width >>= one
    for i in range(len(rank)):
        null = values[i] != values[i]
        low[i] = 0 if null else rank[i]
        high[i] = top if null else rank[i]


@jit(f"void({SHORTS}, {SHORTS}, Array(uint16, 1, 'A'))")
def look_up(states: Shorts, table: Shorts, out: Shorts) -> None:
    """``table[states]``."""
    for i in range(len(out)):
        out[i] = table[states[i]]


@jit(f"void({SHORTS}, {_WORDS}, {_INTS}, {_INTS}, uint64[:, ::1])")
def look_up_bits(states: Shorts, words: Words, starts: Ints, chosen: Ints, out: Words) -> None:
    """Look up 64 bits for each row and store them as eight byte columns, for some words.

    Eight rows form a matrix of 8 by 8 bytes, which is transposed by three exchanges of halves
    (Warren 2012, "Hacker's Delight", section 7-3), for many matrices at a time in vector
    registers. So one look-up for each row serves eight columns.

    Parameters
    ----------
    states
        Of shape (rows,), a multiple of 8.
    words, starts
        The 64 bits of word w for a state: ``words[starts[w] + state]``.
    chosen
        The words that are looked up.
    out
        Output: (8 * all words, rows / 8) words, or (8 * all words, rows) bytes; of word w, byte i
        of column 8 w + k holds bits 8 k to 8 k + 7 of row i (the lowest byte of a word comes first
        in memory).
    """
    squares = out.shape[1]
    for word in chosen:
        table, columns = words[starts[word] : starts[word + 1]], out[8 * word : 8 * word + 8]
        for row in range(8):
            line = columns[row]
            for square in range(squares):
                line[square] = table[states[8 * square + row]]
        for size in (4, 2, 1):
            shift = np.uint64(8 * size)
            lower = np.uint64(0xFFFFFFFFFFFFFFFF) // ((np.uint64(1) << shift) + np.uint64(1))
            for row in range(8):
                if row & size == 0:
                    a, b = columns[row], columns[row + size]
                    for square in range(squares):
                        first, second = a[square], b[square]
                        a[square] = (first & lower) | ((second & lower) << shift)
                        b[square] = ((first >> shift) & lower) | (second & ~lower)
