"""Reads XGBoost's fitted trees into `assay.compiled.trees.forest`.

They are read from the JSON in which XGBoost itself stores a model. XGBoost computes in 32 bits from
the input to the probability, and so does what is made of it here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Array, Bools, Ints, NotCompiled
from assay.compiled.columns import AcceptedValues, Category, ColumnEncoder
from assay.compiled.post_transform import Link
from assay.compiled.trees.forest import LEAF, Forest, ForestModel, Tree

XGBOOST = tuple(
    f"xgboost.sklearn.XGB{kind}"
    for kind in ("Classifier", "Regressor", "RFClassifier", "RFRegressor")
)

_LINKS: Mapping[str, Link] = {
    "binary:logistic": "logistic",
    "reg:logistic": "logistic",
    "multi:softprob": "softmax",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
}


def read_xgboost(estimator: Any, encoded: ColumnEncoder) -> ForestModel:
    """Read a XGBClassifier, XGBRegressor, XGBRFClassifier or XGBRFRegressor.

    Raises
    ------
    NotCompiled
        Its booster or its objective is not supported.
    """
    if not np.isnan(estimator.missing):
        raise NotCompiled("XGBoost takes another number for a missing value")
    booster = estimator.get_booster()
    whole = json.loads(booster.save_raw(raw_format="json"))
    stored = whole["learner"]
    objective, boosted = stored["objective"]["name"], stored["gradient_booster"]
    if objective not in _LINKS:
        raise NotCompiled(f"XGBoost's objective {objective} is not one that can be compiled")
    if boosted["name"] != "gbtree":
        raise NotCompiled(f"XGBoost's booster {boosted['name']} is not one that can be compiled")
    model = boosted["model"]
    best = booster.attr("best_iteration")  # of early stopping
    used = model["iteration_indptr"][-1 if best is None else int(best) + 1]
    trees = [
        _tree(tree, encoded, output)
        for tree, output in zip(model["trees"][:used], model["tree_info"][:used], strict=True)
    ]
    sets = any(tree["categories_nodes"] for tree in model["trees"][:used])
    base = _base(booster, whole)
    return ForestModel(
        Forest(trees, base, single=True, single_sums=True),
        AcceptedValues(null=True, infinite=True, single=True),
        _LINKS[objective],
        sets=sets,
    )


def _base(booster: Any, stored: Any) -> Floats:
    """The initial value of each output: what XGBoost answers without its trees.

    They are taken out of ``stored``, the booster's JSON.
    """
    model = stored["learner"]["gradient_booster"]["model"]
    model["trees"], model["tree_info"], model["iteration_indptr"] = [], [], [0]
    model["gbtree_model_param"]["num_trees"] = "0"
    stored["learner"]["attributes"] = {}
    # Else it takes a model without trees for one whose base score is still to be estimated.
    stored["learner"]["learner_model_param"]["boost_from_average"] = "0"
    empty = type(booster)()
    empty.load_model(bytearray(json.dumps(stored), "utf-8"))
    row = np.zeros((1, booster.num_features()), np.float32)
    margin = empty.inplace_predict(row, predict_type="margin", validate_features=False)
    return np.asarray(margin, np.float64).reshape(-1)


def _tree(tree: Mapping[str, Any], encoded: ColumnEncoder, output: int) -> Tree:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise NotCompiled("XGBoost's leaves hold a value for each output")
    left, right = (np.array(tree[f"{side}_children"], np.int64) for side in ("left", "right"))
    leaf = left < 0
    split = np.array(tree["split_conditions"], np.float32)
    asks = np.full(len(left), -1, np.int64)
    asks[tree["categories_nodes"]] = np.arange(len(tree["categories_nodes"]))
    column = np.where(leaf, 0, np.array(tree["split_indices"], np.int64))
    return Tree(
        left=np.where(leaf, LEAF, left),
        right=np.where(leaf, LEAF, right),
        column=column,
        # A row goes left below the threshold, so up to the number before it.
        threshold=np.where(leaf, 0.0, _before(split)),
        null_left=np.array(tree["default_left"], bool),
        asks=asks,
        values=np.where(leaf, split, 0.0).astype(np.float64).reshape(-1, 1),
        weight=np.maximum(np.array(tree["sum_hessian"], np.float64), 1e-9),
        right_states=_right_states(tree, encoded, column),
        output=output,
    )


def _before(values: Array) -> Array:
    """The number of 32 bits before each; XGBoost's own comparison knows numbers below 1e-38."""
    return np.nextafter(values, np.float32(-np.inf)).astype(np.float64)


def _right_states(tree: Mapping[str, Any], encoded: ColumnEncoder, column: Ints) -> Sequence[Bools]:
    """For each split on categories, which states go right: those of a code in its set."""
    states = []
    for node, start, size in zip(
        tree["categories_nodes"],
        tree["categories_segments"],
        tree["categories_sizes"],
        strict=True,
    ):
        source = encoded.columns[column[node]]
        if not isinstance(source, Category):
            raise NotCompiled("the estimator treats a number as categories")
        right = np.isin(source.values, tree["categories"][start : start + size])
        null = np.isnan(source.values)
        states.append(np.where(null, not tree["default_left"][node], right))
    return states
