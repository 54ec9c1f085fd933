"""Cells of a histogram of probabilities, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from assay.performance.estimate.decisions import cells_from_histogram

EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0000001)
SCORES = (
    np.array([0.1, 0.15, 0.19]),
    np.array([0.5, 0.5]),
    np.array([0.81, 0.9, 0.99, 0.95]),
)


def histogram(cells: tuple[np.ndarray, ...], places: tuple[int, ...]) -> tuple[list[int], ...]:
    counts, sums = [0] * 7, [0.0] * 7
    for place, scores in zip(places, cells, strict=True):
        counts[place], sums[place] = len(scores), float(scores.sum())
    return counts, sums, float(sum(np.square(each).sum() for each in cells))


def test_means_are_those_of_the_rows_and_spreads_share_the_squares() -> None:
    found = cells_from_histogram(EDGES, *histogram(SCORES, (1, 3, 5)))
    assert found.rows == 9
    assert found.low.tolist() == [0.0, 0.4, 0.8] and found.high.tolist() == [0.2, 0.6, 1.0]
    assert found.counts.tolist() == [3, 2, 4] and found.counts.dtype == np.float64
    means = np.array([each.mean() for each in SCORES])
    assert found.means == pytest.approx(means)
    within = sum(float(np.square(each - each.mean()).sum()) for each in SCORES)
    # In proportion to what rows that are evenly spread would have.
    widest = (means - found.low) * (found.high - means)
    even = np.minimum(0.2**2 / 12, widest)
    assert np.square(found.spread) == pytest.approx(even * within / (found.counts @ even))
    assert (np.square(found.spread) < widest).all()


def test_rows_at_both_ends_of_a_cell_spread_as_far_as_it_reaches() -> None:
    ends = (np.array([0.2, 0.2, 0.2, 0.3999999]), np.array([0.6, 0.7999999]))
    found = cells_from_histogram(EDGES, *histogram(ends, (2, 4)))
    widest = (found.means - found.low) * (found.high - found.means)
    assert (np.square(found.spread) <= widest + 1e-12).all()
    assert np.square(found.spread)[0] == pytest.approx(widest[0], rel=1e-5)


def test_rows_of_one_score_have_no_spread() -> None:
    found = cells_from_histogram(EDGES, *histogram((np.full(3, 0.1), np.full(2, 0.5)), (1, 3)))
    assert found.spread == pytest.approx(0, abs=1e-7)


def test_what_is_nearly_certain_is_certain() -> None:
    found = cells_from_histogram(
        EDGES, *histogram((np.full(3, 5e-13), np.full(2, 1 - 5e-13)), (1, 5))
    )
    assert found.means.tolist() == [0.0, 1.0] and found.spread.tolist() == [0.0, 0.0]
    found = cells_from_histogram(
        EDGES, *histogram((np.full(3, 2e-12), np.full(2, 1 - 2e-12)), (1, 5))
    )
    assert found.means[0] > 0 and found.means[1] < 1


def test_a_mean_lies_in_its_cell_though_sums_are_rounded() -> None:
    found = cells_from_histogram(EDGES, [0, 0, 3, 0, 0, 0, 0], [0, 0, 1.3, 0, 0, 0, 0], 0.6)
    assert found.means.tolist() == [0.4]


@pytest.mark.parametrize(
    "counts", [[1, 0, 2, 0, 0, 0, 0], [0, 0, 2, 0, 0, 0, 1], [0, 2, 0, 0, 0, 0], [0] * 8]
)
def test_rows_outside_of_the_grid_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="outside of their grid"):
        cells_from_histogram(EDGES, counts, [0.1 * each for each in counts], 0.1)
