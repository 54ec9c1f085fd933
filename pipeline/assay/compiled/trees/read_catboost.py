"""Reads CatBoost's fitted trees into `assay.compiled.trees.forest`.

They are read from the JSON that CatBoost exports. Only trees over numbers are: of categories,
CatBoost keeps statistics of its own, and looks those up.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Bools, NotCompiled
from assay.compiled.columns import AcceptedValues, ColumnEncoder
from assay.compiled.post_transform import Link
from assay.compiled.trees.forest import LEAF, Forest, ForestModel, Tree

CATBOOST = ("catboost.core.CatBoostClassifier", "catboost.core.CatBoostRegressor")

_LINKS: Mapping[str, Link] = {
    "Logloss": "logistic",
    "CrossEntropy": "logistic",
    "MultiClass": "softmax",
    "MAE": "identity",
    "MAPE": "identity",
    "Quantile": "identity",
    "RMSE": "identity",
    "Huber": "identity",
    "Poisson": "exp",
    "Tweedie": "exp",
}

_NULL_LEFT = {"AsIs": True, "AsFalse": True, "AsTrue": False}
"""How a feature's missing values compare with a border: they are not above it, or are."""


def read_catboost(estimator: Any, encoded: ColumnEncoder) -> ForestModel:
    """Read a CatBoostClassifier or CatBoostRegressor of numbers.

    Raises
    ------
    NotCompiled
        Its loss is not supported, or it has features that are no numbers.
    """
    stored = _exported(estimator)
    loss = str(estimator.get_all_params()["loss_function"]).partition(":")[0]
    if loss not in _LINKS:
        raise NotCompiled(f"CatBoost's loss {loss} is not one that can be compiled")
    info = stored["features_info"]
    if info.keys() - {"float_features"}:
        raise NotCompiled("CatBoost's statistics of categories cannot be compiled")
    null_left = np.array(
        [_NULL_LEFT[each["nan_value_treatment"]] for each in info["float_features"]]
    )
    scale, base = stored["scale_and_bias"]
    if scale != 1:
        raise NotCompiled("CatBoost's trees are scaled")
    width = len(base)
    trees = [_symmetric(tree, null_left, width) for tree in stored.get("oblivious_trees", ())]
    trees += [_any(tree, null_left, width) for tree in stored.get("trees", ())]
    # CatBoost adds its base last, so here it is a tree of one leaf.
    trees.append(_any({"value": base}, null_left, width))
    return ForestModel(
        Forest(trees, np.zeros(width), single=True),
        AcceptedValues(null=True, infinite=True, single=True),
        _LINKS[loss],
    )


def _exported(estimator: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        estimator.save_model(str(file), format="json")
        return json.loads(file.read_text(encoding="utf-8"))


def _symmetric(tree: Mapping[str, Any], null_left: Bools, width: int) -> Tree:
    """A tree that splits all nodes of a level alike; the first split is the leaf's lowest bit."""
    levels = (tree["splits"] or [])[::-1]
    depth = len(levels)
    inner = 2**depth - 1
    level = np.repeat(np.arange(depth), 2 ** np.arange(depth))
    column = np.array([split["float_feature_index"] for split in levels], np.int64)
    border = np.array([split["border"] for split in levels], np.float64)
    node = np.arange(inner)
    leaves = 2**depth
    values = np.array(tree["leaf_values"], np.float64).reshape(leaves, width)
    return Tree(
        left=np.concatenate([2 * node + 1, np.full(leaves, LEAF)]),
        right=np.concatenate([2 * node + 2, np.full(leaves, LEAF)]),
        column=np.concatenate([column[level], np.zeros(leaves, np.int64)]),
        threshold=np.concatenate([border[level], np.zeros(leaves)]),
        null_left=np.concatenate([null_left[column[level]], np.zeros(leaves, bool)]),
        asks=np.full(inner + leaves, -1, np.int64),
        values=np.concatenate([np.zeros((inner, width)), values]),
        weight=_reached(np.array(tree["leaf_weights"], np.float64)),
    )


def _reached(leaves: Floats) -> Floats:
    """The training rows of each node of a full tree, from those of its leaves, the root first."""
    levels = [leaves]
    while len(levels[0]) > 1:
        levels.insert(0, levels[0].reshape(-1, 2).sum(axis=1))
    return np.concatenate(levels)


def _any(tree: Mapping[str, Any], null_left: Bools, width: int) -> Tree:
    """A tree of any shape, whose nodes hold each other; children are numbered after parents."""
    nodes = [tree]
    left, right = [], []
    for node in nodes:  # which grows meanwhile
        split = "split" in node
        left.append(len(nodes) if split else LEAF)
        right.append(len(nodes) + 1 if split else LEAF)
        nodes += [node["left"], node["right"]] if split else []
    splits = [node.get("split", {"float_feature_index": 0, "border": 0.0}) for node in nodes]
    column = np.array([split["float_feature_index"] for split in splits], np.int64)
    nothing = [0.0] * width
    # What holds the base alone has no weight.
    weight = np.array([node.get("weight", float(len(nodes) == 1)) for node in nodes], np.float64)
    for at in reversed(range(len(nodes))):
        if left[at] != LEAF:
            weight[at] = weight[left[at]] + weight[right[at]]
    return Tree(
        left=np.array(left),
        right=np.array(right),
        column=column,
        threshold=np.array([split["border"] for split in splits], np.float64),
        null_left=null_left[column],
        asks=np.full(len(nodes), -1, np.int64),
        values=np.array([np.reshape(node.get("value", nothing), -1) for node in nodes], np.float64),
        weight=weight,
    )
