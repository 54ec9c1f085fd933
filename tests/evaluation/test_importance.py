"""By how much a metric gets worse when a feature is shuffled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.features import Features, Floats
from assay.evaluation import importance
from assay.evaluation.importance import measure_importance
from assay.metrics.labelled_scores import LabelledScores
from assay.project.tasks import Task
from assay.reports.evaluation import FeatureImportance

ROWS = 600
FEATURES = ("used", "town", "unused")


class Model:
    """Reads ``used`` and ``town``, and never ``unused``."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def scores(self, features: Features) -> Floats:
        town = features.coded("town")
        odds = features.numbers("used") + 0.5 * (town.categories.objects[town.codes] == "north")
        if self.task == "regression":
            return odds
        p = 1 / (1 + np.exp(-odds))
        return p if self.task == "binary" else np.column_stack([p / 2, p / 2, 1 - p])


def table(seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "used": random.normal(0, 2, ROWS),
            "town": random.choice(["north", "south"], ROWS),
            "unused": random.normal(size=ROWS),
        }
    )


def measured(task: Task, frame: pd.DataFrame, metric: str, **more: Any) -> FeatureImportance:
    model = Model(task)
    scores = model.scores(importance.FrameFeatures(frame))
    random = np.random.default_rng(2)
    if task == "regression":
        truth, classes = scores, ()
    elif task == "binary":
        truth, classes = random.random(ROWS) < scores, ()
    else:
        truth = (random.random(ROWS)[:, None] > np.cumsum(scores, axis=1)).sum(axis=1)
        classes = ("a", "b", "c")
    scored = LabelledScores(task, truth, scores, classes)
    names = more.pop("features", FEATURES)
    return measure_importance(model, frame, scored, names, metric, more.pop("seed", 3))


@pytest.mark.parametrize(
    ("task", "metric"),
    [("binary", "log_loss"), ("binary", "auc"), ("multiclass", "accuracy"), ("regression", "r2")],
)
def test_what_the_model_reads_matters_and_what_it_does_not_read_does_not(
    task: Task, metric: str
) -> None:
    found = measured(task, table(), metric)
    assert (found.metric, found.rows, found.why) == (metric, ROWS, None)
    assert [one.feature for one in found.features] == list(FEATURES)
    used, _, unused = found.features
    assert (unused.drop, unused.low, unused.high) == (0, 0, 0)
    assert used.low is not None and used.drop is not None and used.high is not None
    assert 0 < used.low < used.drop < used.high
    assert found == measured(task, table(), metric)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_linear_model_without_noise_errs_by_what_shuffling_moves(seed: int) -> None:
    frame = table(seed)
    found = measured("regression", frame, "rmse", seed=seed)
    drop = {one.feature: one.drop for one in found.features}["used"]
    # Two independent draws of a normal variable differ by sqrt(2) of its spread.
    assert drop == pytest.approx(2**0.5 * frame["used"].std(), rel=0.15)


def test_another_feature_changes_no_other() -> None:
    whole = {one.feature: one for one in measured("binary", table(), "auc").features}
    (alone,) = measured("binary", table(), "auc", features=("town",)).features
    assert alone == whole["town"]


def test_the_cost_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "ROWS", 100)
    found = measured("binary", table(), "auc")
    assert found.rows == 100


def test_a_metric_without_a_value_says_so() -> None:
    found = measured("regression", table(), "auc")
    assert found.features == () and "auc is no metric of a regression model" in str(found.why)
    frame = table()
    scored = LabelledScores("binary", np.zeros(ROWS, dtype=bool), np.full(ROWS, 0.5))
    found = measure_importance(Model("binary"), frame, scored, FEATURES, "auc", 3)
    assert found.why == "auc has no value on these rows"
