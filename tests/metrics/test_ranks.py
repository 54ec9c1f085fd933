from __future__ import annotations

import numpy as np
import pytest

from assay.metrics.influence import Influence, sampling_variation
from assay.metrics.ranks import RankedScores
from assay.metrics.sampling_units import SamplingUnits
from tests.metrics.intervals import scenes


def by_all_pairs(positive, old, new) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's areas and their covariance, from every pair of rows (equations 3 to 6)."""

    def components(scores):
        x, y = scores[positive][:, None], scores[~positive][None, :]
        beats = (x > y) + 0.5 * (x == y)
        return beats.mean(), beats.mean(axis=1), beats.mean(axis=0)

    found = [components(np.asarray(scores)) for scores in (old, new)]
    of_positives = np.cov(np.stack([one[1] for one in found]))
    of_negatives = np.cov(np.stack([one[2] for one in found]))
    m, n = positive.sum(), (~positive).sum()
    return np.array([one[0] for one in found]), of_positives / m + of_negatives / n


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rows", [30, 300])
def test_equals_delong_by_all_pairs(rows, ties) -> None:
    old, new = scenes.binary(rows, rows, ties=ties)
    areas, covariance = by_all_pairs(old.truth, old.scores, new.scores)
    orders = [RankedScores(old.truth, scored.scores) for scored in (old, new)]
    for order, area in zip(orders, areas, strict=True):
        assert order.placements[old.truth].mean() == pytest.approx(area)
        assert order.placements[~old.truth].mean() == pytest.approx(area)
        assert order.auc_value == pytest.approx(area)
    moved = orders[1].auc_influence() - orders[0].auc_influence()
    pairs = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert moved @ moved / rows**2 == pytest.approx(pairs)
    found = sampling_variation(Influence(moved), SamplingUnits.rows(rows))
    assert found.standard_error**2 == pytest.approx(pairs * rows / (rows - 1))
    assert 1 < found.degrees < rows


def test_the_same_order_by_other_numbers_is_no_difference() -> None:
    old, _ = scenes.binary(200, 1)
    orders = [RankedScores(old.truth, old.scores), RankedScores(old.truth, old.scores**3)]
    assert (orders[1].auc_influence() == orders[0].auc_influence()).all()


def test_an_order_is_faultless_if_no_row_is_misplaced_or_every_one_is() -> None:
    truth = np.arange(40) < 15
    assert RankedScores(truth, np.where(truth, 0.9, 0.1)).is_degenerate
    assert RankedScores(truth, np.where(truth, 0.1, 0.9)).is_degenerate
    assert not RankedScores(truth, np.full(40, 0.5)).is_degenerate
    one_off = np.where(truth, 0.9, 0.1)
    one_off[0] = 0.1
    assert not RankedScores(truth, one_off).is_degenerate


def weighted(truth, scores, weights) -> float:
    """The average precision of rows that count this often, from its definition."""
    above = scores[None, :] >= scores[:, None]
    precision = above @ (weights * truth) / (above @ weights)
    return float((weights * truth) @ precision / (weights @ truth))


@pytest.mark.parametrize("hang_together", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_the_bias_of_average_precision_is_half_its_second_derivatives(ties, hang_together) -> None:
    rows, step = 60, 1e-3
    random = np.random.default_rng(20)
    scored, _ = scenes.binary(rows, 7, ties=ties)
    units, codes = SamplingUnits.rows(rows), np.arange(rows)
    if hang_together:
        codes = np.unique(random.integers(0, 8, rows), return_inverse=True)[1]
        units = SamplingUnits("night", int(codes.max()) + 1, codes)
    bent = [
        weighted(scored.truth, scored.scores, 1 + step * own)
        - 2 * weighted(scored.truth, scored.scores, np.ones(rows))
        + weighted(scored.truth, scored.scores, 1 - step * own)
        for own in (codes == unit for unit in range(units.count))
    ]
    found = RankedScores(scored.truth, scored.scores).average_precision_bias(units)
    assert found == pytest.approx(sum(bent) / step**2 / 2, rel=1e-4)
