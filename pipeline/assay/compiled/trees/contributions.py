"""The trees of a model in a layout for exact contributions of their features."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Ints, Longs, NotCompiled, Shorts
from assay.compiled.columns import Column
from assay.compiled.inputs import Block, FeatureInputs, FeatureRows, check_starts
from assay.compiled.ranks import NumberRanks, check_range
from assay.compiled.trees.forest import Forest, plan_ranks
from assay.compiled.trees.plan_walk import state_columns
from assay.compiled.trees.walk import TOP, StateRanks
from assay.project.text import counted

_MOST_CELLS = 1 << 22
"""Numbers of 8 bytes that are kept of the rows of a block: the more rows, the more meet the same
tests, and are weighed once."""

MOST_FEATURES = 63
"""On one path, whose features a row meets or not: one bit each."""


@dataclass(frozen=True, eq=False)
class WeighedNodes:
    """The nodes of all trees with their share of training rows.

    The fields are those of `kernels_contributions.add_contributions`.
    """

    left: Longs
    right: Longs
    column: Longs
    limit: Shorts
    share: Floats
    values: Floats
    roots: Ints
    output: Ints
    base: Floats
    """The initial value of each output."""
    width: int
    columns: int

    def check(self) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        count, trees = len(self.left), len(self.output)
        if any(len(each) != count for each in (self.right, self.column, self.limit, self.share)):
            raise ValueError("parts of the nodes do not fit each other")
        if self.width < 1 or len(self.values) != count * self.width:
            raise ValueError("values do not fit the nodes")
        check_starts("roots", self.roots, trees, count)
        if (np.diff(self.roots) < 1).any():
            raise ValueError("roots do not fit the trees")
        check_range("column", self.column, 0, self.columns)
        check_range("output", self.output, 0, len(self.base) - self.width + 1)
        if not ((self.share >= 0) & (self.share <= 1)).all():
            raise ValueError("a share of training rows is none")


@dataclass(frozen=True, eq=False)
class ReferenceRows:
    """The ranks of rows that others are compared with, column by column.

    Without any, they are compared with all of training, by the shares of the nodes.
    """

    ranks: Shorts


@dataclass(frozen=True, eq=False)
class TreeContributions:
    """Trees whose tests compare ranks."""

    ranks: NumberRanks
    states: StateRanks
    nodes: WeighedNodes
    reference: ReferenceRows

    def check(self, inputs: FeatureInputs) -> None:
        """Raise ValueError if anything would be read or written out of range."""
        columns = self.nodes.columns
        check_range("columns", np.array([columns]), 1, 2 * self.ranks.count + self.states.count + 2)
        self.ranks.check(len(inputs.numeric), columns, TOP)
        self.states.check(inputs, columns)
        self.nodes.check()
        if len(self.reference.ranks) % columns:
            raise ValueError("rows of reference do not fit the columns")
        if self.path_lengths(len(inputs.numeric))[1] < 0:
            raise ValueError("a node leads out of its tree, or in a circle")

    def players(self, numeric: int) -> Ints:
        """For each column of ranks its feature, categorical ones after ``numeric`` others."""
        found = np.zeros(self.nodes.columns, np.int64)
        for targets in (self.ranks.low, self.ranks.high):
            found[targets[targets >= 0]] = self.ranks.place[targets >= 0]
        states = self.states
        found[states.column] = np.where(states.of_nulls, states.place, numeric + states.place)
        return found

    def path_lengths(self, numeric: int) -> tuple[int, int, Ints]:
        """The most levels of a tree and the most features on a path; -1 if there is no end.

        Then how many leaves are below each node.
        """
        from assay.compiled.trees.kernels_contributions import measure_paths

        nodes, players = self.nodes, self.players(numeric)
        size = int(players.max(initial=0)) + 1
        leaves, asked = np.zeros(len(nodes.left), np.int64), players[nodes.column]
        return *measure_paths(nodes.left, nodes.right, asked, nodes.roots, size, leaves), leaves

    def ranks_of(self, block: Block) -> Shorts:
        """Of shape (columns, rows)."""
        ranks = np.zeros((self.nodes.columns, block.rows), np.uint16)
        self.ranks.write(block, ranks, TOP)
        self.states.write(block, ranks)
        return ranks

    def against(self, rows: FeatureRows) -> TreeContributions:
        """The same trees, where rows are compared with some."""
        ranks = np.hstack([self.ranks_of(block) for block in rows.blocks(rows.count)])
        return dataclasses.replace(self, reference=ReferenceRows(ranks.ravel()))

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """Blocks of rows with contributions, (outputs, features, rows), and base, (outputs,)."""
        from assay.compiled.trees import kernels_contributions as kernels

        nodes = self.nodes
        deepest, longest, leaves = self.path_lengths(rows.numeric)
        players, quadrature = self.players(rows.numeric), _quadrature((longest + 1) // 2)
        chance, reference = _chances(longest), self.reference.ranks.reshape(nodes.columns, -1)
        each = len(nodes.base) * features + deepest
        each += nodes.width * min(longest + kernels.MOST_LEAVES, features)
        for block in rows.blocks(min(kernels.MOST_ROWS, max(256, _MOST_CELLS // each))):
            base = nodes.base.copy()
            out = np.zeros((len(base), features, block.rows))
            ranks = np.hstack([self.ranks_of(block), reference])
            kernels.add_contributions(
                *(nodes.left, nodes.right, nodes.column, nodes.limit, leaves, players, nodes.share),
                *(nodes.values, nodes.roots, nodes.output, nodes.width, deepest, longest),
                *(*quadrature, chance, ranks, out, base),
            )
            yield block, out, base


def plan_contributions(
    forest: Forest, columns: Sequence[Column], numeric: int
) -> TreeContributions:
    """Convert a forest.

    Parameters
    ----------
    columns
        The encoded columns that its nodes ask for.
    numeric
        The number of numeric features, which come before the categorical ones.

    Raises
    ------
    NotCompiled
        A path asks for more than `MOST_FEATURES` features, or no training row is known to have
        reached a node.
    """
    numbers = plan_ranks(forest, columns, TOP - 1)
    column, limit = numbers.column.copy(), numbers.limit.copy()
    states, count = state_columns(forest, columns, numbers.columns, column, limit)
    inner = forest.inner
    planned = TreeContributions(
        numbers.ranks,
        states,
        WeighedNodes(
            left=np.where(inner, forest.left, 0).astype(np.uint32),
            right=np.where(inner, forest.right, 0).astype(np.uint32),
            column=np.where(inner, column, 0).astype(np.uint32),
            limit=np.where(inner, limit, 0).astype(np.uint16),
            share=_shares(forest),
            values=forest.values.reshape(-1),
            roots=forest.roots,
            output=forest.output,
            base=forest.base.astype(np.float64),
            width=forest.width,
            columns=max(count, 1),
        ),
        ReferenceRows(np.empty(0, np.uint16)),
    )
    _, longest, _ = planned.path_lengths(numeric)
    if longest > MOST_FEATURES:
        raise NotCompiled(f"a path of its trees asks for {counted(longest, 'feature')}")
    return planned


def _shares(forest: Forest) -> Floats:
    """For each node, the share of its parent's training rows."""
    share = np.ones(len(forest.left))
    parents = np.flatnonzero(forest.inner)
    children = [forest.left[parents], forest.right[parents]]
    both = forest.weight[children[0]] + forest.weight[children[1]]
    for child in children:
        share[child] = np.divide(
            forest.weight[child], both, out=np.full(len(both), 0.5), where=both > 0
        )
    return share


def _chances(most: int) -> Floats:
    """``(a - 1)! b! / (a + b)!`` in row a and column b, up to ``most`` each."""
    out = np.zeros((most + 1, most + 1))
    for a, b in itertools.product(range(1, most + 1), range(most + 1)):
        out[a, b] = 1 / (a * math.comb(a + b, a))
    return out


def _quadrature(most: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature on [0, 1] with 1 to ``most`` nodes."""
    at, weight = np.zeros((2, max(most, 1) + 1, max(most, 1)))
    for nodes in range(1, max(most, 1) + 1):
        found, weights = np.polynomial.legendre.leggauss(nodes)
        at[nodes, :nodes], weight[nodes, :nodes] = (found + 1) / 2, weights / 2
    return at, weight
