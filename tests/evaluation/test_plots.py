from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    classification_report,
    confusion_matrix,
    precision_recall_curve,
    roc_curve,
)

from assay.evaluation import plots
from assay.evaluation.task_views import ClassifierView, view_of
from assay.metrics.labelled_scores import LabelledScores


def scored(y: np.ndarray, p: np.ndarray) -> LabelledScores:
    return LabelledScores("binary", y, p, (), 0.4)


def confusion(rows: LabelledScores) -> np.ndarray:
    view = view_of(rows, "late")
    assert isinstance(view, ClassifierView)
    return view.confusion


@pytest.fixture(params=[1, 2])
def table(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(request.param)
    p = random.beta(2, 3, 5000)
    return random.random(5000) < p, np.round(p, request.param + 1)


def test_roc_is_thin_and_has_the_area_of_the_auc(table, tmp_path: Path) -> None:
    y, p = table
    plots.write(view_of(scored(y, p), "late").tables, tmp_path)
    curve = pd.read_csv(tmp_path / plots.ROC)
    assert len(curve) <= plots.POINTS
    assert curve.iloc[0].tolist() == [0, 0, 0]
    assert curve.iloc[-1].tolist() == [1, 1, 1]
    assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(
        scored(y, p).values()["auc"], abs=5e-4
    )


def test_every_point_is_on_the_full_curve(table) -> None:
    y, p = table
    fpr, tpr, _ = roc_curve(y, p, drop_intermediate=False)
    ours = plots.roc_curve(y, p)
    assert _points(ours["fpr"], ours["tpr"]) <= _points(fpr, tpr)
    precision, recall, _ = precision_recall_curve(y, p)
    ours = plots.precision_recall_curve(y, p)
    assert len(ours) <= plots.POINTS
    assert _points(ours["recall"], ours["precision"]) <= _points(recall, precision)
    assert ours["recall"].iloc[-1] == 1


def test_calibration_table_adds_up_to_the_metric(table) -> None:
    y, p = table
    found = plots.calibration_curve(y, p)
    gaps = (found["mean_predicted"] - found["observed_share"]).abs() * found["rows"]
    assert found["rows"].sum() == len(p)
    assert gaps.sum() / len(p) == pytest.approx(
        scored(y, p).evaluator().metrics()["calibration_error"], abs=1e-12
    )


def test_histogram_and_confusion_count_every_row(table) -> None:
    y, p = table
    scores = plots.score_histogram(y, p, ("positives", "negatives"))
    assert scores["positives"].sum() == y.sum()
    assert scores["negatives"].sum() == (~y).sum()
    assert confusion(scored(y, p)).tolist() == confusion_matrix(y, p >= 0.4).tolist()


@given(st.lists(st.integers(0, 10**7), min_size=9, max_size=9).filter(any))
@settings(max_examples=200)
def test_confusion_rows_are_in_proportion(cells: list[int]) -> None:
    counts = np.array(cells).reshape(3, 3)
    names = ("early", "late", "lost")
    rows = plots.confusion_rows(counts, names)
    assert len(rows) == plots.CONFUSION_ROWS
    for actual in range(3):
        for predicted in range(3):
            here = (rows["actual"] == names[actual]) & (rows["predicted"] == names[predicted])
            exact = counts[actual, predicted] / counts.sum() * plots.CONFUSION_ROWS
            assert abs(here.sum() - exact) < 1


def test_several_classes_are_counted_as_scikit_learn_does(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    p = random.dirichlet([3, 2, 0.2], 500)
    y = (random.random(500)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    rows = LabelledScores("multiclass", y, p, ("a", "b", "c"))
    assert confusion(rows).tolist() == confusion_matrix(y, p.argmax(1)).tolist()
    plots.write(view_of(rows, "kind").tables, tmp_path)
    found = pd.read_csv(tmp_path / plots.CLASSES).set_index("class")
    report = classification_report(y, p.argmax(1), target_names=list("abc"), output_dict=True)
    for name in "abc":
        expected = [report[name][key] for key in ("precision", "recall", "f1-score", "support")]
        assert found.loc[name, ["precision", "recall", "f1", "rows"]].tolist() == pytest.approx(
            expected
        )
    sure = pd.read_csv(tmp_path / plots.SCORES)
    assert sure["right"].sum() == (p.argmax(1) == y).sum()
    assert sure[["right", "wrong"]].to_numpy().sum() == 500
    curve = pd.read_csv(tmp_path / plots.CALIBRATION)
    gaps = (curve["mean_predicted"] - curve["observed_share"]).abs() * curve["rows"]
    assert gaps.sum() / 500 == pytest.approx(
        rows.evaluator().metrics()["calibration_error"], abs=1e-8
    )


def test_a_share_of_nothing_is_an_empty_cell() -> None:
    table = plots.class_metrics(np.array([[5, 0], [2, 0]]), ("a", "b"))
    assert np.isnan(table["precision"][1])
    assert table["f1"].tolist() == [10 / 12, 0.0]


def test_an_estimates_pictures_count_every_row(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    y = random.gamma(2, 10, 1000)
    p = y + random.normal(2, 5, 1000)
    plots.write(view_of(LabelledScores("regression", y, p), "hours").tables, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {plots.PREDICTED_ACTUAL, plots.ERRORS}
    curve = pd.read_csv(tmp_path / plots.PREDICTED_ACTUAL)
    assert curve["rows"].tolist() == [100] * 10
    assert np.average(curve["actual"], weights=curve["rows"]) == pytest.approx(y.mean())
    assert (curve["low"] < curve["actual"]).all() and (curve["actual"] < curve["high"]).all()
    errors = pd.read_csv(tmp_path / plots.ERRORS)
    assert errors["rows"].sum() == 1000
    assert np.average(errors["error"], weights=errors["rows"]) == pytest.approx(2, abs=0.5)


@pytest.mark.parametrize("error", [0.0, 3.5, -1e12])
def test_an_error_that_is_always_the_same_still_has_a_picture(error: float) -> None:
    y = np.arange(10.0)
    found = plots.error_histogram(y, y + error)
    assert found["rows"].sum() == 10
    assert found["error"].is_monotonic_increasing and found["error"].is_unique


def _points(xs, ys) -> set[tuple[float, float]]:
    return {(round(float(x), 12), round(float(y), 12)) for x, y in zip(xs, ys, strict=True)}
