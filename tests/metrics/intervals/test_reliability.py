"""What keeps a number from passing: rare errors without bound, and tails without a variance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.metrics.intervals.reliability import LEAST_ROWS, reliability_warnings, tail_index
from assay.metrics.labelled_scores import LabelledScores
from tests.metrics.intervals import scenes


@pytest.mark.parametrize("index", [0.8, 1.5, 2.0, 4.0])
def test_hill_finds_the_index_of_a_pareto_tail(index: float) -> None:
    random = np.random.default_rng(3)
    found = [tail_index(1 + random.pareto(index, size=4000)) for _ in range(40)]
    # Of k = 63 exceedances the standard error is the index over the root of k, and of 40 means
    # a sixth of that.
    assert np.mean(found) == pytest.approx(index, rel=0.08)


def test_the_unit_does_not_matter() -> None:
    sizes = np.random.default_rng(1).exponential(size=500)
    assert tail_index(sizes * 1e6) == pytest.approx(tail_index(sizes))


@pytest.mark.parametrize(
    ("sizes", "index"),
    [
        (np.ones(100), math.inf),
        (np.zeros(100), math.inf),
        (np.arange(100) < 5, 0.0),  # all but a few are 0
        (np.arange(10.0), math.inf),  # as many as the tail takes
        (np.zeros(0), math.inf),
    ],
)
def test_where_there_is_no_tail_to_see(sizes: np.ndarray, index: float) -> None:
    assert tail_index(np.asarray(sizes, dtype=np.float64)) == index


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_log_loss_is_doubted_on_few_rows(task: str) -> None:
    for rows, doubted in ((LEAST_ROWS - 1, True), (LEAST_ROWS, False)):
        found = reliability_warnings(scenes.SCENES[task](rows, 1)[0])
        assert list(found) == (["log_loss"] if doubted else [])
        if doubted:
            assert found["log_loss"].startswith("1,249 rows, fewer than the 1,250 in which")


def test_so_many_rows_would_have_missed_three_in_a_thousand_once_in_forty() -> None:
    assert 0.997**LEAST_ROWS < 0.025 < 0.997 ** (LEAST_ROWS - 30)


def errors(drawn: np.ndarray) -> LabelledScores:
    return LabelledScores("regression", np.zeros(len(drawn)), drawn)


@pytest.mark.parametrize(
    ("name", "doubted"), [("normal", 0), ("uniform", 0), ("cauchy", 20), ("same", 0)]
)
def test_squares_are_doubted_where_their_tail_has_no_variance(name: str, doubted: int) -> None:
    random = np.random.default_rng(2)
    draw = {
        "normal": lambda: random.normal(size=1000),
        "uniform": lambda: random.random(1000),
        "cauchy": lambda: random.standard_cauchy(1000),
        "same": lambda: np.full(1000, 2.0),
    }[name]
    found = [reliability_warnings(errors(draw())) for _ in range(20)]
    assert sum(bool(one) for one in found) == doubted
    for one in found:
        assert set(one) <= {"rmse", "r2"}
        assert all("have a tail index of" in why and "above 2" in why for why in one.values())
