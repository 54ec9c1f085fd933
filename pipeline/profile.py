"""Mergeable counts of a table's columns: what drift is decided on, whatever the size of the table.

A column is counted into the cells of a grid that the reference drew once. Counts of two
parts of a table add up to the counts of the whole, so executors count their own batches
and nobody ever holds the rows. The same counts give every distance here.

Cells of numbers are closed on the left: with edges ``e0 < e1 < e2`` they are ``x < e0``,
``e0 <= x < e1``, ``e1 <= x < e2`` and ``x >= e2``. Edges sit at quantiles of the reference
(equal shares, as opposed to equal widths, so that one outlier cannot empty every other
cell), and the last edge is the next float after the largest value, so that the last cell
holds only what the reference never saw.

The distance is the Jensen-Shannon distance: the square root of the divergence of
J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on
Information Theory 37(1), 1991, to base 2; the root is a metric (D. Endres and
J. Schindelin, IEEE Transactions on Information Theory 49(7), 2003). It is 0 for equal
shares and 1 for shares with nothing in common, and needs no smoothing. Nulls are left out
of it: their share is watched on its own, with a limit a person can read.
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

from pipeline.errors import BundleChanged, SchemaMismatch, StoreError

SCORE = "probability"
MAX_CATEGORIES = 200
PSI_PSEUDO_COUNT = 0.5
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


def _cells(column: pd.Series[Any], grid: ColumnGrid) -> tuple[Ints, Floats | None]:
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


def _column(cells: Ints, values: Floats | None, size: int) -> ColumnProfile:
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
    return {name: _column(*_cells(frame[name], cells), cells.cells) for name, cells in grid.items()}


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
        return _column_from(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"not the profile of a column: {error}", where=where) from None


def _column_from(tree: Any) -> ColumnProfile:
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
        _number(tree["total"]),
        _number(tree["total_squares"]),
        None if tree["low"] is None else _number(tree["low"]),
        None if tree["high"] is None else _number(tree["high"]),
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value!r}")
    return float(value)


def js_distance(p: npt.ArrayLike, q: npt.ArrayLike) -> Floats:
    """Jensen-Shannon distance, base 2, along the last axis.

    Parameters
    ----------
    p, q
        Counts, of shapes that broadcast to ``(..., cells)``.

    Returns
    -------
    numpy.ndarray
        Of shape ``(...)``, in [0, 1]; NaN where either has no count at all.
    """
    left, right = _shares(p), _shares(q)
    middle = (left + right) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = sum(
            np.where(side > 0, side * np.log2(side / middle), np.where(side == 0, 0.0, np.nan))
            for side in (left, right)
        )
    # The divergence of equal shares may round to just under zero, whose root is not a number.
    return np.asarray(np.sqrt(np.clip(np.sum(terms, axis=-1) / 2, 0.0, 1.0)), dtype=np.float64)


def _shares(counts: npt.ArrayLike) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, values / total, np.nan)


def psi(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Population stability index of the counts ``q`` against the counts ``p``.

    Half a row is added to every cell of both (an infinite index for one empty cell would
    say nothing), so small nights read a little nearer to the reference than they are.
    Shown because risk teams read it; nothing is decided on it. NaN if either is empty.
    """
    left, right = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if left.sum() <= 0 or right.sum() <= 0:
        return math.nan
    a, b = _shares(left + PSI_PSEUDO_COUNT), _shares(right + PSI_PSEUDO_COUNT)
    return float(np.sum((b - a) * np.log(b / a)))


@dataclass(frozen=True, slots=True)
class Reference:
    """What monitoring compares with.

    Attributes
    ----------
    grid, profile
        The features' and the score's grids, and the counts of all reference rows.
    nights
        How many partitions the reference rows came from.
    distances
        For each column, in increasing order, the distance of each night from all the
        others: how far an ordinary night strays. A night whose column is all null has none.
    null_changes
        For each column, in increasing order, how much each night's share of nulls differs
        from that of all the others; in [0, 1].
    """

    grid: Grid
    profile: Profile
    nights: int
    distances: Mapping[str, tuple[float, ...]]
    null_changes: Mapping[str, tuple[float, ...]]

    def to_json(self) -> str:
        """The same text for equal references; ends with a newline."""
        columns = {
            name: {
                "grid": asdict(grid),
                "profile": asdict(self.profile[name]),
                "distances": list(self.distances[name]),
                "null_changes": list(self.null_changes[name]),
            }
            for name, grid in self.grid.items()
        }
        tree = {"schema": 1, "nights": self.nights, "columns": columns}
        return json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Reference:
        """Read what `to_json` wrote.

        Raises
        ------
        BundleChanged
            If ``text`` is anything else; ``where`` names the file.
        """
        try:
            tree = json.loads(text)
            if tree["schema"] != 1:
                raise ValueError(f"schema {tree['schema']!r}, expected 1")
            if type(tree["nights"]) is not int or tree["nights"] < 0:
                raise ValueError(f"nights must be a whole number, found {tree['nights']!r}")
            columns = {str(name): _reference_column(c) for name, c in tree["columns"].items()}
            if SCORE not in columns:
                raise ValueError(f"no column {SCORE}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise BundleChanged(
                f"not a reference profile: {reason}", where=where, mend="Run `dvc repro` again"
            ) from None
        return cls(
            {name: column[0] for name, column in columns.items()},
            {name: column[1] for name, column in columns.items()},
            tree["nights"],
            {name: column[2] for name, column in columns.items()},
            {name: column[3] for name, column in columns.items()},
        )


def _reference_column(
    tree: Any,
) -> tuple[ColumnGrid, ColumnProfile, tuple[float, ...], tuple[float, ...]]:
    grid: ColumnGrid
    if set(tree["grid"]) == {"edges"}:
        grid = NumberGrid(tuple(_number(edge) for edge in tree["grid"]["edges"]))
    elif set(tree["grid"]) == {"categories"}:
        grid = CategoryGrid(tuple(str(name) for name in tree["grid"]["categories"]))
    else:
        raise ValueError("a grid holds either edges or categories")
    profile = _column_from(tree["profile"])
    if len(profile.counts) != grid.cells:
        raise ValueError(f"{len(profile.counts)} counts on a grid of {grid.cells} cells")
    return grid, profile, _increasing(tree["distances"]), _increasing(tree["null_changes"])


def _increasing(values: Any) -> tuple[float, ...]:
    numbers = tuple(_number(value) for value in values)
    if list(numbers) != sorted(numbers) or any(not 0 <= number <= 1 for number in numbers):
        raise ValueError("the nights' distances must increase within [0, 1]")
    return numbers


def reference_of(
    frame: pd.DataFrame,
    night: pd.Series[Any],
    numeric: Sequence[str],
    categorical: Sequence[str],
) -> Reference:
    """Grid, counts and night-to-night distances of the reference rows.

    Parameters
    ----------
    frame
        The features and ``probability``, one row a scored row.
    night
        The partition value of each row, in the order of ``frame``.
    numeric, categorical
        The features.

    Raises
    ------
    ValueError
        If a feature is called ``probability``, or a row has no partition value.
    KeyError
        If a column is not in ``frame``.
    """
    if SCORE in (*numeric, *categorical):
        raise ValueError(f"a feature cannot be called {SCORE}: that is the model's answer")
    codes, nights = pd.factorize(night)
    if len(codes) != len(frame) or (codes < 0).any():
        raise ValueError("every reference row needs a partition value")
    grid: Grid = {**grid_of(frame, numeric, categorical), SCORE: SCORE_GRID}
    profile: dict[str, ColumnProfile] = {}
    distances: dict[str, tuple[float, ...]] = {}
    null_changes: dict[str, tuple[float, ...]] = {}
    codes = codes.astype(np.int64)
    for name, column in grid.items():
        cells, values = _cells(frame[name], column)
        profile[name] = _column(cells, values, column.cells)
        by_night = _counts_by_night(cells, codes, len(nights), column.cells)
        distances[name], null_changes[name] = _leave_one_out(by_night)
    return Reference(grid, profile, len(nights), distances, null_changes)


def _counts_by_night(cells: Ints, nights: Ints, n_nights: int, n_cells: int) -> Ints:
    """Counts of shape (nights, 1 + cells); nulls come first."""
    flat = nights * (n_cells + 1) + cells + 1
    counts = np.bincount(flat, minlength=n_nights * (n_cells + 1))
    return counts.reshape(n_nights, n_cells + 1).astype(np.int64)


def _leave_one_out(by_night: Ints) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """How far each night's shares, and its share of nulls, are from all other nights'.

    The counts of the others are the whole less the night: exact, and no second pass.
    """
    others = by_night.sum(axis=0) - by_night
    distances = js_distance(by_night[:, 1:], others[:, 1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        nulls = by_night[:, 0] / by_night.sum(axis=1)
        changes = np.abs(nulls - others[:, 0] / others.sum(axis=1))
    return _sorted(distances), _sorted(changes)


def _sorted(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in np.sort(values[np.isfinite(values)]))
