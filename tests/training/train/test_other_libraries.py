"""What LightGBM and XGBoost are told, by stand-ins that keep it; and both as candidates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV

from assay.errors import ExtraMissing, PluginError
from assay.project import extras, plugins
from assay.testing import check_estimator
from assay.training.train.candidate import encoded_pipeline
from assay.training.train.nested import fit_clone

NUMERIC, CATEGORICAL = ("weight", "height"), ("place", "kind")


class Light(ClassifierMixin, BaseEstimator):
    """As lightgbm.LGBMClassifier: told in ``fit`` alone."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any, categorical_feature: Any = "auto") -> Light:
        self.told_, self.seen_ = categorical_feature, X
        self.classes_ = np.unique(y)
        return self


Light.__module__ = "lightgbm.sklearn"


class Extreme(Light):
    """As xgboost.XGBClassifier: told by its arguments."""

    def __init__(self, enable_categorical: bool = False, feature_types: Any = None) -> None:
        self.enable_categorical = enable_categorical
        self.feature_types = feature_types


Extreme.__module__ = "xgboost.sklearn"


def fitted(
    estimator: Any, encoding: str, categorical: tuple[str, ...] = CATEGORICAL, **more: Any
) -> Any:
    rows = pd.DataFrame(
        {
            "weight": [1.0, 2.0, 3.0, 4.0],
            "height": [1.0, np.nan, 3.0, 4.0],
            "place": ["a", "b", "a", None],
            "kind": ["x", "y", "x", "y"],
        }
    )
    made = encoded_pipeline(estimator, encoding, NUMERIC, categorical, seed=1, **more)
    done = fit_clone(made.pipeline, rows, np.array([0, 1, 0, 1]), np.array(["d"] * 4))
    return done.pipeline.steps[-1][1]


@pytest.mark.parametrize("encoding", ["auto", "ordinal"])
def test_columns_of_codes_are_named(encoding: str) -> None:
    assert fitted(Light(), encoding).told_ == [2, 3]
    told = fitted(Extreme(), encoding)
    assert told.enable_categorical and told.feature_types == ["q", "q", "c", "c"]


def test_codes_of_ordered_categories_are_numbers() -> None:
    order = {"kind": ("y", "x", "z")}
    told = fitted(Extreme(), "ordinal", ordered=order)
    assert told.feature_types == ["q", "q", "q", "c"]
    assert fitted(Light(), "ordinal", ordered=order).told_ == [3]
    assert told.seen_[:, 2].tolist() == [1, 0, 1, 0], "the place of each in its order"
    columns = [fitted(Light(), "onehot", ordered=each).seen_ for each in ({}, order)]
    np.testing.assert_array_equal(*columns)


def test_none_are_named_where_there_are_none() -> None:
    assert fitted(Light(), "onehot").told_ == "auto"
    assert fitted(Extreme(), "onehot").feature_types is None
    assert fitted(Light(), "ordinal", ()).told_ == "auto"
    assert not fitted(Extreme(), "ordinal", ()).enable_categorical


def test_what_a_person_said_stands() -> None:
    assert fitted(Extreme(True, ["q"] * 4), "ordinal").feature_types == ["q"] * 4


@pytest.mark.parametrize(
    "name",
    ["lightgbm.LGBMClassifier", "xgboost.XGBRegressor", "optuna.distributions.FloatDistribution"],
)
def test_without_the_library_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = name.partition(".")[0]
    monkeypatch.setitem(sys.modules, extra, None)  # as if it were not installed
    monkeypatch.setattr(extras, "is_installed", lambda module: False)
    with pytest.raises(ExtraMissing, match=rf"pip install 'assay\[{extra}\]'"):
        plugins.resolve(name, key="train.candidates.one.class")


def test_a_machine_without_openmp_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asks.py").write_text("raise OSError('libgomp.so.1: cannot open shared object')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match="libgomp1 of Debian"):
        plugins.resolve("asks.One", key="train.candidates.one.class")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_both_keep_the_laws_of_a_candidate(library: str, task: Any) -> None:
    module: Any = {"lightgbm": lightgbm, "xgboost": xgboost}[library]
    name = {"lightgbm": "LGBM", "xgboost": "XGB"}[library]
    name += "Regressor" if task == "regression" else "Classifier"
    quiet = {"verbose": -1} if library == "lightgbm" else {}
    check_estimator(
        lambda: getattr(module, name)(n_estimators=9, **quiet),
        task=task,
        allow_types=[
            "collections.OrderedDict",
            f"{library}.{'basic' if library == 'lightgbm' else 'core'}.Booster",
            f"{library}.sklearn.{name}",
        ],
    )


def test_classes_that_are_texts_reach_xgboost_as_codes_within_a_search_too() -> None:
    rows = pd.DataFrame({"weight": np.arange(40.0)})
    target = np.array(["high", "low", "mid", "low"] * 10, object)
    days = np.repeat(np.arange(10).astype(str), 4)
    search = GridSearchCV(xgboost.XGBClassifier(n_estimators=2), {"max_depth": [1, 2]}, cv=2)
    made = encoded_pipeline(search, "auto", ("weight",), (), seed=1)
    fitted = fit_clone(made.pipeline, rows, target, days)
    assert fitted.pipeline.classes_.tolist() == [0, 1, 2]
    assert fitted.pipeline.predict_proba(rows).shape == (40, 3)
    assert set(fitted.chosen) == {"max_depth"}
