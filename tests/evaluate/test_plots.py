from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from pipeline.evaluate import plots
from pipeline.metrics import metric


@pytest.fixture(params=[1, 2])
def table(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(request.param)
    p = random.beta(2, 3, 5000)
    return random.random(5000) < p, np.round(p, request.param + 1)


def test_roc_is_thin_and_has_the_area_of_the_auc(table, tmp_path: Path) -> None:
    y, p = table
    plots.write(plots.tables(y, p, 0.4, "late"), tmp_path)
    curve = pd.read_csv(tmp_path / plots.ROC)
    assert len(curve) <= plots.POINTS
    assert curve.iloc[0].tolist() == [0, 0, 0]
    assert curve.iloc[-1].tolist() == [1, 1, 1]
    assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(
        metric("auc", y, p, 0.4), abs=5e-4
    )


def test_every_point_is_on_the_full_curve(table) -> None:
    y, p = table
    fpr, tpr, _ = roc_curve(y, p, drop_intermediate=False)
    ours = plots.roc(y, p)
    assert _points(ours["fpr"], ours["tpr"]) <= _points(fpr, tpr)
    precision, recall, _ = precision_recall_curve(y, p)
    ours = plots.precision_recall(y, p)
    assert len(ours) <= plots.POINTS
    assert _points(ours["recall"], ours["precision"]) <= _points(recall, precision)
    assert ours["recall"].iloc[-1] == 1


def test_calibration_table_adds_up_to_the_metric(table) -> None:
    y, p = table
    found = plots.calibration(y, p)
    gaps = (found["mean_predicted"] - found["observed_share"]).abs() * found["rows"]
    assert found["rows"].sum() == len(p)
    assert gaps.sum() / len(p) == pytest.approx(metric("calibration_error", y, p, 0.4), abs=1e-12)


def test_histogram_and_confusion_count_every_row(table) -> None:
    y, p = table
    scores = plots.score_histogram(y, p)
    assert scores["positives"].sum() == y.sum()
    assert scores["negatives"].sum() == (~y).sum()
    assert plots.confusion(y, p, 0.4).tolist() == confusion_matrix(y, p >= 0.4).tolist()


@given(st.lists(st.integers(0, 10**7), min_size=4, max_size=4).filter(any))
@settings(max_examples=200)
def test_confusion_rows_are_in_proportion(cells: list[int]) -> None:
    counts = np.array(cells).reshape(2, 2)
    rows = plots.confusion_rows(counts, "late")
    assert len(rows) == plots.CONFUSION_ROWS
    names = ("not late", "late")
    for actual in (0, 1):
        for predicted in (0, 1):
            here = (rows["actual"] == names[actual]) & (rows["predicted"] == names[predicted])
            exact = counts[actual, predicted] / counts.sum() * plots.CONFUSION_ROWS
            assert abs(here.sum() - exact) < 1


def _points(xs, ys) -> set[tuple[float, float]]:
    return {(round(float(x), 12), round(float(y), 12)) for x, y in zip(xs, ys, strict=True)}
