"""Mergeable counts of a table's columns: what drift is decided on, whatever the size of the table.

A column is counted into the cells of a grid that the reference drew once (`pipeline.cells`).
Counts of two parts of a table add up to the counts of the whole, so executors count their own
batches (`pipeline.counting`) and nobody ever holds the rows. Beside the counts a profile keeps
sums, extremes, a sketch of how many values differ, and new categories, all of which merge as
exactly; sums alone depend, in their last digits, on the order of merging.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from pipeline.cells import SCORE_GRID, CategoryGrid, Cells, ColumnGrid, Grid, NumberGrid
from pipeline.column import (
    ColumnProfile,
    column_from_json,
    column_from_tree,
    column_to_json,
    column_to_tree,
    finite_number,
    merged,
)
from pipeline.counting import NO_SCORES, Counter
from pipeline.features import Coded, Features, Floats
from pipeline.sliced import SliceField

__all__ = [
    "SCORE_GRID",
    "CategoryGrid",
    "Cells",
    "ColumnGrid",
    "ColumnProfile",
    "Counter",
    "Grid",
    "NumberGrid",
    "Profile",
    "SliceField",
    "column_from_json",
    "column_from_tree",
    "column_to_json",
    "column_to_tree",
    "empty",
    "finite_number",
    "merge",
    "profile_of",
]

Profile: TypeAlias = Mapping[str, ColumnProfile]


def profile_of(
    features: Features,
    grid: Grid,
    scores: Mapping[str, Floats | Coded] = NO_SCORES,
    slices: Sequence[SliceField] = (),
) -> dict[str, ColumnProfile]:
    """Counts of every column that ``grid`` names; other columns are left alone.

    Parameters
    ----------
    features
        The rows.
    scores
        Columns of the same rows that are not among the features, or take the place of one.
    slices
        In each of these the scores that are numbers are counted once more.

    Raises
    ------
    KeyError
        If a column of the grid is in neither.
    SchemaMismatch
        If a column of numbers holds something else.
    """
    counter = Counter(grid, scores, slices)
    counter.add(features, scores)
    return counter.profile()


def empty(
    grid: Grid, scores: Iterable[str] = (), slices: Sequence[SliceField] = ()
) -> dict[str, ColumnProfile]:
    """The profile of no rows: merging it changes nothing."""
    return Counter(grid, scores, slices).profile()


def merge(a: Profile, b: Profile) -> dict[str, ColumnProfile]:
    """The profile of the rows of both; the order of merging makes no difference.

    Counts, extremes and sketches are exact, sums are equal within rounding.

    Raises
    ------
    ValueError
        If the two were not counted on the same grid.
    """
    if a.keys() != b.keys():
        raise ValueError(f"profiles of different columns: {sorted(a.keys() ^ b.keys())}")
    return {name: merged(name, a[name], b[name]) for name in a}
