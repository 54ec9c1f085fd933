"""Trees put into the order in which they are evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.model.compiled.kinds import Ints

_INTS = "Array(int64, 1, 'C', readonly=True)"


@jit(f"void({_INTS}, {_INTS}, {_INTS}, int64[::1], int64[::1])")
def parents_first(left: Ints, right: Ints, roots: Ints, order: Ints, leaf: Ints) -> None:
    """Each tree's nodes in order, parents before children and left before right.

    Parameters
    ----------
    left, right
        Children, -1 for those of a leaf.
    roots
        Where the nodes of each tree begin; one more than trees.
    order
        Written to: the nodes, one tree after the other.
    leaf
        Written to: for each node, how many leaves of its tree are left of it.
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
    """A new place for each node: the two children of a node side by side, left first.

    The children of the heavier child come next, so that the most trodden path is one stretch
    of memory.

    Parameters
    ----------
    left, right, roots
        As for `parents_first`.
    weight
        How many rows came to each node in training.
    place
        Written to: the new place of each node; each tree keeps its stretch.
    depth
        Written to: how many levels below its root each node is.
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
