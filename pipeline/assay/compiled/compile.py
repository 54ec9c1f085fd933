"""Compiles a fitted model to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.compiled.array_types import NotCompiled, public_name
from assay.compiled.columns import AcceptedValues, ColumnEncoder, build_inputs
from assay.compiled.fitted_model import Model
from assay.compiled.linear.linear import Constant, ConstantOutputs
from assay.compiled.linear.read_linear import GENERALISED, LOGISTIC, REGRESSORS, read_linear
from assay.compiled.post_transform import (
    Calibrator,
    Isotonic,
    Link,
    PostTransform,
    Sigmoid,
    inverse_link,
)
from assay.compiled.read_encoder import read_encoder
from assay.compiled.scorer import Body, CompiledModel
from assay.compiled.trees.forest import ForestModel
from assay.compiled.trees.plan_scan import plan_scan
from assay.compiled.trees.plan_walk import plan_walk
from assay.compiled.trees.read_catboost import CATBOOST, read_catboost
from assay.compiled.trees.read_lightgbm import LIGHTGBM, read_lightgbm
from assay.compiled.trees.read_trees import (
    TREES,
    read_forest,
    read_gradient_boosting,
    read_hist_gradient_boosting,
)
from assay.compiled.trees.read_xgboost import XGBOOST, read_xgboost
from assay.project.tasks import Task

_FEW_LEAVES = 256
"""Up to this many leaves, evaluating every node for many rows at once beats walking."""

_CONSTANT = {
    "sklearn.dummy.DummyClassifier": ("strategy", ("prior", "most_frequent", "constant")),
    "sklearn.dummy.DummyRegressor": ("strategy", ("mean", "median", "quantile", "constant")),
}


def compile_model(model: Model, task: Task, classes: Sequence[str]) -> CompiledModel:
    """Compile a model.

    Raises
    ------
    NotCompiled
        A part of it is not supported.
    """
    if public_name(model.estimator) != "sklearn.pipeline.Pipeline":
        raise NotCompiled(_unknown(model.estimator))
    steps = [step for _, step in model.estimator.steps]
    if len(steps) != 2:
        raise NotCompiled("the pipeline has other steps than an encoder and an estimator")
    encoder, estimator = steps
    count = 0 if task != "multiclass" else len(classes)
    if task != "regression" and len(getattr(estimator, "classes_", ())) != max(count, 2):
        raise NotCompiled(f"{public_name(estimator)} does not know the label's classes")
    encoded = read_encoder(encoder, model.numeric, model.categorical)
    body, accepts, link, divisor = _read(estimator, encoded, task)
    single = public_name(estimator) in XGBOOST
    finish = PostTransform(task, link, divisor, count, _calibrators(model.calibrator, task), single)
    compiled = CompiledModel(build_inputs(encoded, accepts), body, finish)
    compiled.body.check(compiled.inputs)
    compiled.finish.check(body.outputs)
    return compiled


def _read(
    estimator: Any, encoded: ColumnEncoder, task: Task
) -> tuple[Body, AcceptedValues, Link, int]:
    name = public_name(estimator)
    link: Link
    if encoded.texts and name not in (*LOGISTIC, *REGRESSORS, *GENERALISED, *_CONSTANT):
        raise NotCompiled(f"{name} is no linear model, and only those are compiled with texts")
    if (trees := read_trees(estimator, encoded, task)) is not None:
        small = trees.sets or trees.forest.most_leaves <= _FEW_LEAVES
        planted: Body = (plan_scan if small else plan_walk)(trees.forest, encoded.columns)
        return planted, trees.accepts, trees.link, trees.divisor
    if name in LOGISTIC:
        body = read_linear(estimator, encoded)
        link = "logistic" if body.outputs == 1 else "softmax"
        return body, AcceptedValues(null=False, infinite=False), link, 1
    if name in REGRESSORS or name in GENERALISED:
        link = inverse_link(estimator._base_loss) if name in GENERALISED else "identity"
        return read_linear(estimator, encoded), AcceptedValues(null=False, infinite=False), link, 1
    if name in _CONSTANT:
        return _constant(estimator, task), AcceptedValues(null=True, infinite=True), "identity", 1
    raise NotCompiled(_unknown(estimator))


def read_trees(estimator: Any, encoded: ColumnEncoder, task: Task) -> ForestModel | None:
    """The trees of an estimator; None if it is none of those that have trees.

    Raises
    ------
    NotCompiled
        A part of it is not supported.
    """
    name = public_name(estimator)
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise NotCompiled("the estimator predicts several labels at once")
    if name.startswith("sklearn.ensemble.HistGradientBoosting"):
        return read_hist_gradient_boosting(estimator, encoded)
    if name.startswith("sklearn.ensemble.GradientBoosting"):
        return read_gradient_boosting(estimator, encoded)
    if name in TREES:
        return read_forest(estimator, encoded, task)
    if name in CATBOOST:
        return read_catboost(estimator, encoded)
    if name in LIGHTGBM:
        return read_lightgbm(estimator, encoded)
    return read_xgboost(estimator, encoded) if name in XGBOOST else None


def _constant(estimator: Any, task: Task) -> Constant:
    argument, allowed = _CONSTANT[public_name(estimator)]
    if getattr(estimator, argument) not in allowed:
        raise NotCompiled(f"its answers are drawn at random ({getattr(estimator, argument)})")
    row = np.zeros((1, 1))
    if task == "regression":
        return Constant(ConstantOutputs(np.asarray(estimator.predict(row), np.float64).reshape(-1)))
    probabilities = np.asarray(estimator.predict_proba(row)[0], np.float64)
    return Constant(ConstantOutputs(probabilities[1:2] if task == "binary" else probabilities))


def _calibrators(calibrator: Any, task: Task) -> tuple[Calibrator | None, ...] | None:
    if calibrator is None:
        return None
    each = calibrator if task == "multiclass" else [calibrator]
    if not isinstance(each, (list, tuple)):
        raise NotCompiled("its calibration is not one calibrator a class")
    return tuple(_calibrator(one) for one in each)


def _calibrator(fitted: Any) -> Calibrator | None:
    if fitted is None:
        return None
    name = public_name(fitted)
    if name == "sklearn.linear_model.LogisticRegression" and fitted.coef_.shape == (1, 1):
        return Sigmoid(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))
    if name == "sklearn.isotonic.IsotonicRegression" and fitted.out_of_bounds == "clip":
        knots, heights = fitted.X_thresholds_, fitted.y_thresholds_
        if knots.dtype == np.float64 and fitted.X_min_ == knots[0] and fitted.X_max_ == knots[-1]:
            return Isotonic(knots, heights.astype(np.float64))
    raise NotCompiled(f"{name} is not one of the calibrators that can be compiled")


def _unknown(estimator: Any) -> str:
    return f"{public_name(estimator)} is not one of the estimators that can be compiled"
