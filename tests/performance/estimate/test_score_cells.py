"""Cells of a histogram of probabilities and the intervals of their decisions, by hand."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from assay.performance.estimate import decisions
from assay.performance.estimate.decisions import cells_from_histogram
from tests.performance.estimate.cells import cells

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


def test_the_skewness_of_positives_is_that_of_all_rows_of_a_cell() -> None:
    p = np.repeat([0.21, 0.24], 50)
    split = cells(p, 20)
    found = decisions.PositiveCounts.of(split, np.ones(len(split.counts), dtype=bool))
    assert found.mean == pytest.approx(p.sum())
    assert found.variance == pytest.approx((p * (1 - p)).sum())
    assert found.third == pytest.approx((p * (1 - p) * (1 - 2 * p)).sum(), rel=1e-5)


def weights(name: str, m: float, rows: int, called: int) -> tuple[float, float, float, float]:
    """Of hits, of missed positives and of nothing, so that they add up to 0 if ``m`` is the metric;
    and by how much one label moves that sum at the most."""
    return {
        "accuracy": (1, -1, rows - called - m * rows, 1),  # the others said no and are negative
        "precision": (1, 0, -m * called, 1),
        "recall": (1 - m, -m, 0, max(m, 1 - m)),
        "f1": (2 - m, -m, -m * called, 2 - m),
    }[name]


@pytest.mark.parametrize("rows", [40, 400])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_an_interval_ends_where_the_sum_s_quantile_is_nothing(rows: int, confidence: float) -> None:
    """By rows: Cornish and Fisher's quantile (1938) with half a step for continuity."""
    p = np.random.default_rng(rows).choice([0.11, 0.32, 0.63, 0.81], rows)
    said, z = p >= 0.35, NormalDist().inv_cdf((1 + confidence) / 2)
    found = decisions.intervals(cells(p, 20), 0.35, confidence)
    assert tuple(found) == decisions.METRICS
    for name, ends in found.items():
        for end, sign in zip(ends, (-1, 1), strict=True):
            hit, missed, added, step = weights(name, end, rows, int(said.sum()))
            each = np.where(said, hit, missed)
            variance = np.square(each) @ (p * (1 - p))
            third = each**3 @ (p * (1 - p) * (1 - 2 * p))
            sum_s = each @ p + added + sign * z * variance**0.5 + third / variance * (z**2 - 1) / 6
            assert 0 < end < 1 and sum_s + sign * step / 2 == pytest.approx(0, abs=1e-6), name


def test_of_two_expected_hits_there_may_be_none() -> None:
    p = np.concatenate([np.full(20, 0.1), np.full(5000, 0.002)])
    found = decisions.intervals(cells(p, 200), 0.05, 0.95)
    assert found["precision"][0] == 0 and 0.25 <= found["precision"][1] <= 0.3
    assert found["recall"][0] == 0 and found["f1"][0] == 0


def test_what_is_certain_has_no_width() -> None:
    p = np.repeat([0.0, 1.0], 50)
    found = decisions.intervals(cells(p, 200), 0.5, 0.95)
    for low, high in found.values():
        assert (low, high) == pytest.approx((1, 1))
