"""Loops over a batch's columns as machine code: cells, counts, sums, sketches.

As in `assay.columns.kernels`: each is called once a column, and sums are formed in a fixed order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import CODES, FLOATS, LANES, jit

if TYPE_CHECKING:
    import numpy.typing as npt

    from assay.columns.features import Codes, Floats

    Places = npt.NDArray[np.uint16]

PLACES = "Array(uint16, 1, 'C', readonly=True)"
NO_HASH = np.uint64(2**64 - 1)
"""No hash that falls to a register looks like this, for its last bits are 0."""

BLOCK = 1024
"""Values that are looked at again and again before the next ones: they stay in the L1 cache."""


@jit(f"void({FLOATS}, {FLOATS}, {PLACES}, float64, float64, int64, int64, uint16[::1])")
def places(
    values: Floats,
    edges: Floats,
    starts: Places,
    origin: float,
    scale: float,
    steps: int,
    last: int,
    cells: Places,
) -> None:
    """The fine cell of each value: how many edges it reaches.

    Parameters
    ----------
    values
        Of shape (rows,); NaN is a null.
    edges, starts, origin, scale, steps
        A `assay.columns.grid.Finder`.
    last
        The last cell; where a null is, ``last + 1`` is written.
    cells
        Of shape (rows,); written to.

    Notes
    -----
    The cost is that of ``1 + steps`` look-ups a value, mostly two, many values at a time. A
    search that branches takes ten times as long: it cannot guess which way to go.
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
        # Signed places would be checked for negative ones, and a choice would be a branch.
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
    """Count each value among those that are known, and gather the others if they are few.

    Parameters
    ----------
    values
        Of shape (rows,); NaN is a null.
    known, buckets, origin, scale
        A `assay.columns.grid.Lookup`.
    counts
        Of shape (len(known) + 1,), the nulls last; added to.
    others
        Of shape (rows,); written to: values that are not known.

    Returns
    -------
    int
        How many others there are; -1 as soon as they prove to be more than an eighth, and
        then nothing was counted.
    """
    end = float(len(buckets) - 1)
    null, other = np.uint64(len(known)), np.uint64(len(known) + 1)
    # Four at a time, each on its own: one value's count need not wait for its last one.
    many = np.zeros((4, len(known) + 2), np.int32)
    found, before = 0, 0
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        for i in range(len(block)):
            value = block[i]
            bucket = (value - origin) * scale
            bucket = bucket if bucket > 0.0 else 0.0
            bucket = bucket if bucket < end else end
            at = np.uint64(buckets[np.uint32(bucket)])
            missed = other if value == value else null
            at = at if known[at] == value else missed
            many[np.uint64(i) & np.uint64(3), at] += 1
        met = many[:, other].sum()
        if met > before:
            before = met
            if 8 * met > start + BLOCK:
                return -1
            for i in range(len(block)):
                value = block[i]
                bucket = (value - origin) * scale
                bucket = bucket if bucket > 0.0 else 0.0
                bucket = bucket if bucket < end else end
                if value == value and known[buckets[np.uint32(bucket)]] != value:
                    others[found] = value
                    found += 1
    counts += many[:, :-1].sum(axis=0)
    return found


@jit(f"void({FLOATS}, {PLACES}, int64[::1], float64[::1])")
def tally(values: Floats, cells: Places, counts: npt.NDArray[np.int64], sums: Floats) -> None:
    """Count and add up the values of each cell.

    Parameters
    ----------
    values, cells
        As for `places`.
    counts, sums
        Of shape (cells + 1,), the nulls last; added to. Infinities count and add nothing.
    """
    many, each = np.zeros((4, len(counts)), np.int64), np.zeros((4, len(counts)))
    for i in range(len(values)):
        value, cell, lane = values[i], np.uint64(cells[i]), np.uint64(i) & np.uint64(3)
        many[lane, cell] += 1
        each[lane, cell] += value if abs(value) < np.inf else 0.0
    counts += many.sum(axis=0)
    sums += each.sum(axis=0)


@jit(f"void({FLOATS}, uint64[::1])")
def lowest(values: Floats, least: npt.NDArray[np.uint64]) -> None:
    """Let the values' hashes fall to the registers of a sketch; NaN is no value.

    Parameters
    ----------
    least
        See `assay.columns.sketch`; lowered where the hash of a value is less.
    """
    plain, hashes = np.empty(BLOCK), np.empty(BLOCK, np.uint64)
    bits = plain.view(np.uint64)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        for i in range(len(block)):
            plain[i] = block[i] + 0.0  # -0.0 is 0.0
        # A loop of its own, which the CPU's vectors can do.
        for i in range(len(block)):
            mixed = bits[i]
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed = mixed ^ (mixed >> np.uint64(31))
            hashes[i] = mixed if block[i] == block[i] else NO_HASH
        for i in range(len(block)):
            # What is left of NO_HASH could be less than nothing that fell to its register.
            register, rest = hashes[i] >> np.uint64(54), hashes[i] << np.uint64(10)
            rest = rest if block[i] == block[i] else NO_HASH
            if rest < least[register]:
                least[register] = rest


@jit(f"UniTuple(float64, 4)({FLOATS})")
def moments(values: Floats) -> tuple[float, float, float, float]:
    """Sum, sum of squares, least and greatest of the finite values.

    They are 0, 0, infinity and minus infinity when there are none.
    """
    sums, squares = np.zeros(LANES), np.zeros(LANES)
    low, high = np.full(LANES, np.inf), np.full(LANES, -np.inf)
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
        total += sums.sum()
        total_squares += squares.sum()
    return total, total_squares, low.min(), high.max()


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
    """What `tally` and `moments` find, for each part of the rows on its own.

    Parameters
    ----------
    values, cells
        As for `places`.
    codes, parts
        A row is in part ``parts[code + 1]``, in none if that is -1.
    counts, sums
        Of shape (parts, cells + 1), the nulls last; added to.
    ends
        Of shape (parts, 4): sum, sum of squares, least and greatest so far.
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
        ends[part, 0] = sums[part].sum()
        ends[part, 1] += squares[part].sum()


@jit(f"boolean({CODES}, int64[::1])")
def count_codes(codes: Codes, counts: npt.NDArray[np.int64]) -> bool:
    """Count each code into ``counts[code + 1]``; -1, a null, comes first.

    Whether there was no other code; if there was one, the counts say nothing.
    """
    many, last = np.zeros((4, len(counts) + 1), np.int64), np.uint32(len(counts))
    for i in range(len(codes)):
        at = np.uint32(codes[i] + 1)
        many[np.uint64(i) & np.uint64(3), at if at < last else last] += 1
    counts[:] = many[:, :-1].sum(axis=0)
    return bool(many[:, -1].sum() == 0)
