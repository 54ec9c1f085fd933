"""Exact contributions of features to the outputs of trees, tree by tree, for a block of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.compiled.array_types import Ints, Longs, Shorts, Words

BITS = 16
"""Of a place in the index of patterns, which has twice as many as a block has rows, at least."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2**64 by the golden ratio: spreads patterns over the index (Knuth, TAOCP 3, 6.4)."""

_INTS = "Array(int64, 1, 'C', readonly=True)"
_LONGS = "Array(uint32, 1, 'C', readonly=True)"
_SHORTS = "Array(uint16, 1, 'C', readonly=True)"
_TABLE = "Array(float64, 2, 'C', readonly=True)"
_FACTORS = "float64[:, :, ::1]"


@jit(f"void(int64, {FLOATS}, {_TABLE}, {_FACTORS}, {_FACTORS})", inner=True)
def _factors(count: int, share: Floats, at: Floats, factor: Floats, inverse: Floats) -> None:
    """What a feature of a path that is not met (0) or met (1) is in the product of `_weigh`.

    Written for each node of the quadrature, of shape (2, features, nodes), with its inverse.
    """
    nodes = (count + 1) // 2
    for j in range(count):
        for q in range(nodes):
            t = at[nodes, q]
            factor[0, j, q] = share[j] * (1.0 - t)
            factor[1, j, q] = share[j] * (1.0 - t) + t
            for k in range(2):
                inverse[k, j, q] = 1.0 / factor[k, j, q]


@jit(
    f"boolean(uint64, int64, {FLOATS}, {_TABLE}, {_FACTORS}, {_FACTORS}, float64[::1], "
    "float64[::1])",
    inner=True,
)
def _weigh(
    met: int,
    count: int,
    share: Floats,
    weight: Floats,
    factor: Floats,
    inverse: Floats,
    product: Floats,
    out: Floats,
) -> bool:
    """The Shapley value of each feature of a path in the game "does the row reach its leaf".

    A feature that is known is met or not; one that is unknown is met by the share of training rows
    that are. Then the value of feature j is ``(met[j] - share[j])`` times the integral over t from
    0 to 1 of the product, over all other features k, of ``met[k] * t + share[k] * (1 - t)``. The
    integrand is a polynomial, for which Gauss-Legendre quadrature is exact.

    Parameters
    ----------
    met
        Bit j: whether the row meets all of the path's tests of feature j.
    share
        Of shape (at least count,).
    weight
        Row n holds the weights of the quadrature with n nodes on [0, 1].
    factor, inverse
        As `_factors` writes them.
    product
        Working memory of shape (at least ``(count + 1) // 2``,).
    out
        Of shape (at least count,); written.

    Returns
    -------
    bool
        False if all of them are 0.
    """
    nodes = (count + 1) // 2
    for q in range(nodes):
        product[q] = weight[nodes, q]
    for k in range(count):
        bit = np.int64((met >> np.uint64(k)) & np.uint64(1))
        for q in range(nodes):
            product[q] *= factor[bit, k, q]
    if product[0] == 0.0:
        return False
    for j in range(count):
        bit = np.int64((met >> np.uint64(j)) & np.uint64(1))
        total = 0.0
        for q in range(nodes):
            total += product[q] * inverse[bit, j, q]
        out[j] = total * (bit - share[j])
    return True


@jit("int64(uint64)", inner=True)
def _bits(of: np.uint64) -> int:
    """How many bits are set."""
    found, left = 0, of
    while left:
        left &= left - np.uint64(1)
        found += 1
    return found


@jit(
    f"boolean(uint64, int64, uint64[::1], {FLOATS}, int64, {_TABLE}, float64[::1])",
    inner=True,
)
def _weigh_against(
    met: int, count: int, patterns: Words, share: Floats, kinds: int, chance: Floats, out: Floats
) -> bool:
    """As `_weigh`, for the mean over rows of reference, whose values a row takes until known.

    A row and one of reference together reach the leaf if each feature of the path is met by one of
    them. Of u features that the row alone meets and v that the other alone meets, in any order of
    getting known, each of the u completes the path with ``(u - 1)! v! / (u + v)!``, and each of
    the v breaks it with ``(v - 1)! u! / (u + v)!``.

    Parameters
    ----------
    patterns, share
        What the rows of reference meet, each different pattern once, and the share of rows that it
        has.
    kinds
        The number of patterns.
    chance
        ``chance[a, b]`` is ``(a - 1)! b! / (a + b)!``.
    """
    full = (np.uint64(1) << np.uint64(count)) - np.uint64(1)
    lacking = full & ~met
    others = _bits(lacking)
    some, down = False, 0.0
    for j in range(count):
        out[j] = 0.0
    for k in range(kinds):
        # What the row lacks, the other has to meet.
        if patterns[k] & lacking != lacking:
            continue
        alone = met & ~patterns[k]
        own = _bits(alone)
        some = some or own + others > 0
        if others > 0:
            down += share[k] * chance[others, own]
        if own > 0:
            up = share[k] * chance[own, others]
            for j in range(count):
                out[j] += up * ((alone >> np.uint64(j)) & np.uint64(1))
    for j in range(count):
        if (lacking >> np.uint64(j)) & np.uint64(1):
            out[j] = -down
    return some


@jit(
    f"void({_LONGS}, {_LONGS}, {_LONGS}, {_SHORTS}, {_INTS}, {FLOATS}, {FLOATS}, {_INTS}, {_INTS}, "
    f"int64, int64, int64, {_TABLE}, {_TABLE}, {_TABLE}, Array(uint16, 2, 'C', readonly=True), "
    "float64[:, :, ::1], float64[::1])"
)
def add_contributions(
    left: Longs,
    right: Longs,
    column: Longs,
    limit: Shorts,
    player: Ints,
    share: Floats,
    values: Floats,
    roots: Ints,
    output: Ints,
    width: int,
    deepest: int,
    longest: int,
    at: Floats,
    weight: Floats,
    chance: Floats,
    ranks: Shorts,
    out: Floats,
    base: Floats,
) -> None:
    """Add the contribution of each feature to each output, and what all rows have in common.

    If there are more rows of ranks than rows to explain, the game is that against the further ones.

    Parameters
    ----------
    left, right
        Children of each node; 0 for a leaf.
    column, limit
        A row goes right if its rank in the column exceeds the limit.
    player
        The feature of each column.
    share
        The share of the training rows at a node's parent that went to the node; 1 for a root.
    values
        Of shape (nodes * width,).
    roots, output, width
        As for `kernels_walk.walk`.
    deepest, longest
        The most levels of a tree, and the most features on a path; at most 63.
    at, weight
        Row n holds the nodes and the weights on [0, 1] of the quadrature with n nodes; at least
        ``(longest + 1) // 2`` rows.
    chance
        As for `_weigh_against`, of shape (longest + 1, longest + 1) or larger.
    ranks
        Of shape (columns, rows and rows of reference).
    out
        Of shape (outputs, features, rows); added to.
    base
        For each output; the expected value of the trees is added.
    """
    rows, everyone = out.shape[2], ranks.shape[1]
    one = np.uint64(1)
    stack = np.empty(2 * deepest + 4, np.int64)
    level_of = np.empty(2 * deepest + 4, np.int64)
    parent_of = np.empty(2 * deepest + 4, np.int64)
    path = np.zeros((deepest + 1, longest + 1), np.int64)
    shares = np.zeros((deepest + 1, longest + 1))
    count_at = np.zeros(deepest + 1, np.int64)
    met = np.zeros((deepest + 1, everyone), np.uint64)
    table = np.zeros((longest + 1, rows))
    codes = np.zeros(rows, np.int32)
    known, slots = np.zeros(1 << BITS, np.int32), np.zeros(1 << BITS, np.int32)
    pattern = np.zeros(1 << BITS, np.uint64)
    mask = (1 << BITS) - 1
    found, product = np.zeros(longest + 1), np.zeros(longest + 1)
    factor = np.zeros((2, longest + 1, longest // 2 + 1))
    inverse = np.zeros((2, longest + 1, longest // 2 + 1))
    patterns, part = np.zeros(everyone - rows, np.uint64), np.zeros(everyone - rows)
    each = 1.0 / max(everyone - rows, 1)
    stamp = 0
    for tree in range(len(output)):
        first = output[tree]
        top = 0
        stack[0], level_of[0], parent_of[0] = roots[tree], 0, -1
        top = 1
        while top > 0:
            top -= 1
            node, level, parent = stack[top], level_of[top], parent_of[top]
            if parent < 0:
                count = 0
            else:
                above = level - 1
                count = count_at[above]
                asks = player[column[parent]]
                for j in range(count):
                    path[level, j] = path[above, j]
                    shares[level, j] = shares[above, j]
                place = count
                for j in range(count):
                    if path[above, j] == asks:
                        place = j
                bit = one << np.uint64(place)
                begun = bit if place == count else np.uint64(0)
                if place == count:
                    path[level, count] = asks
                    shares[level, count] = share[node]
                    count += 1
                else:
                    shares[level, place] *= share[node]
                asked, most = ranks[column[parent]], np.int64(limit[parent])
                is_right = node == np.int64(right[parent])
                for i in range(everyone):
                    goes = (np.int64(asked[i]) > most) == is_right
                    met[level, i] = (met[above, i] | begun) & ~(bit * np.uint64(not goes))
            count_at[level] = count
            if left[node] > 0:
                stack[top], level_of[top], parent_of[top] = right[node], level + 1, node
                top += 1
                stack[top], level_of[top], parent_of[top] = left[node], level + 1, node
                top += 1
                continue
            kinds = 0
            if everyone > rows:
                reach = 0.0
                full = (one << np.uint64(count)) - one
                for i in range(rows, everyone):
                    reach += each * (met[level, i] == full)
                    place = 0
                    while place < kinds and patterns[place] != met[level, i]:
                        place += 1
                    if place == kinds:
                        patterns[kinds], part[kinds] = met[level, i], 0.0
                        kinds += 1
                    part[place] += each
            else:
                reach = 1.0
                for j in range(count):
                    reach *= shares[level, j]
            for k in range(width):
                base[first + k] += reach * values[node * width + k]
            if count == 0:
                continue
            if kinds == 0:
                _factors(count, shares[level], at, factor, inverse)
            stamp += 1
            filled = 0
            for i in range(rows):
                of = met[level, i]
                if count > BITS:
                    place = np.int64((of * _SPREAD) >> np.uint64(64 - BITS))
                else:
                    place = np.int64(of)
                while known[place] == stamp and pattern[place] != of:
                    place = (place + 1) & mask
                if known[place] != stamp:
                    known[place], pattern[place], slots[place] = stamp, of, filled
                    if kinds > 0:
                        some = _weigh_against(of, count, patterns, part, kinds, chance, found)
                    else:
                        chances = shares[level]
                        some = _weigh(of, count, chances, weight, factor, inverse, product, found)
                    for j in range(count):
                        table[j, filled] = found[j] if some else 0.0
                    filled += 1
                codes[i] = slots[place]
            for k in range(width):
                value = values[node * width + k]
                for j in range(count):
                    total, of_code = out[first + k, path[level, j]], table[j]
                    for i in range(rows):
                        total[i] += value * of_code[codes[i]]


@jit(f"Tuple((int64, int64))({_LONGS}, {_LONGS}, {_INTS}, {_INTS}, int64)")
def measure_paths(
    left: Longs, right: Longs, player: Ints, roots: Ints, players: int
) -> tuple[int, int]:
    """The most levels of a tree, and the most players on one path.

    Both are -1 if a node leads out of its tree, or to a node that it was reached from.

    Parameters
    ----------
    player
        The player that each node asks for, less than ``players``.
    """
    deepest, longest = 0, 0
    times = np.zeros(players, np.int64)
    # A node is met before what is below it, and its complement after.
    stack = np.empty(2 * len(left) + 2, np.int64)
    for tree in range(len(roots) - 1):
        root, end = roots[tree], roots[tree + 1]
        stack[0], waiting, level, count, seen = root, 1, 0, 0, 0
        while waiting > 0:
            waiting -= 1
            node = stack[waiting]
            if node < 0:
                level -= 1
                times[player[~node]] -= 1
                count -= times[player[~node]] == 0
                continue
            seen += 1
            deepest, longest = max(deepest, level + 1), max(longest, count)
            if left[node] > 0:
                one, other = np.int64(left[node]), np.int64(right[node])
                if min(one, other) <= root or max(one, other) >= end or seen >= end - root:
                    return -1, -1
                count += times[player[node]] == 0
                times[player[node]] += 1
                level += 1
                stack[waiting], stack[waiting + 1], stack[waiting + 2] = ~node, one, other
                waiting += 3
    return deepest, longest
