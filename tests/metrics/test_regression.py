from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.regression import RegressionEvaluator
from assay.project.tasks import METRICS

NAMES = METRICS["regression"]
NUMBER = st.floats(-1000, 1000, allow_subnormal=False)
ROW = st.tuples(NUMBER, NUMBER)


@given(st.lists(ROW, min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_equals_scikit_learn_and_numpy(rows) -> None:
    y, p = (np.array(column) for column in zip(*rows, strict=True))
    found = RegressionEvaluator(y, p).metrics()
    assert set(found) == set(NAMES)
    expected = {
        "rmse": theirs.root_mean_squared_error(y, p),
        "mae": theirs.mean_absolute_error(y, p),
        "bias": np.mean(p - y),
        "p90_error": np.quantile(abs(p - y), 0.9, method="inverted_cdf"),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
    if abs(y - y[0]).sum() > 1e-6:
        d2 = theirs.d2_absolute_error_score(y, p)
        assert found["mae_skill"] == pytest.approx(d2, rel=1e-6, abs=1e-6)
    if y.var() > 1e-6:
        assert found["r2"] == pytest.approx(theirs.r2_score(y, p), rel=1e-6, abs=1e-6)


def test_labels_that_are_all_alike_have_neither_r2_nor_skill() -> None:
    y = np.full(20, 0.1)
    found = LabelledScores("regression", y, np.linspace(0, 1, 20)).values()
    for name in ("r2", "mae_skill"):
        assert math.isnan(found[name])
        assert RegressionEvaluator(y, y).why(name) == "every row has the same label"


def test_large_labels_lose_no_digits() -> None:
    random = np.random.default_rng(0)
    y = 1e9 + random.normal(size=500)
    p = y + random.normal(size=500) / 10
    found = LabelledScores("regression", y, p).values()
    assert found["r2"] == pytest.approx(theirs.r2_score(y, p), rel=1e-9)


def test_no_share_depends_on_the_unit_of_the_label() -> None:
    random = np.random.default_rng(1)
    y = random.normal(size=100)
    p = y + random.normal(size=100) / 2
    large, small = (LabelledScores("regression", u * y, u * p).values() for u in (1.0, 1e-8))
    for name in ("r2", "mae_skill"):
        assert small[name] == pytest.approx(large[name], rel=1e-9)


def test_labels_almost_alike_have_no_r2() -> None:
    y = np.array([1.0, 2.0, 4.0])
    assert math.isnan(LabelledScores("regression", 1e-160 * y, 1e10 * y).values()["r2"])


def test_errors_too_large_to_be_squared_leave_what_needs_no_square() -> None:
    found = LabelledScores("regression", np.arange(3.0), np.full(3, 1e200)).values()
    assert found["mae"] == found["bias"] == found["p90_error"] == pytest.approx(1e200)
    assert found["rmse"] == math.inf and math.isnan(found["r2"])


def test_ten_rows_are_enough_for_an_interval_and_all_count() -> None:
    nine, ten = (RegressionEvaluator(np.zeros(rows), np.ones(rows)) for rows in (9, 10))
    assert (nine.few("rmse"), ten.few("rmse")) == ("9 rows, fewer than 10", None)
    assert (nine.rarest, ten.rarest) == (9, 10)


def test_bias_has_the_sign_of_the_prediction_being_too_high() -> None:
    y = np.array([1.0, 2.0, 3.0])
    assert LabelledScores("regression", y, y + 2).values()["bias"] == 2
    assert LabelledScores("regression", y, y - 2).values()["bias"] == -2


@pytest.mark.parametrize(
    ("y", "p"), [([], []), ([1.0, math.nan], [1.0, 1.0]), ([1.0, 2.0], [1.0, math.inf])]
)
def test_bad_rows_never_give_a_number(y: list[float], p: list[float]) -> None:
    found = LabelledScores("regression", np.array(y), np.array(p)).values()
    assert all(math.isnan(value) for value in found.values())
