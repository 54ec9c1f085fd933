"""Trees as one ``TreeEnsemble`` (ai.onnx.ml 5), with sets of states as members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from assay.compiled.array_types import Array, Bools
from assay.edge.c_source import Export
from assay.edge.flat import Flat, FlatTrees
from assay.errors import ModelNotExported

MOST_MEMBERS = 40_000
"""In one node; more crash onnxruntime (its issue 25400)."""

_LEQ, _MEMBER = 0, 6


def add_trees(graph: Graph, export: Export, flat: Flat, states: Sequence[str]) -> str:
    """The raw outputs."""
    from onnx import numpy_helper

    trees, columns = flat.trees, dict[str, int]()
    tests = _tests(graph, export, trees, states, columns)
    nodes = _Nodes(flat, tests, export.version)
    kind = np.float32 if trees.single else np.float64
    table = graph("Concat", *(columns or {zeros(graph, export): 0}), axis=1)
    if trees.single:
        table = graph.cast(table, "FLOAT")

    def tensor(values: Sequence[Any], of: Any) -> Any:
        return numpy_helper.from_array(np.array(values, of))

    modes, features, splits, nulls, true, true_leaf, false, false_leaf = map(
        list, zip(*nodes.nodes, strict=True)
    )
    sums = graph(
        "TreeEnsemble",
        table,
        domain=ML,
        n_targets=len(flat.base),
        aggregate_function=1,
        post_transform=0,
        tree_roots=nodes.roots,
        nodes_modes=tensor(modes, np.uint8),
        nodes_featureids=features,
        nodes_splits=tensor(splits, kind),
        nodes_missing_value_tracks_true=nulls,
        nodes_truenodeids=true,
        nodes_trueleafs=true_leaf,
        nodes_falsenodeids=false,
        nodes_falseleafs=false_leaf,
        leaf_targetids=nodes.targets,
        leaf_weights=tensor(nodes.weights, kind),
        **({"membership_values": tensor(nodes.members, kind)} if nodes.members else {}),
    )
    return graph.cast(sums, "DOUBLE") if trees.single else sums


_Test = tuple[int, Callable[[int, int], tuple[float, bool] | Bools]]
"""The column of a test; and for mask and limit either threshold and whether nulls go left, or the
states that go right."""


def _tests(
    graph: Graph,
    export: Export,
    trees: FlatTrees,
    states: Sequence[str],
    columns: dict[str, int],
) -> dict[int, _Test]:
    """How each column of ranks or look-ups is tested; fills ``columns`` with what is compared."""
    ranks, look_ups, tests = trees.ranks, trees.look_ups, dict[int, _Test]()

    def number(at: int, null_left: bool) -> Callable[[int, int], tuple[float, bool] | Bools]:
        thresholds = ranks.thresholds_of(at)
        return lambda mask, limit: (float(thresholds[limit]), null_left)

    def state(table: Array) -> Callable[[int, int], tuple[float, bool] | Bools]:
        return lambda mask, limit: np.asarray((table.astype(np.int64) & mask) > limit)

    for at in range(ranks.count):
        column = columns.setdefault(encoded(graph, export, ranks, at), len(columns))
        for target, null_left in ((int(ranks.low[at]), True), (int(ranks.high[at]), False)):
            if target >= 0:
                tests[target] = column, number(at, null_left)
    values: dict[tuple[int, bool], str] = {}
    for at, key in enumerate(zip(look_ups.place.tolist(), look_ups.of_nulls.tolist(), strict=True)):
        if key not in values:
            place, of_null = key
            name = export.model.inputs.numeric[place] if of_null else states[place]
            values[key] = graph.cast(graph("IsNaN", name) if of_null else name, "DOUBLE")
        column = columns.setdefault(values[key], len(columns))
        table = look_ups.table[look_ups.starts[at] : look_ups.starts[at + 1]]
        tests[int(look_ups.column[at])] = column, state(table)
    return tests


class _Nodes:
    """The attributes of a ``TreeEnsemble``: the base, then each tree in order.

    A leaf has one target, so a tree that adds to several outputs is there once for each.
    """

    def __init__(self, flat: Flat, tests: Mapping[int, _Test], version: str) -> None:
        trees = flat.trees
        self.roots: list[int] = []
        self.nodes: list[tuple[float, ...]] = []
        self.members: list[float] = []
        self.targets: list[int] = []
        self.weights: list[float] = []
        self._version = version
        for target, value in enumerate(flat.base.tolist()):
            self._alone(target, value)
        for tree in range(trees.trees):
            for k in range(trees.values.shape[1]):
                self._tree(trees, tests, tree, k)

    def _leaf(self, target: int, value: float) -> int:
        self.targets.append(target)
        self.weights.append(value)
        return len(self.targets) - 1

    def _alone(self, target: int, value: float) -> None:
        """A tree of one leaf: a node with two, as onnxruntime counts a shared one twice."""
        self.roots.append(len(self.nodes))
        true, false = self._leaf(target, value), self._leaf(target, value)
        self._node(0, 0.0, True, (true, True), (false, True))

    def _node(
        self,
        feature: int,
        split: float,
        null: bool,
        true: tuple[int, bool],
        false: tuple[int, bool],
        mode: int = _LEQ,
    ) -> None:
        """``true`` and ``false`` are the number of a node or a leaf, and whether it is a leaf."""
        self.nodes.append((mode, feature, split, int(null), *map(int, (*true, *false))))

    def _tree(self, trees: FlatTrees, tests: Mapping[int, _Test], tree: int, k: int) -> None:
        start, stop = int(trees.starts[tree]), int(trees.starts[tree + 1])
        target, first = int(trees.output[tree]) + k, int(trees.leaves[tree])
        values = trees.values[first:, k]
        if start == stop:
            self._alone(target, float(values[0]))
            return
        root = len(self.nodes)
        self.roots.append(root)
        leaves: dict[int, int] = {}

        def child(code: int) -> tuple[int, bool]:
            if code >= 0:
                return root + code, False
            if code not in leaves:
                leaves[code] = self._leaf(target, float(values[-1 - code]))
            return leaves[code], True

        for at in range(start, stop):
            column, test = tests[int(trees.column[at])]
            # onnxruntime takes a node and a leaf of the same number for one child (its issue
            # 24679), so that number is given to a leaf that nobody reaches.
            if root + max(trees.left[at], trees.right[at]) == len(self.targets):
                self._leaf(target, 0.0)
            left, right = child(int(trees.left[at])), child(int(trees.right[at]))
            node = test(int(trees.mask[at]), int(trees.limit[at]))
            if isinstance(node, tuple):
                self._node(column, node[0], node[1], left, right)
            else:
                self._set(column, node, left, right)

    def _set(
        self, column: int, right_states: Bools, left: tuple[int, bool], right: tuple[int, bool]
    ) -> None:
        """A test of states, by the fewer of those that go either way."""
        chosen, yes, no = np.flatnonzero(right_states), right, left
        if 2 * len(chosen) > len(right_states):
            chosen, yes, no = np.flatnonzero(~right_states), left, right
        if len(chosen) > MOST_MEMBERS:
            raise ModelNotExported(
                "a node asks for more categories than onnxruntime can hold",
                where=self._version,
                expected=f"at most {MOST_MEMBERS:,}",
                found=f"{len(chosen):,}",
                fix="Write it as C: --to c.",
            )
        if len(chosen) == 0:  # all go one way; states are from 0 on
            self._node(column, -1.0, False, yes, no)
            return
        self._node(column, 0.0, False, yes, no, _MEMBER)
        self.members += [*chosen.astype(float).tolist(), np.nan]


# ----------------------------- operators of an ONNX graph, and those that several of its parts need

ML = "ai.onnx.ml"


class Graph:
    """Operators and constants; a value is the name of what an operator gives."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, value: Any, kind: Any = np.float64) -> str:
        from onnx import numpy_helper

        array = np.asarray(value, kind)
        name = f"constant/{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def __call__(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        name = f"{kind}/{len(self.nodes)}"
        made = helper.make_node(kind, list(inputs), [name], domain=domain, **attributes)
        self.nodes.append(made)
        return name

    def cast(self, value: str, kind: str) -> str:
        from onnx import TensorProto

        return self("Cast", value, to=getattr(TensorProto, kind))

    def single(self, value: str) -> str:
        """A value rounded to 32 bits, in 64."""
        return self.cast(self.cast(value, "FLOAT"), "DOUBLE")

    def any(self, values: Sequence[str]) -> str | None:
        joined = None
        for value in values:
            joined = value if joined is None else self("Or", joined, value)
        return joined


def look_up(graph: Graph, column: str, known: Mapping[str, int], other: int) -> str:
    """A whole number for each text."""
    # A LabelEncoder without keys is none.
    keys, values = [*known] or [""], [*known.values()] or [other]
    return graph(
        "LabelEncoder", column, domain=ML, keys_strings=keys, values_int64s=values,
        default_int64=other,
    )  # fmt: skip


def encoded(graph: Graph, export: Export, terms: Any, at: int) -> str:
    """A number as the model takes it, in 64 bits."""
    value = export.model.inputs.numeric[terms.place[at]]
    if terms.scaled[at]:
        filled = graph("Where", graph("IsNaN", value), graph.constant(terms.fill[at]), value)
        less = graph("Sub", filled, graph.constant(terms.mean[at]))
        value = graph("Div", less, graph.constant(terms.scale[at]))
    return graph.single(value) if getattr(terms, "single", 0) else value


def zeros(graph: Graph, export: Export) -> str:
    """A column of zeros, of as many rows as the input."""
    inputs = export.model.inputs
    first = graph("Shape", [*inputs.numeric, *inputs.categorical][0])
    return graph("Expand", graph.constant([[0.0]]), first)
