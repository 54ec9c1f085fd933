"""Count the columns of a table before scoring, and find which columns can be counted.

No contract is checked: all rows are counted, also those that scoring would quarantine. A column
that differs from the reference is reported, and is no error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import ClassVar

import numpy as np
import pyarrow as pa

from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn, Floats
from assay.columns.grid import CategoryGrid, ColumnGrid, Grid, NumberGrid
from assay.columns.profile import ColumnProfile, merge_profiles
from assay.columns.profile_counter import ProfileCounter, empty_profile
from assay.columns.texts import NO_TEXTS, Known, MeasuredTexts, texts_behind
from assay.contract.columns import convert_column
from assay.contract.definition import Contract, Field, Kind
from assay.contract.schema import is_compatible_type
from assay.project.text import counted, mark_blanks
from assay.score.inputs.split import RowGroups, read_as
from assay.score.inputs.split import batches as read_batches


def read_columns(grid: Grid, texts: Known) -> Grid:
    """The columns that are read to count those of ``grid``: texts in place of their measures."""
    behind, whole = texts_behind(texts), CategoryGrid(())
    return {behind.get(n, n): whole if n in behind else cells for n, cells in grid.items()}


def match_schemas(
    grid: Grid, schemas: Mapping[str, pa.Schema], texts: Known = NO_TEXTS
) -> tuple[Grid, dict[str, str]]:
    """Compare the reference's columns with a table's. Additional columns are allowed.

    Parameters
    ----------
    schemas
        Of each of the table's files, by name. A column that only some files have is null in the
        rows of the others.
    texts
        As in `assay.columns.reference.Reference`.

    Returns
    -------
    Grid, dict
        Of the columns that can be counted, and why each other column cannot be.
    """
    read, behind = read_columns(grid, texts), texts_behind(texts)
    problems = {name: _why(name, cells, read, schemas) for name, cells in read.items()}
    why = {name: problems[behind.get(name, name)] for name in grid}
    return (
        {name: cells for name, cells in grid.items() if why[name] is None},
        {name: reason for name, reason in why.items() if reason is not None},
    )


def _why(name: str, cells: ColumnGrid, grid: Grid, schemas: Mapping[str, pa.Schema]) -> str | None:
    """Why a column cannot be counted; None if it can."""
    there_is = False
    for where, schema in schemas.items():
        places = schema.get_all_field_indices(name)
        if len(places) > 1:
            return f"{counted(len(places), 'time')} in {where}"
        if not places:
            continue
        there_is, kind = True, schema.field(places[0]).type
        if not _fits(name, cells, kind):
            known = "numbers" if isinstance(cells, NumberGrid) else "categories"
            return f"{kind} in {where}, {known} in the reference"
    if there_is:
        return None
    there = {each for schema in schemas.values() for each in schema.names}
    unknown = {each.casefold(): each for each in sorted(there - set(grid))}
    near = difflib.get_close_matches(name.casefold(), unknown, n=1)
    return (
        f"not in the table (renamed to {mark_blanks(unknown[near[0]])}?)"
        if near
        else "not in the table"
    )


def _fits(name: str, cells: ColumnGrid, kind: pa.DataType) -> bool:
    if isinstance(cells, CategoryGrid):
        return is_compatible_type(_field(name, "string"), kind)
    return is_compatible_type(_field(name, "float"), kind) or is_compatible_type(
        _field(name, "boolean"), kind
    )


def _field(name: str, kind: Kind) -> Field:
    return Field(name, (), kind, nullable=True, line=0)


class RawFeatures:
    """A batch's columns as `assay.columns.features.Features`; a missing column is null."""

    def __init__(self, batch: pa.RecordBatch | pa.Table) -> None:
        self._batch = batch

    @property
    def rows(self) -> int:
        rows: int = self._batch.num_rows
        return rows

    def numbers(self, name: str) -> Floats:
        if name not in self._batch.schema.names:
            return np.full(self.rows, np.nan)
        return convert_column(_field(name, "float"), self._batch).values

    def coded(self, name: str) -> CategoryColumn:
        if name not in self._batch.schema.names:
            return CategoryColumn(np.full(self.rows, -1, np.int32), Categories([]))
        column = convert_column(_field(name, "string"), self._batch)
        assert column.categories is not None, "text has categories"
        return CategoryColumn(column.values, column.categories)


@dataclass(frozen=True)
class TableCounts:
    """The number of rows, and the profile of the columns."""

    rows: int
    profile: Mapping[str, ColumnProfile]


@dataclass(frozen=True)
class Counting:
    """The task that counts rows; see `assay.score.local.Work`.

    Parameters
    ----------
    contract
        How text cells are converted; a cell that cannot be counts as null.
    known
        As in `assay.columns.reference.Reference`.
    """

    where: str
    grid: Grid
    batch_rows: int
    contract: Contract | None = None
    known: Known = field(default_factory=dict)
    threaded: ClassVar = True

    def process_files(self, parts: Sequence[RowGroups], name: str) -> TableCounts:
        read = read_columns(self.grid, self.known)
        texts = [each for each, cells in read.items() if isinstance(cells, CategoryGrid)]
        columns = list(read) if self.contract is None else self.contract.columns
        counter, rows = ProfileCounter(self.grid), 0
        for batch, text in read_batches(parts, columns, texts, self.batch_rows):
            typed = batch if self.contract is None else read_as(self.contract, batch, text).rows
            counter.add(MeasuredTexts(RawFeatures(typed), self.known))
            rows += batch.num_rows
        return TableCounts(rows, counter.profile())


def total(counted: Iterable[TableCounts], grid: Grid) -> TableCounts:
    """The sum of all counts."""
    return reduce(
        lambda one, two: TableCounts(one.rows + two.rows, merge_profiles(one.profile, two.profile)),
        counted,
        TableCounts(0, empty_profile(grid)),
    )
