"""What a profile says of raw values, held against the raw values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from assay.columns import sketch, summary_statistics
from assay.columns.categories import Categories
from assay.columns.distance import wasserstein
from assay.columns.features import CategoryColumn, FrameFeatures
from assay.columns.grid import CategoryGrid, NumberGrid
from assay.columns.grid_builder import build_grid
from assay.columns.profile import ColumnProfile, merge_profiles
from assay.columns.profile_counter import compute_profile

DRAWN = {
    "normal": lambda rng, rows: rng.normal(size=rows),
    "heavy": lambda rng, rows: rng.lognormal(sigma=2, size=rows),
    "whole": lambda rng, rows: rng.poisson(4, rows).astype(float),
    "mostly zero": lambda rng, rows: np.where(rng.random(rows) < 0.9, 0, rng.gamma(2, 3, rows)),
    "two hills": lambda rng, rows: rng.normal(rng.choice([-3, 5], rows), 1),
}
CHANGES = {
    "shifted": lambda x: x + 0.3,
    "wider": lambda x: x * 1.3,
    "far": lambda x: x * 2 + 10,
    "narrower": lambda x: np.median(x) + (x - np.median(x)) * 0.5,
    "an outlier": lambda x: np.append(x, 1e4),
    "one value": lambda x: np.full(len(x), x[0]),
}


def counted(values: np.ndarray, grid: NumberGrid) -> ColumnProfile:
    return compute_profile(FrameFeatures(pd.DataFrame({"x": values})), {"x": grid})["x"]


def drawn(kind: str, rows: int = 20_000) -> tuple[np.ndarray, NumberGrid]:
    values = DRAWN[kind](np.random.default_rng(1), rows)
    grid = build_grid(pd.DataFrame({"x": values}), ["x"], [])["x"]
    assert isinstance(grid, NumberGrid)
    return values, grid


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", DRAWN)
def test_wasserstein_is_within_one_percent_of_the_raw_values(kind: str, change: str) -> None:
    before, grid = drawn(kind)
    after = CHANGES[change](DRAWN[kind](np.random.default_rng(2), 5_000))
    ours = wasserstein(grid, counted(before, grid), counted(after, grid))
    assert ours == pytest.approx(wasserstein_distance(before, after), rel=0.01)


def test_wasserstein_by_hand() -> None:
    grid = NumberGrid((0.0, 1.0, 2.0))
    low, high = counted(np.array([0.5]), grid), counted(np.array([7.25]), grid)
    assert wasserstein(grid, low, high) == wasserstein(grid, high, low) == pytest.approx(6.75)
    assert wasserstein(grid, low, low) == 0
    assert np.isnan(wasserstein(grid, low, counted(np.array([np.nan]), grid)))


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.data())
def test_a_quantile_lies_in_the_cell_of_the_true_one(values: list, data: st.DataObject) -> None:
    raw = np.array(values)
    edges = sorted(set(data.draw(st.lists(st.floats(-1e6, 1e6), max_size=9))))
    grid = NumberGrid(tuple(edge + 0.0 for edge in edges))
    at = [0.0, 0.1, 0.5, 0.9, 1.0]
    found = summary_statistics.quantiles(grid, counted(raw, grid), at)
    assert (np.diff(found) >= 0).all() and raw.min() <= found[0] and found[-1] <= raw.max()
    for guess, share in zip(found, at, strict=True):
        true = np.quantile(raw, share, method="inverted_cdf")
        ends = np.array([-np.inf, *grid.fine, np.inf])
        cell = int(np.searchsorted(grid.fine, true, side="right"))
        assert ends[cell] <= guess <= ends[cell + 1]


@pytest.mark.parametrize("kind", DRAWN)
def test_quantiles_are_near(kind: str) -> None:
    values, grid = drawn(kind)
    at = np.array([0.01, 0.25, 0.5, 0.75, 0.99])
    found = summary_statistics.quantiles(grid, counted(values, grid), at)
    share = np.searchsorted(np.sort(values), found, side="right") / len(values)
    reached = np.searchsorted(np.sort(values), found, side="left") / len(values)
    assert (share >= at - 0.005).all() and (reached <= at + 0.005).all()


def test_mean_deviation_and_nothing() -> None:
    values, grid = drawn("normal")
    column = counted(values, grid)
    assert summary_statistics.mean(column) == pytest.approx(values.mean())
    assert summary_statistics.standard_deviation(column) == pytest.approx(values.std())
    nothing = counted(np.array([np.nan]), grid)
    assert (
        summary_statistics.mean(nothing) is None is summary_statistics.standard_deviation(nothing)
    )
    assert np.isnan(summary_statistics.quantiles(grid, nothing, [0.5])).all()
    assert summary_statistics.distinct_count(nothing) == 0


def test_distinct_values() -> None:
    values, grid = drawn("whole")
    assert summary_statistics.distinct_count(counted(values, grid)) == len(np.unique(values))
    values, grid = drawn("normal")
    assert summary_statistics.distinct_count(counted(values, grid)) == pytest.approx(
        20_000, rel=0.1
    )


def explosion(first: int, rows: int) -> ColumnProfile:
    names = Categories([f"v{i}" for i in range(first, first + rows)])
    codes = np.arange(rows, dtype=np.int32)
    features = FrameFeatures(pd.DataFrame(index=range(rows)))
    grid = {"c": CategoryGrid(("v1", "v2"))}
    return compute_profile(features, grid, {"c": CategoryColumn(codes, names)})["c"]


def test_a_million_categories_take_no_more_room_than_two_hundred() -> None:
    parts = [explosion(first, 50_000) for first in range(0, 1_000_000, 50_000)]
    whole = {"c": parts[0]}
    for part in parts[1:]:
        whole = merge_profiles(whole, {"c": part})
    column = whole["c"]
    assert column.counts == (1, 1, 999_998) and len(column.new) == sketch.NEW_KEPT
    assert summary_statistics.distinct_count(column) == pytest.approx(1_000_000, rel=0.1)
