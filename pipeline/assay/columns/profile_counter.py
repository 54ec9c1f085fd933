"""Counts rows batch by batch, in memory that depends on the grid and not on the rows.

Counters hold raw arrays, and a profile is made of them once at the end. So a batch costs little
more than one pass over its values.
"""

from __future__ import annotations

import math
from collections import Counter as Bag
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from assay.columns import sketch
from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn, Codes, Features, Floats, SliceField
from assay.columns.grid import CategoryGrid, CellCounts, Grid, Ints, NumberGrid, Places
from assay.columns.profile import ColumnProfile, clip_to_finite
from assay.errors import SchemaMismatch

NO_SCORES: Mapping[str, Floats | CategoryColumn] = MappingProxyType({})
NO_ENDS = (0.0, 0.0, math.inf, -math.inf)
"""Sum, sum of squares, minimum and maximum of no numbers."""


class ProfileCounter:
    """Counts every column of ``grid``.

    Parameters
    ----------
    scores
        The columns that are model outputs; numeric ones are also counted in each of ``slices``.
    """

    def __init__(
        self, grid: Grid, scores: Iterable[str] = (), slices: Sequence[SliceField] = ()
    ) -> None:
        self._columns = {
            name: _Numbers(cells) if isinstance(cells, NumberGrid) else _Categories(cells)
            for name, cells in grid.items()
        }
        self._sliced: dict[str, list[_Slices]] = {}
        for name in scores:
            cells = grid.get(name)
            if slices and isinstance(cells, NumberGrid):
                self._sliced[name] = [_Slices(name, field, cells) for field in slices]

    def add(
        self, features: Features, scores: Mapping[str, Floats | CategoryColumn] = NO_SCORES
    ) -> None:
        """Count some rows.

        Parameters
        ----------
        scores
            Columns of the same rows that are not among the features, or that replace one.

        Raises
        ------
        SchemaMismatch
            If a column does not hold the numbers or categories that the grid expects.
        """
        codes: dict[str, tuple[Codes, Codes]] = {}
        for name, column in self._columns.items():
            if isinstance(column, _Categories):
                column.add(_coded(name, features, scores))
                continue
            values = _numbers(name, features, scores)
            sliced = self._sliced.get(name)
            if sliced is None:
                column.add(values)
                continue
            cells = cell_indices(values, column.grid)
            column.add_placed(values, cells)
            for each in sliced:
                field = each.field
                if field.name not in codes:
                    codes[field.name] = field.codes(features)
                each.add(values, cells, *codes[field.name])

    def profile(self) -> dict[str, ColumnProfile]:
        """The counts so far: the grid's columns, then those of the slices."""
        made = {name: column.profile() for name, column in self._columns.items()}
        for slices in self._sliced.values():
            for each in slices:
                made |= each.profiles()
        return made


def _coded(
    name: str, features: Features, scores: Mapping[str, Floats | CategoryColumn]
) -> CategoryColumn:
    given = scores.get(name)
    coded = features.coded(name) if given is None else given
    if not isinstance(coded, CategoryColumn):
        raise SchemaMismatch([f"{name}: expected categories, found numbers"])
    return coded


def _numbers(
    name: str, features: Features, scores: Mapping[str, Floats | CategoryColumn]
) -> Floats:
    given = scores.get(name)
    try:
        values = features.numbers(name) if given is None else given
        return np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SchemaMismatch([f"{name}: expected numbers ({error})"]) from None


def cell_indices(values: Floats, grid: NumberGrid) -> Places:
    """The fine cell of each value; nulls get the number of cells."""
    from assay.columns import count_kernels

    cells = np.empty(len(values), np.uint16)
    count_kernels.find_cells(values, *grid.finder, len(grid.fine), cells)
    return cells


class _Numbers:
    """Counts one column of numbers.

    Likely values are only counted, one by one, and their sums are derived from the counts. Other
    values are counted in their cells.
    """

    def __init__(self, grid: NumberGrid) -> None:
        width = len(grid.fine) + 2
        self.grid = grid
        known = 0 if grid.known is None else len(grid.known.cells)
        self._of_value = np.zeros(known + 1, np.int64)
        self._counts, self._sums = np.zeros(width, np.int64), np.zeros(width)
        self._least = sketch.empty_registers()
        self._ends: Sequence[float] = NO_ENDS

    def add(self, values: Floats) -> None:
        from assay.columns import count_kernels

        if self.grid.known is not None:
            others = np.empty(len(values))
            found = count_kernels.count_known(
                values, *self.grid.known.lookup, self._of_value, others
            )
            if found == 0:
                return
            values = values if found < 0 else others[:found]
        self.add_placed(values, cell_indices(values, self.grid))

    def add_placed(self, values: Floats, cells: Places) -> None:
        """Count values whose cells are known, likely or not."""
        from assay.columns import count_kernels

        count_kernels.tally(values, cells, self._counts, self._sums)
        count_kernels.update_registers(values, self._least)
        self._ends = _joined(self._ends, count_kernels.moments(values))

    def profile(self) -> ColumnProfile:
        counts, sums, ends = self._counts.copy(), self._sums, self._ends
        registers = sketch.to_registers(self._least)
        counts[-1] += self._of_value[-1]
        seen = np.flatnonzero(self._of_value[:-1])
        known = self.grid.known
        if known is not None and len(seen):
            many, values = self._of_value[seen], known.lookup.values[seen]
            np.add.at(counts, known.cells[seen], many)
            with np.errstate(over="ignore", invalid="ignore"):
                each = many * values
                sums = sums + np.bincount(known.cells[seen], each, len(sums))
                total, squares = float(each.sum()), float((each * values).sum())
            ends = _joined(ends, (total, squares, float(values[0]), float(values[-1])))
            fallen = sketch.build_registers(
                sketch.HashRanks(known.ranked.register[seen], known.ranked.rank[seen])
            )
            registers = sketch.merge_registers(registers, fallen)
        return _profile(self.grid, counts, sums, ends, registers)


class _Categories:
    """Counts one column of categories."""

    def __init__(self, grid: CategoryGrid) -> None:
        self._grid = grid
        self._counts, self._nulls = np.zeros(grid.cells, np.int64), 0
        self._new: Bag[str] = Bag()
        self._registers = bytes(sketch.REGISTERS)

    def add(self, coded: CategoryColumn) -> None:
        from assay.columns import count_kernels

        codes, categories = np.ascontiguousarray(coded.codes, dtype=np.int32), coded.categories
        by_code = np.empty(len(categories) + 1, dtype=np.int64)
        if not count_kernels.count_codes(codes, by_code):
            raise ValueError(f"codes beyond the {len(categories)} categories")
        self._nulls += int(by_code[0])
        used = np.flatnonzero(by_code[1:])
        many, cells = by_code[used + 1], self._grid.known.find(categories)[used]
        np.add.at(self._counts, cells, many)
        new = cells == len(self._grid.known)
        if new.any():
            self._add_new(sketch.shorten_names(categories.take(used[new])), many[new])

    def _add_new(self, names: Categories, many: Ints) -> None:
        hashed = names.hashes()
        fallen = sketch.build_registers(sketch.rank_hashes(hashed))
        self._registers = sketch.merge_registers(self._registers, fallen)
        # A name that is not kept of a batch is not kept of all: so many come before it already.
        kept = sketch.select_hashes(hashed)
        for name, count in zip(names.take(kept), many[kept].tolist(), strict=True):
            self._new[name] += count
        self._new = Bag(dict(sketch.select_names(self._new)))

    def profile(self) -> ColumnProfile:
        counts = tuple(self._counts.tolist())
        seen, (register, rank) = self._counts[:-1] > 0, self._grid.ranked
        fallen = sketch.build_registers(sketch.HashRanks(register[seen], rank[seen]))
        return ColumnProfile(
            rows=sum(counts) + self._nulls,
            nulls=self._nulls,
            counts=counts,
            total=0.0,
            total_squares=0.0,
            low=None,
            high=None,
            registers=sketch.merge_registers(self._registers, fallen),
            new=sketch.select_names(self._new),
        )


class _Slices:
    """Counts a column of scores in each slice of one field."""

    def __init__(self, score: str, field: SliceField, grid: NumberGrid) -> None:
        self.field = field
        self._names, self._grid = field.columns(score), grid
        shape = (len(self._names), len(grid.fine) + 2)
        self._counts, self._sums = np.zeros(shape, np.int64), np.zeros(shape)
        self._ends = np.tile(NO_ENDS, (len(self._names), 1))

    def add(self, values: Floats, cells: Places, codes: Codes, parts: Codes) -> None:
        from assay.columns import count_kernels

        count_kernels.tally_parts(values, cells, codes, parts, self._counts, self._sums, self._ends)

    def profiles(self) -> dict[str, ColumnProfile]:
        return {
            name: _profile(self._grid, counts.copy(), sums, ends, b"")
            for name, counts, sums, ends in zip(
                self._names, self._counts, self._sums, self._ends.tolist(), strict=True
            )
        }


def _joined(a: Sequence[float], b: Sequence[float]) -> Sequence[float]:
    return (a[0] + b[0], a[1] + b[1], min(a[2], b[2]), max(a[3], b[3]))


def _profile(
    grid: NumberGrid, counts: Ints, sums: Floats, ends: Sequence[float], registers: bytes
) -> ColumnProfile:
    """A profile from counts and sums of the fine cells, the nulls last."""
    fine = CellCounts.of(counts[:-1], sums[:-1])
    total, total_squares, low, high = ends
    known = low <= high
    return ColumnProfile(
        rows=int(counts.sum()),
        nulls=int(counts[-1]),
        counts=tuple(np.add.reduceat(fine.counts, grid.starts).tolist()),
        total=clip_to_finite(total),
        total_squares=clip_to_finite(total_squares),
        # Adding zero turns -0.0 into 0.0: the numbers are equal, but their JSON is not.
        low=low + 0.0 if known else None,
        high=high + 0.0 if known else None,
        fine=fine,
        registers=registers,
    )


def compute_profile(
    features: Features,
    grid: Grid,
    scores: Mapping[str, Floats | CategoryColumn] = NO_SCORES,
    slices: Sequence[SliceField] = (),
) -> dict[str, ColumnProfile]:
    """The profile of every column of ``grid``; other columns are ignored.

    Parameters
    ----------
    features
        The rows.
    scores
        Columns of the same rows that are not among the features, or that replace one.
    slices
        Numeric scores are also counted in each of these.
    """
    counter = ProfileCounter(grid, scores, slices)
    counter.add(features, scores)
    return counter.profile()


def empty_profile(
    grid: Grid, scores: Iterable[str] = (), slices: Sequence[SliceField] = ()
) -> dict[str, ColumnProfile]:
    """The profile of no rows: the neutral element of merging."""
    return ProfileCounter(grid, scores, slices).profile()
