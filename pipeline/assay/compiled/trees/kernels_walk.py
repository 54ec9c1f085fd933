"""Evaluates deep trees by walking several rows down a tree at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.compiled.array_types import Ints, Longs, Shorts, Words

LEAF = 0xFFFF
"""The limit of a leaf. No rank exceeds it, so a row at a leaf stays there."""

TILE = 256
"""Rows that walk down a tree together: their ranks and nodes stay in the L1 cache."""

LANES = 8
"""Rows whose steps are interleaved: one is computed while the others wait for memory."""

FURTHER = 6
"""Levels in each later round, after the first one of ``steps`` levels."""

_NODES = "Array(uint64, 1, 'C', readonly=True)"
_INTS = "Array(int64, 1, 'C', readonly=True)"
_RANKS = "Array(uint16, 1, 'C', readonly=True)"
_LOW, _16, _32, _48 = (np.uint64(number) for number in (0xFFFFFFFF, 0xFFFF, 32, 48))


@jit(f"uint64({_NODES}, {_RANKS}, uint64, uint64)", inner=True)
def _step(nodes: Words, ranks: Shorts, node: np.uint64, row: np.uint64) -> np.uint64:
    """The child of ``node`` that a row goes to."""
    word = nodes[node]
    rank = np.uint64(ranks[row + ((word >> _32) & _16)])
    return np.uint64((word & _LOW) + np.uint64(rank > (word >> _48)))


@jit(
    f"void({_NODES}, Array(uint32, 1, 'C', readonly=True), {_INTS}, {_INTS}, {_INTS}, {FLOATS}, "
    f"int64, boolean, {_RANKS}, int64, float64[:, ::1])"
)
def walk(
    nodes: Words,
    leaves: Longs,
    roots: Ints,
    steps: Ints,
    output: Ints,
    values: Floats,
    width: int,
    single: bool,
    ranks: Shorts,
    columns: int,
    out: Floats,
) -> None:
    """Add the value of each tree for each row, tree by tree, in order.

    A tile of rows first walks as many levels as most of them need. Rows at a leaf are then
    removed, and the others walk a few more levels at a time.

    Parameters
    ----------
    nodes
        One word for each node: limit (16 bits), column (16), left child (32). A row goes right,
        to the node after the left child, if its rank in that column exceeds the limit. A leaf
        has the limit ``LEAF`` and itself as its left child.
    leaves
        For each node that is a leaf, its row of ``values``.
    roots
        Start of each tree's nodes, shape (trees + 1,).
    steps
        For each tree, the levels to walk before looking for rows at a leaf.
    output
        For each tree, the first output that it adds to.
    values
        Of shape (leaves * width,).
    width
        The number of outputs that a tree adds to.
    single
        As for `kernels_scan.scan`.
    ranks
        Of shape (rows * columns,), row by row.
    columns
        The number of ranks of a row.
    out
        Of shape (outputs, rows); added to.
    """
    rows = out.shape[1]
    at = np.zeros(TILE + LANES, np.uint64)
    row = np.zeros(TILE + LANES, np.uint64)
    there = np.zeros(TILE, np.uint64)
    arrived = np.zeros(TILE, np.uint64)
    stride, unit = np.uint64(columns), np.uint64(width)
    for tree in range(len(output)):
        root = np.uint64(roots[tree])
        for begin in range(0, rows, TILE):
            left = min(TILE, rows - begin)
            for i in range(left):
                at[i], row[i] = root, np.uint64(begin + i)
            levels = steps[tree]
            while left > 0:
                for i in range(left, left + LANES):
                    at[i], row[i] = root, np.uint64(begin)
                for i in range(0, left, LANES):
                    a, b, c, d = at[i], at[i + 1], at[i + 2], at[i + 3]
                    e, f, g, h = at[i + 4], at[i + 5], at[i + 6], at[i + 7]
                    of_a, of_b = row[i] * stride, row[i + 1] * stride
                    of_c, of_d = row[i + 2] * stride, row[i + 3] * stride
                    of_e, of_f = row[i + 4] * stride, row[i + 5] * stride
                    of_g, of_h = row[i + 6] * stride, row[i + 7] * stride
                    for _ in range(levels):
                        a, b = _step(nodes, ranks, a, of_a), _step(nodes, ranks, b, of_b)
                        c, d = _step(nodes, ranks, c, of_c), _step(nodes, ranks, d, of_d)
                        e, f = _step(nodes, ranks, e, of_e), _step(nodes, ranks, f, of_f)
                        g, h = _step(nodes, ranks, g, of_g), _step(nodes, ranks, h, of_h)
                    at[i], at[i + 1], at[i + 2], at[i + 3] = a, b, c, d
                    at[i + 4], at[i + 5], at[i + 6], at[i + 7] = e, f, g, h
                done, staying = 0, left
                left = 0
                for i in range(staying):
                    node, of = at[i], row[i]
                    there[done], arrived[done] = node, of
                    at[left], row[left] = node, of
                    is_leaf = (nodes[node] >> _48) == _16
                    done += is_leaf
                    left += not is_leaf
                for k in range(width):
                    total = out[output[tree] + k]
                    for i in range(done):
                        of = arrived[i]
                        total[of] += values[leaves[there[i]] * unit + np.uint64(k)]
                        if single:
                            total[of] = np.float32(total[of])
                levels = FURTHER


@jit(f"boolean({_NODES}, Array(uint32, 1, 'C', readonly=True), {_INTS}, int64, int64)")
def is_valid_layout(nodes: Words, leaves: Longs, roots: Ints, columns: int, values: int) -> bool:
    """Whether every walk ends at a leaf of its own tree.

    It does if both children of each node are later nodes of the same tree, and each leaf points
    to itself.

    Parameters
    ----------
    nodes, leaves, roots, columns
        As for `walk`.
    values
        The number of rows of values.
    """
    for tree in range(len(roots) - 1):
        for node in range(roots[tree], roots[tree + 1]):
            word = nodes[node]
            child = np.int64(word & _LOW)
            if np.int64((word >> _32) & _16) >= columns:
                return False
            if word >> _48 == _16:
                if child != node or leaves[node] >= values:
                    return False
            elif child <= node or child + 1 >= roots[tree + 1]:
                return False
    return True
