"""What explains a model, made by hand: two numbers, and trees and terms that can be reckoned."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from assay.columns.features import FrameFeatures
from assay.compiled.archive import pack, unpack
from assay.compiled.array_types import NotCompiled
from assay.compiled.columns import NumberColumn
from assay.compiled.compile import compile_model
from assay.compiled.contributions import (
    ConstantContributions,
    Contributions,
    Explainer,
    LinearContributions,
    MeanTerms,
    check_sums,
    explain_model,
)
from assay.compiled.edge_cases import FeaturesInMemory
from assay.compiled.fitted_model import Model
from assay.compiled.inputs import FeatureInputs, NumberLimits, States
from assay.compiled.linear.linear import Constant, ConstantOutputs, Linear, Weights
from assay.compiled.post_transform import PostTransform
from assay.compiled.scorer import CompiledModel
from assay.compiled.trees import contributions as trees
from assay.compiled.trees.forest import Forest, Tree
from assay.compiled.trees.scan import Scan
from assay.compiled.trees.walk import StateRanks
from assay.errors import BundleChanged
from assay.training.candidates.pipeline import encoded_pipeline

NONE = np.zeros(0, np.int64)
INPUTS = FeatureInputs(
    ("age", "load"), (), (),
    NumberLimits(np.full(2, -np.inf), np.array([np.inf, 9.0]), np.zeros(2, bool)),
    States(np.zeros(1, np.int64), np.zeros(0, np.uint16), np.zeros(1, np.int64), np.zeros(0, bool)),
)  # fmt: skip
TREE = Tree(
    left=np.array([1, -1, 3, -1, -1]), right=np.array([2, -1, 4, -1, -1]),
    column=np.array([0, 0, 1, 0, 0]), threshold=np.zeros(5), null_left=np.zeros(5, bool),
    asks=np.full(5, -1), values=np.array([[0.0], [1.0], [0.0], [2.0], [6.0]]),
    weight=np.array([8.0, 2.0, 6.0, 4.5, 1.5]),
)  # fmt: skip
"""1 where age is at most 0; else 2 where load is at most 0, else 6."""


def planned(*more: Tree, base: float = 0.0) -> trees.TreeContributions:
    forest = Forest([TREE, *more], np.array([base]), single=False)
    return trees.plan_contributions(forest, [NumberColumn(0), NumberColumn(1)], 2)


def rows(*cells: tuple[float, float]) -> FeaturesInMemory:
    table = np.array(cells, dtype=np.float64).reshape(-1, 2)
    return FeaturesInMemory(len(table), {"age": table[:, 0].copy(), "load": table[:, 1].copy()}, {})


def explainer(body: Any, of: Any = None, divisor: int = 1) -> Explainer:
    finish = PostTransform("regression", "identity", divisor, 0, None)
    model = CompiledModel(INPUTS, of or SimpleNamespace(outputs=1, kind="trees"), finish)
    against: Any = "reference" if len(getattr(body, "reference", NONE_LEFT).ranks) else "population"
    return Explainer(model, body, against)


NONE_LEFT = trees.ReferenceRows(np.zeros(0, np.uint16))
LINEAR = Linear(
    Weights(
        place=np.array([0, 1]), scaled=np.zeros(2, bool), fill=np.zeros(2), mean=np.zeros(2),
        scale=np.ones(2), weights=np.array([2.0, -1.0]), known=np.zeros(2), null=np.zeros(2),
        state_place=NONE, starts=np.zeros(1, np.int64), tables=np.zeros(0),
        intercept=np.array([0.5]), texts=np.zeros(0),
    )
)  # fmt: skip


def test_what_is_not_known_goes_as_training_went() -> None:
    # 6 where both are known; 3 with age alone, 4.75 with load alone, 2.5 with neither.
    found = explainer(planned()).contributions(rows((1, 1), (1, -1), (-1, 1)))
    assert found.base == pytest.approx([2.5]) and found.features == ("age", "load")
    expected = [[0.875, 2.625], [0.375, -0.875], [-2.625, 1.125]]
    assert found.values[:, 0] == pytest.approx(np.array(expected))
    assert found.raw[:, 0] == pytest.approx([6, 2, 1])
    # The mean of two trees, with a base of their own.
    twice = explainer(planned(TREE, base=3.0), divisor=2).contributions(rows((1, 1)))
    assert twice.base == pytest.approx([4.0])
    assert twice.values[0, 0] == pytest.approx([0.875, 2.625])


def test_against_rows_what_is_not_known_is_theirs() -> None:
    body = planned().against(INPUTS.rows(rows((1, -1), (-1, -1))))
    # With age alone 2, with load alone (6 + 1) / 2, with neither 1.5.
    found = explainer(body).contributions(rows((1, 1)))
    assert found.base == pytest.approx([1.5])
    assert found.values[0, 0] == pytest.approx([1.5, 3.0])


def test_a_row_that_is_refused_and_no_row_have_no_contributions() -> None:
    made = explainer(planned())
    found = made.contributions(rows((1, 1), (1, 10), (-1, 1)))
    assert np.isnan(found.values).all(axis=(1, 2)).tolist() == [False, True, False]
    none = made.contributions(rows())
    assert none.values.shape == (0, 1, 2) and np.isnan(none.base).all()


def test_rows_are_explained_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_MOST_CELLS", 1)
    cells = np.random.default_rng(1).normal(size=(600, 2))
    found = list(planned().of_rows(INPUTS.rows(rows(*map(tuple, cells))), 2))
    assert [values.shape for _, values, _ in found] == [(1, 2, 200)] * 3
    values = np.concatenate([each for _, each, _ in found], axis=2)
    wanted = np.where(cells[:, 0] <= 0, 1, np.where(cells[:, 1] <= 0, 2, 6))
    assert 2.5 + values[0].sum(axis=0) == pytest.approx(wanted)
    assert all(base.tolist() == [2.5] for _, _, base in found)


def test_a_linear_term_is_compared_with_its_mean() -> None:
    body = LinearContributions(LINEAR, MeanTerms(np.array([3.0, -4.0])))
    body.check(INPUTS)
    found = explainer(body, LINEAR).contributions(rows((1, 1), (2, 0)))
    assert found.base.tolist() == [-0.5]
    assert found.values[:, 0].tolist() == [[-1.0, 3.0], [1.0, 4.0]]
    for means in (np.zeros(1), np.zeros(3)):
        with pytest.raises(ValueError, match="means do not fit"):
            LinearContributions(LINEAR, MeanTerms(means)).check(INPUTS)


def test_each_output_of_a_line_has_means_of_its_own() -> None:
    numbers = {"weights": np.array([2.0, 1.0, -1.0, 5.0]), "intercept": np.array([0.5, 10.0])}
    two = Linear(replace(LINEAR.weights, **numbers, known=np.zeros(4), null=np.zeros(4)))
    body = LinearContributions(two, MeanTerms(np.array([3.0, -4.0, 2.0, 1.0])))
    body.check(INPUTS)
    ((_, values, base),) = body.of_rows(INPUTS.rows(rows((1, 1))), 2)
    assert base.tolist() == [-0.5, 13.0]
    assert values[:, :, 0].tolist() == [[-1.0, 3.0], [-1.0, 4.0]]


def test_what_says_the_same_of_every_row_has_no_reasons() -> None:
    of = Constant(ConstantOutputs(np.array([4.0])))
    found = explainer(ConstantContributions(of), of, divisor=2).contributions(rows((1, 1), (2, 2)))
    assert found.base.tolist() == [2.0] and (found.values == 0).all()


def test_words_are_those_of_a_text_the_largest_first() -> None:
    def text(place: int, width: int) -> Any:
        def told(cell: str, weights: np.ndarray) -> dict[str, float]:
            assert cell == "as written"
            return dict(zip("cab", weights.tolist(), strict=True))

        return SimpleNamespace(place=place, width=width, words=told)

    inputs = replace(INPUTS, categorical=("note", "kind", "more"), texts=(text(0, 3), text(2, 3)))
    weights = np.array([1.0, 2.0, -2.0, 0.0, 5.0, 3.0])
    body = Linear(replace(LINEAR.weights, texts=weights))
    model = CompiledModel(inputs, body, PostTransform("regression", "identity", 1, 0, None))
    made = Explainer(model, LinearContributions(body, MeanTerms(np.zeros(5))), "population")
    assert made.texts == {"note", "more"} and made.features[2:] == ("note", "kind", "more")
    assert list(made.words("note", "as written", 0).items()) == [("a", 2), ("b", -2), ("c", 1)]
    assert list(made.words("more", "as written", 0).items()) == [("a", 5), ("b", 3), ("c", 0)]
    assert made.words("note", None, 0) == made.words("kind", "as written", 0) == {}
    other = replace(made, model=replace(model, body=SimpleNamespace()))
    assert other.words("note", "as written", 0) == {}


@pytest.mark.parametrize(("single", "near"), [(False, 1e-9), (True, 1e-4)])
@pytest.mark.parametrize("raw", [0.5, -200.0])
def test_sums_may_be_off_by_what_adding_up_takes(single: bool, near: float, raw: float) -> None:
    scan = Scan(*(SimpleNamespace(single=single) for _ in range(3)))  # type: ignore[arg-type]
    body: Any = SimpleNamespace(raw=lambda given: [(None, np.array([[2 * raw]]))])
    kind = type("Given", (Scan,), {"raw": lambda self, given: body.raw(given)})
    finish = PostTransform("regression", "identity", 2, 0, None)
    model: Any = SimpleNamespace(
        body=kind(scan.ranks, scan.tests, scan.nodes), inputs=INPUTS, finish=finish
    )
    for part, good in ((0.9, True), (1.1, False), (-1.1, False)):
        off = part * near * max(1, abs(raw))
        told = Contributions(("a",), np.array([[[off]]]), np.array([raw]))
        given: Any = SimpleNamespace(model=model, contributions=lambda _, told=told: told)
        if good:
            check_sums(given, rows((1, 1)))
            continue
        with pytest.raises(
            NotCompiled, match=r"contributions and raw output are (1\.1e-09|0\.00011) apart"
        ):
            check_sums(given, rows((1, 1)))


def test_no_row_adds_up_and_one_without_a_sum_does_not() -> None:
    for cells in ([], [math.nan]):
        ones = np.ones((1, len(cells)))
        body: Any = SimpleNamespace(raw=lambda given, ones=ones: [(None, ones)])
        told = Contributions(("a",), np.array(cells).reshape(-1, 1, 1), np.ones(1))
        model: Any = SimpleNamespace(
            body=body, inputs=INPUTS, finish=PostTransform("regression", "identity", 1, 0, None)
        )
        given: Any = SimpleNamespace(model=model, contributions=lambda _, told=told: told)
        if not cells:
            check_sums(given, rows())
            continue
        with pytest.raises(NotCompiled, match="inf apart"):
            check_sums(given, rows((1, 1)))


# ------------------------------------------------------------------------------- as a file


def test_a_file_gives_the_same_and_no_other_is_read() -> None:
    made = explainer(planned())
    again = Explainer.from_bytes(made.to_bytes(), made.model, "x")
    given = rows((1, 1))
    assert (again.contributions(given).values == made.contributions(given).values).all()
    assert again.to_bytes() == made.to_bytes() and again.against == "population"
    header, arrays = unpack(made.to_bytes())
    for changed, more, why in [
        ({"schema": 2}, {}, "schema 2, against population"),
        ({"against": "nothing"}, {}, "schema 1, against nothing"),
        ({"form": "linear"}, {}, "linear in place of trees"),
        ({"against": "reference"}, {}, "rows of reference do not fit a game against reference"),
        ({}, {"more": np.zeros(1)}, "unknown arrays: more"),
    ]:
        damaged = pack({**header, **changed}, {**arrays, **more})
        with pytest.raises(BundleChanged, match=f"not what explains a model.*{why}"):
            Explainer.from_bytes(damaged, made.model, "x")
    against = explainer(planned().against(INPUTS.rows(given)))
    assert Explainer.from_bytes(against.to_bytes(), against.model, "x").against == "reference"
    header, arrays = unpack(against.to_bytes())
    with pytest.raises(BundleChanged, match="do not fit a game against population"):
        Explainer.from_bytes(pack({**header, "against": "population"}, arrays), made.model, "x")
    damaged = pack(header, {**arrays, "nodes.share": 2 * arrays["nodes.share"]})
    with pytest.raises(BundleChanged, match="a share of training rows"):
        Explainer.from_bytes(damaged, made.model, "x")


def test_what_holds_arrays_is_only_like_itself() -> None:
    made = explainer(planned())
    assert replace(made) != made
    again: Any = explainer(planned())
    parts: list[Any] = [made.body, again.body, NODES, made.body, planned().reference, NONE_LEFT]
    assert len({made, again, *parts, LINEAR, MeanTerms(np.zeros(2)), MeanTerms(np.zeros(2))}) == 10
    lines = [LinearContributions(LINEAR, MeanTerms(np.zeros(2))) for _ in range(2)]
    of = Constant(ConstantOutputs(np.zeros(1)))
    assert len({*lines, ConstantContributions(of), ConstantContributions(of)}) == 4


def test_a_fitted_line_is_compared_with_the_mean_of_its_rows() -> None:
    cells = [(1.0, 2.0), (3.0, -1.0), (5.0, 4.0), (0.0, 0.0)]
    frame = pd.DataFrame(cells, columns=["age", "load"])
    label = 2 * frame["age"] - frame["load"] + 0.5
    for estimator, values in ((LinearRegression(), [4 - 4.5, -2 + 1.25]), (DummyRegressor(), [])):
        made = encoded_pipeline(estimator, "auto", ("age", "load"), (), seed=1, ordered={})
        model = Model(made.pipeline.fit(frame, label), None, ("age", "load"), ())
        compiled = compile_model(model, "regression", ())
        found = explain_model(model, compiled, rows(*cells))
        check_sums(found, rows(*cells))
        told = found.contributions(rows((2, 2)))
        assert told.base == pytest.approx([label.mean()])
        assert told.values[0, 0] == pytest.approx(values or [0, 0])


@pytest.mark.parametrize("against", ["population", "reference"])
def test_a_game_is_against_the_rows_that_are_given_or_all_of_training(against: Any) -> None:
    """Of a line always the first: in a forest, only shares of training rows are kept."""
    cells = [(1.0, 2.0), (3.0, -1.0), (5.0, 4.0), (0.0, 0.0)]
    frame = pd.DataFrame(cells, columns=["age", "load"]).assign(kind=["a", "b", "a", "b"])
    label, some = 2 * frame["age"] - frame["load"] + 0.5, FrameFeatures(frame[:2])
    for estimator in (LinearRegression(), DecisionTreeRegressor()):
        made = encoded_pipeline(estimator, "auto", ("age", "load"), ("kind",), seed=1, ordered={})
        model = Model(made.pipeline.fit(frame, label), None, ("age", "load"), ("kind",))
        compiled = compile_model(model, "regression", ())
        told = explain_model(model, compiled, some, against).contributions(some)
        given = against == "reference" or isinstance(estimator, LinearRegression)
        assert told.base == pytest.approx([label[:2].mean() if given else label.mean()])
        assert told.raw[:, 0] == pytest.approx(label[:2])


NODES = planned().nodes


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"right": NODES.right[:-1]}, "parts of the nodes"),
        ({"column": NODES.column[:-1]}, "parts of the nodes"),
        ({"limit": NODES.limit[:-1]}, "parts of the nodes"),
        ({"share": np.ones(6)}, "parts of the nodes"),
        ({"width": 0, "values": NODES.values[:0]}, "values do not fit"),
        ({"values": NODES.values[:-1]}, "values do not fit"),
        ({"roots": np.array([0, 4])}, "roots does not cut up"),
        ({"roots": np.array([0, 0, 5]), "output": np.array([0, 0])}, "roots do not fit the trees"),
        ({"column": np.array([0, 0, 2, 0, 0], np.uint32)}, "column points out of range"),
        ({"output": np.array([1])}, "output points out of range"),
        ({"output": np.array([-1])}, "output points out of range"),
        ({"width": 2, "values": np.zeros(10)}, "output points out of range"),
        ({"share": np.array([1, -0.1, 1, 1, 1])}, "a share of training rows"),
        ({"share": np.array([1, 1.1, 1, 1, 1])}, "a share of training rows"),
        ({"share": np.array([1, math.nan, 1, 1, 1])}, "a share of training rows"),
    ],
)
def test_nodes_that_would_be_read_out_of_range_are_refused(
    changes: dict[str, Any], why: str
) -> None:
    NODES.check()
    replace(NODES, share=np.array([1, 0.0, 1, 0, 1])).check()
    replace(NODES, base=np.zeros(2), output=np.array([1])).check()
    replace(NODES, roots=np.array([0, 1, 5]), output=np.array([0, 0])).check()
    replace(NODES, base=np.zeros(2), width=2, values=np.zeros(10)).check()
    with pytest.raises(ValueError, match=why):
        replace(NODES, **changes).check()


def test_trees_that_would_be_read_out_of_range_are_refused() -> None:
    body = planned()
    body.check(INPUTS)
    replace(body, reference=trees.ReferenceRows(np.zeros(4, np.uint16))).check(INPUTS)
    with pytest.raises(ValueError, match="rows of reference do not fit"):
        replace(body, reference=trees.ReferenceRows(np.zeros(3, np.uint16))).check(INPUTS)
    with pytest.raises(ValueError, match=r"^place points out of range"):
        replace(body, ranks=replace(body.ranks, place=np.array([0, 2]))).check(INPUTS)
    for left in (2, 5):  # to itself, and out of its tree
        around = replace(NODES, left=np.array([1, 0, left, 0, 0], np.uint32))
        with pytest.raises(ValueError, match="out of its tree, or in a circle"):
            replace(body, nodes=around).check(INPUTS)
    assert body.ranks.count == 2
    states = StateRanks(
        place=np.array([0]), of_nulls=np.array([True]), starts=np.array([0, 2]),
        ranks=np.zeros(2, np.uint16), column=np.array([2]),
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"states\.column points out of range"):
        replace(body, states=states).check(INPUTS)
    # A column of ranks has at most two places, one of states one; and two more.
    replace(body, nodes=replace(NODES, columns=5)).check(INPUTS)
    for columns in (0, 6):
        with pytest.raises(ValueError, match="columns points out of range"):
            replace(body, nodes=replace(NODES, columns=columns)).check(INPUTS)


def test_a_tree_that_asks_nothing_is_its_one_leaf() -> None:
    leaf = Tree(*(part[1:2] for part in (TREE.left, TREE.right, TREE.column, TREE.threshold,
                TREE.null_left, TREE.asks, TREE.values, TREE.weight)))  # fmt: skip
    body = trees.plan_contributions(Forest([leaf], np.zeros(1), single=False), [], 2)
    assert body.nodes.columns == 1
    body.check(INPUTS)
    found = explainer(body).contributions(rows((1, 1)))
    assert found.base.tolist() == [1.0] and found.values.tolist() == [[[0.0, 0.0]]]


def test_where_no_training_row_went_a_row_goes_either_way() -> None:
    """A node that no row of training reached has no shares: half of a row goes each way."""
    tree = replace(TREE, weight=np.array([8.0, 8.0, 0.0, 0.0, 0.0]))
    forest = Forest([tree], np.zeros(1), single=False)
    body = trees.plan_contributions(forest, [NumberColumn(0), NumberColumn(1)], 2)
    found = explainer(body).contributions(rows((1, 1), (1, -1), (-1, 1)))
    assert found.base.tolist() == [1.0]  # as all of training
    # Known: 6, 2 and 1. With age alone known: 4, 4 and 1; with load alone: 1.
    assert found.values[:, 0] == pytest.approx(np.array([[4, 1], [2, -1], [0, 0]]), abs=1e-12)


def test_a_column_is_of_the_feature_whose_numbers_or_states_it_ranks() -> None:
    body = planned()
    states = StateRanks(
        place=np.array([1, 0]), of_nulls=np.array([True, False]), starts=np.array([0, 2, 4]),
        ranks=np.zeros(4, np.uint16), column=np.array([3, 2]),
    )  # fmt: skip
    wider = replace(body, states=states, nodes=replace(NODES, columns=4))
    assert body.players(2).tolist() == [0, 1]
    ranks = replace(body.ranks, place=np.array([1, 0]))
    assert replace(body, ranks=ranks).players(2).tolist() == [1, 0]
    lowest = replace(ranks, low=ranks.high, high=ranks.low)
    assert replace(body, ranks=lowest).players(2).tolist() == [1, 0]
    assert wider.players(2).tolist() == [0, 1, 2, 1]
    deepest, longest, leaves = body.path_lengths(2)
    assert (deepest, longest) == (3, 2) and leaves.tolist() == [3, 1, 2, 1, 1]


def test_a_path_asks_for_so_many_features_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "MOST_FEATURES", 2)
    planned()
    monkeypatch.setattr(trees, "MOST_FEATURES", 1)
    with pytest.raises(NotCompiled, match="a path of its trees asks for 2 features"):
        planned()


def test_chances_and_quadrature_are_exact() -> None:
    chances = trees._chances(4)
    for a in range(1, 5):
        for b in range(5):
            wanted = math.factorial(a - 1) * math.factorial(b) / math.factorial(a + b)
            assert chances[a, b] == pytest.approx(wanted, rel=1e-15)
    assert (chances[0] == 0).all()
    at, weight = trees._quadrature(3)
    assert at.shape == weight.shape == (4, 3)
    for nodes in range(1, 4):
        for power in range(2 * nodes):
            assert weight[nodes] @ at[nodes] ** power == pytest.approx(1 / (power + 1))
        assert (at[nodes, nodes:] == 0).all() and (weight[nodes, nodes:] == 0).all()
    assert trees._quadrature(0)[0].shape == (2, 1)
