"""Cells of probabilities follow the reference, however rare its events are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.features import FrameFeatures
from assay.columns.grid import SCORE_GRID, NumberGrid
from assay.columns.grid_builder import CUT
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import build_reference
from assay.columns.score_grid import COARSE, FINE, probability_grid
from assay.monitor.drift.budget import alarms, evidence
from assay.monitor.drift.drift import decide
from assay.project.params import Monitor

RARE = 0.001


def rare(seed: int, rows: int, base: float = RARE) -> np.ndarray:
    """Scores whose log odds are normal, with a mean of about ``base``."""
    random = np.random.default_rng(seed)
    odds = np.log(base) - 1.5**2 / 2 + 1.5 * random.normal(size=rows)
    return 1 / (1 + np.exp(-odds))


def counts(grid: NumberGrid, scores: np.ndarray) -> np.ndarray:
    frame = pd.DataFrame({"p": scores})
    return np.array(compute_profile(FrameFeatures(frame), {"p": grid})["p"].counts)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0.0, -0.0, 0.25, 1.0]) | st.floats(0, 1), min_size=1, max_size=80),
    st.none() | st.floats(0.001, 0.999),
)
def test_any_scores_make_a_grid(scores: list[float], threshold: float | None) -> None:
    grid = probability_grid(np.array([*scores, np.nan]), threshold)
    assert (grid.edges[0], grid.edges[-1]) == (0.0, float(np.nextafter(1, 2)))
    assert len(grid.edges) <= COARSE + 3 and len(grid.fine) <= CUT
    assert threshold is None or threshold in grid.fine
    found = counts(grid, np.array(scores))
    assert found[0] == found[-1] == 0 and found.sum() == len(scores)
    # What lies beyond the reference's range is told apart from all that it had.
    empty = np.flatnonzero(found == 0)
    for end in (1.0 if max(scores) < 0.5 else 0.0 if min(scores) > 0.5 else None,):
        if end is not None:
            assert np.flatnonzero(counts(grid, np.array([end])))[0] in empty


def test_without_a_reference_cells_are_even() -> None:
    grid = probability_grid(np.array([np.nan]))
    assert grid.edges == SCORE_GRID.edges and set(grid.edges) <= set(grid.fine)


@pytest.mark.parametrize("base", [0.0005, 0.3])
def test_coarse_cells_hold_equal_shares_and_fine_ones_little_of_either_label(base: float) -> None:
    scores = rare(1, 100_000, base)
    grid = probability_grid(scores)
    found = counts(grid, scores)
    held = found[found > 0]
    assert len(held) == COARSE and np.abs(held / 5000 - 1).max() < 0.01
    cell = np.searchsorted(grid.fine, scores, side="right")
    for weight in (scores, 1 - scores):
        assert np.bincount(cell, weight).max() <= 2.1 / FINE * weight.sum()


def test_a_step_of_a_calibration_has_a_cell_of_its_own() -> None:
    steps = np.concatenate([np.full(3000, 0.2), np.linspace(0.05, 0.6, 7000)])
    grid = probability_grid(steps)
    fine = np.searchsorted(grid.fine, steps, side="right")
    assert len(np.unique(steps[fine == fine[0]])) == 1


def test_a_constant_score_may_differ_a_little_on_nights() -> None:
    grid = probability_grid(np.array([0.22, 0.23, 0.24]))
    low, high = counts(grid, np.full(9, 0.2)), counts(grid, np.full(9, 0.27))
    beyond = counts(grid, np.full(9, 0.4))
    known = counts(grid, np.array([0.22, 0.23, 0.24])) > 0
    assert low[known].sum() == high[known].sum() == 9 and beyond[known].sum() == 0


def test_a_doubling_of_rare_scores_is_an_alarm_within_five_nights() -> None:
    nights, rows = 40, 2000
    scores = rare(2, nights * rows)
    frame = pd.DataFrame({"x": scores, "probability": scores})
    night = pd.Series(np.repeat(np.arange(nights), rows))
    grids = {"probability": probability_grid(scores)}
    reference = build_reference(frame, night, ["x"], [], grids)
    limits = Monitor()

    def judged(times: float) -> list[bool]:
        seen = []
        for day in range(5):
            p = rare(100 + day, rows) * times
            profile = compute_profile(
                FrameFeatures(pd.DataFrame({"x": rare(200 + day, rows)})),
                reference.grid,
                {"probability": p},
            )
            decision = decide(reference, profile, limits, rows)
            seen.append(evidence(f"night {day}", "b", decision, reference, limits))
        found = alarms(seen, limits.budget)
        return [any(one.question.column == "probability" for one in each.alarms) for each in found]

    assert not any(judged(1.0))
    assert any(judged(2.0))
