"""The trees of a model in a layout for exact contributions of their features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Ints, NotCompiled
from assay.compiled.columns import Column
from assay.compiled.inputs import Block, FeatureRows
from assay.compiled.ranks import NumberRanks
from assay.compiled.trees.forest import Forest
from assay.compiled.trees.plan_ranks import plan_ranks
from assay.compiled.trees.plan_walk import state_columns
from assay.compiled.trees.walk import TOP, StateRanks
from assay.project.text import counted

_ROWS = 1024
"""Rows in a block: what each level of a tree keeps of them stays in the L2 cache."""

MOST_FEATURES = 63
"""On one path, whose features a row meets or not: one bit each."""


@dataclass(frozen=True, eq=False)
class TreeContributions:
    """Trees whose tests compare ranks; fields as in `kernels_contributions.add_contributions`.

    ``share`` is 1 for a root.
    """

    ranks: NumberRanks
    states: StateRanks
    forest: Forest
    column: Ints
    limit: Ints
    player: Ints
    share: Floats
    columns: int
    deepest: int
    longest: int
    quadrature: tuple[Floats, Floats]

    def of_rows(self, rows: FeatureRows, features: int) -> Iterator[tuple[Block, Floats, Floats]]:
        """Blocks of rows with contributions, (outputs, features, rows), and base, (outputs,)."""
        from assay.compiled.trees.kernels_contributions import add_contributions

        forest = self.forest
        for block in rows.blocks(_ROWS):
            ranks = np.zeros((self.columns, block.rows), np.uint16)
            self.ranks.write(block, ranks, TOP)
            self.states.write(block, ranks)
            base = forest.base.astype(np.float64)
            out = np.zeros((len(base), features, block.rows))
            add_contributions(
                forest.left,
                forest.right,
                self.column,
                self.limit,
                self.player,
                self.share,
                forest.values.reshape(-1),
                forest.roots,
                forest.output,
                forest.width,
                self.deepest,
                self.longest,
                *self.quadrature,
                ranks,
                out,
                base,
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
    player = np.full(count, -1, np.int64)
    for targets in (numbers.ranks.low, numbers.ranks.high):
        player[targets[targets >= 0]] = numbers.ranks.place[targets >= 0]
    player[states.column] = np.where(states.of_nulls, states.place, numeric + states.place)
    inner = forest.inner
    of_node = np.where(inner, player[np.where(inner, column, 0)] if count else -1, -1)
    share = _shares(forest)
    deepest, longest = _extent(forest, of_node)
    if longest > MOST_FEATURES:
        raise NotCompiled(f"a path of its trees asks for {counted(longest, 'feature')}")
    return TreeContributions(
        numbers.ranks,
        states,
        forest,
        column,
        limit,
        of_node,
        share,
        max(count, 1),
        deepest,
        longest,
        _quadrature((longest + 1) // 2),
    )


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


def _extent(forest: Forest, player: Ints) -> tuple[int, int]:
    """The most levels of a tree, and the most features on one path."""
    deepest = longest = 0
    stack: list[tuple[int, frozenset[int], int]] = []
    for root in forest.roots[:-1].tolist():
        stack.append((root, frozenset(), 1))
        while stack:
            node, asked, level = stack.pop()
            deepest, longest = max(deepest, level), max(longest, len(asked))
            if forest.left[node] >= 0:
                more = asked | {int(player[node])}
                stack.append((int(forest.left[node]), more, level + 1))
                stack.append((int(forest.right[node]), more, level + 1))
    return deepest, longest


def _quadrature(most: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature on [0, 1] with 1 to ``most`` nodes."""
    at, weight = np.zeros((2, max(most, 1) + 1, max(most, 1)))
    for nodes in range(1, max(most, 1) + 1):
        found, weights = np.polynomial.legendre.leggauss(nodes)
        at[nodes, :nodes], weight[nodes, :nodes] = (found + 1) / 2, weights / 2
    return at, weight
