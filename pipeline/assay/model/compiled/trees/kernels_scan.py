"""Trees of up to 65,536 leaves, evaluated without walking down any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.model.compiled.kinds import Bytes, Ints, Shorts

_BYTES = "Array(uint8, 1, 'C', readonly=True)"
_INTS = "Array(int64, 1, 'C', readonly=True)"
_SCAN = (
    "void(Array(uint8, 2, 'C', readonly=True), {ints}, {bytes}, {bytes}, {leaf}, {leaf}, {ints}, "
    "{ints}, {ints}, {floats}, int64, {kind}[::1], float64[:, ::1])"
)


@jit(
    [
        _SCAN.format(
            ints=_INTS,
            bytes=_BYTES,
            leaf=f"Array({kind}, 1, 'C', readonly=True)",
            floats=FLOATS,
            kind=kind,
        )
        for kind in ("uint8", "uint16")
    ]
)
def scan(
    columns: Bytes,
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
    place: Bytes | Shorts,
    out: Floats,
) -> None:
    """Add what each tree says of each row, tree by tree, in order.

    Number the leaves of a tree from left to right. A row's ``place`` is the leftmost leaf
    it may still reach. Nodes come parents first, so when a node is looked at, the rows that
    are at it are those whose place is its first leaf, and of these the ones that go right
    move on to the first leaf of its right half. Every node is looked at for every row,
    which takes no branch and one comparison of bytes, 16 to 64 rows at a time.

    It is the QuickScorer idea (Lucchese et al. 2015, "QuickScorer: a fast algorithm to rank
    documents with additive ensembles of regression trees"; for vectors Ye et al. 2018,
    "RapidScorer") with one byte a row and tree in place of a bit a leaf.

    Parameters
    ----------
    columns
        Of shape (columns, rows): ranks of numbers, and bytes whose bits are tests.
    column, mask, limit
        Of each node: a row goes right if ``columns[column] & mask`` exceeds ``limit``.
    first, middle
        Of each node: its first leaf, and the first leaf of its right half.
    nodes
        Where the nodes of each tree begin; one more than trees, all even.
    leaves
        How many leaves there are before each tree; one more than trees.
    output
        Of each tree, the first output that it adds to.
    values
        Of shape (leaves * width,): for each tree, output by output, one value a leaf.
    width
        How many outputs a tree adds to.
    place
        Room for a number a row.
    out
        Of shape (outputs, rows); added to.
    """
    rows = len(place)
    for tree in range(len(output)):
        for i in range(rows):
            place[i] = 0
        for node in range(nodes[tree], nodes[tree + 1], 2):
            # Two nodes at a time, so that places are loaded and stored half as often.
            a, mask_a, limit_a = columns[column[node]], mask[node], limit[node]
            first_a, middle_a = first[node], middle[node]
            b, mask_b, limit_b = columns[column[node + 1]], mask[node + 1], limit[node + 1]
            first_b, middle_b = first[node + 1], middle[node + 1]
            for i in range(rows):
                at = place[i]
                right = (at == first_a) & (np.uint8(a[i] & mask_a) > limit_a)
                at = middle_a if right else at
                right = (at == first_b) & (np.uint8(b[i] & mask_b) > limit_b)
                place[i] = middle_b if right else at
        count = leaves[tree + 1] - leaves[tree]
        for k in range(width):
            start = leaves[tree] * width + k * count
            value, total = values[start : start + count], out[output[tree] + k]
            for i in range(rows):
                total[i] += value[place[i]]
