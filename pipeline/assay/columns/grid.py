"""The cells that columns are counted in, drawn once by the reference (`assay.columns.draw_grid`).

Cells of numbers are closed on the left: with edges ``e0 < e1 < e2`` they are ``x < e0``,
``e0 <= x < e1``, ``e1 <= x < e2`` and ``x >= e2``. Edges sit at quantiles of the reference
(equal shares, as opposed to equal widths, so that one outlier cannot empty every other
cell), and the last edge is the next float after the largest value, so that the last cell
holds only what the reference never saw.

A column of numbers has two grids, one inside the other. The few coarse cells hold enough rows
each to tell ordinary nights from others; the fine ones, each with the sum of its values, tell
quantiles and how far values moved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from assay.columns.features import Floats
from assay.columns.sketch import HashRanks, hash_names, hash_numbers, ranked

Ints: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.uint16]

FINE_EDGES = 255
"""At most so many edges of fine cells, so that there are at most 256 of those."""
_BUCKETS = 4096
_KNOWN_BUCKETS = (512, 1024, 2048, 4096, 8192, 16384)
_TRIMS = (0, 1, 2, 4, 8, 16, 32, 64)


class Finder(NamedTuple):
    """How a value's fine cell is found without a branch (`assay.columns.count_kernels.places`).

    Buckets of equal width say where to begin: ``starts`` of each is how many edges lie in
    buckets before it. Up to ``2 ** steps - 1`` edges share a bucket and are searched by halves.
    Rounding cannot mislead: the bucket of a value and that of an edge come from the same,
    monotone arithmetic.
    """

    edges: Floats
    starts: Places
    origin: float
    scale: float
    steps: int


class Lookup(NamedTuple):
    """Increasing values that are recognized at once (`assay.columns.count_kernels.count_known`).

    No two of ``values`` share a bucket; ``buckets`` says which one lies in each.
    """

    values: Floats
    buckets: Places
    origin: float
    scale: float


class Known(NamedTuple):
    """Values that a column may have and no others: whoever counts them has counted it all.

    ``cells`` are their fine cells, ``ranked`` says where their hashes fall.
    """

    lookup: Lookup
    cells: npt.NDArray[np.intp]
    ranked: HashRanks


@dataclass(frozen=True)
class NumberGrid:
    """Strictly increasing, finite edges; ``len(edges) + 1`` cells.

    ``fine`` are the edges of the fine cells, ``edges`` among them; by default they are the
    same. ``likely`` are values that the column is likely to have, in increasing order: rows
    that have no others are counted quickly.
    """

    edges: tuple[float, ...]
    fine: tuple[float, ...] = ()
    likely: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.fine:
            object.__setattr__(self, "fine", self.edges)
        for each in (self.edges, self.fine, self.likely):
            if not all(map(math.isfinite, each)):
                raise ValueError("edges and likely values must be finite")
            if any(low >= high for low, high in pairwise(each)):
                raise ValueError("edges and likely values must be strictly increasing")
        if not set(self.edges) <= set(self.fine):
            raise ValueError("edges must be among the fine edges")
        if len(self.fine) > FINE_EDGES:
            raise ValueError(f"at most {FINE_EDGES} fine edges, found {len(self.fine)}")

    @property
    def cells(self) -> int:
        return len(self.edges) + 1

    @cached_property
    def starts(self) -> npt.NDArray[np.intp]:
        """The first fine cell of each cell."""
        return np.append(0, np.searchsorted(self.fine, self.edges) + 1).astype(np.intp)

    @cached_property
    def known(self) -> Known | None:
        """How those of ``likely`` are recognized.

        None if two of them are too close together to be told apart quickly.
        """
        values = np.array(self.likely, dtype=np.float64)
        for count in _KNOWN_BUCKETS if len(values) else ():
            origin, scale = _spread(float(values[0]), float(values[-1]), count)
            # Half a bucket before the first: a value that rounding moved stays in its own.
            origin -= 0.5 / scale if scale > 0 else 0.0
            bucket = _buckets(values, origin, scale, count)
            if len(np.unique(bucket)) == len(bucket):
                buckets = np.zeros(count, np.uint16)
                buckets[bucket] = np.arange(len(values), dtype=np.uint16)
                return self._known(values, buckets, origin, scale)
        return None

    def _known(self, values: Floats, buckets: Places, origin: float, scale: float) -> Known:
        cells = np.searchsorted(self.fine, values, side="right").astype(np.intp)
        return Known(Lookup(values, buckets, origin, scale), cells, ranked(hash_numbers(values)))

    @cached_property
    def finder(self) -> Finder:
        """The best of a few ways to lay the buckets: outliers at either end may be left out."""
        edges = np.array(self.fine, dtype=np.float64)
        return min(
            (_finder(edges, trim) for trim in _TRIMS if trim == 0 or 2 * trim < len(edges)),
            key=lambda finder: finder.steps,
        )


def _spread(low: float, high: float, count: int) -> tuple[float, float]:
    """Origin and scale of ``count`` equal buckets from ``low`` to ``high``."""
    with np.errstate(over="ignore"):
        width = float(np.float64(high) - np.float64(low))
    return low, (count - 1) / width if width > 0 else 0.0


def _buckets(values: Floats, origin: float, scale: float, count: int) -> npt.NDArray[np.intp]:
    """The bucket of each value, in exactly the arithmetic of `assay.columns.count_kernels`."""
    with np.errstate(over="ignore", invalid="ignore"):
        bucket = (values - origin) * scale
    # What is not above 0, NaN among it, goes to the first one.
    bucket = np.where(bucket > 0.0, bucket, 0.0)
    return np.where(bucket < count - 1, bucket, count - 1).astype(np.intp)


def _finder(edges: Floats, trim: int) -> Finder:
    origin, scale = 0.0, 0.0
    if len(edges):
        low, high = float(edges[trim]), float(edges[len(edges) - 1 - trim])
        origin, scale = _spread(low, high, _BUCKETS)
    bucket = _buckets(edges, origin, scale, _BUCKETS)
    shared = np.bincount(bucket, minlength=_BUCKETS)
    steps = max(1, int(shared.max()).bit_length())
    starts = (np.cumsum(shared) - shared).astype(np.uint16)
    padded = np.append(edges, np.full(1 << steps, np.inf))
    return Finder(padded, starts, origin, scale, steps)


@dataclass(frozen=True)
class CategoryGrid:
    """Distinct categories, the most frequent first; one more cell for anything else."""

    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories must be distinct")

    @property
    def cells(self) -> int:
        return len(self.categories) + 1

    @cached_property
    def places(self) -> dict[str, int]:
        """The cell of each category."""
        return {name: place for place, name in enumerate(self.categories)}

    @cached_property
    def ranked(self) -> HashRanks:
        """Where the hash of each category falls."""
        return ranked(hash_names(self.categories))


ColumnGrid: TypeAlias = NumberGrid | CategoryGrid
Grid: TypeAlias = Mapping[str, ColumnGrid]


def _unit(cells: int) -> tuple[float, ...]:
    return (*(cell / cells for cell in range(cells)), math.nextafter(1.0, 2.0))


SCORE_GRID = NumberGrid(_unit(20), _unit(200))
"""Probabilities of which nothing is known: twenty equal cells of [0, 1], 1 included, plus one for
anything under and one for over; each of the twenty is cut into ten."""


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """How many values each fine cell holds, and what those that are finite add up to.

    Neither array may be written to. Sums too large for a float stop at the largest one.
    """

    counts: Ints
    sums: Floats

    @staticmethod
    def of(counts: Ints, sums: Floats) -> Cells:
        """Of one column, or of several at once, one a row; sums are made to fit a float."""
        # Adding zero turns -0.0 into 0.0: equal numbers, but not equal JSON.
        return Cells(counts, _finite(sums) + 0.0)

    def __len__(self) -> int:
        return len(self.counts)

    def __add__(self, other: Cells) -> Cells:
        with np.errstate(over="ignore"):
            return Cells(self.counts + other.counts, _finite(self.sums + other.sums))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Cells)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.sums, other.sums)
        )

    def __hash__(self) -> int:
        return hash((self.counts.tobytes(), self.sums.tobytes()))


def _finite(sums: Floats) -> Floats:
    # One number says that all are finite; if it is not, it may have overflowed on its own.
    return sums if math.isfinite(np.add.reduce(sums, axis=None)) else np.nan_to_num(sums)


NO_CELLS = Cells.of(np.empty(0, np.int64), np.empty(0))
"""Of a column that has no fine cells: categories."""
