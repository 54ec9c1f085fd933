"""The grid of cells in which columns are counted (built by `assay.columns.grid_builder`).

Cells of numbers are closed on the left: with edges ``e0 < e1 < e2`` they are ``x < e0``, ``e0 <= x
< e1``, ``e1 <= x < e2`` and ``x >= e2``. Edges are quantiles of the reference. With equal widths
instead, one outlier could empty every other cell. The last edge is the next float after the largest
value, so that the last cell holds only values above the reference's range.

A column of numbers has two nested grids. The few coarse cells hold enough rows each to compare
nights. The fine ones, each with the sum of its values, give quantiles and show how far values
moved.
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

from assay.columns.categories import KnownNames, hash_texts
from assay.columns.features import Floats
from assay.columns.sketch import HashRanks, hash_numbers, rank_hashes

Ints: TypeAlias = npt.NDArray[np.int64]
Places: TypeAlias = npt.NDArray[np.uint16]

FINE_EDGES = 255
"""Most edges of fine cells, so that there are at most 256 cells."""
_BUCKETS = 4096
_KNOWN_BUCKETS = (512, 1024, 2048, 4096, 8192, 16384)
_TRIMS = (0, 1, 2, 4, 8, 16, 32, 64)


class CellFinder(NamedTuple):
    """Tables to search a value's fine cell without branches.

    Used by `assay.columns.count_kernels.find_cells`. Buckets of equal width give the start of the
    search: ``starts`` is the number of edges in the buckets before each. Up to ``2 ** steps - 1``
    edges share a bucket and are searched by bisection. Rounding is harmless, because the buckets of
    values and edges come from the same monotone arithmetic.
    """

    edges: Floats
    starts: Places
    origin: float
    scale: float
    steps: int


class ValueLookup(NamedTuple):
    """Increasing values with a perfect hash table (`assay.columns.count_kernels.count_known`).

    Each bucket holds at most one of ``values``; ``buckets`` has its index.
    """

    values: Floats
    buckets: Places
    origin: float
    scale: float


class KnownValues(NamedTuple):
    """Likely values with their cells and hashes, so that their counts alone determine a profile.

    ``cells`` are their fine cells, ``ranked`` the registers and ranks of their hashes.
    """

    lookup: ValueLookup
    cells: npt.NDArray[np.intp]
    ranked: HashRanks


@dataclass(frozen=True)
class NumberGrid:
    """Strictly increasing, finite edges; ``len(edges) + 1`` cells.

    ``fine`` are the edges of the fine cells and include ``edges``; by default they are the same.
    ``likely`` are values that the column is likely to have, in increasing order: rows with only
    likely values are counted faster.
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
    def known(self) -> KnownValues | None:
        """The lookup table of the ``likely`` values.

        None if two of them are too close together for a table.
        """
        values = np.array(self.likely, dtype=np.float64)
        for count in _KNOWN_BUCKETS if len(values) else ():
            origin, scale = _spread(float(values[0]), float(values[-1]), count)
            # Start half a bucket before the first value, so that rounding cannot change a bucket.
            origin -= 0.5 / scale if scale > 0 else 0.0
            bucket = _buckets(values, origin, scale, count)
            if len(np.unique(bucket)) == len(bucket):
                buckets = np.zeros(count, np.uint16)
                buckets[bucket] = np.arange(len(values), dtype=np.uint16)
                return self._known(values, buckets, origin, scale)
        return None

    def _known(self, values: Floats, buckets: Places, origin: float, scale: float) -> KnownValues:
        cells = np.searchsorted(self.fine, values, side="right").astype(np.intp)
        return KnownValues(
            ValueLookup(values, buckets, origin, scale), cells, rank_hashes(hash_numbers(values))
        )

    @cached_property
    def finder(self) -> CellFinder:
        """The best of several bucket layouts, some of which exclude outliers at both ends."""
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
    # Values not above 0, and NaN, go to the first bucket.
    bucket = np.where(bucket > 0.0, bucket, 0.0)
    return np.where(bucket < count - 1, bucket, count - 1).astype(np.intp)


def _finder(edges: Floats, trim: int) -> CellFinder:
    origin, scale = 0.0, 0.0
    if len(edges):
        low, high = float(edges[trim]), float(edges[len(edges) - 1 - trim])
        origin, scale = _spread(low, high, _BUCKETS)
    bucket = _buckets(edges, origin, scale, _BUCKETS)
    shared = np.bincount(bucket, minlength=_BUCKETS)
    steps = max(1, int(shared.max()).bit_length())
    starts = (np.cumsum(shared) - shared).astype(np.uint16)
    padded = np.append(edges, np.full(1 << steps, np.inf))
    return CellFinder(padded, starts, origin, scale, steps)


@dataclass(frozen=True)
class CategoryGrid:
    """Distinct categories, the most frequent first; one more cell for all others."""

    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories must be distinct")

    @property
    def cells(self) -> int:
        return len(self.categories) + 1

    @cached_property
    def known(self) -> KnownNames:
        """The categories, to look others up among them."""
        return KnownNames(self.categories)

    @cached_property
    def ranked(self) -> HashRanks:
        """The register and rank of each category's hash."""
        return rank_hashes(hash_texts(self.categories))


ColumnGrid: TypeAlias = NumberGrid | CategoryGrid
Grid: TypeAlias = Mapping[str, ColumnGrid]


def _unit(cells: int) -> tuple[float, ...]:
    return (*(cell / cells for cell in range(cells)), math.nextafter(1.0, 2.0))


SCORE_GRID = NumberGrid(_unit(20), _unit(200))
"""The default grid of probabilities: twenty equal cells of [0, 1], 1 included, one below and one
above; each of the twenty has ten fine cells."""


@dataclass(frozen=True, eq=False, slots=True)
class CellCounts:
    """The count of each fine cell, and the sum of its finite values.

    Neither array may be written to. Sums too large for a float are capped at the largest float.
    """

    counts: Ints
    sums: Floats

    @staticmethod
    def of(counts: Ints, sums: Floats) -> CellCounts:
        """Cells of one column, or of several, one a row; sums are capped to fit a float."""
        # Adding zero turns -0.0 into 0.0: the numbers are equal, but their JSON is not.
        return CellCounts(counts, _finite(sums) + 0.0)

    def __len__(self) -> int:
        return len(self.counts)

    def __add__(self, other: CellCounts) -> CellCounts:
        with np.errstate(over="ignore"):
            return CellCounts(self.counts + other.counts, _finite(self.sums + other.sums))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CellCounts)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.sums, other.sums)
        )

    def __hash__(self) -> int:
        return hash((self.counts.tobytes(), self.sums.tobytes()))


def _finite(sums: Floats) -> Floats:
    # A finite total proves that all are finite; another one may just have overflowed.
    with np.errstate(over="ignore", invalid="ignore"):
        total = np.add.reduce(sums, axis=None)
    return sums if math.isfinite(total) else np.nan_to_num(sums)


NO_CELLS = CellCounts.of(np.empty(0, np.int64), np.empty(0))
"""The cells of a column of categories, which has no fine ones."""
