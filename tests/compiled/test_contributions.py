"""Contributions are Shapley values: by definition, by others' code, and by their sum."""

from __future__ import annotations

import itertools
import math
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
from assay.compiled.trees import contributions as trees
from assay.compiled.trees.contributions import TreeContributions
from assay.compiled.trees.walk import TOP
from assay.training.candidates.pipeline import encoded_pipeline
from tests.compiled import fitted
from tests.compiled.fitted import CASES, Case, table

FEW = table().iloc[:3].reset_index(drop=True)


COMPARED = table().iloc[10:17].reset_index(drop=True)
"""Rows of reference."""


def explainer(case: Case, against: Against = "population") -> Explainer:
    """As a bundle holds it."""
    model = fitted.fit(case)
    compiled = compile_model(model, case.task, case.classes)
    rows = table() if against == "population" else COMPARED
    made = explain_model(model, compiled, FrameFeatures(rows), against)
    return Explainer.from_bytes(made.to_bytes(), compiled, "x")


def raw(case: Case, features: Any) -> np.ndarray[Any, Any]:
    """The raw outputs of the compiled model, of shape (rows, outputs)."""
    compiled = compile_model(fitted.fit(case), case.task, case.classes)
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
    for row in range(len(FEW)):
        expected = shapley(worth(case, made, row), len(made.features))
        assert pytest.approx(expected, abs=1e-12) == found.values[row].T


@pytest.mark.parametrize("case", CASES, ids=str)
def test_against_reference_they_are_what_the_definition_says(case: Case) -> None:
    """With what the model says of rows, each of which takes some values from another."""
    made = explainer(case, "reference")
    found = made.contributions(FrameFeatures(FEW))
    near = 5e-6 if is_single(case) else 1e-12
    subsets = [
        known
        for size in range(len(made.features) + 1)
        for known in itertools.combinations(range(len(made.features)), size)
    ]
    for row in range(len(FEW)):
        frames = []
        for known in subsets:
            mixed = COMPARED.copy()
            for name in (made.features[place] for place in known):
                mixed[name] = FEW[name].iloc[[row] * len(mixed)].to_numpy()
            frames.append(mixed)
        said = raw(case, FrameFeatures(pd.concat(frames, ignore_index=True)))
        means = said.reshape(len(subsets), len(COMPARED), -1).mean(axis=1)
        values = dict(zip(subsets, means, strict=True))
        assert found.base == pytest.approx(values[()], abs=near)
        expected = shapley(values.__getitem__, len(made.features))
        assert pytest.approx(expected, abs=near) == found.values[row].T


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
    model = fitted.fit(WIDE)
    compiled = compile_model(model, WIDE.task, WIDE.classes)
    for at in range(5):
        one = FrameFeatures(table().iloc[[at]])
        found = explain_model(model, compiled, one, "reference").contributions(one)
        assert (found.values == 0).all()
        assert found.base == pytest.approx(raw(WIDE, one)[0], abs=1e-12)


def shapley(worth: Any, players: int) -> np.ndarray[Any, Any]:
    """Of shape (players, outputs)."""
    value = {
        known: worth(known)
        for size in range(players + 1)
        for known in itertools.combinations(range(players), size)
    }
    found = []
    for player in range(players):
        total = 0.0
        for known in (each for each in value if player not in each):
            weight = math.factorial(len(known)) * math.factorial(players - 1 - len(known))
            more = value[tuple(sorted((*known, player)))] - value[known]
            total = total + weight / math.factorial(players) * more
        found.append(total)
    return np.array(found)


def worth(case: Case, made: Explainer, row: int) -> Any:
    """What the model says of a row of which some features are known."""
    body, divisor, inputs = made.body, made.finish.divisor, made.model.inputs
    rows = inputs.rows(FrameFeatures(FEW))
    if isinstance(body, LinearContributions):
        ((_, terms),) = body.of.terms(rows, len(made.features))
        ((_, whole),) = body.of.terms(inputs.rows(FrameFeatures(table())), len(made.features))

        def of_terms(known: tuple[int, ...]) -> Any:
            total = body.of.weights.intercept.copy()
            for feature in range(len(made.features)):
                here = terms[:, feature, row] if feature in known else whole[:, feature].mean(1)
                total += here
            return total

        return of_terms
    assert isinstance(body, TreeContributions)
    (block,) = rows.blocks(len(FEW))
    nodes, players = body.nodes, body.players(len(inputs.numeric))
    ranks = np.zeros((nodes.columns, block.rows), np.uint16)
    body.ranks.write(block, ranks, TOP)
    body.states.write(block, ranks)
    model = fitted.fit(case)
    encoder, estimator = (step for _, step in model.estimator.steps)
    encoded = read_encoder(encoder, model.numeric, model.categorical)
    read = read_trees(estimator, encoded, case.task)
    assert read is not None
    forest = read.forest

    def of_node(node: int, known: tuple[int, ...]) -> Any:
        if forest.left[node] < 0:
            return forest.values[node]
        left, right = int(forest.left[node]), int(forest.right[node])
        if players[nodes.column[node]] in known:
            goes = ranks[nodes.column[node], row] > nodes.limit[node]
            return of_node(right if goes else left, known)
        here = forest.weight[left] + forest.weight[right]
        share = forest.weight[left] / here if here else 0.5
        return share * of_node(left, known) + (1 - share) * of_node(right, known)

    def of_trees(known: tuple[int, ...]) -> Any:
        total = forest.base.astype(float)
        for root, output in zip(forest.roots[:-1], forest.output, strict=True):
            total[output : output + forest.width] += of_node(int(root), known)
        return total / divisor

    return of_trees


# CatBoost's own values of trees that are not symmetric are not those of the definition.
OTHERS = [
    case
    for case in (*fitted.light(), *fitted.extreme(), *fitted.cat())
    if case.encoding != "onehot" and "grow_policy" not in case.args
]


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_they_are_those_of_each_library(case: Case) -> None:
    made, model = explainer(case), fitted.fit(case)
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
        found, expected = explainer_of(case).contributions(features), raw(case, features)
        refused = np.isnan(found.values).any(axis=(1, 2))
        assert (np.isfinite(found.values).all(axis=(1, 2)) | refused).all()
        scale = 1e-12 * (1 + np.abs(expected[~refused]))
        assert (np.abs(found.raw - expected)[~refused] <= scale * 100).all()


MADE: dict[str, Explainer] = {}


def explainer_of(case: Case) -> Explainer:
    return MADE.setdefault(str(case), explainer(case))


def test_each_row_is_explained_by_itself() -> None:
    whole = explainer_of(WIDE).contributions(FrameFeatures(table()))
    part = explainer_of(WIDE).contributions(FrameFeatures(table().iloc[7:9]))
    assert (part.values == whole.values[7:9]).all()
    none = explainer_of(WIDE).contributions(FrameFeatures(table().iloc[:0]))
    assert none.values.shape == (0, 1, 5)


def test_a_feature_that_no_tree_asks_for_adds_nothing() -> None:
    frame = table().assign(age=1.0)
    found = explainer_of(Case("DecisionTreeClassifier", {"max_depth": 1}, encoding="onehot"))
    assert isinstance(found.body, TreeContributions)
    nodes, players = found.body.nodes, found.body.players(3)
    (asked,) = set(players[nodes.column[nodes.left > 0]].tolist())
    values = found.contributions(FrameFeatures(frame)).values
    others = [place for place in range(5) if place != asked]
    assert (values[:, :, others] == 0).all() and (values[:, :, asked] != 0).any()


def test_paths_of_too_many_features_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST_FEATURES", 2)
    with pytest.raises(NotCompiled, match="a path of its trees asks for 5 features"):
        explainer(WIDE)


@pytest.mark.parametrize("off", [2e-9, np.nan])
def test_what_does_not_add_up_is_refused(off: float, monkeypatch: pytest.MonkeyPatch) -> None:
    made, rows = explainer_of(WIDE), FrameFeatures(table())
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
