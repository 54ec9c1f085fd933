"""A model that was fitted elsewhere is not scored out of fold, whatever is left out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from assay.model import bundle
from assay.project import layout, params
from assay.training.train import select, stage
from assay.training.train.learning import fit_learns


class Saved(ClassifierMixin, BaseEstimator):
    """Fitted to the label of each row elsewhere."""

    def fit(self, features: pd.DataFrame, label: Any) -> Saved:
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        true = 1 / (1 + np.exp(-features["x"].to_numpy()))
        return np.column_stack([1 - true, true])


def learns(estimator: Any, label: np.ndarray, features: pd.DataFrame) -> bool:
    days = np.array([f"2026-01-{1 + place % 20:02}" for place in range(len(label))])
    return fit_learns("binary", estimator, features, label, days)


class Odd(ClassifierMixin, BaseEstimator):
    """Looks at no label, but at rows."""

    def fit(self, features: pd.DataFrame, label: Any) -> Odd:
        self.classes_ = np.array([False, True])
        self.forest_ = IsolationForest(random_state=1).fit(features)
        return self

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        odd = -self.forest_.score_samples(features)
        return np.column_stack([1 - odd, odd])


def table(rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame({"x": random.normal(size=rows), "sure": np.arange(rows) % 2})


@pytest.mark.parametrize("scaled", [False, True])
def test_a_saved_model_does_not_learn(scaled: bool) -> None:
    features = table()
    saved = Saved()
    if scaled:
        scale = StandardScaler().set_output(transform="pandas")
        saved = make_pipeline(scale, saved)
    assert not learns(saved, features["x"].to_numpy() > 0.3, features)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        Odd(),
        DecisionTreeClassifier(max_depth=1),
        DummyClassifier(strategy="prior"),
        DummyClassifier(strategy="constant", constant=True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("column", ["x", "sure"])
def test_what_finds_the_same_rule_in_each_fold_learns(estimator: Any, column: str) -> None:
    features = table()
    assert learns(estimator, features[column].to_numpy() > 0.3, features)


CODE = """\
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Saved(ClassifierMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.classes_ = np.array([False, True])
        return self

    def predict_proba(self, X):
        true = 1 / (1 + np.exp(-np.asarray(X, dtype=float)[:, :1].sum(axis=1)))
        return np.column_stack([1 - true, true])
"""


def test_it_is_told_and_neither_calibrated_nor_selected(
    parcels: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (parcels / "data/models.py").write_text(CODE)
    path = parcels / layout.PARAMS
    text = path.read_text(encoding="utf-8")
    text = text.replace("  candidates:\n", "  candidates:\n    saved: {class: data.models.Saved}\n")
    path.write_text(text.replace("allow_types: []", "allow_types: [data.models.Saved]"))
    given = params.load(parcels)
    with caplog.at_level(logging.WARNING):
        made = stage.run(parcels, given, "saved")
        selection = select.run(parcels, given)
    assert made.manifest.calibration == "none" and not made.manifest.calibration_losses
    assert {*made.manifest.out_of_fold.values()} == {None}
    assert selection.selected == "logistic"
    assert "saved: its fit does not learn" in caplog.text
    assert "select: saved without an out-of-fold log_loss, so left out" in caplog.text
    card = (parcels / layout.CANDIDATES / "saved" / bundle.CARD).read_text()
    assert "None is known: its fit does not learn" in card


def test_alone_it_is_selected() -> None:
    assert select.best_candidate({"saved": {"log_loss": None}}, "log_loss") == "saved"
