"""Reads scikit-learn's fitted tree ensembles into `assay.compiled.trees.forest`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Array, Bools, Ints, NotCompiled, public_name
from assay.compiled.columns import AcceptedValues, Category, ColumnEncoder
from assay.compiled.post_transform import inverse_link
from assay.compiled.trees.forest import LEAF, Forest, ForestModel, Tree
from assay.project.tasks import Task


def read_hist_gradient_boosting(estimator: Any, encoded: ColumnEncoder) -> ForestModel:
    """Read a HistGradientBoostingClassifier or HistGradientBoostingRegressor.

    Raises
    ------
    NotCompiled
        It treats a number as categories.
    """
    order, codes = _remapped(estimator, encoded)
    known, place_of_known = estimator._bin_mapper.make_known_categories_bitsets()
    trees = []
    for iteration in estimator._predictors:
        for output, predictor in enumerate(iteration):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            feature = nodes["feature_idx"].astype(np.int64)
            asking = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
            asks = np.full(len(nodes), -1, np.int64)
            asks[asking] = np.arange(len(asking))
            right = [
                _right(
                    codes[feature[node]],
                    predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]],
                    known[place_of_known[feature[node]]],
                    bool(nodes["missing_go_to_left"][node]),
                )
                for node in asking
            ]
            trees.append(
                Tree(
                    left=np.where(leaf, LEAF, nodes["left"].astype(np.int64)),
                    right=np.where(leaf, LEAF, nodes["right"].astype(np.int64)),
                    column=np.where(leaf, 0, order[feature]),
                    threshold=nodes["num_threshold"],
                    null_left=nodes["missing_go_to_left"].astype(bool),
                    asks=asks,
                    values=nodes["value"].reshape(-1, 1),
                    weight=nodes["count"],
                    right_states=right,
                    output=output,
                )
            )
    base = np.asarray(estimator._baseline_prediction, np.float64).reshape(-1)
    forest = Forest(trees, base, single=False)
    return ForestModel(
        forest, AcceptedValues(null=True, infinite=True), inverse_link(estimator._loss), sets=True
    )


def _remapped(estimator: Any, encoded: ColumnEncoder) -> tuple[Ints, dict[int, Floats]]:
    """The internal columns of histogram boosting, which moves categories first and recodes them.

    Returns
    -------
    order
        For each internal column, the encoder's column.
    codes
        For each internal categorical column, the internal code of each state.
    """
    chosen = estimator.is_categorical_
    if estimator._preprocessor is None:
        return np.arange(len(encoded.columns)), {}
    order = np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])
    columns = [encoded.columns[at] for at in np.flatnonzero(chosen)]
    if not all(isinstance(column, Category) for column in columns):
        raise NotCompiled("the estimator treats a number as categories")
    if not columns:
        return order, {}
    tables = [column.values for column in columns if isinstance(column, Category)]
    asked = np.full((max(len(table) for table in tables), len(tables)), np.nan)
    for at, table in enumerate(tables):
        asked[: len(table), at] = table
    answers = estimator._preprocessor.named_transformers_["encoder"].transform(asked)
    return order, {at: answers[: len(table), at] for at, table in enumerate(tables)}


def _right(codes: Floats, left: Array, known: Array, null_left: bool) -> Bools:
    """Whether each state, given by its code, goes right; unknown ones go where nulls go."""
    missing = np.isnan(codes)
    code = np.where(missing, 0, codes).astype(np.int64)
    in_left, is_known = (
        (bits[code >> 5] >> (code & 31).astype(np.uint32)) & 1 for bits in (left, known)
    )
    goes_left = np.where(in_left == 1, True, (is_known == 0) & null_left)
    return np.asarray(~np.where(missing, null_left, goes_left))


def read_forest(estimator: Any, encoded: ColumnEncoder, task: Task) -> ForestModel:
    """Read a random forest, extra trees, or a single tree."""
    name = public_name(estimator)
    single = ".tree." in name
    fitted = [estimator] if single else estimator.estimators_
    tags = estimator.__sklearn_tags__()
    # A binary model needs only the probability of the second class.
    chosen = slice(1, 2) if task == "binary" else slice(None)
    trees = [_tree(one.tree_, chosen, 1.0) for one in fitted]
    forest = Forest(trees, np.zeros(trees[0].values.shape[1]), single=True)
    accepts = AcceptedValues(null=bool(tags.input_tags.allow_nan), infinite=False, single=True)
    return ForestModel(forest, accepts, "identity", divisor=len(fitted))


def read_gradient_boosting(estimator: Any, encoded: ColumnEncoder) -> ForestModel:
    """Read a GradientBoostingClassifier or GradientBoostingRegressor.

    Raises
    ------
    NotCompiled
        Its initial estimator does not predict the same for every row.
    """
    start = estimator.init_
    if not (isinstance(start, str) and start == "zero") and public_name(start) not in (
        "sklearn.dummy.DummyClassifier",
        "sklearn.dummy.DummyRegressor",
    ):
        raise NotCompiled(f"it starts from {public_name(start)}")
    rate = float(estimator.learning_rate)
    trees = [
        _tree(one.tree_, slice(None), rate, output)
        for iteration in estimator.estimators_
        for output, one in enumerate(iteration)
    ]
    base = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))
    forest = Forest(trees, np.asarray(base, np.float64).reshape(-1), single=True)
    return ForestModel(
        forest,
        AcceptedValues(null=False, infinite=False, single=True),
        inverse_link(estimator._loss),
    )


def _tree(tree: Any, chosen: slice, rate: float, output: int = 0) -> Tree:
    leaf = tree.children_left < 0
    return Tree(
        left=np.where(leaf, LEAF, tree.children_left),
        right=np.where(leaf, LEAF, tree.children_right),
        column=np.where(leaf, 0, tree.feature),
        threshold=np.where(leaf, 0.0, tree.threshold),
        null_left=np.asarray(tree.missing_go_to_left, bool),
        asks=np.full(len(leaf), -1, np.int64),
        values=rate * tree.value[:, 0, chosen],
        weight=tree.weighted_n_node_samples,
        output=output,
    )


TREES: Sequence[str] = tuple(
    f"sklearn.{name}{kind}"
    for name in (
        "ensemble.RandomForest",
        "ensemble.ExtraTrees",
        "tree.DecisionTree",
        "tree.ExtraTree",
    )
    for kind in ("Classifier", "Regressor")
)
