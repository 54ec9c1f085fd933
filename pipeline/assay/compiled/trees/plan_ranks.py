"""Plans the rank columns of a forest: their thresholds, and the column that each node reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from assay.compiled.array_types import Ints
from assay.compiled.columns import Column, NumberColumn
from assay.compiled.ranks import NumberRanks
from assay.compiled.trees.forest import Forest


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
