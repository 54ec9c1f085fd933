"""Grids that tell apart what differs, drawn from the reference's own rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.features import FrameFeatures
from assay.columns.grid import FINE_EDGES, CategoryGrid, CellCounts, Grid, NumberGrid
from assay.columns.grid_builder import CUT, MAX_CATEGORIES, build_grid
from assay.columns.profile import Profile
from assay.columns.profile_counter import compute_profile


def counted(table: pd.DataFrame, grid: Grid) -> Profile:
    return compute_profile(FrameFeatures(table), grid)


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200), st.integers(2, 20))
def test_the_last_cell_is_empty_in_the_reference(values: list[float], bins: int) -> None:
    table = pd.DataFrame({"x": values})
    grid = build_grid(table, ["x"], [], bins=bins)
    counts = counted(table, grid)["x"].counts
    assert counts[0] == counts[-1] == 0


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9) | st.integers(-9, 9), min_size=1, max_size=900),
    st.sampled_from([2, 7, 10, 20, 100]),
)
def test_fine_cells_lie_within_the_coarse_ones(values: list[float], bins: int) -> None:
    table = pd.DataFrame({"x": np.array(values, dtype=float)})
    grid = build_grid(table, ["x"], [], bins=bins)["x"]
    assert set(grid.edges) <= set(grid.fine) and len(grid.fine) <= FINE_EDGES
    counts = counted(table, {"x": grid})["x"].fine.counts
    assert counts[0] == counts[-1] == 0


def test_fine_cells_hold_little_each() -> None:
    values = np.random.default_rng(0).lognormal(sigma=2, size=24_000)
    table = pd.DataFrame({"x": values})
    grid = build_grid(table, ["x"], [])["x"]
    counts = counted(table, {"x": grid})["x"].fine.counts[1:-1]
    assert len(counts) == CUT - 1 and max(counts) <= 151
    widths = np.diff(grid.fine)
    assert (widths * counts).sum() < 0.1 * values.sum()
    alone = np.array(grid.edges)
    of_coarse = counted(table, {"x": NumberGrid(grid.edges)})["x"].counts[1:-1]
    assert (widths * counts).sum() < 0.01 * (np.diff(alone) * of_coarse).sum()


@pytest.mark.parametrize(
    ("values", "likely"),
    [
        ([3.0, 1.0, 1.0, np.nan], (1.0, 2.0, 3.0)),
        ([0.3, 0.1], (0.1, 0.2, 0.3)),
        ([0.25, 0.5], tuple(step / 100 for step in range(25, 51))),
        ([1 / 3, 2.0, np.inf], (1 / 3, 2.0)),
        ([1.0, 1e12], (1.0, 1e12)),
        (np.linspace(0, 1, 3000), ()),
        ([np.nan], ()),
    ],
    ids=["whole", "tenths", "hundredths", "few", "large", "many", "none"],
)
def test_likely_values(values: list[float], likely: tuple[float, ...]) -> None:
    assert build_grid(pd.DataFrame({"x": values}), ["x"], [])["x"].likely == likely


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([True] * 3 + [False] * 97, 2),
        ([7.0] * 100, 1),
        ([0.0] * 950 + list(np.linspace(0.1, 3, 30)), 2),
    ],
    ids=["rare true", "constant", "mostly zero"],
)
def test_values_that_differ_do_not_share_a_cell(values: list[float], cells: int) -> None:
    table = pd.DataFrame({"x": values})
    counts = counted(table, build_grid(table, ["x"], []))["x"].counts
    assert sum(count > 0 for count in counts) == cells
    assert max(counts) == pd.Series(values).value_counts().max()


def test_a_constant_column_sees_change_on_both_sides() -> None:
    grid = build_grid(pd.DataFrame({"x": [7.0] * 5}), ["x"], [])
    assert counted(pd.DataFrame({"x": [6.0, 7.0, 8.0, 8.5]}), grid)["x"].counts == (1, 1, 2)


def test_cells_of_equal_share() -> None:
    table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=10_000)})
    counts = counted(table, build_grid(table, ["x"], []))["x"].counts
    assert len(counts) == 12
    assert all(990 <= count <= 1010 for count in counts[1:-1])


def test_categories_by_frequency_then_name_and_no_more_than_the_most() -> None:
    table = pd.DataFrame({"c": ["b", "a", "b", "c", "a", None]})
    assert build_grid(table, [], ["c"])["c"] == CategoryGrid(("a", "b", "c"))
    many = pd.DataFrame({"c": [f"v{i:03}" for i in range(MAX_CATEGORIES + 5)]})
    grid = build_grid(many, [], ["c"])
    assert counted(many, grid)["c"].counts[-1] == 5


def test_sums_that_overflow_both_ways_are_capped_without_a_word() -> None:
    most = np.finfo(np.float64).max
    found = CellCounts.of(np.array([2, 2]), np.array([np.inf, -np.inf]))
    assert (found + found).sums.tolist() == found.sums.tolist() == [most, -most]
