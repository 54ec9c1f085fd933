"""Builds the grid on which a table's columns are counted, once, from the reference's rows."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from assay.columns.features import Floats
from assay.columns.grid import CategoryGrid, ColumnGrid, NumberGrid
from assay.errors import SchemaMismatch

if TYPE_CHECKING:
    import pandas as pd

MAX_CATEGORIES = 200
FINE = 160
"""Approximate number of fine cells of equal share: a multiple of the number of coarse cells."""
CUT = 250
"""Number of fine edges after the widest cells are split."""
LIKELY = 2048
"""Most values that are counted one by one."""
UNITS = (1, 10, 100)
Ints: TypeAlias = npt.NDArray[np.int64]


def build_grid(
    frame: pd.DataFrame, numeric: Sequence[str], categorical: Sequence[str], bins: int = 10
) -> dict[str, ColumnGrid]:
    """The grid on which the columns of ``frame`` are counted.

    Parameters
    ----------
    frame
        The reference rows.
    numeric, categorical
        Names of its columns; integers and booleans are numeric.
    bins
        Number of cells of about equal share for a column of numbers; at most 100.
    """
    grid: dict[str, ColumnGrid] = {}
    for name in numeric:
        values = _numbers(frame[name])
        edges = _edges(values, bins)
        fine = {*edges, *_edges(values, bins * (FINE // bins), FINE)}
        grid[name] = NumberGrid(edges, refine_edges(sorted(fine), values), _likely(values))
    for name in categorical:
        known = frame[name].dropna().astype(str).value_counts()
        order = heapq.nsmallest(MAX_CATEGORIES, zip(-known.to_numpy(), known.index, strict=True))
        grid[name] = CategoryGrid(tuple(str(value) for _, value in order))
    return grid


def _edges(values: Floats, bins: int, few: int | None = None) -> tuple[float, ...]:
    """Quantiles of the finite values, each a value that occurs.

    If there are few distinct values (``few``, by default twice the number of bins), each gets a
    cell. A value so frequent that several quantiles fall on it gets its own cell too: otherwise "no
    rain" and "any rain" would share a cell.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    distinct = np.unique(values)
    if len(distinct) <= (2 * bins if few is None else few):
        edges = distinct
    else:
        quantiles = np.quantile(values, np.arange(bins) / bins, method="inverted_cdf")
        edges, times = np.unique(quantiles, return_counts=True)
        edges = np.union1d(edges, np.nextafter(edges[times > 1], np.inf))
    end = np.nextafter(distinct[-1], np.inf)
    if np.isfinite(end):
        edges = np.union1d(edges, end)
    # Adding zero turns -0.0 into 0.0: the numbers are equal, but their JSON is not.
    return tuple(float(edge) for edge in edges + 0.0)


def refine_edges(edges: Sequence[float], values: Floats) -> tuple[float, ...]:
    """Adds edges, up to `CUT` in all, by halving the cells that lose most information.

    The positions of values within a cell are unknown, which matters in proportion to its width and
    its share. In a long tail nearly all values lie at one end of a cell, so halves are weighted
    anew.
    """
    low = list(edges)
    if len(low) < 2:
        return tuple(edges)
    known = np.sort(values[np.isfinite(values)])
    reached = np.searchsorted(known, low).tolist()
    cells = [
        (-(end - start) * (upto - upfrom) ** 0.5, start, end, upfrom, upto)
        for (start, end), (upfrom, upto) in zip(pairwise(low), pairwise(reached), strict=True)
    ]
    heapq.heapify(cells)
    while cells and len(low) < CUT:
        weight, start, end, upfrom, upto = heapq.heappop(cells)
        middle = start + (end - start) / 2
        if weight >= 0 or not start < middle < end:
            continue
        at = int(np.searchsorted(known, middle))
        low.append(middle)
        for left, right, upward, upper in ((start, middle, upfrom, at), (middle, end, at, upto)):
            heapq.heappush(
                cells, (-(right - left) * (upper - upward) ** 0.5, left, right, upward, upper)
            )
    return tuple(float(edge) for edge in np.union1d(low, low) + 0.0)


def _likely(values: Floats) -> tuple[float, ...]:
    """All multiples of a unit in the range of the values, or else the values themselves, if few."""
    known = np.unique(values[np.isfinite(values)] + 0.0)
    if not len(known):
        return ()
    if np.abs(known).max() <= 1e9:
        for unit in UNITS:
            near = np.round(known * unit)
            if near[-1] - near[0] < LIKELY and (near / unit == known).all():
                return tuple((np.arange(near[0], near[-1] + 1) / unit).tolist())
    return tuple(known.tolist()) if len(known) <= LIKELY else ()


def _numbers(column: pd.Series[Any]) -> Floats:
    """Float64 values, NaN for every kind of null."""
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise SchemaMismatch(
            [f"{column.name}: expected numbers, found values of type {column.dtype}"]
        ) from None


def assign_cells(column: pd.Series[Any], grid: ColumnGrid) -> Ints:
    """The cell of each row, -1 for a null."""
    if isinstance(grid, NumberGrid):
        values = _numbers(column)
        cells = np.searchsorted(np.asarray(grid.edges), values, side="right").astype(np.int64)
        cells[np.isnan(values)] = -1
        return cells
    import pandas as pd

    codes, uniques = pd.factorize(column)
    places = {name: place for place, name in enumerate(grid.categories)}
    of_code = [places.get(str(value), len(grid.categories)) for value in uniques]
    return np.array([*of_code, -1], dtype=np.int64)[codes]
