"""A compiled model is used only if it was shown to be right, and the proof says why."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from assay.columns.features import Features, FrameFeatures
from assay.compiled import compile_and_compare
from assay.compiled import equivalence as proofs
from assay.compiled.compile import compile_model
from assay.compiled.edge_cases import FeaturesInMemory, edge_cases, load_features
from assay.compiled.fitted_model import Model, feature_frame
from assay.compiled.scorer import CompiledModel
from assay.training.candidates.pipeline import encoded_pipeline
from tests.compiled.fitted import SMALL, Case, estimator, fit, table

ENDLESS = np.float32(np.inf)
ROWS = FrameFeatures(table().head(40))


def proof_of(
    model: Model, features: Features = ROWS, tolerance: float = 1e-12
) -> proofs.EquivalenceResult:
    classes = tuple(model.estimator.classes_) if model.task == "multiclass" else ()
    data, found = compile_and_compare(model, features, tolerance, task=model.task, classes=classes)
    assert (data is not None) == found.used
    json.dumps(dataclasses.asdict(found), allow_nan=False)  # it goes into the manifest
    return found


def with_last(model: Model, estimator: Any) -> Model:
    """The same encoder before another estimator."""
    pipeline = Pipeline([model.estimator.steps[0], ("last", estimator)])
    return dataclasses.replace(model, estimator=pipeline)


def test_one_row_is_enough_and_none_is_not() -> None:
    model = fit(SMALL["scan"])
    one = proof_of(model, FrameFeatures(table().head(1)))
    assert one.used
    assert one.rows > 100
    none = proof_of(model, FrameFeatures(table().head(0)))
    assert (none.used, none.max_difference) == (False, None)
    assert none.reason == "there was no row to compare it on"


@pytest.mark.parametrize(
    ("form", "part", "name", "change"),
    [
        ("scan", "ranks", "thresholds", lambda number: np.nextafter(number, np.inf)),
        ("scan", "ranks", "high", lambda column: -1),
        ("scan", "tests", "words", lambda word: ~word),
        ("scan", "nodes", "values", lambda number: number + 1e-9),
        ("walk", "ranks", "thresholds", lambda number: np.nextafter(np.float32(number), ENDLESS)),
        ("walk", "nodes", "values", lambda number: number + 1e-9),
        ("linear", "weights", "tables", lambda number: number + 1e-9),
        ("linear", "weights", "fill", lambda number: number + 1e-9),
        ("constant", "sums", "base", lambda number: number + 1e-9),
    ],
)
def test_a_wrong_compilation_is_seen(
    form: str,
    part: str,
    name: str,
    change: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*args: Any) -> CompiledModel:
        right = compile_model(*args)
        whole = getattr(right.body, part)
        values = getattr(whole, name).copy()
        # A single one of a forest's many thresholds may be where no row of these comes by.
        place = slice(None) if (form, name) == ("walk", "thresholds") else slice(1)
        values[place] = change(values[place])
        broken = dataclasses.replace(whole, **{name: values})
        return dataclasses.replace(right, body=dataclasses.replace(right.body, **{part: broken}))

    monkeypatch.setattr(proofs, "compile_model", wrong)
    found = proof_of(fit(SMALL[form]), tolerance=1e-12)
    assert not found.used
    assert "differs from the estimator by" in found.reason
    assert found.max_difference is not None
    assert found.max_difference > 1e-12


class Own(LogisticRegression):
    """May score in any way of its own."""


def fitted(estimator: Any) -> Any:
    return estimator.fit(np.eye(2), [False, True])


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (
            fitted(KNeighborsClassifier()),
            "sklearn.neighbors.KNeighborsClassifier is not one of the estimators that can be",
        ),
        (fitted(Own()), "Own is not one of the estimators that can be compiled"),
        (fitted(DummyClassifier(strategy="stratified")), "drawn at random"),
        (fitted(LogisticRegression()), "another number of coefficients than there are columns"),
        (LogisticRegression(), "LogisticRegression does not know the label's classes"),
        (object(), "builtins.object does not know the label's classes"),
    ],
)
def test_an_estimator_that_cannot_be_compiled_says_why(estimator: Any, said: str) -> None:
    found = proof_of(with_last(fit(SMALL["linear"]), estimator))
    assert said in found.reason
    assert (found.used, found.kind, found.rows) == (False, "", 0)


def test_an_encoder_that_cannot_be_compiled_says_why() -> None:
    model = fit(SMALL["linear"])
    _, (_, last) = model.estimator.steps
    for encoder, said in {
        FunctionTransformer(): "FunctionTransformer is not sklearn.compose.ColumnTransformer",
        ColumnTransformer([("own", MinMaxScaler(), ["age"])]).fit(table()): "MinMaxScaler",
        ColumnTransformer([("all", "passthrough", [0, 1])]).fit(table()): "other columns",
    }.items():
        pipeline = Pipeline([("first", encoder), ("last", last)])
        found = proof_of(dataclasses.replace(model, estimator=pipeline))
        assert said in found.reason
        assert not found.used


def test_a_model_with_other_insides_is_no_error() -> None:
    model = fit(SMALL["scan"])
    _, (_, last) = model.estimator.steps
    del last._predictors
    assert "not as they are known to be: AttributeError" in proof_of(model).reason


def test_what_scikit_learn_refuses_may_not_be_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    def lenient(*args: Any) -> CompiledModel:
        right = compile_model(*args)
        endless = np.full(len(right.inputs.numeric), np.inf)
        limits = dataclasses.replace(right.inputs.limits, low=-endless, high=endless)
        return dataclasses.replace(right, inputs=dataclasses.replace(right.inputs, limits=limits))

    monkeypatch.setattr(proofs, "compile_model", lenient)
    found = proof_of(fit(SMALL["walk"]))
    assert not found.used
    assert found.reason == "it scores what the estimator refuses (age: infinity)"


def test_a_score_where_there_should_be_none_is_a_fault() -> None:
    seen = proofs._Comparison(1e-12, relative=False)
    assert seen.fault(np.array([0.5, np.nan]), np.array([0.5, np.nan])) is None
    assert "no score" in str(seen.fault(np.array([0.5, 0.5]), np.array([0.5, np.nan])))
    assert "no score" in str(seen.fault(np.array([0.5, np.nan]), np.array([0.5, 0.5])))
    assert (seen.rows, seen.greatest) == (2, 0.0)


def test_scores_of_a_regression_differ_by_a_share_of_them() -> None:
    one, other = np.array([1e9, 0.0]), np.array([1e9 + 1e-4, 0.0])
    assert proofs._Comparison(1e-12, relative=True).fault(one, other) is None
    assert "by 0.0001" in str(proofs._Comparison(1e-12, relative=False).fault(one, other))


def test_the_tolerance_decides() -> None:
    model = fit(Case("LogisticRegression", calibration="isotonic"))
    assert proof_of(model).used
    strict = proof_of(model, tolerance=0.0)
    assert not strict.used
    assert strict.tolerance == 0.0


def test_hard_rows_spoil_every_feature_in_every_way() -> None:
    frame = load_features(ROWS, ("age", "load"), ("line",))
    edges = {"age": np.array([1.5]), "load": np.empty(0)}
    parts = {part.about: part.rows for part in edge_cases(frame, edges, {"line": ("L0", "L1")})}
    ages = parts["age: at thresholds"].numbers("age")
    assert {1.5, np.nextafter(1.5, 0), np.nextafter(1.5, 2)} <= set(ages.tolist())
    assert float(np.nextafter(np.float32(1.5), np.float32(2))) in ages
    assert np.isnan(parts["load: null"].numbers("load")).all()
    assert not np.isnan(parts["age: infinity"].numbers("load")).all()
    codes, categories = parts["line: a category nobody has seen"].coded("line")
    assert not set(categories.objects[codes]) & set(table()["line"])
    assert (parts["line: null"].coded("line").codes == -1).all()


def test_what_is_tried_on_a_wide_table_does_not_grow_with_its_square() -> None:
    def cells(width: int) -> int:
        names = [f"x{number}" for number in range(width)]
        rows = FeaturesInMemory(30, {name: np.arange(30.0) for name in names}, {})
        tried = list(edge_cases(rows, {name: np.array([0.5]) for name in names}, {}))
        for name in names:
            (at,) = (each for each in tried if each.about == f"{name}: at thresholds")
            assert 0.5 in at.rows.numbers(name)
        assert sum("null" in each.about for each in tried) > min(width, 40)
        return sum(each.rows.rows for each in tried) * width

    assert cells(1_200) < 6 * cells(300)


def test_another_number_for_what_is_missing_is_left_to_xgboost() -> None:
    case = Case("XGBClassifier", {"n_estimators": 2, "missing": -999.0})
    model = fit(case)
    features = FrameFeatures(table().head(20))
    data, found = compile_and_compare(model, features, 1e-12, task="binary", classes=())
    assert data is None
    assert found.reason == "XGBoost takes another number for a missing value"


def test_a_large_base_of_catboost_is_added_as_catboost_does() -> None:
    case = Case("CatBoostRegressor", {"iterations": 9}, encoding="ordinal", task="regression")
    frame = table().assign(value=table()["value"] * 1e10 + 3e9)
    rows = feature_frame(FrameFeatures(frame), case.numeric, case.categorical)
    made = encoded_pipeline(estimator(case), "ordinal", case.numeric, case.categorical, seed=1)
    made.pipeline.fit(rows, frame["value"].to_numpy())
    model = Model(made.pipeline, None, case.numeric, case.categorical, "regression")
    data, found = compile_and_compare(
        model, FrameFeatures(frame), 1e-12, task="regression", classes=()
    )
    assert data is not None and found.max_difference <= 1e-15, found
