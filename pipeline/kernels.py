"""Loops over a batch's columns as machine code: counts, extents, filled gaps.

Everything here takes arrays of one batch and is called once a column, so what it costs a row
is what the whole pass costs a row. Sums are formed in a fixed order, whatever the machine's
vectors hold: the same rows give the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from pipeline.features import Codes, Floats

Function = TypeVar("Function", bound=Callable[..., Any])

FLOATS = "Array(float64, 1, 'C', readonly=True)"
CODES = "Array(int32, 1, 'C', readonly=True)"
BOOLS = "Array(bool, 1, 'C', readonly=True)"
"""Types of arguments that are only read: what Arrow lends cannot be written to, and an
argument of such a type also takes an array that can."""

LANES = 32
"""Running sums side by side: enough to fill the vectors of any CPU and hide their latency."""

BLOCK = 1024
"""Values that are looked at again and again before the next ones: they stay in the L1 cache."""


def jit(signature: str | Sequence[str], **options: Any) -> Callable[[Function], Function]:
    """Compile a function when its module is imported, or load what an earlier process compiled.

    The machine code is kept beside the module, or in the user's cache folder. Where neither
    can be written, or a disk is full, the function is compiled and works all the same.

    Parameters
    ----------
    signature
        One or several, as numba writes them: ``"float64(float64[::1])"``. An array that the
        function only reads should say so (see ``FLOATS``).
    options
        Of ``numba.njit``.
    """

    def compiled(function: Function) -> Function:
        chosen = {"nogil": True, "error_model": "numpy", **options}
        given = signature if isinstance(signature, str) else list(signature)
        try:
            made = numba.njit(given, cache=True, **chosen)(function)
        except Exception:
            # The cache cannot be written or read. Were it the function, it would fail again.
            made = numba.njit(given, **chosen)(function)
        return cast("Function", made)

    return compiled


@jit(f"UniTuple(float64, 4)({FLOATS}, {FLOATS}, int64[::1])")
def count_numbers(
    values: Floats, edges: Floats, counts: npt.NDArray[np.int64]
) -> tuple[float, float, float, float]:
    """Count values into the cells between ``edges``; the finite ones' sums and extremes.

    Parameters
    ----------
    values
        Of shape (rows,); NaN is a null and is in no cell.
    edges
        Strictly increasing and finite, of shape (cells - 1,). Cells are closed on the left.
    counts
        Of shape (cells,); written to. What it lacks of the rows is nulls.

    Returns
    -------
    total, total_squares, low, high
        Over the finite values; 0, 0, infinity and minus infinity when there are none.

    Notes
    -----
    How many values reach each edge is counted without a branch, so the cost is that of
    ``len(edges)`` comparisons a value, eight or more at a time. A binary search, which
    compares less, takes ten times as long: it cannot guess which way to go.
    """
    rows, last = len(values), len(edges)
    sums, squares = np.zeros(LANES), np.zeros(LANES)
    low, high = np.full(LANES, np.inf), np.full(LANES, -np.inf)
    total, total_squares, known = 0.0, 0.0, 0
    counts[:] = 0
    for start in range(0, rows, BLOCK):
        block = values[start : start + BLOCK]
        found = 0
        for i in range(len(block)):
            found += block[i] == block[i]
        known += found
        for k in range(last):
            edge, found = edges[k], 0
            for i in range(len(block)):
                found += block[i] >= edge
            counts[k + 1] += found
        sums[:], squares[:] = 0.0, 0.0
        for first in range(0, len(block), LANES):
            part = block[first : first + LANES]
            for lane in range(len(part)):
                value = part[lane]
                finite = abs(value) < np.inf
                term = value if finite else 0.0
                sums[lane] += term
                squares[lane] += term * term
                least = value if finite else np.inf
                most = value if finite else -np.inf
                low[lane] = least if least < low[lane] else low[lane]
                high[lane] = most if most > high[lane] else high[lane]
        total += sums.sum()
        total_squares += squares.sum()
    counts[0] = known
    for k in range(last):
        counts[k] -= counts[k + 1]
    return total, total_squares, low.min(), high.max()


@jit(f"void({CODES}, int64[::1])")
def count_codes(codes: Codes, counts: npt.NDArray[np.int64]) -> None:
    """Count each code into ``counts[code + 1]``; -1, a null, comes first."""
    counts[:] = 0
    for i in range(len(codes)):
        counts[codes[i] + 1] += 1


@jit(f"Tuple((int64, float64, float64))({FLOATS})")
def extent(values: Floats) -> tuple[int, float, float]:
    """How many NaN there are, and the least and the greatest of the others.

    Infinity counts as a value. Without any, they are infinity and minus infinity.
    """
    low, high = np.full(LANES, np.inf), np.full(LANES, -np.inf)
    known = np.zeros(LANES, np.int64)
    for first in range(0, len(values), LANES):
        part = values[first : first + LANES]
        for lane in range(len(part)):
            value = part[lane]
            low[lane] = value if value < low[lane] else low[lane]
            high[lane] = value if value > high[lane] else high[lane]
            known[lane] += value == value
    return len(values) - known.sum(), low.min(), high.max()


@jit(f"void({FLOATS}, {BOOLS}, float64[::1])")
def fill(values: Floats, present: npt.NDArray[np.bool_], filled: Floats) -> None:
    """Copy ``values`` to ``filled``, with NaN where they are not ``present``."""
    for i in range(len(values)):
        filled[i] = values[i] if present[i] else np.nan
