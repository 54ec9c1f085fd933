"""Histograms for people hold every row once, where its value lies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.grid import CategoryGrid, NumberGrid
from assay.columns.grid_builder import build_grid
from assay.columns.profile import ColumnProfile
from assay.columns.profile_counter import compute_profile
from assay.pages.charts import BARS, CATEGORIES, build_histograms


def counted(grid: NumberGrid, values: np.ndarray) -> ColumnProfile:
    return compute_profile(FrameFeatures(pd.DataFrame({"x": values})), {"x": grid})["x"]


def both(before: np.ndarray, now: np.ndarray) -> tuple[NumberGrid, ColumnProfile, ColumnProfile]:
    grid = build_grid(pd.DataFrame({"x": before}), ["x"], [])["x"]
    assert isinstance(grid, NumberGrid)
    return grid, counted(grid, before), counted(grid, now)


def test_bars_of_equal_width_hold_what_lies_in_them() -> None:
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=20_000), rng.normal(1, 1, 5_000)
    drawn = build_histograms(*both(before, now))
    assert len(drawn.names) == BARS + 2
    assert sum(drawn.before) == pytest.approx(1) and sum(drawn.now) == pytest.approx(1)
    for values, shares in ((before, drawn.before), (now, drawn.now)):
        low, high = np.quantile(before, 0.01), np.quantile(now, 0.99)
        raw, _ = np.histogram(values, np.linspace(low, high, BARS + 1))
        # A fine cell on an edge goes to one side as a whole.
        assert np.abs(raw / len(values) - shares[1:-1]).max() < 0.02
    assert drawn.before[0] == pytest.approx(0.01, abs=0.005)
    assert drawn.now[-1] == pytest.approx(0.01, abs=0.005)


def test_few_values_have_a_bar_each() -> None:
    before = np.repeat([1.0, 2.0, 5.0, 1e6 + 1, 1e6 + 2], [10, 20, 30, 20, 20])
    drawn = build_histograms(*both(before, np.array([2.0, 2.0, 5.0, np.nan])))
    assert drawn.names == ("1", "2", "5", "1000001", "1000002")
    assert drawn.before == (0.1, 0.2, 0.3, 0.2, 0.2)
    assert drawn.now == pytest.approx((0, 2 / 3, 1 / 3, 0, 0))


@pytest.mark.parametrize(
    "now", [np.zeros(300), np.array([1e304, -1e304, np.inf]), np.full(9, -5.0)], ids=len
)
def test_no_column_is_too_odd(now: np.ndarray) -> None:
    mostly = np.where(np.arange(3000) % 100 == 0, np.arange(3000) * 1e300, 0.0)
    drawn = build_histograms(*both(mostly, now))
    assert len(set(drawn.names)) == len(drawn.names)
    assert sum(drawn.before) == pytest.approx(1) and sum(drawn.now) == pytest.approx(1)


def test_rare_categories_share_a_bar() -> None:
    grid = CategoryGrid(("others", *(f"v{i:02}" for i in range(39))))
    counts = tuple(range(41))
    column = ColumnProfile(sum(counts), 0, counts, 0.0, 0.0, None, None)
    drawn = build_histograms(grid, column, column)
    # The first category is one of their own that nobody has: its bar is left out.
    assert drawn.names[:1] == ("v00",) and drawn.names[-2:] == ("(others)", "new")
    assert len(drawn.names) == CATEGORIES - 1 + 2
    assert sum(drawn.now) == pytest.approx(1) and drawn.now[-1] == pytest.approx(40 / 820)
