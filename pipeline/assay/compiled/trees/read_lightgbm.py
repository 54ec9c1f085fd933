"""Reads LightGBM's fitted trees into `assay.compiled.trees.forest`.

They are read from the text in which LightGBM itself stores a model, which holds every number to the
last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Array, Bools, Ints, NotCompiled
from assay.compiled.columns import AcceptedValues, Category, ColumnEncoder
from assay.compiled.post_transform import Link
from assay.compiled.trees.forest import LEAF, Forest, ForestModel, Tree

LIGHTGBM = ("lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMRegressor")

_LINKS: Mapping[str, Link] = {
    "binary sigmoid:1": "logistic",
    "cross_entropy": "logistic",
    "multiclass": "softmax",
    "gamma": "exp",
    "poisson": "exp",
    "tweedie": "exp",
    "fair": "identity",
    "huber": "identity",
    "mape": "identity",
    "quantile": "identity",
    "regression": "identity",
    "regression_l1": "identity",
}

_CATEGORICAL, _NULL_LEFT, _MISSING = 1, 2, 2
"""Bits of a node's decision type, and where its two bits on missing values begin."""

_NO_MISSING, _ZERO_MISSING = 0, 1
"""What those two bits say. The rest: a row without a value goes where the node says."""


_ZERO = float(np.float32(1e-35))
"""LightGBM takes a number that is no further from zero than this for zero."""


def read_lightgbm(estimator: Any, encoded: ColumnEncoder) -> ForestModel:
    """Read a LGBMClassifier or LGBMRegressor.

    Raises
    ------
    NotCompiled
        Its objective, its leaves or its way with missing values is not supported.
    """
    header, trees = _parts(estimator.booster_.model_to_string())
    link = _link(header.get("objective", "custom"))
    outputs = int(header["num_tree_per_iteration"])
    forest = Forest(
        [_tree(tree, encoded, at % outputs) for at, tree in enumerate(trees)],
        np.zeros(outputs),
        single=False,
    )
    averaged = len(trees) // outputs if "average_output" in header else 1
    sets = any(len(tree["cat_boundaries"]) for tree in trees if "cat_boundaries" in tree)
    accepts = AcceptedValues(null=True, infinite=True)
    return ForestModel(forest, accepts, link, divisor=averaged, sets=sets)


def _parts(text: str) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The header of a stored model and its trees, each by the names of its lines."""
    parts = text.partition("\nend of trees")[0].split("\nTree=")
    header, *trees = (dict(_lines(part)) for part in parts)
    return header, trees


def _lines(part: str) -> Iterator[tuple[str, str]]:
    for line in part.splitlines():
        name, _, value = line.partition("=")
        yield name, value


def _link(objective: str) -> Link:
    # What follows the name is of training alone, but for the slope of a logistic function.
    name = objective if objective.startswith("binary") else objective.partition(" ")[0]
    if name not in _LINKS or "sqrt" in objective:
        raise NotCompiled(f"LightGBM's objective {objective} is not one that can be compiled")
    return _LINKS[name]


def _tree(tree: Mapping[str, str], encoded: ColumnEncoder, output: int) -> Tree:
    """A tree whose inner nodes come first, then its leaves."""
    if tree.get("is_linear", "0") != "0":
        raise NotCompiled("LightGBM's leaves hold linear models")
    values = _numbers(tree, "leaf_value")
    inner = len(values) - 1
    kind, threshold = _whole(tree, "decision_type", inner), _numbers(tree, "threshold", inner)
    column = _whole(tree, "split_feature", inner)
    missing = kind >> _MISSING
    if (missing == _ZERO_MISSING).any():
        raise NotCompiled("LightGBM takes zeros for missing values")
    asks = kind & _CATEGORICAL == 1
    # Where training saw no missing value, one is taken for zero.
    null_left = np.where(missing == _NO_MISSING, threshold >= 0, kind & _NULL_LEFT > 0)
    left, right = (_children(tree, f"{side}_child", inner) for side in ("left", "right"))
    return Tree(
        left=left,
        right=right,
        column=_with_leaves(column, values),
        threshold=_with_leaves(np.where(asks, 0.0, _around_zero(threshold)), values),
        null_left=_with_leaves(null_left, values),
        asks=_with_leaves(np.where(asks, np.cumsum(asks) - 1, -1), values, fill=-1),
        values=np.concatenate([np.zeros(inner), values]).reshape(-1, 1),
        weight=np.maximum(
            np.concatenate(
                [_numbers(tree, "internal_count", inner), _numbers(tree, "leaf_count", len(values))]
            ),
            1,
        ),
        right_states=_right_states(tree, encoded, column[asks], threshold[asks].astype(np.int64)),
        output=output,
    )


def _around_zero(threshold: Floats) -> Floats:
    """Thresholds that have all numbers that are taken for zero on the side of zero."""
    below = (threshold < 0) & (threshold >= -_ZERO)
    above = (threshold >= 0) & (threshold < _ZERO)
    return np.where(below, np.nextafter(-_ZERO, -np.inf), np.where(above, _ZERO, threshold))


def _right_states(
    tree: Mapping[str, str], encoded: ColumnEncoder, columns: Ints, sets: Ints
) -> Sequence[Bools]:
    """For each split on categories, which states go right: those of no code in its set."""
    if len(columns) == 0:
        return ()
    starts, words = _whole(tree, "cat_boundaries"), _whole(tree, "cat_threshold")
    states = []
    for column, at in zip(columns.tolist(), sets.tolist(), strict=True):
        source = encoded.columns[column]
        if not isinstance(source, Category):
            raise NotCompiled("the estimator treats a number as categories")
        bits = words[starts[at] : starts[at + 1]]
        known = ~np.isnan(source.values)
        code = np.where(known, source.values, -1).astype(np.int64)
        known &= (code >= 0) & (code < 32 * len(bits))
        code = np.where(known, code, 0)
        states.append(~(known & ((bits[code >> 5] >> (code & 31)) & 1 == 1)))
    return states


def _children(tree: Mapping[str, str], name: str, inner: int) -> Ints:
    """Children of all nodes; LightGBM writes leaf k as -1 - k."""
    child = _whole(tree, name, inner)
    return np.concatenate([np.where(child < 0, inner - 1 - child, child), np.full(inner + 1, LEAF)])


def _with_leaves(of_inner: Array, leaves: Array, fill: int = 0) -> Array:
    return np.concatenate([of_inner, np.full(len(leaves), fill, of_inner.dtype)])


def _numbers(tree: Mapping[str, str], name: str, length: int | None = None) -> Floats:
    """The numbers of a line. Those of a tree that is one leaf have none."""
    found = np.array(tree.get(name, "").split(), np.float64)
    return np.zeros(length) if length is not None and len(found) == 0 else found


def _whole(tree: Mapping[str, str], name: str, length: int | None = None) -> Ints:
    return _numbers(tree, name, length).astype(np.int64)
