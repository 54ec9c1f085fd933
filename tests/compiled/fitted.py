"""Tables, and models fitted on them: every estimator, encoding and task that is compiled."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from hypothesis import strategies as st
from sklearn import dummy, ensemble, linear_model, svm, tree

from assay.columns.features import FrameFeatures
from assay.compiled.fitted_model import Model, feature_frame, raw_scores
from assay.project.tasks import Task
from assay.training.candidates.nested import fit_clone
from assay.training.candidates.pipeline import encoded_pipeline
from assay.training.train.calibrate import fit_calibrator

NUMERIC = ("age", "load", "floor")
CATEGORICAL = ("line", "shift")
LABELS = {"binary": "truth", "multiclass": "class", "regression": "value"}
CLASSES = ("early", "late", "on time")

# Common, rare and very rare ones: rare ones are grouped by the encoders.
LINES = [f"L{number}" for number in range(30)]


ORDER = {"shift": ("am", "pm", "night")}
"""The order of the categories of `Case.ordered`."""


@cache
def table(rows: int = 500) -> pd.DataFrame:
    """Features with nulls and rare categories, and a label for each task."""
    rng = np.random.default_rng(7)
    share = 1 / np.arange(1, len(LINES) + 1) ** 1.4
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows) * 9),
            "load": np.where(rng.random(rows) < 0.05, np.nan, rng.gamma(2, 3, rows).round(1)),
            "floor": rng.integers(0, 5, rows).astype(float),
            "line": rng.choice(LINES, rows, p=share / share.sum()),
            "shift": np.where(
                rng.random(rows) < 0.1, None, rng.choice(["am", "pm", "night"], rows)
            ),
        }
    )
    known = frame["age"].fillna(2) / 9 + frame["load"].fillna(4) / 5 - frame["floor"] / 3
    value = known + 1.5 * (frame["line"] == "L1") - (frame["shift"] == "am") + rng.normal(size=rows)
    frame["value"] = np.exp(value / 2)
    frame["truth"] = (value > 0.5).to_numpy()
    frame["class"] = np.array(CLASSES, object)[np.digitize(value, [0, 1])]
    frame["other"] = np.where(value > 0.5, "yes", "no")
    return frame


@dataclass(frozen=True)
class Case:
    """One way to make a model."""

    name: str
    args: dict[str, Any] = field(default_factory=dict, hash=False)
    task: Task = "binary"
    label: str = ""
    encoding: str = "auto"
    calibration: str = "none"
    numeric: tuple[str, ...] = NUMERIC
    categorical: tuple[str, ...] = CATEGORICAL
    ordered: bool = False

    @property
    def column(self) -> str:
        return (
            self.label
            or {"binary": "truth", "multiclass": "class", "regression": "value"}[self.task]
        )

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted(set(table()[self.column]))) if self.task == "multiclass" else ()

    def __str__(self) -> str:
        shown = ",".join(f"{key}={value}" for key, value in self.args.items())
        parts = [self.name + (f"({shown})" if shown else ""), self.task, self.label, self.encoding]
        parts += ["" if self.calibration == "none" else self.calibration]
        parts += ["" if self.numeric else "no-numbers", "" if self.categorical else "no-categories"]
        parts += ["ordered" if self.ordered else ""]
        return "-".join(part for part in parts if part not in ("", "auto"))


def estimator(case: Case) -> Any:
    for module in (ensemble, linear_model, tree, dummy, svm, catboost, lightgbm, xgboost):
        if hasattr(module, case.name):
            return getattr(module, case.name)(**case.args)
    raise LookupError(case.name)


def fit(case: Case) -> Model:
    """As `assay.training.train` makes it."""
    frame = table()
    features = feature_frame(FrameFeatures(frame), case.numeric, case.categorical)
    label = frame[case.column].to_numpy()
    made = encoded_pipeline(
        *(estimator(case), case.encoding, case.numeric, case.categorical),
        seed=3,
        ordered=ORDER if case.ordered else {},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        days = np.arange(len(frame)).astype(str)
        pipeline = fit_clone(made.pipeline, features, label, days).pipeline
    truth = np.searchsorted(case.classes, label) if case.classes else label
    raw = raw_scores(case.task, pipeline, features)
    calibrator = fit_calibrator(case.task, case.calibration, raw, truth)
    return Model(pipeline, calibrator, case.numeric, case.categorical, case.task)


def classifiers() -> list[Case]:
    boosting, forest, logistic = (
        "HistGradientBoostingClassifier",
        "RandomForestClassifier",
        "LogisticRegression",
    )
    few = {"max_iter": 8}
    cases = [
        Case(boosting, few | {"max_leaf_nodes": leaves}, encoding=encoding)
        for leaves in (4, None)
        for encoding in ("ordinal", "onehot")
    ]
    cases += [
        Case(boosting, few | {"min_samples_leaf": 1, "max_leaf_nodes": 400, "max_iter": 2}),
        Case(boosting, few, task="multiclass"),
        Case(boosting, few, task="multiclass", label="other"),
        Case(boosting, few | {"categorical_features": None}),
        Case(boosting, few, numeric=()),
        Case(boosting, few, categorical=()),
        Case(boosting, few | {"max_leaf_nodes": 4}, ordered=True),
        Case(boosting, few, task="multiclass", ordered=True),
        Case(forest, {"n_estimators": 7}, ordered=True),
        Case(forest, {"n_estimators": 7}),
        Case(forest, {"n_estimators": 7}, encoding="onehot"),
        Case(forest, {"n_estimators": 7}, numeric=()),
        Case(forest, {"n_estimators": 7}, categorical=()),
        Case(forest, {"n_estimators": 7}, task="multiclass"),
        Case(forest, {"n_estimators": 7, "max_depth": 4}, task="multiclass"),
        Case("ExtraTreesClassifier", {"n_estimators": 7}),
        Case("ExtraTreesClassifier", {"n_estimators": 7, "max_depth": 3}, encoding="onehot"),
        Case("DecisionTreeClassifier"),
        Case("ExtraTreeClassifier", task="multiclass"),
        Case("GradientBoostingClassifier", {"n_estimators": 9}),
        Case("GradientBoostingClassifier", {"n_estimators": 9, "loss": "exponential"}),
        Case("GradientBoostingClassifier", {"n_estimators": 4, "init": "zero"}, task="multiclass"),
        Case(logistic),
        Case(logistic, numeric=()),
        Case(logistic, categorical=()),
        Case(logistic, task="multiclass"),
        Case(logistic, {"fit_intercept": False}, task="multiclass", label="other"),
        Case("DummyClassifier", {"strategy": "prior"}),
        Case("DummyClassifier", {"strategy": "most_frequent"}, task="multiclass"),
    ]
    cases += [
        Case(name, args, task=task, calibration=calibration)
        for name, args in (
            (boosting, few),
            (forest, {"n_estimators": 5, "max_depth": 5}),
            (logistic, {}),
        )
        for task in ("binary", "multiclass")
        for calibration in ("sigmoid", "isotonic")
    ]
    return cases


def regressors() -> list[Case]:
    boosting = "HistGradientBoostingRegressor"
    cases = [
        Case(boosting, {"max_iter": 8, "loss": loss}, task="regression")
        for loss in ("squared_error", "absolute_error", "gamma", "poisson")
    ]
    cases += [
        Case("RandomForestRegressor", {"n_estimators": 7}, task="regression"),
        Case("ExtraTreesRegressor", {"n_estimators": 7, "max_depth": 4}, task="regression"),
        Case("DecisionTreeRegressor", task="regression", encoding="onehot"),
        Case("GradientBoostingRegressor", {"n_estimators": 60, "max_depth": 6}, task="regression"),
        Case(
            "GradientBoostingRegressor", {"max_depth": None, "n_estimators": 2}, task="regression"
        ),
        Case("DummyRegressor", task="regression"),
        *(
            Case(name, task="regression")
            for name in (
                "BayesianRidge",
                "ElasticNet",
                "HuberRegressor",
                "Lasso",
                "LinearRegression",
                "LinearSVR",
                "PoissonRegressor",
                "Ridge",
                "TweedieRegressor",
            )
        ),
    ]
    return cases


def light() -> list[Case]:
    few = {"n_estimators": 9, "verbose": -1}
    deep = few | {"min_child_samples": 1, "num_leaves": 400}
    forest = few | {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
    name = "LGBMClassifier"
    return [
        Case(name, few),
        Case(name, few, encoding="onehot"),
        Case(name, few, ordered=True),
        Case(name, few, numeric=()),
        Case(name, deep, categorical=()),
        Case(name, few, task="multiclass"),
        Case(name, few, calibration="isotonic"),
        Case(name, deep | {"max_cat_to_onehot": 1, "cat_smooth": 0, "min_data_per_group": 1}),
        Case(name, few | {"use_missing": False}),
        Case(name, few | {"min_child_samples": 1000}),  # each tree is one leaf
        Case(name, forest),
        *(
            Case("LGBMRegressor", few | {"objective": objective}, task="regression")
            for objective in ("regression", "regression_l1", "poisson", "gamma", "quantile")
        ),
        Case("LGBMRegressor", forest, task="regression"),
    ]


def cat() -> list[Case]:
    few = {"iterations": 9}
    deep = few | {"grow_policy": "Depthwise", "depth": 10, "min_data_in_leaf": 1}
    name = "CatBoostClassifier"
    return [
        Case(name, few, encoding="ordinal"),
        Case(name, few, encoding="onehot"),
        Case(name, few, categorical=()),
        Case(name, few, categorical=("shift",), ordered=True),
        Case(name, few, encoding="ordinal", task="multiclass"),
        Case(name, few, encoding="ordinal", calibration="isotonic"),
        Case(name, deep, encoding="ordinal"),
        Case(name, deep, encoding="ordinal", task="multiclass"),
        Case(name, few | {"depth": 12}, encoding="ordinal"),
        Case(name, few | {"depth": 0}, encoding="ordinal"),
        Case(name, few | {"nan_mode": "Max", "grow_policy": "Lossguide"}, encoding="ordinal"),
        *(
            Case(
                "CatBoostRegressor",
                few | {"loss_function": loss},
                encoding="ordinal",
                task="regression",
            )
            for loss in ("RMSE", "MAE", "Poisson")
        ),
    ]


def extreme() -> list[Case]:
    few = {"n_estimators": 9}
    deep = few | {"max_depth": 14, "min_child_weight": 0}
    name = "XGBClassifier"
    return [
        Case(name, few),
        Case(name, deep, encoding="onehot"),
        Case(name, few, ordered=True),
        Case(name, few, numeric=()),
        Case(name, deep, categorical=()),
        Case(name, few, task="multiclass"),
        Case(name, few, calibration="sigmoid"),
        Case(name, deep | {"max_cat_to_onehot": 1}),
        Case(name, few, task="multiclass", label="other"),
        Case(name, few | {"base_score": 0.9, "num_parallel_tree": 3}),
        Case("XGBRFClassifier", few),
        *(
            Case("XGBRegressor", few | {"objective": objective}, task="regression")
            for objective in ("reg:squarederror", "reg:absoluteerror", "count:poisson", "reg:gamma")
        ),
        Case("XGBRFRegressor", few, task="regression"),
    ]


CASES = [*classifiers(), *regressors(), *cat(), *light(), *extreme()]

SMALL = {
    "scan": Case("HistGradientBoostingClassifier", {"max_iter": 2, "max_leaf_nodes": 6}),
    "walk": Case("ExtraTreesClassifier", {"n_estimators": 2}),
    "linear": Case("LogisticRegression", calibration="isotonic"),
    "constant": Case("DummyClassifier", {"strategy": "prior"}, task="multiclass"),
}
"""One model of each form."""


@st.composite
def rows(draw: st.DrawFn, most: int = 40) -> pd.DataFrame:
    """Rows of `table` of which some values are replaced by odd ones."""
    odd = st.floats(-1e6, 1e6) | st.sampled_from([np.nan, 0.0, -0.0, 1e-300, 1e30, -1e30])
    text = st.sampled_from([None, "", "L1", "L29", "pm", "unheard of", "é"]) | st.text(max_size=3)
    count = draw(st.integers(1, most))
    start = draw(st.integers(0, len(table()) - count))
    frame = table().iloc[start : start + count].reset_index(drop=True)
    for _ in range(draw(st.integers(0, 25))):
        at = draw(st.integers(0, count - 1))
        name = draw(st.sampled_from([*NUMERIC, *CATEGORICAL]))
        frame.loc[at, name] = draw(odd if name in NUMERIC else text)
    return frame
