"""Evaluates trees of up to 65,536 leaves without walking down them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit
from assay.compiled.kernels_columns import BLOCK, SHORTS

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.compiled.array_types import Bytes, Ints, Shorts, Words

_BYTES = "Array(uint8, 1, 'C', readonly=True)"
_INTS = "Array(int64, 1, 'C', readonly=True)"
_WORDS = "Array(uint64, 1, 'C', readonly=True)"
_SCAN = (
    "void(Array(uint8, 2, 'C', readonly=True), Array(uint16, 2, 'C', readonly=True), {ints}, "
    "{ints}, {words}, {ints}, {bytes}, {bytes}, {leaf}, {leaf}, {ints}, {ints}, {ints}, {floats}, "
    "int64, boolean, float64[:, ::1])"
)


@jit(f"void({SHORTS}, {_WORDS}, uint64[:, ::1])", inner=True)
def look_up_bits(states: Shorts, words: Words, out: Words) -> None:
    """Look up 64 bits for each row and store them as eight byte columns.

    Eight rows form a matrix of 8 by 8 bytes, which is transposed by three exchanges of halves
    (Warren 2012, "Hacker's Delight", section 7-3), for many matrices at a time in vector
    registers. So one look-up for each row serves eight columns.

    Parameters
    ----------
    states
        Of shape (rows,), a multiple of 8.
    words
        The 64 bits of each state.
    out
        Output: (8, rows / 8) words, or (8, rows) bytes; byte i of column k holds bits 8 k to
        8 k + 7 of row i (the lowest byte of a word comes first in memory).
    """
    squares = len(states) // 8
    for row in range(8):
        line = out[row]
        for square in range(squares):
            line[square] = words[states[8 * square + row]]
    for size in (4, 2, 1):
        shift = np.uint64(8 * size)
        lower = np.uint64(0xFFFFFFFFFFFFFFFF) // ((np.uint64(1) << shift) + np.uint64(1))
        for row in range(8):
            if row & size == 0:
                a, b = out[row], out[row + size]
                for square in range(squares):
                    first, second = a[square], b[square]
                    a[square] = (first & lower) | ((second & lower) << shift)
                    b[square] = ((first >> shift) & lower) | (second & ~lower)


@jit(
    [
        _SCAN.format(
            ints=_INTS,
            bytes=_BYTES,
            leaf=f"Array({kind}, 1, 'C', readonly=True)",
            words=_WORDS,
            floats=FLOATS,
            kind=kind,
        )
        for kind in ("uint8", "uint16")
    ]
)
def scan(
    ranks: Bytes,
    states: Shorts,
    tested: Ints,
    starts: Ints,
    words: Words,
    column: Ints,
    mask: Bytes,
    limit: Bytes,
    first: Bytes | Shorts,
    middle: Bytes | Shorts,
    nodes: Ints,
    leaves: Ints,
    output: Ints,
    values: Floats,
    width: int,
    single: bool,
    out: Floats,
) -> None:
    """Add the value of each tree for each row, tree by tree, in order.

    The leaves of a tree are numbered from left to right. A row's ``place`` is the leftmost leaf
    that it can still reach. Parents come before children. So when a node is evaluated, the rows
    at this node are those whose place is the node's first leaf. Those of them that go right get
    the first leaf of the right subtree as their place. Every node is evaluated for every row,
    without branches and with one byte comparison, for 16 to 64 rows at a time.

    This is the idea of QuickScorer (Lucchese et al. 2015, "QuickScorer: a fast algorithm to
    rank documents with additive ensembles of regression trees"; vectorised in Ye et al. 2018,
    "RapidScorer") with one byte for each row and tree instead of one bit for each leaf.

    Parameters
    ----------
    ranks
        Of shape (columns, rows): ranks of numbers, the first columns.
    states
        Of shape (features, rows), rows being a multiple of 8.
    tested, starts, words
        For each word of tests, the row of ``states`` that it tests, and the 64 bits for each
        state, ``words[starts[w] + state]``, which make eight more columns.
    column, mask, limit
        For each node: a row goes right if its byte in ``column``, ``& mask``, exceeds ``limit``.
    first, middle
        For each node: its first leaf, and the first leaf of its right subtree.
    nodes
        Start of each tree's nodes, shape (trees + 1,), all even.
    leaves
        Number of leaves before each tree, shape (trees + 1,).
    output
        For each tree, the first output that it adds to.
    values
        Of shape (leaves * width,): for each tree, output by output, one value for each leaf.
    width
        The number of outputs that a tree adds to.
    single
        Whether the outputs are rounded to float32 after each tree. Of float32 values that gives
        the sum of 32 bits: 64 hold more than twice their digits, so none is rounded twice
        (Figueroa 1995, "When is double rounding innocuous?").
    out
        Of shape (outputs, rows); added to.
    """
    trees, known = len(output), len(ranks)
    room = np.empty((known + 8 * len(tested), BLOCK // 8), np.uint64)
    columns, place = room.view(np.uint8), np.empty((4, BLOCK), first.dtype)
    for start in range(0, out.shape[1], BLOCK):
        rows, tree = min(BLOCK, out.shape[1] - start), 0
        for rank in range(known):
            target, source = columns[rank], ranks[rank][start : start + rows]
            for i in range(rows):
                target[i] = source[i]
        for word in range(len(tested)):
            bits = words[starts[word] : starts[word + 1]]
            some = states[tested[word]][start : start + rows]
            look_up_bits(some, bits, room[known + 8 * word : known + 8 * word + 8])
        while tree < trees:
            many = min(4, trees - tree)
            together = many == 4 and width == 1 and not single
            for k in range(many):
                at = place[k]
                for i in range(rows):
                    at[i] = 0
                for node in range(nodes[tree + k], nodes[tree + k + 1], 2):
                    # Two nodes at a time halve the loads and stores of places.
                    a, mask_a, limit_a = columns[column[node]], mask[node], limit[node]
                    first_a, middle_a = first[node], middle[node]
                    b, mask_b, limit_b = columns[column[node + 1]], mask[node + 1], limit[node + 1]
                    first_b, middle_b = first[node + 1], middle[node + 1]
                    for i in range(rows):
                        leaf = at[i]
                        right = (leaf == first_a) & (np.uint8(a[i] & mask_a) > limit_a)
                        leaf = middle_a if right else leaf
                        right = (leaf == first_b) & (np.uint8(b[i] & mask_b) > limit_b)
                        at[i] = middle_b if right else leaf
                together = together and output[tree + k] == output[tree]
            if together:
                # Four trees at a time quarter the loads and stores of sums, in the same order.
                total = out[output[tree]][start : start + rows]
                p, q, r, s = place[0], place[1], place[2], place[3]
                t = values[leaves[tree] : leaves[tree + 1]]
                u = values[leaves[tree + 1] : leaves[tree + 2]]
                v = values[leaves[tree + 2] : leaves[tree + 3]]
                w = values[leaves[tree + 3] : leaves[tree + 4]]
                for i in range(rows):
                    total[i] = (((total[i] + t[p[i]]) + u[q[i]]) + v[r[i]]) + w[s[i]]
                tree += many
                continue
            for k in range(many):
                at, before = place[k], leaves[tree + k]
                count = leaves[tree + k + 1] - before
                for j in range(width):
                    of_leaf = before * width + j * count
                    value = values[of_leaf : of_leaf + count]
                    total = out[output[tree + k] + j][start : start + rows]
                    if single:
                        for i in range(rows):
                            total[i] = np.float32(total[i] + value[at[i]])
                    else:
                        for i in range(rows):
                            total[i] += value[at[i]]
            tree += many
