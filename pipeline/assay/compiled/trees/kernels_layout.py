"""Orders the nodes of trees as the evaluation needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.compiled.array_types import Ints

_INTS = "Array(int64, 1, 'C', readonly=True)"


@jit(f"void({_INTS}, {_INTS}, {_INTS}, int64[::1], int64[::1])")
def parents_first(left: Ints, right: Ints, roots: Ints, order: Ints, leaf: Ints) -> None:
    """Order each tree's nodes, parents before children and left before right.

    Parameters
    ----------
    left, right
        Children of each node, -1 for a leaf.
    roots
        Start of each tree's nodes, shape (trees + 1,).
    order
        Output: the nodes in order, one tree after the other.
    leaf
        Output: for each node, the number of leaves of its tree that are left of it.
    """
    stack = np.empty(len(left), np.int64)
    done = 0
    for tree in range(len(roots) - 1):
        stack[0], waiting, leaves = roots[tree], 1, 0
        while waiting > 0:
            waiting -= 1
            node = stack[waiting]
            order[done], leaf[node] = node, leaves
            done += 1
            if left[node] < 0:
                leaves += 1
            else:
                stack[waiting], stack[waiting + 1] = right[node], left[node]
                waiting += 2


@jit(f"void({_INTS}, {_INTS}, {_INTS}, {FLOATS}, int64[::1], int64[::1])")
def siblings_together(
    left: Ints, right: Ints, roots: Ints, weight: Floats, place: Ints, depth: Ints
) -> None:
    """Give each node a new position: the two children of a node side by side, left first.

    The children of the child with the greater weight come next, so that the most frequent path
    is contiguous in memory.

    Parameters
    ----------
    left, right, roots
        As for `parents_first`.
    weight
        How many training rows reached each node.
    place
        Output: the new position of each node, within the range of its tree.
    depth
        Output: the depth of each node below its root.
    """
    stack = np.empty(len(left), np.int64)
    for tree in range(len(roots) - 1):
        root = roots[tree]
        place[root], depth[root], free = root, 0, root + 1
        stack[0], waiting = root, 1
        while waiting > 0:
            waiting -= 1
            node = stack[waiting]
            if left[node] >= 0:
                one, other = left[node], right[node]
                place[one], place[other] = free, free + 1
                depth[one] = depth[other] = depth[node] + 1
                free += 2
                if weight[one] > weight[other]:
                    one, other = other, one
                stack[waiting], stack[waiting + 1] = one, other
                waiting += 2
