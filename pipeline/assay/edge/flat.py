"""A compiled model's body as flat tables: trees as nodes that are walked, linear models as terms.

The layouts of `assay.compiled` are made for many rows at once. A device has one row: here every
tree is nodes with two children, whichever layout it comes from, and its leaves are added in the
same order.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Array, Bools, Ints
from assay.compiled.linear.linear import Constant, Linear, Weights
from assay.compiled.ranks import NumberRanks
from assay.compiled.scorer import CompiledModel
from assay.compiled.trees.scan import TOP as SCAN_TOP
from assay.compiled.trees.scan import Scan, ScanNodes
from assay.compiled.trees.walk import TOP as WALK_TOP
from assay.compiled.trees.walk import Walk, WalkNodes

Part = TypeVar("Part")

_WHOLE = np.empty(0, np.int64)
_LEAF = 0xFFFF
"""The limit by which `assay.compiled.trees.kernels_walk` marks a leaf."""


@dataclass(frozen=True, eq=False)
class LookUps:
    """Columns that hold a number for each state of a feature.

    Attributes
    ----------
    place, of_nulls
        The categorical feature; or if ``of_nulls`` the numeric one, whose state is 1 for a null and
        0 for a value.
    column
        The column that is written.
    starts, table
        ``table[starts[i] + state]`` is what is written.
    """

    place: Ints
    of_nulls: Bools
    column: Ints
    starts: Ints
    table: Array


@dataclass(frozen=True, eq=False)
class FlatTrees:
    """Trees over columns of small numbers.

    A row goes right at a node if ``columns[column] & mask`` exceeds ``limit``. A child from 0 on is
    a node of the same tree, counted from its first one; a child below 0 is the leaf ``-1 - child``,
    counted from the tree's first one.

    Attributes
    ----------
    top
        The rank of a null in a column in which nulls rank highest.
    columns
        How many columns there are.
    starts, leaves
        The first node and the first leaf of each tree, shape (trees + 1,). A tree without nodes is
        its first leaf.
    output
        The first output that each tree adds to.
    values
        Of shape (leaves, width).
    single
        Whether outputs are rounded to float32 after each tree.
    """

    ranks: NumberRanks
    look_ups: LookUps
    top: int
    columns: int
    starts: Ints
    column: Ints
    mask: Ints
    limit: Ints
    left: Ints
    right: Ints
    leaves: Ints
    output: Ints
    values: Floats
    single: bool

    @property
    def trees(self) -> int:
        return len(self.output)


@dataclass(frozen=True, eq=False)
class Flat:
    """Initial outputs, and trees or the terms of a linear model; what a body lacks is empty."""

    base: Floats
    trees: FlatTrees
    weights: Weights


def flatten(model: CompiledModel) -> Flat:
    """The body of a compiled model."""
    body = model.body
    trees, weights = _no_trees(), _empty(Weights)
    if isinstance(body, Linear):
        return Flat(np.zeros(body.outputs), trees, body.weights)
    if isinstance(body, Constant):
        return Flat(body.sums.base, trees, weights)
    assert isinstance(body, (Scan, Walk))
    trees = _scan(body) if isinstance(body, Scan) else _walk(body)
    return Flat(body.nodes.base, trees, weights)


def _empty(kind: type[Part]) -> Part:
    """Such a part without items."""
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    none = {"Floats": np.empty(0), "Bools": np.empty(0, np.bool_), "int": 0, "bool": False}
    return kind(**{each.name: none.get(str(each.type), _WHOLE) for each in fields})


def _no_trees() -> FlatTrees:
    none = dataclasses.replace(_empty(FlatTrees), values=np.empty((0, 1)))
    return dataclasses.replace(none, ranks=_empty(NumberRanks), look_ups=_empty(LookUps))


def _scan(body: Scan) -> FlatTrees:
    nodes, tests, first = body.nodes, body.tests, body.rank_columns
    used = {int(each) for each in nodes.column[(nodes.mask > 0) & (nodes.column >= first)]}
    place, null, column, tables = [], [], [], [np.empty(0, np.uint8)]
    for word in range(tests.count):
        each = tests.words[tests.starts[word] : tests.starts[word + 1]]
        for byte in range(8):
            if first + 8 * word + byte in used:
                place.append(int(tests.place[word]))
                null.append(bool(tests.of_nulls[word]))
                column.append(first + 8 * word + byte)
                tables.append(((each >> np.uint64(8 * byte)) & np.uint64(0xFF)).astype(np.uint8))
    shaped = [_scan_tree(nodes, tree) for tree in range(len(nodes.output))]
    # Leaves of a tree lie output by output, here leaf by leaf.
    values = [
        part.reshape(nodes.width, -1).T
        for part in np.split(nodes.values, nodes.leaves[1:-1] * nodes.width)
    ]
    return FlatTrees(
        ranks=body.ranks,
        look_ups=_look_ups(place, null, column, tables),
        top=SCAN_TOP,
        columns=body.columns,
        starts=_starts([len(tree[0]) for tree in shaped]),
        column=np.concatenate([nodes.column[tree[0]] for tree in shaped]),
        mask=np.concatenate([nodes.mask[tree[0]] for tree in shaped]).astype(np.int64),
        limit=np.concatenate([nodes.limit[tree[0]] for tree in shaped]).astype(np.int64),
        left=np.concatenate([tree[1] for tree in shaped]),
        right=np.concatenate([tree[2] for tree in shaped]),
        leaves=nodes.leaves,
        output=nodes.output,
        values=np.concatenate(values),
        single=bool(nodes.single),
    )


def _scan_tree(nodes: ScanNodes, tree: int) -> tuple[Ints, Ints, Ints]:
    """The places of a tree's nodes in the layout, and the left and the right child of each.

    The layout has parents first and says of each node its first leaf and the first leaf of its
    right subtree. So a node cuts up the range of leaves that begins with its own.
    """
    start, stop = int(nodes.nodes[tree]), int(nodes.nodes[tree + 1])
    # The node that pads a tree of an odd number of nodes compares with no bits.
    places = start + np.flatnonzero(nodes.mask[start:stop])
    left, right = (np.empty(len(places), np.int64) for _ in range(2))
    waits: dict[int, tuple[Ints, int]] = {}
    for node, (first, middle) in enumerate(
        zip(nodes.first[places].tolist(), nodes.middle[places].tolist(), strict=True)
    ):
        if first in waits:
            side, parent = waits[first]
            side[parent] = node
        left[node], right[node] = -1 - first, -1 - middle
        waits[first], waits[middle] = (left, node), (right, node)
    return places, left, right


def _walk(body: Walk) -> FlatTrees:
    nodes = body.nodes
    limit, column, child = _words(nodes)
    leaf = limit == _LEAF
    starts = [0]
    inner = []
    number = np.zeros(len(limit), np.int64)
    for begin, end in zip(nodes.roots[:-1].tolist(), nodes.roots[1:].tolist(), strict=True):
        here = begin + np.flatnonzero(~leaf[begin:end])
        number[here] = np.arange(len(here))
        inner.append(here)
        starts.append(starts[-1] + len(here))
    # Leaves are rows of one table for all trees.
    code = np.where(leaf, -1 - nodes.leaves.astype(np.int64), number)
    chosen = np.concatenate(inner)
    only = [int(nodes.leaves[root]) if leaf[root] else 0 for root in nodes.roots[:-1].tolist()]
    ranks = body.states
    return FlatTrees(
        ranks=body.ranks,
        look_ups=LookUps(ranks.place, ranks.of_nulls, ranks.column, ranks.starts, ranks.ranks),
        top=WALK_TOP,
        columns=nodes.columns,
        starts=np.array(starts, np.int64),
        column=column[chosen],
        mask=np.full(len(chosen), 0xFFFF, np.int64),
        limit=limit[chosen],
        left=code[child[chosen]],
        right=code[child[chosen] + 1],
        leaves=np.array([*only, 0], np.int64),
        output=nodes.output,
        values=nodes.values.reshape(-1, nodes.width),
        single=bool(nodes.single),
    )


def _words(nodes: WalkNodes) -> tuple[Ints, Ints, Ints]:
    """Limit, column and left child of each node."""
    words = nodes.nodes
    return (
        (words >> np.uint64(48)).astype(np.int64),
        ((words >> np.uint64(32)) & np.uint64(0xFFFF)).astype(np.int64),
        (words & np.uint64(0xFFFFFFFF)).astype(np.int64),
    )


def _look_ups(
    place: list[int], null: list[bool], column: list[int], tables: list[Array]
) -> LookUps:
    return LookUps(
        np.array(place, np.int64),
        np.array(null, np.bool_),
        np.array(column, np.int64),
        _starts([len(each) for each in tables[1:]]),
        np.concatenate(tables),
    )


def _starts(sizes: list[int]) -> Ints:
    return np.cumsum([0, *sizes]).astype(np.int64)
