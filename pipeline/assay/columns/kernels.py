"""Compiled loops over a batch's columns: extents and null filling; see also `count_kernels`.

Each function is called once a column of a batch, so its cost per row is the cost of the whole pass
per row. Sums are formed in a fixed order, whatever the vector width of the machine: the same rows
give the same bytes everywhere.
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
"""Types of read-only arguments: Arrow's memory cannot be written to. An argument of such a type
also accepts a writable array."""

LANES = 32
"""Parallel partial sums: enough to fill the vector registers of any CPU and to hide latency."""


def jit(signature: str | Sequence[str], **options: Any) -> Callable[[Function], Function]:
    """Compile a function when its module is imported, or load it from an earlier process's cache.

    The machine code is stored beside the module, or in the user's cache folder. If neither is
    writable, or the disk is full, the function is compiled without a cache.

    Parameters
    ----------
    signature
        One or several in numba's notation: ``"float64(float64[::1])"``. An array that the function
        only reads should say so (see ``FLOATS``).
    options
        Of ``numba.njit``.
    """

    def compiled(function: Function) -> Function:
        chosen = {"nogil": True, "error_model": "numpy", **options}
        given = signature if isinstance(signature, str) else list(signature)
        try:
            made = numba.njit(given, cache=True, **chosen)(function)
        except Exception:
            # The cache is unusable. An error in the function itself is raised again here.
            made = numba.njit(given, **chosen)(function)
        return cast("Function", made)

    return compiled


@jit(f"Tuple((int64, float64, float64))({FLOATS})")
def extent(values: Floats) -> tuple[int, float, float]:
    """The number of NaN, and the minimum and maximum of the other values.

    Infinity counts as a value. Without values, they are infinity and minus infinity.
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
def fill_nulls(values: Floats, present: npt.NDArray[np.bool_], filled: Floats) -> None:
    """Copy ``values`` to ``filled``, with NaN where they are not ``present``."""
    for i in range(len(values)):
        filled[i] = values[i] if present[i] else np.nan
