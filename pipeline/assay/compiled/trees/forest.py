"""One representation for the fitted trees of all ensembles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from assay.columns.features import Floats
from assay.compiled.array_types import Array, Bools, Ints
from assay.compiled.columns import AcceptedValues, Column, NumberColumn
from assay.compiled.post_transform import Link
from assay.compiled.ranks import NumberRanks

LEAF = -1


@dataclass(frozen=True, eq=False)
class Tree:
    """One fitted tree.

    Attributes
    ----------
    left, right
        Children of each node, -1 for a leaf.
    column
        The encoded column that a node splits on.
    threshold
        A row goes left if its value is at most this.
    null_left
        Whether a row without a value goes left.
    asks
        For a categorical split, the index in ``right_states`` of the states that go right (the
        threshold is then ignored); else -1.
    values
        Of shape (nodes, outputs that the tree adds to): the value of each leaf.
    weight
        How many training rows reached each node.
    output
        The first output that the tree adds to.
    """

    left: Ints
    right: Ints
    column: Ints
    threshold: Floats
    null_left: Bools
    asks: Ints
    values: Floats
    weight: Floats
    right_states: Sequence[Bools] = ()
    output: int = 0


class Forest:
    """An ensemble of trees in joined arrays; child indices are relative to the first tree.

    Parameters
    ----------
    base
        The initial value of each output.
    single
        Whether values and thresholds are compared in float32.
    single_sums
        Whether outputs are float32, rounded after each tree.
    """

    def __init__(
        self, trees: Sequence[Tree], base: Floats, single: bool, single_sums: bool = False
    ) -> None:
        self.base, self.single, self.single_sums = base, single, single_sums
        self.sizes = np.array([len(tree.left) for tree in trees], np.int64)
        self.roots = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)
        self.output = np.array([tree.output for tree in trees], np.int64)
        starts = np.repeat(self.roots[:-1], self.sizes)
        left, right = (
            _joined([getattr(tree, name) for tree in trees]) for name in ("left", "right")
        )
        self.left = np.where(left < 0, LEAF, left + starts)
        self.right = np.where(right < 0, LEAF, right + starts)
        self.column = _joined([tree.column for tree in trees])
        self.null_left = np.concatenate([tree.null_left for tree in trees]).astype(np.bool_)
        self.values = np.concatenate([tree.values for tree in trees]).astype(np.float64)
        self.weight = np.concatenate([tree.weight for tree in trees]).astype(np.float64)
        threshold = np.concatenate([tree.threshold for tree in trees]).astype(np.float64)
        self.threshold = rounded_down(threshold) if single else threshold
        asked = np.cumsum([0, *(len(tree.right_states) for tree in trees)])[:-1]
        asks = _joined([tree.asks for tree in trees])
        self.asks = np.where(asks < 0, -1, asks + np.repeat(asked, self.sizes))
        self.right_states = [states for tree in trees for states in tree.right_states]

    @cached_property
    def inner(self) -> Bools:
        return np.asarray(self.left >= 0)

    @cached_property
    def most_leaves(self) -> int:
        """The number of leaves of the tree that has the most."""
        return int(np.add.reduceat((~self.inner).astype(np.int64), self.roots[:-1]).max())

    @property
    def width(self) -> int:
        """The number of outputs that each tree adds to."""
        return int(self.values.shape[1])

    def to_precision(self, values: Floats) -> Floats:
        """Values in the precision in which the trees compare them."""
        return values.astype(np.float32).astype(np.float64) if self.single else values


@dataclass(frozen=True)
class ForestModel:
    """A forest, the input it accepts, and how its sums become outputs."""

    forest: Forest
    accepts: AcceptedValues
    link: Link
    divisor: int = 1
    sets: bool = False
    """Whether nodes split on sets of states."""


def rounded_down(thresholds: Floats) -> Floats:
    """The greatest float32 that is not above each threshold.

    A float32 value is at most the threshold exactly if it is at most the rounded threshold.
    """
    with np.errstate(over="ignore"):
        single = thresholds.astype(np.float32)
        below = np.nextafter(single, np.float32(-np.inf))
    above = single.astype(np.float64) > thresholds
    return np.where(above, below, single).astype(np.float64)


def _joined(parts: Sequence[Array]) -> Ints:
    return np.concatenate(parts).astype(np.int64)


# -------- plans the rank columns of a forest: their thresholds, and the column that each node reads


class RankedColumns(NamedTuple):
    """Rank columns, and the nodes that read them.

    ``column`` and ``limit`` hold for each node the rank column that it reads and the rank that
    it compares with; -1 for a node that does not split on a number.
    """

    ranks: NumberRanks
    columns: int
    column: Ints
    limit: Ints


def plan_ranks(forest: Forest, columns: Sequence[Column], most: int) -> RankedColumns:
    """Plan rank columns: each number is ranked among all thresholds it is compared with.

    Parameters
    ----------
    most
        The most thresholds that one rank column can hold. A number with more thresholds gets
        several columns, and a node reads the one that has its threshold.
    """
    found = _Columns()
    column = np.full(len(forest.left), -1, np.int64)
    limit = column.copy()
    for at, encoded in enumerate(columns):
        nodes = np.flatnonzero(forest.inner & (forest.asks < 0) & (forest.column == at))
        if not isinstance(encoded, NumberColumn) or len(nodes) == 0:
            continue
        thresholds, rank = np.unique(forest.threshold[nodes], return_inverse=True)
        limit[nodes] = rank % most
        # An imputed number has no nulls, so either side will do for them.
        low = forest.null_left[nodes] | encoded.scaled
        for part in range(-(-len(thresholds) // most)):
            here = rank // most == part
            chosen = thresholds[part * most : (part + 1) * most]
            targets = found.add(encoded, chosen, (here & low).any(), (here & ~low).any())
            column[nodes[here & low]], column[nodes[here & ~low]] = targets
    return RankedColumns(found.ranks(forest.single), found.count, column, limit)


class _Columns:
    def __init__(self) -> None:
        self.count = 0
        self._numbers: list[NumberColumn] = []
        self._thresholds: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self._targets: list[tuple[int, int]] = []

    def add(
        self,
        number: NumberColumn,
        thresholds: np.ndarray[tuple[int], np.dtype[np.float64]],
        low: bool,
        high: bool,
    ) -> tuple[int, int]:
        """Columns for the ranks with nulls lowest and with nulls highest; -1 if not needed."""
        first = self.count if low else -1
        self.count += bool(low)
        second = self.count if high else -1
        self.count += bool(high)
        self._numbers.append(number)
        self._thresholds.append(thresholds)
        self._targets.append((first, second))
        return first, second

    def ranks(self, single: bool) -> NumberRanks:
        numbers = self._numbers
        targets = np.array(self._targets, np.int64).reshape(-1, 2)
        return NumberRanks(
            np.array([number.place for number in numbers], np.int64),
            np.array([number.scaled for number in numbers], np.bool_),
            np.array([number.fill for number in numbers], np.float64),
            np.array([number.mean for number in numbers], np.float64),
            np.array([number.scale for number in numbers], np.float64),
            np.cumsum([0, *(len(each) for each in self._thresholds)]).astype(np.int64),
            np.concatenate([np.empty(0), *self._thresholds]),
            np.ascontiguousarray(targets[:, 0]),
            np.ascontiguousarray(targets[:, 1]),
            int(single),
        )
