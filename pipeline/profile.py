"""Mergeable counts of a table's columns: what drift is decided on, whatever the size of the table.

A column is counted into the cells of a grid that the reference drew once. Counts of two
parts of a table add up to the counts of the whole, so executors count their own batches
and nobody ever holds the rows.

Cells of numbers are closed on the left: with edges ``e0 < e1 < e2`` they are ``x < e0``,
``e0 <= x < e1``, ``e1 <= x < e2`` and ``x >= e2``. Edges sit at quantiles of the reference
(equal shares, as opposed to equal widths, so that one outlier cannot empty every other
cell), and the last edge is the next float after the largest value, so that the last cell
holds only what the reference never saw.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from pipeline.errors import SchemaMismatch, StoreError
from pipeline.features import Coded, Features, Floats

NO_SCORES: Mapping[str, Floats | Coded] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NumberGrid:
    """Strictly increasing, finite edges; ``len(edges) + 1`` cells."""

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(math.isfinite(edge) for edge in self.edges):
            raise ValueError("edges must be finite")
        if any(low >= high for low, high in pairwise(self.edges)):
            raise ValueError("edges must be strictly increasing")

    @property
    def cells(self) -> int:
        return len(self.edges) + 1


@dataclass(frozen=True, slots=True)
class CategoryGrid:
    """Distinct categories, the most frequent first; one more cell for anything else."""

    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories must be distinct")

    @property
    def cells(self) -> int:
        return len(self.categories) + 1


ColumnGrid: TypeAlias = NumberGrid | CategoryGrid
Grid: TypeAlias = Mapping[str, ColumnGrid]

SCORE_GRID = NumberGrid((*(cell / 20 for cell in range(20)), math.nextafter(1.0, 2.0)))
"""Twenty equal cells of [0, 1], 1 included, plus one for anything under and one for over."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """Counts of one column: ``rows == nulls + sum(counts)``.

    ``total``, ``total_squares``, ``low`` and ``high`` are over the finite numbers; they
    are 0, 0, None and None for categories. An infinity is counted in the first or the
    last cell only. Sums too large for a float stop at the largest one.
    """

    rows: int
    nulls: int
    counts: tuple[int, ...]
    total: float
    total_squares: float
    low: float | None
    high: float | None


Profile: TypeAlias = Mapping[str, ColumnProfile]


def profile_of(
    features: Features, grid: Grid, scores: Mapping[str, Floats | Coded] = NO_SCORES
) -> dict[str, ColumnProfile]:
    """Counts of every column that ``grid`` names; other columns are left alone.

    Parameters
    ----------
    features
        The rows.
    scores
        Columns of the same rows that are not among the features, or take the place of one.

    Raises
    ------
    KeyError
        If a column of the grid is in neither.
    SchemaMismatch
        If a column of numbers holds something else.
    """
    return {name: _count(name, features, scores, cells) for name, cells in grid.items()}


def _count(
    name: str, features: Features, scores: Mapping[str, Floats | Coded], grid: ColumnGrid
) -> ColumnProfile:
    given = scores.get(name)
    if isinstance(grid, NumberGrid):
        try:
            values = features.numbers(name) if given is None else given
            return _count_numbers(np.ascontiguousarray(values, dtype=np.float64), grid)
        except (TypeError, ValueError) as error:
            raise SchemaMismatch([f"{name}: expected numbers ({error})"]) from None
    coded = features.coded(name) if given is None else given
    if not isinstance(coded, Coded):
        raise SchemaMismatch([f"{name}: expected categories, found numbers"])
    return _count_categories(coded, grid)


def _count_numbers(values: Floats, grid: NumberGrid) -> ColumnProfile:
    from pipeline import kernels

    counts = np.empty(grid.cells, dtype=np.int64)
    edges = np.array(grid.edges, dtype=np.float64)
    total, total_squares, low, high = kernels.count_numbers(values, edges, counts)
    known = low <= high
    return ColumnProfile(
        rows=len(values),
        nulls=len(values) - int(counts.sum()),
        counts=tuple(counts.tolist()),
        total=_finite(total),
        total_squares=_finite(total_squares),
        # Adding zero turns -0.0 into 0.0: equal numbers, but not equal JSON.
        low=low + 0.0 if known else None,
        high=high + 0.0 if known else None,
    )


def _count_categories(coded: Coded, grid: CategoryGrid) -> ColumnProfile:
    from pipeline import kernels

    codes, categories = np.ascontiguousarray(coded.codes, dtype=np.int32), coded.categories
    if len(codes) and not (codes.min() >= -1 and codes.max() < len(categories)):
        raise ValueError(f"codes beyond the {len(categories)} categories")
    by_code = np.empty(len(categories) + 1, dtype=np.int64)
    kernels.count_codes(codes, by_code)
    nulls, known = int(by_code[0]), by_code[1:]
    used = np.flatnonzero(known)
    places, others = _places(grid.categories), len(grid.categories)
    cells = [places.get(str(name), others) for name in categories[used]]
    counts = np.zeros(grid.cells, dtype=np.int64)
    np.add.at(counts, cells, known[used])
    return ColumnProfile(len(codes), nulls, tuple(counts.tolist()), 0.0, 0.0, None, None)


@lru_cache(maxsize=256)
def _places(categories: tuple[str, ...]) -> dict[str, int]:
    return {name: place for place, name in enumerate(categories)}


def _finite(value: float) -> float:
    if math.isnan(value):
        return 0.0
    return max(-sys.float_info.max, min(sys.float_info.max, value))


def empty(grid: Grid) -> dict[str, ColumnProfile]:
    """The profile of no rows: merging it changes nothing."""
    return {
        name: ColumnProfile(0, 0, (0,) * cells.cells, 0.0, 0.0, None, None)
        for name, cells in grid.items()
    }


def merge(a: Profile, b: Profile) -> dict[str, ColumnProfile]:
    """The profile of the rows of both; the order of merging makes no difference.

    Counts are exact, sums are equal within rounding.

    Raises
    ------
    ValueError
        If the two were not counted on the same grid.
    """
    if a.keys() != b.keys():
        raise ValueError(f"profiles of different columns: {sorted(a.keys() ^ b.keys())}")
    return {name: _merge_column(name, a[name], b[name]) for name in a}


def _merge_column(name: str, a: ColumnProfile, b: ColumnProfile) -> ColumnProfile:
    if len(a.counts) != len(b.counts):
        raise ValueError(f"{name}: profiles of {len(a.counts)} and {len(b.counts)} cells")
    lows = [low for low in (a.low, b.low) if low is not None]
    highs = [high for high in (a.high, b.high) if high is not None]
    return ColumnProfile(
        rows=a.rows + b.rows,
        nulls=a.nulls + b.nulls,
        counts=tuple(x + y for x, y in zip(a.counts, b.counts, strict=True)),
        total=_finite(a.total + b.total),
        total_squares=_finite(a.total_squares + b.total_squares),
        low=min(lows, default=None),
        high=max(highs, default=None),
    )


def column_to_json(column: ColumnProfile) -> str:
    """One line, the same for equal profiles."""
    return json.dumps(asdict(column), sort_keys=True, separators=(",", ":"), allow_nan=False)


def column_from_json(text: str, where: str = "profile") -> ColumnProfile:
    """Read what `column_to_json` wrote.

    Raises
    ------
    StoreError
        If ``text`` is anything else; ``where`` says where it was found.
    """
    try:
        return column_from_tree(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"not the profile of a column: {error}", where=where) from None


def column_from_tree(tree: Any) -> ColumnProfile:
    fields = set(ColumnProfile.__dataclass_fields__)
    if not isinstance(tree, dict) or set(tree) != fields:
        raise ValueError(f"expected exactly the keys {', '.join(sorted(fields))}")
    rows, nulls, counts = tree["rows"], tree["nulls"], tree["counts"]
    if not all(type(count) is int and count >= 0 for count in (rows, nulls, *counts)):
        raise ValueError("counts must be whole numbers of at least 0")
    if rows != nulls + sum(counts):
        raise ValueError(f"{rows} rows, but nulls and counts add up to {nulls + sum(counts)}")
    return ColumnProfile(
        rows,
        nulls,
        tuple(counts),
        finite_number(tree["total"]),
        finite_number(tree["total_squares"]),
        None if tree["low"] is None else finite_number(tree["low"]),
        None if tree["high"] is None else finite_number(tree["high"]),
    )


def finite_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value!r}")
    return float(value)
