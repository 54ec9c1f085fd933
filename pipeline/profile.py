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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.errors import SchemaMismatch, StoreError

SCORE = "probability"
MAX_CATEGORIES = 200
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]


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


def grid_of(
    frame: pd.DataFrame, numeric: Sequence[str], categorical: Sequence[str], bins: int = 10
) -> dict[str, ColumnGrid]:
    """The grid that the columns of ``frame`` are counted on from now on.

    Parameters
    ----------
    frame
        The reference rows.
    numeric, categorical
        Names of its columns; integers and booleans are numeric.
    bins
        How many cells of about equal share a column of numbers is cut into.

    Raises
    ------
    KeyError
        If a column is not in ``frame``.
    """
    grid: dict[str, ColumnGrid] = {}
    for name in numeric:
        grid[name] = NumberGrid(_edges(_numbers(frame[name]), bins))
    for name in categorical:
        known = frame[name].dropna().astype(str).value_counts()
        order = sorted(known.items(), key=lambda item: (-int(item[1]), str(item[0])))
        grid[name] = CategoryGrid(tuple(str(value) for value, _ in order[:MAX_CATEGORIES]))
    return grid


def _edges(values: Floats, bins: int) -> tuple[float, ...]:
    """Quantiles of the finite values, each a value that occurs.

    Few distinct values get a cell each. A value so frequent that several quantiles fall on
    it gets a cell of its own too: otherwise "no rain" and "any rain" would share a cell.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    distinct = np.unique(values)
    if len(distinct) <= 2 * bins:
        edges = distinct
    else:
        quantiles = np.quantile(values, np.arange(bins) / bins, method="inverted_cdf")
        edges, times = np.unique(quantiles, return_counts=True)
        edges = np.union1d(edges, np.nextafter(edges[times > 1], np.inf))
    end = np.nextafter(distinct[-1], np.inf)
    if np.isfinite(end):
        edges = np.union1d(edges, end)
    # Adding zero turns -0.0 into 0.0: equal numbers, but not equal JSON.
    return tuple(float(edge) for edge in edges + 0.0)


def _numbers(column: pd.Series[Any]) -> Floats:
    """Float64 values, NaN for every kind of null."""
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise SchemaMismatch(
            [f"{column.name}: expected numbers, found values of type {column.dtype}"]
        ) from None


def cells_of(column: pd.Series[Any], grid: ColumnGrid) -> tuple[Ints, Floats | None]:
    """The cell of each row (-1 for a null), and the numbers if the column has any."""
    if isinstance(grid, NumberGrid):
        values = _numbers(column)
        cells = np.searchsorted(np.asarray(grid.edges), values, side="right").astype(np.int64)
        cells[np.isnan(values)] = -1
        return cells, values
    codes, uniques = pd.factorize(column)
    if not len(uniques):
        return np.full(len(column), -1, dtype=np.int64), None
    index = pd.Index(grid.categories, dtype=object)
    found = index.get_indexer(pd.Index([str(value) for value in uniques], dtype=object))
    cell_of_code = np.where(found < 0, len(grid.categories), found).astype(np.int64)
    return np.where(codes < 0, -1, cell_of_code[codes]), None


def count(cells: Ints, values: Floats | None, size: int) -> ColumnProfile:
    counts = np.bincount(cells[cells >= 0], minlength=size)
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    with np.errstate(over="ignore"):
        total, squares = float(known.sum()), float(np.square(known).sum())
    return ColumnProfile(
        rows=len(cells),
        nulls=int((cells < 0).sum()),
        counts=tuple(int(count) for count in counts),
        total=_finite(total),
        total_squares=_finite(squares),
        low=float(known.min()) + 0.0 if len(known) else None,
        high=float(known.max()) + 0.0 if len(known) else None,
    )


def _finite(value: float) -> float:
    if math.isnan(value):
        return 0.0
    return max(-sys.float_info.max, min(sys.float_info.max, value))


def profile_of(frame: pd.DataFrame, grid: Grid) -> dict[str, ColumnProfile]:
    """Counts of every column that ``grid`` names; other columns are left alone.

    Raises
    ------
    KeyError
        If a column of the grid is not in ``frame``.
    SchemaMismatch
        If a column of numbers holds something else.
    """
    return {name: count(*cells_of(frame[name], cells), cells.cells) for name, cells in grid.items()}


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
