"""Drawing the grid that a table's columns are counted on, once, from the reference's rows."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from assay.columns.features import Floats
from assay.columns.grid import CategoryGrid, ColumnGrid, NumberGrid
from assay.errors import SchemaMismatch

MAX_CATEGORIES = 200
FINE = 160
"""About so many fine cells of equal share: a multiple of what a column is cut into."""
CUT = 250
"""Edges of fine cells after the widest ones were cut."""
LIKELY = 2048
"""At most so many values are recognized one by one."""
UNITS = (1, 10, 100)
Ints: TypeAlias = npt.NDArray[np.int64]


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
        How many cells of about equal share a column of numbers is cut into; at most 100.

    Raises
    ------
    KeyError
        If a column is not in ``frame``.
    """
    grid: dict[str, ColumnGrid] = {}
    for name in numeric:
        values = _numbers(frame[name])
        edges = _edges(values, bins)
        fine = {*edges, *_edges(values, bins * (FINE // bins), FINE)}
        grid[name] = NumberGrid(edges, cut(sorted(fine), values), _likely(values))
    for name in categorical:
        known = frame[name].dropna().astype(str).value_counts()
        order = sorted(known.items(), key=lambda item: (-int(item[1]), str(item[0])))
        grid[name] = CategoryGrid(tuple(str(value) for value, _ in order[:MAX_CATEGORIES]))
    return grid


def _edges(values: Floats, bins: int, few: int | None = None) -> tuple[float, ...]:
    """Quantiles of the finite values, each a value that occurs.

    Few distinct values (``few``, by default twice as many as there are bins) get a cell
    each. A value so frequent that several quantiles fall on it gets a cell of its own too:
    otherwise "no rain" and "any rain" would share a cell.
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
    # Adding zero turns -0.0 into 0.0: equal numbers, but not equal JSON.
    return tuple(float(edge) for edge in edges + 0.0)


def cut(edges: Sequence[float], values: Floats) -> tuple[float, ...]:
    """More edges, `CUT` in all: cells are halved where most could go unseen.

    Within a cell nobody knows where values lie, which matters as its width and its share. A long
    tail has nearly all its values at one end of its cell, so halves are weighed anew.
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
    """All multiples of a unit in the range of the values, or else the values, if few."""
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


def cells_of(column: pd.Series[Any], grid: ColumnGrid) -> Ints:
    """The cell of each row, -1 for a null."""
    if isinstance(grid, NumberGrid):
        values = _numbers(column)
        cells = np.searchsorted(np.asarray(grid.edges), values, side="right").astype(np.int64)
        cells[np.isnan(values)] = -1
        return cells
    codes, uniques = pd.factorize(column)
    places = {name: place for place, name in enumerate(grid.categories)}
    of_code = [places.get(str(value), len(grid.categories)) for value in uniques]
    return np.array([*of_code, -1], dtype=np.int64)[codes]
