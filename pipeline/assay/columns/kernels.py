"""Loops over a batch's columns as machine code: extents, filled gaps; see also `kernels_counts`.

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

    from assay.columns.features import Floats

Function = TypeVar("Function", bound=Callable[..., Any])

FLOATS = "Array(float64, 1, 'C', readonly=True)"
CODES = "Array(int32, 1, 'C', readonly=True)"
BOOLS = "Array(bool, 1, 'C', readonly=True)"
"""Types of arguments that are only read: what Arrow lends cannot be written to, and an
argument of such a type also takes an array that can."""

LANES = 32
"""Running sums side by side: enough to fill the vectors of any CPU and hide their latency."""


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
