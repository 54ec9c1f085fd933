"""Converts a forest of deep trees to the layout of `assay.compiled.trees.walk`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.compiled.array_types import Ints, NotCompiled
from assay.compiled.columns import Column, MissingIndicator, NumberColumn
from assay.compiled.trees.forest import Forest, plan_ranks
from assay.compiled.trees.walk import TOP, StateRanks, Walk, WalkNodes
from assay.project.text import counted

_BEYOND_MOST = 1.25
"""Levels to walk before looking for rows at a leaf, as a multiple of the average depth."""


def plan_walk(forest: Forest, columns: Sequence[Column]) -> Walk:
    """Convert a forest without splits on sets of states.

    Raises
    ------
    NotCompiled
        It has more columns or nodes than the bits of a node's word can address.
    """
    from assay.compiled.trees.kernels_layout import siblings_together

    numbers = plan_ranks(forest, columns, TOP - 1)
    column, limit = numbers.column.copy(), numbers.limit.copy()
    states, count = state_columns(forest, columns, numbers.columns, column, limit)
    total = len(column)
    if count >= TOP or total >= 1 << 32:
        raise NotCompiled(f"{counted(count, 'column')} and {counted(total, 'node')} are too many")

    place, depth = np.empty(total, np.int64), np.empty(total, np.int64)
    siblings_together(forest.left, forest.right, forest.roots, forest.weight, place, depth)
    inner = forest.inner
    child = np.where(inner, place[forest.left], place)
    words = np.empty(total, np.uint64)
    words[place] = (
        (np.where(inner, limit, TOP).astype(np.uint64) << np.uint64(48))
        | (np.where(inner, column, 0).astype(np.uint64) << np.uint64(32))
        | child.astype(np.uint64)
    )
    values, said = np.unique(forest.values[~inner], axis=0, return_inverse=True)
    leaves = np.zeros(total, np.uint32)
    leaves[place[~inner]] = said.reshape(-1)

    reached = forest.weight * ~inner
    starts = forest.roots[:-1]
    average = np.add.reduceat(reached * depth, starts) / np.add.reduceat(reached, starts)
    return Walk(
        numbers.ranks,
        states,
        WalkNodes(
            nodes=words,
            leaves=leaves,
            roots=forest.roots,
            steps=np.maximum(1, np.ceil(average * _BEYOND_MOST)).astype(np.int64),
            output=forest.output,
            values=np.ascontiguousarray(values).reshape(-1),
            base=forest.base,
            width=forest.width,
            columns=max(count, 1),
            single=int(forest.single_sums),
        ),
    )


def state_columns(
    forest: Forest, columns: Sequence[Column], first: int, column: Ints, limit: Ints
) -> tuple[StateRanks, int]:
    """Rank columns of states, numbered from ``first``, and the new number of columns.

    The column and the rank that each node compares are written to ``column`` and ``limit``. Nodes
    that split on the same set of states share a column, where states that go right have rank 1.
    """
    place, of_nulls, tables, count = [], [], [np.empty(0, np.uint16)], first
    for at, encoded in enumerate(columns):
        nodes = np.flatnonzero(forest.inner & (forest.column == at))
        if isinstance(encoded, NumberColumn) or len(nodes) == 0:
            continue
        sets: dict[bytes, list[int]] = {}
        for node in nodes[forest.asks[nodes] >= 0].tolist():
            sets.setdefault(forest.right_states[forest.asks[node]].tobytes(), []).append(node)
        for alike in sets.values():
            column[alike], limit[alike] = count, 0
            count += 1
            place.append(encoded.place)
            of_nulls.append(False)
            tables.append(forest.right_states[forest.asks[alike[0]]].astype(np.uint16))
        nodes = nodes[forest.asks[nodes] < 0]
        values = forest.to_precision(encoded.values)
        # Compare ranks among the known values instead of values: the values are often far
        # fewer than the thresholds.
        known = np.unique(values[~np.isnan(values)])
        limit[nodes] = np.searchsorted(known, forest.threshold[nodes], "right")
        rank = np.searchsorted(known, values, "right")
        for null_left, of_null in ((True, 0), (False, TOP)):
            chosen = nodes[forest.null_left[nodes] == null_left]
            if len(chosen):
                column[chosen] = count
                count += 1
                place.append(encoded.place)
                of_nulls.append(isinstance(encoded, MissingIndicator))
                tables.append(np.where(np.isnan(values), of_null, rank).astype(np.uint16))
    ranks = StateRanks(
        np.array(place, np.int64),
        np.array(of_nulls, np.bool_),
        np.cumsum([0, *(len(table) for table in tables[1:])]).astype(np.int64),
        np.concatenate(tables),
        np.arange(first, count),
    )
    return ranks, count
