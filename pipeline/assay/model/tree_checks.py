"""Checks the structure of the decision trees of a model that was loaded from a file.

scikit-learn's compiled code walks trees without bounds checks: a child index that points back
to its parent loops forever, one that is out of range reads foreign memory. A damaged or
malicious file may hold either, so every tree is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

_TREE = ("sklearn.tree._tree", "Tree")
_PREDICTOR = ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor")
_LEAF = -1


def check_trees(model: Any) -> None:
    """Refuse a model, or a mapping of model parts, that holds an invalid tree.

    Raises
    ------
    ValueError
        A tree has an index out of range, a cycle or another number of features.
    """
    for part, features in _trees(model):
        if _is(part, _PREDICTOR):
            _check_predictor(part, features)
        else:
            _check_tree(part, features)


def _trees(model: Any) -> Iterator[tuple[Any, int | None]]:
    """Every tree inside an object, with the number of features its owner was fitted on."""
    seen: set[int] = set()
    stack: list[tuple[Any, int | None]] = [(model, None)]
    while stack:
        item, features = stack.pop()
        if id(item) in seen or isinstance(item, str | bytes | int | float | type):
            continue
        seen.add(id(item))
        if _is(item, _TREE) or _is(item, _PREDICTOR):
            yield item, features
            continue
        own = getattr(item, "__dict__", {})
        features = own.get("n_features_in_", features)
        stack.extend((each, features) for each in _inside(item, own))


def _inside(item: Any, own: Mapping[str, Any]) -> Iterable[Any]:
    if isinstance(item, Mapping):
        return [*item.values()]
    if isinstance(item, list | tuple | set | frozenset):
        return [*item]
    if isinstance(item, np.ndarray):
        return item.ravel().tolist() if item.dtype == object else []
    return [*own.values()]


def _check_tree(tree: Any, features: int | None) -> None:
    if features is not None and tree.n_features != features:
        raise ValueError(f"a tree of {tree.n_features} features in a model of {features!r}")
    inner = tree.children_left != _LEAF
    _check_children(inner, tree.children_left, tree.children_right)
    _within("feature", tree.feature[inner], tree.n_features)


def _check_predictor(tree: Any, features: int | None) -> None:
    nodes, sets = tree.nodes, tree.raw_left_cat_bitsets
    inner = nodes["is_leaf"] == 0
    _check_children(inner, nodes["left"], nodes["right"])
    if features is not None:
        _within("feature", nodes["feature_idx"][inner], features)
    asking = inner & (nodes["is_categorical"] != 0)
    _within("set of categories", nodes["bitset_idx"][asking], len(sets))
    if sets.ndim != 2 or sets.shape[1] != 8:
        raise ValueError(f"sets of categories of shape {sets.shape}")


def _check_children(inner: Any, left: Any, right: Any) -> None:
    """Require children after their parent, as every builder stores them: so each walk ends."""
    if len(inner) == 0:
        raise ValueError("a tree without a node")
    places = np.arange(len(inner))[inner]
    for children in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
        if ((children <= places) | (children >= len(inner))).any():
            raise ValueError("a node of a tree leads to none of those after it")


def _within(what: str, places: Any, size: int) -> None:
    numbers = places.astype(np.int64)
    if ((numbers < 0) | (numbers >= size)).any():
        raise ValueError(f"a node of a tree asks for a {what} that is not there")


def _is(item: Any, name: tuple[str, str]) -> bool:
    kind = type(item)
    return (kind.__module__, kind.__name__) == name
