"""Numbers about a night whose truths are known in part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.performance.realized_metrics import (
    OBSERVED,
    PREDICTED,
    UNKNOWN,
    KnownLabels,
    LabelledRows,
    RealizedMetric,
    calibration,
    measure_realized,
    metric_names,
)

ROWS = 120


def binary() -> LabelledRows:
    rng = np.random.default_rng(2)
    slices = pd.DataFrame({"origin": ["EWR"] * 80 + ["JFK"] * 40})
    return LabelledRows("binary", rng.random(ROWS), slices, SamplingUnits.rows(ROWS), threshold=0.4)


def named(numbers: list[RealizedMetric], name: str = "") -> dict[str, RealizedMetric]:
    return {each.metric: each for each in numbers if each.slice == name}


def test_the_metrics_are_those_of_evaluate_on_the_rows_that_have_a_truth() -> None:
    night = binary()
    rows = np.arange(0, ROWS, 2)
    truth = np.random.default_rng(3).random(len(rows)) < night.scores[rows]
    numbers = list(measure_realized(night, KnownLabels(rows, truth), 0.95, 30))
    found = named(numbers)
    wanted = LabelledScores("binary", truth, night.scores[rows], threshold=0.4).values()
    assert {name: found[name].value for name in wanted} == pytest.approx(wanted)
    assert set(found) == set(metric_names("binary"))
    assert found[OBSERVED].value == pytest.approx(truth.mean())
    assert found[PREDICTED].value == pytest.approx(night.scores[rows].mean())
    assert {(each.rows, each.labelled_share) for each in found.values()} == {(60, 0.5)}
    assert found["auc"].low is not None
    # JFK has 20 truths, fewer than 30.
    assert {each.slice for each in numbers} == {"", "origin=EWR"}
    assert named(numbers, "origin=EWR")["auc"].rows == 40


def test_an_interval_goes_by_what_hangs_together_within_the_night() -> None:
    """Four parcels a customer: all late or none, as the model says for all of them."""
    night, codes = binary(), (np.arange(ROWS) // 4).astype(np.intp)
    rows = np.arange(ROWS)
    truth = np.random.default_rng(3).random(30)[codes] < 0.5
    by_row = named(list(measure_realized(night, KnownLabels(rows, truth), 0.95, 30)))
    together = replace(night, units=SamplingUnits("customer", 30, codes))
    by_customer = named(list(measure_realized(together, KnownLabels(rows, truth), 0.95, 30)))
    one, other = by_customer["recall"], by_row["recall"]
    assert one.value == other.value
    assert one.high - one.low != other.high - other.low
    # Truths of three customers only have values and no interval.
    few = named(list(measure_realized(together, KnownLabels(rows[:12], truth[:12]), 0.95, 5)))
    assert few["brier"].value is not None and few["brier"].low is None


def test_a_night_without_truths_says_so() -> None:
    numbers = list(
        measure_realized(binary(), KnownLabels(np.arange(0), np.zeros(0, bool)), 0.95, 30)
    )
    assert {each.metric for each in numbers} == set(metric_names("binary"))
    assert {(each.value, each.rows, each.labelled_share) for each in numbers} == {(None, 0, 0.0)}


def test_one_class_has_no_auc_but_an_accuracy() -> None:
    rows = np.arange(20)
    found = named(list(measure_realized(binary(), KnownLabels(rows, np.ones(20, bool)), 0.95, 30)))
    assert found["auc"].value is None
    assert found["accuracy"].value is not None


def test_a_class_that_the_model_does_not_know_is_counted_apart() -> None:
    scores = np.random.default_rng(4).dirichlet([1, 1], 50)
    night = LabelledRows(
        "multiclass", scores, pd.DataFrame(index=range(50)), SamplingUnits.rows(50), ("a", "b")
    )
    truth = np.array(["a", "b", "new", "a", "b"] * 10, dtype=object)
    found = named(list(measure_realized(night, KnownLabels(np.arange(50), truth), 0.95, 30)))
    assert found[UNKNOWN].value == 0.2
    assert 0 < found[UNKNOWN].low < 0.2 < found[UNKNOWN].high < 0.4
    assert found["accuracy"].rows == 50
    assert set(found) == set(metric_names("multiclass"))


def test_a_regression_has_means_too() -> None:
    night = LabelledRows(
        "regression", np.arange(50.0), pd.DataFrame(index=range(50)), SamplingUnits.rows(50)
    )
    found = named(
        list(measure_realized(night, KnownLabels(np.arange(50), np.arange(50.0) + 1), 0.95, 30))
    )
    assert found["bias"].value == -1
    assert (found[PREDICTED].value, found[OBSERVED].value) == (24.5, 25.5)
    assert set(found) == set(metric_names("regression"))


def test_the_calibration_table_adds_up_to_the_calibration_error() -> None:
    rng = np.random.default_rng(5)
    p = rng.random(500)
    scored = LabelledScores("binary", rng.random(500) < p**2, p)
    table = calibration(scored)
    gap = sum(abs(bin["mean_predicted"] - bin["observed_share"]) * bin["rows"] for bin in table)
    assert gap / 500 == pytest.approx(scored.evaluator().metrics()["calibration_error"])
    assert sum(bin["rows"] for bin in table) == 500
    many = LabelledScores(
        "multiclass", rng.integers(0, 3, 200), rng.dirichlet([1, 1, 1], 200), ("a", "b", "c")
    )
    gap = sum(abs(b["mean_predicted"] - b["observed_share"]) * b["rows"] for b in calibration(many))
    assert gap / 200 == pytest.approx(many.evaluator().metrics()["calibration_error"])
    assert calibration(LabelledScores("regression", p, p)) == []
