"""Converts a forest of small trees to the layout of `assay.compiled.trees.scan`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.compiled.array_types import Array, Bools, Ints, NotCompiled
from assay.compiled.columns import Column, MissingIndicator, NumberColumn, right_states
from assay.compiled.trees.forest import Forest, plan_ranks
from assay.compiled.trees.scan import TOP, Scan, ScanNodes, StateTests

MOST_LEAVES = 1 << 16
"""The most leaves of a tree that a 16-bit leaf index can address."""


def plan_scan(forest: Forest, columns: Sequence[Column]) -> Scan:
    """Convert a forest.

    Raises
    ------
    NotCompiled
        A tree has too many leaves.
    """
    from assay.compiled.trees.kernels_layout import parents_first

    if forest.most_leaves > MOST_LEAVES:
        raise NotCompiled(f"a tree has {forest.most_leaves} leaves")
    numbers = plan_ranks(forest, columns, TOP - 1)
    questions = _Questions()
    column, limit = numbers.column.copy(), numbers.limit.copy()
    mask = np.full(len(column), 0xFF, np.int64)
    for node in np.flatnonzero(forest.inner & (column < 0)).tolist():
        plane, bit = questions.ask(forest, columns, node)
        column[node], mask[node], limit[node] = numbers.columns + plane, 1 << bit, 0

    order, leaf = np.empty(len(column), np.int64), np.empty(len(column), np.int64)
    parents_first(forest.left, forest.right, forest.roots, order, leaf)
    tree = np.repeat(np.arange(len(forest.output)), forest.sizes)
    inner = order[forest.inner[order]]
    ends = order[~forest.inner[order]]
    kind = np.uint8 if forest.most_leaves <= 1 << 8 else np.uint16
    starts, place = _even(np.bincount(tree[inner], minlength=len(forest.output)))

    def laid_out(values: Array, kind: type[np.generic]) -> Array:
        # The padding node of a tree with an odd number of nodes: 0 > 0 is false, so no row
        # goes right.
        out = np.zeros(starts[-1], kind)
        out[place] = values[inner]
        return out

    leaves = np.bincount(tree[ends], minlength=len(forest.output))
    return Scan(
        numbers.ranks,
        questions.tests(),
        ScanNodes(
            column=laid_out(column, np.int64),
            mask=laid_out(mask, np.uint8),
            limit=laid_out(limit, np.uint8),
            first=laid_out(leaf, kind),
            middle=laid_out(np.where(forest.inner, leaf[forest.right], 0), kind),
            nodes=starts,
            leaves=np.concatenate([[0], np.cumsum(leaves)]).astype(np.int64),
            output=forest.output,
            values=np.concatenate(
                [
                    part.T.reshape(-1)
                    for part in np.split(forest.values[ends], np.cumsum(leaves)[:-1])
                ]
            ),
            base=forest.base,
            width=forest.width,
            single=int(forest.single_sums),
        ),
    )


def _even(sizes: Ints) -> tuple[Ints, Ints]:
    """Starts of parts whose sizes are rounded up to even, and the position of each item."""
    starts = np.concatenate([[0], np.cumsum(sizes + sizes % 2)]).astype(np.int64)
    before = np.cumsum(sizes) - sizes
    place = np.arange(sizes.sum()) + np.repeat(starts[:-1] - before, sizes)
    return starts, place


class _Questions:
    """Collects the distinct tests of states, and packs 64 tests of one feature into a word."""

    def __init__(self) -> None:
        self._asked: dict[tuple[bool, int], dict[bytes, tuple[int, int]]] = {}
        self._words: list[tuple[bool, int, np.ndarray[tuple[int], np.dtype[np.uint64]]]] = []

    def ask(self, forest: Forest, columns: Sequence[Column], node: int) -> tuple[int, int]:
        """The byte column and the bit in it that hold whether a row goes right at ``node``."""
        column = columns[forest.column[node]]
        assert not isinstance(column, NumberColumn)
        ask = forest.asks[node]
        right = (
            right_states(
                forest.to_precision(column.values),
                forest.threshold[node],
                bool(forest.null_left[node]),
            )
            if ask < 0
            else forest.right_states[ask]
        )
        return self._place((isinstance(column, MissingIndicator), column.place), right)

    def _place(self, source: tuple[bool, int], right: Bools) -> tuple[int, int]:
        asked = self._asked.setdefault(source, {})
        key = right.tobytes()
        if key not in asked:
            number = len(asked)
            if number % 64 == 0:
                self._words.append((*source, np.zeros(len(right), np.uint64)))
            word = max(at for at, item in enumerate(self._words) if item[:2] == source)
            self._words[word][2][right] |= np.uint64(1) << np.uint64(number % 64)
            asked[key] = (8 * word + number % 64 // 8, number % 8)
        return asked[key]

    def tests(self) -> StateTests:
        words = self._words
        return StateTests(
            np.array([place for _, place, _ in words], np.int64),
            np.array([null for null, _, _ in words], np.bool_),
            np.cumsum([0, *(len(word) for _, _, word in words)]).astype(np.int64),
            np.concatenate([np.empty(0, np.uint64), *(word for _, _, word in words)]),
        )
