"""Compiled loops over a batch's columns: nulls, hashes; see also `count_kernels`.

Each function is called once a column of a batch, so its cost per row is the cost of the whole pass
per row. Sums are formed in a fixed order, whatever the vector width of the machine: the same rows
give the same bytes everywhere.

Loops take the place of methods of arrays, such as ``sum``: to load code that holds one, Numba
imports half of what it can compile.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Hashes = npt.NDArray[np.uint64]

Function = TypeVar("Function", bound=Callable[..., Any])

FLOATS = "Array(float64, 1, 'C', readonly=True)"
CODES = "Array(int32, 1, 'C', readonly=True)"
BYTES = "Array(uint8, 1, 'C', readonly=True)"
HASHES = "Array(uint64, 1, 'C', readonly=True)"
"""Types of read-only arguments: Arrow's memory cannot be written to. An argument of such a type
also accepts a writable array."""

LANES = 32
"""Parallel partial sums: enough to fill the vector registers of any CPU and to hide latency."""


class Kernel:
    """A function that is compiled, or loaded from an earlier process's cache, when first called.

    Most commands call few kernels or none, and loading all takes longer than such a command.
    """

    _lock = threading.RLock()

    def __init__(
        self, function: Callable[..., Any], signatures: list[str], options: dict[str, Any]
    ) -> None:
        functools.update_wrapper(self, function)
        self._function, self._signatures, self._options = function, signatures, options
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        return (self._compiled or self.compile())(*arguments)

    def compile(self) -> Callable[..., Any]:
        """Numba's function, made by the first thread that asks."""
        with self._lock:
            if self._compiled is None:
                import numba

                try:
                    made = numba.njit(cache=True, **self._options)(self._function)
                    if numba.__version__.startswith(LIGHT):
                        made._cache = _light_cache(self._function)
                    for each in self._signatures:
                        made.compile(each)
                    made.disable_compile()
                except Exception:
                    # The cache is unusable. An error in the function itself is raised again here.
                    made = numba.njit(self._signatures, **self._options)(self._function)
                self._compiled = made
            return self._compiled


LIGHT = "0.68."
"""The version of Numba of which that is known: its machine code needs nothing but its runtime."""


def _light_cache(function: Callable[..., Any]) -> Any:
    """Numba's cache of a function, which loads machine code without what only compiling needs.

    Numba would first import all that it can compile, which takes longer than to score a night.
    """
    from numba.core.caching import FunctionCache
    from numba.core.runtime.nrt import rtsys

    class LightCache(FunctionCache):
        def load_overload(self, sig: Any, target_context: Any) -> Any:
            rtsys.initialize(target_context)
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    return LightCache(function)  # type: ignore[no-untyped-call]


def jit(
    signature: str | Sequence[str], *, inner: bool = False, **options: Any
) -> Callable[[Function], Function]:
    """Compile a function before its first call.

    The machine code is stored beside the module, or in the user's cache folder. If neither is
    writable, or the disk is full, the function is compiled without a cache.

    Parameters
    ----------
    signature
        One or several in numba's notation: ``"float64(float64[::1])"``. An array that the function
        only reads should say so (see ``FLOATS``).
    inner
        For a function that other kernels call: it is compiled at once, as numba has to know it
        when it compiles them.
    options
        Of ``numba.njit``.
    """

    def decorated(function: Function) -> Function:
        given = [signature] if isinstance(signature, str) else list(signature)
        chosen = {"nogil": True, "error_model": "numpy", **options}
        made = Kernel(function, given, chosen)
        return cast("Function", made.compile() if inner else made)

    return decorated


@jit(f"Tuple((int64, float64, float64))({FLOATS}, {BYTES}, int64, float64[::1])")
def fill_nulls(
    values: Floats, bits: npt.NDArray[np.uint8], first: int, filled: Floats
) -> tuple[int, float, float]:
    """Copy ``values`` to ``filled``, with NaN for nulls.

    Parameters
    ----------
    bits, first
        Row i has a value if bit ``first + i`` is 1, as Arrow counts bits.

    Returns
    -------
    tuple
        As of `assay.contract.columns.extent`, of what was filled.
    """
    low, high, known = np.empty(LANES), np.empty(LANES), np.zeros(LANES, np.int64)
    low[:], high[:] = np.inf, -np.inf
    for start in range(0, len(values), LANES):
        some, out = values[start : start + LANES], filled[start : start + LANES]
        at = first + start
        mask = np.uint64(0)
        for place in range(at >> 3, min((at >> 3) + 5, len(bits))):
            mask |= np.uint64(bits[place]) << np.uint64(8 * (place - (at >> 3)))
        mask >>= np.uint64(at & 7)
        for lane in range(len(out)):
            value = some[lane] if (mask >> np.uint64(lane)) & np.uint64(1) else np.nan
            out[lane] = value
            low[lane] = value if value < low[lane] else low[lane]
            high[lane] = value if value > high[lane] else high[lane]
            known[lane] += value == value
    for lane in range(1, LANES):
        known[0] += known[lane]
        low[0], high[0] = min(low[0], low[lane]), max(high[0], high[lane])
    return len(values) - known[0], low[0], high[0]


@jit(f"void(uint64[::1], {HASHES})")
def mix_hashes(hashes: Hashes, more: Hashes) -> None:
    """Mix another value into each hash; see `assay.score.duplicate_keys.mix_hashes`."""
    for i in range(len(hashes)):
        mixed = hashes[i] * np.uint64(31) + more[i]
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes[i] = mixed ^ (mixed >> np.uint64(31))


@jit(f"void({HASHES}, uint64, int64[::1], uint64[::1])")
def part_hashes(hashes: Hashes, shift: int, bounds: npt.NDArray[np.int64], parted: Hashes) -> None:
    """Order hashes by their 8 bits from ``shift`` on; ``bounds`` (257,) of zeros are of each."""
    for each in hashes:
        bounds[((each >> shift) & 255) + 1] += 1
    for place in range(256):
        bounds[place + 1] += bounds[place]
    ends = bounds.copy()
    for each in hashes:
        place = (each >> shift) & 255
        parted[ends[place]] = each
        ends[place] += 1


@jit("int64(uint64[::1], uint64, int64[::1], uint64[::1])")
def repeated_hashes(
    parted: Hashes, shift: int, bounds: npt.NDArray[np.int64], table: Hashes
) -> int:
    """Move each hash that was there before to the front; how many there are.

    The first three are as `part_hashes` made them; ``table`` has room, a power of two, for twice
    as many as lie between two bounds.
    """
    count, most = 0, np.uint64(len(table) - 1)
    for part in range(256):
        empty = np.uint64(part + 1) << shift  # no hash of this part
        table[:] = empty
        for place in range(bounds[part], bounds[part + 1]):
            each = parted[place]
            slot = each & most
            while table[slot] != empty and table[slot] != each:
                slot = (slot + np.uint64(1)) & most
            if table[slot] == each:
                parted[count] = each
                count += 1
            table[slot] = each
    return count
