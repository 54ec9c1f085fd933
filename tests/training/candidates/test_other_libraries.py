"""What estimators of other libraries are told, by stand-ins that keep it; and all as candidates."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.compiled.fitted_model import Model
from assay.errors import ExtraMissing, PluginError
from assay.model.model import dumps
from assay.project import extras, plugins
from assay.training.candidates.encoder import build_encoder
from assay.training.candidates.nested import fit_clone
from assay.training.candidates.other_libraries import (
    default_arguments,
    fit_arguments,
)
from assay.training.candidates.pipeline import encoded_pipeline

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
    [
        "catboost.CatBoost",
        "lightgbm.LGBMClassifier",
        "xgboost.XGBRegressor",
        "optuna.distributions.FloatDistribution",
    ],
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


def test_catboost_takes_categories_as_texts_alone_and_in_a_search() -> None:
    alone = fitted(catboost.CatBoostClassifier(iterations=2), "auto")
    assert alone.get_cat_feature_indices() == [2, 3]
    search = GridSearchCV(catboost.CatBoostClassifier(iterations=2), {"depth": [1, 2]}, cv=2)
    assert fitted_on_days(search).get_cat_feature_indices() == [1]
    coded = fitted(catboost.CatBoostClassifier(iterations=2), "ordinal")
    assert coded.get_cat_feature_indices() == []
    ordered = fitted(
        catboost.CatBoostClassifier(iterations=2), "auto", ordered={"kind": ("y", "x", "z")}
    )
    assert ordered.get_cat_feature_indices() == [3]


def fitted_on_days(estimator: Any) -> Any:
    rows = pd.DataFrame({"weight": np.arange(40.0), "place": ["a", "b", None, "c"] * 10})
    days = np.repeat(np.arange(10).astype(str), 4)
    made = encoded_pipeline(estimator, "auto", ("weight",), ("place",), seed=1)
    return fit_clone(made.pipeline, rows, np.arange(40) % 3 == 0, days).pipeline.steps[-1][1]


def test_two_trainings_of_catboost_store_the_same_and_leave_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    models = []
    for _ in range(2):
        models.append(fitted_on_days(catboost.CatBoostClassifier(iterations=2)))
        time.sleep(1.1)  # it stores the second
    first, second = (dumps(Model(each, None, ("weight",), ("place",))) for each in models)
    assert first == second
    assert [*tmp_path.iterdir()] == []
    assert capfd.readouterr().out == ""
    assert models[0].get_param("random_seed") == 1


def test_what_a_person_told_catboost_stands() -> None:
    told = catboost.CatBoostClassifier(iterations=2, random_state=7, silent=True)
    assert default_arguments(told, seed=1) == {"allow_writing_files": False}


NUMBERED = np.array(["8", "9", "10", "9"] * 10, object)


@pytest.mark.parametrize("build", [catboost.CatBoostClassifier, xgboost.XGBClassifier])
def test_classes_that_are_numbers_as_texts_keep_the_order_of_texts(build: Any) -> None:
    rows = pd.DataFrame({"weight": np.tile([1.0, 2.0, 3.0, 2.0], 10)})
    days = np.repeat(np.arange(10).astype(str), 4)
    told = {"iterations": 20} if build is catboost.CatBoostClassifier else {"n_estimators": 20}
    made = encoded_pipeline(build(**told), "auto", ("weight",), (), seed=1)
    scores = fit_clone(made.pipeline, rows, NUMBERED, days).pipeline.predict_proba(rows)
    classes = np.array(["10", "8", "9"])
    assert (classes[scores.argmax(axis=1)] == NUMBERED).all()


def test_another_order_of_the_classes_is_refused() -> None:
    class Numeric(Light):
        def fit(self, X: Any, y: Any) -> Light:
            self.classes_ = np.array(sorted(set(y), key=int), object)
            return self

    rows = pd.DataFrame({"weight": np.arange(40.0)})
    made = encoded_pipeline(Numeric(), "auto", ("weight",), (), seed=1)
    with pytest.raises(ValueError, match=r"orders the classes \['8', '9', '10'\], not \['10'"):
        fit_clone(made.pipeline, rows, NUMBERED, np.repeat(np.arange(10).astype(str), 4))


@pytest.mark.parametrize(
    ("around", "encoding"),
    [
        (lambda cat: cat, "text"),
        (lambda cat: GridSearchCV(cat, {"depth": [1, 2]}, cv=2), "text"),
        (lambda cat: CalibratedClassifierCV(cat, cv=2), "ordinal"),
        (lambda cat: make_pipeline(cat), "ordinal"),
        (lambda cat: make_pipeline(StandardScaler(), cat), "ordinal"),
        (lambda cat: BaggingClassifier(cat, n_estimators=2), "ordinal"),
        (
            lambda cat: VotingClassifier([("a", cat), ("b", LogisticRegression())], voting="soft"),
            "onehot",
        ),
    ],
    ids=["alone", "a search", "calibrated", "one step", "two steps", "bagged", "voting"],
)
def test_catboost_deep_within_is_quiet_leaves_nothing_and_repeats_itself(
    around: Any,
    encoding: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    stored = []
    for _ in range(2):
        estimator = around(catboost.CatBoostClassifier(iterations=2))
        rows = pd.DataFrame({"weight": np.arange(40.0), "place": ["a", "b", None, "c"] * 10})
        days = np.repeat(np.arange(10).astype(str), 4)
        made = encoded_pipeline(estimator, "auto", ("weight",), ("place",), seed=1)
        assert made.encoding == encoding
        done = fit_clone(made.pipeline, rows, np.arange(40) % 3 == 0, days).pipeline
        stored.append(dumps(Model(done, None, ("weight",), ("place",))))
        time.sleep(1.05)
    assert stored[0] == stored[1]
    assert [*tmp_path.iterdir()] == [] and capfd.readouterr().out == ""


def test_a_category_that_is_null_in_all_rows_stays_a_column() -> None:
    rows = pd.DataFrame(
        {"weight": np.arange(40.0), "place": ["a", "b"] * 20, "late": np.full(40, None)}
    )
    days = np.repeat(np.arange(10).astype(str), 4)
    cat = catboost.CatBoostClassifier(iterations=2)
    made = encoded_pipeline(cat, "auto", ("weight",), ("place", "late"), seed=1)
    done = fit_clone(made.pipeline, rows, np.arange(40) % 3 == 0, days).pipeline
    assert done.steps[-1][1].get_cat_feature_indices() == [1, 2]


def test_numbers_alone_are_a_data_frame_too_where_texts_are_asked_for() -> None:
    rows = pd.DataFrame({"weight": np.arange(40.0), "rank": ["low", "high"] * 20})
    days = np.repeat(np.arange(10).astype(str), 4)
    picked = ["numbers__weight", "ordered categories__rank"]
    own = make_pipeline(make_column_transformer(("passthrough", picked)), LogisticRegression())
    order = {"rank": ("low", "high")}
    made = encoded_pipeline(own, "text", ("weight",), ("rank",), seed=1, ordered=order)
    fit_clone(made.pipeline, rows, np.arange(40) % 3 == 0, days)
    cat = catboost.CatBoostClassifier(iterations=2)
    made = encoded_pipeline(cat, "auto", ("weight",), ("rank",), seed=1, ordered=order)
    assert made.encoding == "ordinal", "so that it can be compiled"


def test_what_a_person_told_of_categories_stands() -> None:
    light = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1, categorical_feature=[3])
    assert fit_arguments(light, build_encoder("ordinal", NUMERIC, CATEGORICAL)) == {}
    exact = xgboost.XGBClassifier(n_estimators=2, tree_method="exact")
    assert not fitted(exact, "auto").enable_categorical


def test_a_pipeline_of_one_s_own_gets_texts_too() -> None:
    own = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["texts__place"])),
        LogisticRegression(C=1e3),
    )
    rows = pd.DataFrame({"weight": np.arange(40.0), "place": ["a", "b", None, "c"] * 10})
    made = encoded_pipeline(own, "text", ("weight",), ("place",), seed=1)
    days = np.repeat(np.arange(10).astype(str), 4)
    done = fit_clone(made.pipeline, rows, np.arange(40) % 4 == 2, days).pipeline
    seen = done.predict_proba(rows)[:, 1]
    assert seen[2] > 0.9 and seen[:2].max() < 0.1, "the missing ones are a category"


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
