"""Contributions are Shapley values: by definition, by others' code, and by their sum."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, get_args

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from hypothesis import given, settings
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from assay.columns.features import FrameFeatures
from assay.compiled.array_types import NotCompiled
from assay.compiled.compile import compile_model, read_trees
from assay.compiled.contributions import (
    Against,
    Contributions,
    Explainer,
    LinearContributions,
    check_sums,
    explain_model,
)
from assay.compiled.fitted_model import Model, feature_frame
from assay.compiled.read_encoder import read_encoder
from assay.compiled.scorer import CompiledModel
from assay.compiled.trees import contributions as trees
from assay.compiled.trees.contributions import TreeContributions
from assay.compiled.trees.walk import TOP
from assay.training.candidates.pipeline import encoded_pipeline
from tests.compiled import fitted
from tests.compiled.fitted import CASES, Case, table

FEW = table().iloc[:3].reset_index(drop=True)


COMPARED = table().iloc[10:17].reset_index(drop=True)
"""Rows of reference."""


@cache
def model_of(case: Case) -> Model:
    return fitted.fit(case)


@cache
def compiled_of(case: Case) -> CompiledModel:
    return compile_model(model_of(case), case.task, case.classes)


@cache
def explainer(case: Case, against: Against = "population") -> Explainer:
    """As a bundle holds it."""
    rows = table() if against == "population" else COMPARED
    made = explain_model(model_of(case), compiled_of(case), FrameFeatures(rows), against)
    return Explainer.from_bytes(made.to_bytes(), compiled_of(case), "x")


def raw(case: Case, features: Any) -> np.ndarray[Any, Any]:
    """The raw outputs of the compiled model, of shape (rows, outputs)."""
    compiled = compiled_of(case)
    blocks = [found for _, found in compiled.body.raw(compiled.inputs.rows(features))]
    return np.concatenate(blocks, axis=1).T / compiled.finish.divisor


def is_single(case: Case) -> bool:
    """Whether the library adds up in float32, so that its own sums are off by more."""
    return case.name.startswith("XGB")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_they_add_up_to_what_the_model_says(case: Case) -> None:
    features = FrameFeatures(table())
    found = explainer(case).contributions(features)
    assert found.raw == pytest.approx(raw(case, features), abs=5e-6 if is_single(case) else 1e-12)


@pytest.mark.parametrize(
    "case", [each for each in CASES if not each.name.startswith("Dummy")], ids=str
)
def test_they_are_what_the_definition_says(case: Case) -> None:
    """Over all subsets of the features, with trees that are asked node by node."""
    made = explainer(case)
    found = made.contributions(FrameFeatures(FEW))
    assert pytest.approx(shapley(worth(case, made)), abs=1e-12) == found.values


@pytest.mark.parametrize("case", CASES, ids=str)
def test_against_reference_they_are_what_the_definition_says(case: Case) -> None:
    """With what the model says of rows, each of which takes some values from another."""
    made = explainer(case, "reference")
    found = made.contributions(FrameFeatures(FEW))
    near = 5e-6 if is_single(case) else 1e-12
    known = subsets(len(made.features))
    mixed = {
        name: np.where(
            known[:, place, None],
            FEW[name].to_numpy()[:, None, None],
            COMPARED[name].to_numpy(),
        ).ravel()
        for place, name in enumerate(made.features)
    }
    said = raw(case, FrameFeatures(pd.DataFrame(mixed)))
    means = said.reshape(len(FEW), len(known), len(COMPARED), -1).mean(axis=2)
    assert found.base == pytest.approx(means[0, 0], abs=near)
    assert pytest.approx(shapley(means), abs=near) == found.values


@settings(max_examples=25, deadline=None)
@given(rows=fitted.rows())
def test_against_reference_any_row_adds_up(rows: Any) -> None:
    features = FrameFeatures(rows)
    for case in (WIDE, fitted.SMALL["walk"]):
        found, expected = explainer(case, "reference").contributions(features), raw(case, features)
        kept = np.isfinite(found.values).all(axis=(1, 2))
        assert np.isnan(found.values[~kept]).all()
        assert found.raw[kept] == pytest.approx(expected[kept], rel=1e-10, abs=1e-10)


def test_against_itself_a_row_has_no_reasons() -> None:
    for at in range(5):
        one = FrameFeatures(table().iloc[[at]])
        made = explain_model(model_of(WIDE), compiled_of(WIDE), one, "reference")
        found = made.contributions(one)
        assert (found.values == 0).all()
        assert found.base == pytest.approx(raw(WIDE, one)[0], abs=1e-12)


@cache
def subsets(players: int) -> np.ndarray[Any, Any]:
    """Which players each subset has, of shape (subsets, players)."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def shapley(worth: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """From what each of `subsets` is worth, of shape (rows, subsets, outputs).

    Of shape (rows, outputs, players).
    """
    players = worth.shape[1].bit_length() - 1
    known, orders = subsets(players), math.factorial(players)
    found = []
    for player in range(players):
        others = np.flatnonzero(~known[:, player])
        weight = [
            math.factorial(size) * math.factorial(players - 1 - size) / orders
            for size in known[others].sum(axis=1).tolist()
        ]
        more = worth[:, others + 2**player] - worth[:, others]
        found.append(np.tensordot(more, weight, (1, 0)))
    return np.stack(found, axis=-1)


def worth(case: Case, made: Explainer) -> np.ndarray[Any, Any]:
    """What the model says of `FEW` if some features are known: (rows, subsets, outputs)."""
    body, divisor, inputs = made.body, made.finish.divisor, made.model.inputs
    rows, known = inputs.rows(FrameFeatures(FEW)), subsets(len(made.features))
    if isinstance(body, LinearContributions):
        ((_, terms),) = body.of.terms(rows, len(made.features))
        ((_, whole),) = body.of.terms(inputs.rows(FrameFeatures(table())), len(made.features))
        total = body.of.weights.intercept
        for feature in range(len(made.features)):
            here, mean = terms[:, feature].T[:, None], whole[:, feature].mean(1)
            total = total + np.where(known[:, feature, None], here, mean)
        return np.asarray(total)
    assert isinstance(body, TreeContributions)
    (block,) = rows.blocks(len(FEW))
    nodes, players = body.nodes, body.players(len(inputs.numeric))
    ranks = np.zeros((nodes.columns, block.rows), np.uint16)
    body.ranks.write(block, ranks, TOP)
    body.states.write(block, ranks)
    model = model_of(case)
    encoder, estimator = (step for _, step in model.estimator.steps)
    encoded = read_encoder(encoder, model.numeric, model.categorical)
    read = read_trees(estimator, encoded, case.task)
    assert read is not None
    forest = read.forest

    def of_node(node: int) -> np.ndarray[Any, Any]:
        if forest.left[node] < 0:
            return np.asarray(forest.values[node])
        left, right, column = int(forest.left[node]), int(forest.right[node]), nodes.column[node]
        low, high = of_node(left), of_node(right)
        here = forest.weight[left] + forest.weight[right]
        share = forest.weight[left] / here if here else 0.5
        goes = (ranks[column] > nodes.limit[node])[:, None, None]
        is_known = known[:, players[column], None]
        return np.where(is_known, np.where(goes, high, low), share * low + (1 - share) * high)

    total = np.zeros((len(FEW), len(known), len(forest.base))) + forest.base
    for root, output in zip(forest.roots[:-1], forest.output, strict=True):
        total[..., output : output + forest.width] += of_node(int(root))
    return total / divisor


# CatBoost's own values of trees that are not symmetric are not those of the definition.
OTHERS = [
    case
    for case in (*fitted.light(), *fitted.extreme(), *fitted.cat())
    if case.encoding != "onehot" and "grow_policy" not in case.args
]


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_they_are_those_of_each_library(case: Case) -> None:
    made, model = explainer(case), model_of(case)
    encoder, estimator = (step for _, step in model.estimator.steps)
    features = FrameFeatures(table())
    rows = encoder.transform(feature_frame(features, model.numeric, model.categorical))
    found = made.contributions(features)
    own = by_library(estimator, rows).reshape(len(table()), len(found.base), -1)
    if "boosting_type" in case.args:
        own = own / case.args["n_estimators"]  # LightGBM adds up what its forests average
    columns = [name.rpartition("__")[2] for name in encoder.get_feature_names_out()]
    order = [columns.index(name) for name in made.features]
    near = 5e-6 if is_single(case) else 1e-12
    assert found.values == pytest.approx(own[:, :, order], abs=near)
    assert found.base == pytest.approx(own[0, :, -1], abs=near)


def test_paths_of_many_features_are_those_of_the_library() -> None:
    """With more tests than the 16 whose answers number a class by themselves."""
    rng = np.random.default_rng(6)
    names = tuple(f"x{number}" for number in range(40))
    frame = pd.DataFrame(rng.normal(size=(2_000, 40)), columns=list(names))
    estimator = lightgbm.LGBMRegressor(
        n_estimators=2, num_leaves=200, min_child_samples=1, verbose=-1, n_jobs=1
    )
    pipeline = encoded_pipeline(estimator, "auto", names, (), seed=1, ordered={}).pipeline
    model = Model(pipeline.fit(frame, rng.exponential(size=2_000)), None, names, ())
    compiled = compile_model(model, "regression", ())
    made = explain_model(model, compiled, FrameFeatures(frame[:9]))
    assert isinstance(made.body, TreeContributions) and made.body.path_lengths(40)[1] > 16
    own = by_library(pipeline[-1], pipeline[0].transform(frame))
    found = made.contributions(FrameFeatures(frame))
    assert found.values[:, 0] == pytest.approx(own[:, :-1], abs=1e-12)
    against = explain_model(model, compiled, FrameFeatures(frame[:9]), "reference")
    check_sums(against, FrameFeatures(frame))


def by_library(estimator: Any, rows: Any) -> np.ndarray[Any, Any]:
    name = type(estimator).__name__
    if name.startswith("LGBM"):
        return np.asarray(estimator.booster_.predict(rows, pred_contrib=True))
    if name.startswith("XGB"):
        booster = estimator.get_booster()
        matrix = xgboost.DMatrix(rows, enable_categorical=True, feature_types=booster.feature_types)
        return np.asarray(booster.predict(matrix, pred_contribs=True))
    pool = catboost.Pool(rows)
    return np.asarray(estimator.get_feature_importance(pool, type="ShapValues"))


WIDE = Case("HistGradientBoostingClassifier", {"max_iter": 8, "max_leaf_nodes": None})


@settings(max_examples=60, deadline=None)
@given(rows=fitted.rows())
def test_rows_unlike_any_in_training_are_explained_too(rows: Any) -> None:
    features = FrameFeatures(rows)
    for case in (WIDE, fitted.SMALL["walk"], fitted.SMALL["linear"]):
        found, expected = explainer(case).contributions(features), raw(case, features)
        refused = np.isnan(found.values).any(axis=(1, 2))
        assert (np.isfinite(found.values).all(axis=(1, 2)) | refused).all()
        scale = 1e-12 * (1 + np.abs(expected[~refused]))
        assert (np.abs(found.raw - expected)[~refused] <= scale * 100).all()


def test_each_row_is_explained_by_itself() -> None:
    whole = explainer(WIDE).contributions(FrameFeatures(table()))
    part = explainer(WIDE).contributions(FrameFeatures(table().iloc[7:9]))
    assert (part.values == whole.values[7:9]).all()
    none = explainer(WIDE).contributions(FrameFeatures(table().iloc[:0]))
    assert none.values.shape == (0, 1, 5)


def test_a_feature_that_no_tree_asks_for_adds_nothing() -> None:
    frame = table().assign(age=1.0)
    found = explainer(Case("DecisionTreeClassifier", {"max_depth": 1}, encoding="onehot"))
    assert isinstance(found.body, TreeContributions)
    nodes, players = found.body.nodes, found.body.players(3)
    (asked,) = set(players[nodes.column[nodes.left > 0]].tolist())
    values = found.contributions(FrameFeatures(frame)).values
    others = [place for place in range(5) if place != asked]
    assert (values[:, :, others] == 0).all() and (values[:, :, asked] != 0).any()


def test_paths_of_too_many_features_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST_FEATURES", 2)
    with pytest.raises(NotCompiled, match="a path of its trees asks for 5 features"):
        explain_model(model_of(WIDE), compiled_of(WIDE), FrameFeatures(table()))


@pytest.mark.parametrize("off", [2e-9, np.nan])
def test_what_does_not_add_up_is_refused(off: float, monkeypatch: pytest.MonkeyPatch) -> None:
    made, rows = explainer(WIDE), FrameFeatures(table())
    check_sums(made, rows)
    found = made.contributions(rows)
    found.values[-1, 0, 0] += off * (1 + abs(found.raw[-1, 0]))
    monkeypatch.setattr(Explainer, "contributions", lambda *given: found)
    with pytest.raises(NotCompiled, match=r"contributions and raw output are .* apart"):
        check_sums(made, rows)


@pytest.mark.parametrize("against", ["population", "reference"])
def test_of_fifty_classes_each_has_its_own(against: Against) -> None:
    rng = np.random.default_rng(5)
    frame = table().drop(columns=["class"])
    label = np.array([f"c{number:02}" for number in range(50)])[np.arange(len(frame)) % 50]
    rng.shuffle(label)
    names = (*fitted.NUMERIC, *fitted.CATEGORICAL)
    for estimator in (
        HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=4),
        RandomForestClassifier(3, max_depth=5, random_state=1),
    ):
        made = encoded_pipeline(
            estimator, "auto", fitted.NUMERIC, fitted.CATEGORICAL, seed=1, ordered={}
        )
        model = Model(
            made.pipeline.fit(frame[[*names]], label), None, fitted.NUMERIC, fitted.CATEGORICAL
        )
        compiled = compile_model(model, "multiclass", tuple(sorted(set(label))))
        explained = explain_model(model, compiled, FrameFeatures(COMPARED), against)
        check_sums(explained, FrameFeatures(frame[:40]))
        found = explained.contributions(FrameFeatures(frame[:3]))
        assert found.values.shape == (3, 50, 5)
        assert len({tuple(values.tolist()) for values in found.values[0]}) > 10


def test_a_feature_without_a_value_is_explained() -> None:
    empty = FrameFeatures(table().assign(age=np.nan, shift=None))
    for case in (WIDE, fitted.SMALL["linear"]):
        for against in get_args(Against):
            check_sums(explainer(case, against), empty)


def test_a_sum_is_its_base_and_its_parts() -> None:
    found = Contributions(("a", "b"), np.array([[[1.0, 2.0]]]), np.array([0.5]))
    assert found.raw.tolist() == [[3.5]]
