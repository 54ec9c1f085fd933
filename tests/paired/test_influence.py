from __future__ import annotations

import numpy as np
import pytest

from pipeline.metrics.scored import Scored
from pipeline.paired import binary, multiclass, regression
from pipeline.paired.influence import Influence, bounds
from pipeline.paired.ranks import Order
from tests.paired import scenes

STEP = 1e-6


def all_of(scored: Scored) -> dict[str, Influence]:
    if scored.task == "binary":
        order = Order(scored.truth, scored.scores)
        return {
            **binary.influences(scored),
            "auc": Influence(order.auc()),
            "average_precision": Influence(order.average_precision()),
        }
    module = {"multiclass": multiclass, "regression": regression}[scored.task]
    return dict(module.influences(scored))


def derivatives(scored: Scored) -> dict[str, np.ndarray]:
    """n times the slope of every metric in the weight of each row, by differences."""
    table, n = scored.table(), len(scored)
    slopes: dict[str, list[float]] = {}
    for row in range(n):
        weights = np.ones((2, n))
        weights[:, row] += [STEP, -STEP]
        found = table.metrics(*(weights[:, rows] for rows in table.strata))
        for name, (more, less) in found.items():
            slopes.setdefault(name, []).append(n * (more - less) / (2 * STEP))
    return {name: np.array(of_rows) for name, of_rows in slopes.items()}


@pytest.mark.parametrize("task", scenes.SCENES)
@pytest.mark.parametrize("seed", [1, 2])
def test_each_is_the_derivative_of_its_metric(task, seed) -> None:
    for scored in scenes.SCENES[task](40, seed):
        slopes = derivatives(scored)
        found = all_of(scored)
        assert len(found) >= 4
        for name, influence in found.items():
            assert influence.rows == pytest.approx(slopes[name], abs=1e-5, rel=1e-5), name


def test_each_is_the_derivative_with_ties_too() -> None:
    (scored, _) = scenes.binary(60, 3, ties=True)
    assert len(np.unique(scored.scores)) < 12
    slopes = derivatives(scored)
    for name, influence in all_of(scored).items():
        assert influence.rows == pytest.approx(slopes[name], abs=1e-5, rel=1e-5), name


@pytest.mark.parametrize("task", scenes.SCENES)
def test_they_cancel_out(task) -> None:
    for scored in scenes.SCENES[task](500, 7):
        for name, influence in all_of(scored).items():
            assert influence.rows.mean() == pytest.approx(0, abs=1e-9), name


def test_the_difference_of_means_is_the_paired_t() -> None:
    random = np.random.default_rng(2)
    old, new = random.exponential(size=(2, 300))
    gap = new - old
    found = bounds(gap.mean(), Influence(old - old.mean()), Influence(new - new.mean()))
    assert found.standard_error == pytest.approx(gap.std(ddof=1) / np.sqrt(300))
    part = (gap - gap.mean()) / np.sqrt(300 * gap.var(ddof=1))
    assert found.degrees == pytest.approx(1 + 1 / (part**4).sum())
    skew = (part**3).sum()
    assert found.skew == pytest.approx(skew * skew**2 / (skew**2 + (part**6).sum()))


def lone(rows: int, seen: int) -> float:
    """Degrees where only ``seen`` rows are moved, half of them either way."""
    moved = np.zeros(rows)
    moved[:seen] = np.resize([1.0, -1.0], seen)
    return bounds(0.0, Influence(np.zeros(rows)), Influence(moved)).degrees


def test_a_variance_is_known_as_well_as_the_rows_that_make_it_are_many() -> None:
    assert lone(1000, 6) == pytest.approx(7, abs=0.1)
    assert lone(1000, 100) == pytest.approx(101, rel=0.01)
    assert lone(1000, 1000) == 999


def test_a_skewness_that_may_be_noise_is_drawn_to_0() -> None:
    random = np.random.default_rng(4)

    def kept(rows) -> float:
        rows = rows - rows.mean()
        part = rows / np.sqrt((rows @ rows) * len(rows) / (len(rows) - 1))
        return bounds(0.0, Influence(np.zeros(len(rows))), Influence(rows)).skew / (part**3).sum()

    assert kept(random.exponential(size=5000)) > 0.9
    assert np.mean([kept(random.standard_t(3, size=500)) for _ in range(100)]) < 0.6


def test_answers_that_never_part_still_leave_doubt_that_goes_with_the_rows() -> None:
    def doubt(rows: int) -> float:
        same = Influence(np.zeros(rows), np.ones(1))
        return bounds(0.0, same, same).standard_error

    assert doubt(20) == pytest.approx(1 / 20)
    assert doubt(2000) == pytest.approx(1 / 2000)
