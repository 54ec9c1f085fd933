"""Which thresholds a number is ranked among, and in which column the ranks go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from assay.model.compiled.columns import Column, NumberColumn
from assay.model.compiled.kinds import Ints
from assay.model.compiled.ranks import NumberRanks
from assay.model.compiled.trees.forest import Forest


class RankedColumns(NamedTuple):
    """Columns of ranks, and what the nodes that look at numbers compare with what.

    ``column`` and ``limit`` are of all nodes; of one that looks at no number, -1.
    """

    ranks: NumberRanks
    columns: int
    column: Ints
    limit: Ints


def ranked(forest: Forest, columns: Sequence[Column], most: int) -> RankedColumns:
    """Rank each number among the thresholds that any node compares it with.

    Parameters
    ----------
    most
        Thresholds that one column of ranks can tell apart. Where a number has more, some of
        them get a column of their own: a node looks at the one that has its threshold.
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
        # An imputed number has no nulls, so it does not matter where they would go.
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
        """Where ranks with nulls below and above all others go; -1 where nobody looks."""
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
