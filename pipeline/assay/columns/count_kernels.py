"""Compiled loops over a batch's columns: cells, counts, sums, sketches.

As in `assay.columns.kernels`, each is called once a column, and sums are formed in a fixed order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from assay.columns.kernels import CODES, FLOATS, LANES, jit

if TYPE_CHECKING:
    import numpy.typing as npt

    from assay.columns.features import Codes, Floats

    Places = npt.NDArray[np.uint16]

PLACES = "Array(uint16, 1, 'C', readonly=True)"
NO_HASH = np.uint64(2**64 - 1)
"""Never the value of a hash that is kept in a register, because those end in 0 bits."""

BLOCK = 1024
"""Values that all passes process before the next ones, so that they stay in the L1 cache."""


@jit("float64(float64[::1])", inner=True)
def _total(values: Floats) -> float:
    """The sum, in the order of the values."""
    total = 0.0
    for value in values:
        total += value
    return total


@jit(
    [
        "void(int32[:, ::1], int64[::1])",
        "void(int64[:, ::1], int64[::1])",
        "void(float64[:, ::1], float64[::1])",
    ],
    inner=True,
)
def _add_lanes(many: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    """Add the sum of lanes, of shape (lanes, at least counts), to counts or sums."""
    for cell in range(len(out)):
        found = many[0, cell]
        for lane in range(1, len(many)):
            found += many[lane, cell]
        out[cell] += found


@jit(f"void({FLOATS}, {FLOATS}, {PLACES}, float64, float64, int64, int64, uint16[::1])")
def find_cells(
    values: Floats,
    edges: Floats,
    starts: Places,
    origin: float,
    scale: float,
    steps: int,
    last: int,
    cells: Places,
) -> None:
    """The fine cell of each value: the number of edges at or below it.

    Parameters
    ----------
    values
        Of shape (rows,); NaN is a null.
    edges, starts, origin, scale, steps
        An `assay.columns.grid.CellFinder`.
    last
        The last cell; nulls get ``last + 1``.
    cells
        Of shape (rows,); written to.

    Notes
    -----
    The cost is ``1 + steps`` look-ups a value, mostly two, vectorised over many values. A search
    with branches takes ten times as long, because the CPU cannot predict them.
    """
    end = float(len(starts) - 1)
    one, over, null = np.uint64(1), np.uint64(last), np.uint64(last + 1)
    for start in range(0, len(values), BLOCK):
        block, found = values[start : start + BLOCK], cells[start : start + BLOCK]
        for i in range(len(found)):
            bucket = (block[i] - origin) * scale
            bucket = bucket if bucket > 0.0 else 0.0
            bucket = bucket if bucket < end else end
            found[i] = starts[np.uint32(bucket)]
        shift = np.uint64(steps)
        # Signed indices would be checked for negative values, and a conditional would be a branch.
        while shift > 0:
            shift -= one
            ahead = (one << shift) - one
            for i in range(len(found)):
                at = np.uint64(found[i])
                found[i] = at + (np.uint64(edges[at + ahead] <= block[i]) << shift)
        for i in range(len(found)):
            at = np.uint64(found[i])
            at = at if at < over else over
            found[i] = at if block[i] == block[i] else null


@jit(f"int64({FLOATS}, {FLOATS}, {PLACES}, float64, float64, int64[::1], float64[::1])")
def count_known(
    values: Floats,
    known: Floats,
    buckets: Places,
    origin: float,
    scale: float,
    counts: npt.NDArray[np.int64],
    others: Floats,
) -> int:
    """Count each value among the known ones, and collect the others if they are few.

    Parameters
    ----------
    values
        Of shape (rows,); NaN is a null.
    known, buckets, origin, scale
        An `assay.columns.grid.ValueLookup`.
    counts
        Of shape (len(known) + 1,), the nulls last; added to.
    others
        Of shape (rows,); written to: values that are not known.

    Returns
    -------
    int
        The number of other values; -1 once they exceed an eighth, and then nothing is counted.
    """
    end = float(len(buckets) - 1)
    null, other = np.uint64(len(known)), np.uint64(len(known) + 1)
    # Four independent counters, so that repeated values do not wait for the previous count.
    many = np.zeros((4, len(known) + 2), np.int32)
    found, before = 0, 0
    places = np.empty(BLOCK, np.uint32)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        # A separate loop, which the compiler can vectorise.
        for i in range(len(block)):
            bucket = (block[i] - origin) * scale
            bucket = bucket if bucket > 0.0 else 0.0
            bucket = bucket if bucket < end else end
            places[i] = np.uint32(bucket)
        for i in range(len(block)):
            value = block[i]
            at = np.uint64(buckets[places[i]])
            missed = other if value == value else null
            at = at if known[at] == value else missed
            many[np.uint64(i) & np.uint64(3), at] += 1
        met = many[0, other] + many[1, other] + many[2, other] + many[3, other]
        if met > before:
            before = met
            if 8 * met > start + BLOCK:
                return -1
            for i in range(len(block)):
                value = block[i]
                if value == value and known[buckets[places[i]]] != value:
                    others[found] = value
                    found += 1
    _add_lanes(many, counts)
    return found


@jit(f"void({FLOATS}, {PLACES}, int64[::1], float64[::1])")
def tally(values: Floats, cells: Places, counts: npt.NDArray[np.int64], sums: Floats) -> None:
    """Count and sum the values of each cell.

    Parameters
    ----------
    values, cells
        As for `find_cells`.
    counts, sums
        Of shape (cells + 1,), the nulls last; added to. Infinities are counted but not summed.
    """
    many, each = np.zeros((4, len(counts)), np.int64), np.zeros((4, len(counts)))
    for i in range(len(values)):
        value, cell, lane = values[i], np.uint64(cells[i]), np.uint64(i) & np.uint64(3)
        many[lane, cell] += 1
        each[lane, cell] += value if abs(value) < np.inf else 0.0
    _add_lanes(many, counts)
    _add_lanes(each, sums)


@jit(f"void({FLOATS}, uint64[::1])")
def update_registers(values: Floats, least: npt.NDArray[np.uint64]) -> None:
    """Add the values' hashes to the registers of a sketch; NaN is skipped.

    Parameters
    ----------
    least
        See `assay.columns.sketch`; lowered where a value's hash is less.
    """
    plain, hashes = np.empty(BLOCK), np.empty(BLOCK, np.uint64)
    bits = plain.view(np.uint64)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        for i in range(len(block)):
            plain[i] = block[i] + 0.0  # -0.0 is 0.0
        # A separate loop, which the compiler can vectorise.
        for i in range(len(block)):
            mixed = bits[i]
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed = mixed ^ (mixed >> np.uint64(31))
            hashes[i] = mixed if block[i] == block[i] else NO_HASH
        for i in range(len(block)):
            # The shifted NO_HASH could be less than an empty register.
            register, rest = hashes[i] >> np.uint64(54), hashes[i] << np.uint64(10)
            rest = rest if block[i] == block[i] else NO_HASH
            if rest < least[register]:
                least[register] = rest


@jit(f"UniTuple(float64, 4)({FLOATS})")
def moments(values: Floats) -> tuple[float, float, float, float]:
    """Sum, sum of squares, minimum and maximum of the finite values.

    Without finite values, 0, 0, infinity and minus infinity.
    """
    sums, squares = np.zeros(LANES), np.zeros(LANES)
    low, high = np.empty(LANES), np.empty(LANES)
    low[:], high[:] = np.inf, -np.inf
    total, total_squares = 0.0, 0.0
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
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
        total += _total(sums)
        total_squares += _total(squares)
    for lane in range(LANES):
        low[0], high[0] = min(low[0], low[lane]), max(high[0], high[lane])
    return total, total_squares, low[0], high[0]


@jit(f"void({FLOATS}, {PLACES}, {CODES}, {CODES}, int64[:, ::1], float64[:, ::1], float64[:, ::1])")
def tally_parts(
    values: Floats,
    cells: Places,
    codes: Codes,
    parts: Codes,
    counts: npt.NDArray[np.int64],
    sums: Floats,
    ends: Floats,
) -> None:
    """The results of `tally` and `moments` for each part of the rows.

    Parameters
    ----------
    values, cells
        As for `find_cells`.
    codes, parts
        A row is in part ``parts[code + 1]``, in none if that is -1.
    counts, sums
        Of shape (parts, cells + 1), the nulls last; added to.
    ends
        Of shape (parts, 4): sum, sum of squares, minimum and maximum so far.
    """
    squares = np.zeros(counts.shape)
    for i in range(len(values)):
        part = parts[codes[i] + 1]
        if part < 0:
            continue
        cell, value = np.uint64(cells[i]), values[i]
        counts[part, cell] += 1
        if abs(value) < np.inf:
            sums[part, cell] += value
            squares[part, cell] += value * value
            if value < ends[part, 2]:
                ends[part, 2] = value
            if value > ends[part, 3]:
                ends[part, 3] = value
    for part in range(len(counts)):
        ends[part, 0] = _total(sums[part])
        ends[part, 1] += _total(squares[part])


@jit(f"boolean({CODES}, int64[::1])")
def count_codes(codes: Codes, counts: npt.NDArray[np.int64]) -> bool:
    """Count each code into ``counts[code + 1]``; -1, a null, comes first.

    Returns False if a code is out of range; the counts are then meaningless.
    """
    many, last = np.zeros((4, len(counts) + 1), np.int64), np.uint32(len(counts))
    for i in range(len(codes)):
        at = np.uint32(codes[i] + 1)
        many[np.uint64(i) & np.uint64(3), at if at < last else last] += 1
    counts[:] = 0
    _add_lanes(many, counts)
    return bool(many[0, last] + many[1, last] + many[2, last] + many[3, last] == 0)
