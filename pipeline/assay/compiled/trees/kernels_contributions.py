"""Exact contributions of features to the outputs of trees, tree by tree, for a block of rows.

A subtree of few leaves is explained at once. What it adds to a row depends on which features of the
path to it the row meets, and on which way the row goes at each of its nodes: rows that agree in all
of this are a class, of which there are few. The leaves are weighed for one row of each class, many
classes at a time, and what they add together is looked up for every row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assay.columns.kernels import FLOATS, jit

if TYPE_CHECKING:
    from assay.columns.features import Floats
    from assay.compiled.array_types import Ints, Longs, Shorts, Words

MOST_LEAVES = 8
"""Of a subtree that is explained at once; more make more classes of rows than are worth it."""

MOST_ROWS = 32_768
"""In a block: classes are counted in 16 bits, and the index has twice as many places as rows."""

_BITS = 16
"""Of a place in the index of classes."""

_LANES = 128
"""Classes that are weighed at a time, so that what is kept of them stays in the first cache."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2**64 by the golden ratio: spreads words over the index (Knuth, TAOCP 3, 6.4)."""

_INTS = "Array(int64, 1, 'C', readonly=True)"
_LONGS = "Array(uint32, 1, 'C', readonly=True)"
_SHORTS = "Array(uint16, 1, 'C', readonly=True)"
_WORDS = "Array(uint64, 1, 'C', readonly=True)"
_TABLE = "Array(float64, 2, 'C', readonly=True)"


@jit(
    f"void({_WORDS}, int64, {FLOATS}, {FLOATS}, {_TABLE}, {_TABLE}, {_INTS}, float64[:, ::1])",
    inner=True,
)
def _weigh(
    met: Words,
    count: int,
    share: Floats,
    values: Floats,
    at: Floats,
    weight: Floats,
    to: Ints,
    table: Floats,
) -> None:
    """Add the Shapley values of a path's features in the game "does the row reach its leaf".

    A feature that is known is met or not; one that is unknown is met by the share of training rows
    that are. Then the value of feature j is ``(met[j] - share[j])`` times the integral over t from
    0 to 1 of the product, over all other features k, of ``met[k] * t + share[k] * (1 - t)``. The
    integrand is a polynomial, for which Gauss-Legendre quadrature is exact.

    Parameters
    ----------
    met
        Of each row, bit j: whether it meets all of the path's tests of feature j.
    count, share
        The number of features, and their shares, of shape (at least count,).
    values
        What the leaf adds to each output.
    at, weight
        Row n holds the nodes and the weights on [0, 1] of the quadrature with n nodes.
    to, table
        Feature j's value for output k is added to ``table[to[j] * outputs + k]``, row by row.
    """
    nodes, width, one = (count + 1) // 2, len(values), np.uint64(1)
    # What a feature that is not met (0) or met (1) is in the product of all features; and what
    # makes its own value of that product.
    factor, own = np.zeros((2, count, nodes)), np.zeros((2, count, nodes))
    for j in range(count):
        for q in range(nodes):
            t = at[nodes, q]
            for k in range(2):
                of = share[j] * (1.0 - t) + k * t
                factor[k, j, q] = of
                if of > 0.0:
                    own[k, j, q] = (k - share[j]) / of
    product, total = np.zeros((nodes, _LANES)), np.zeros(_LANES)
    for first in range(0, len(met), _LANES):
        here = met[first : first + _LANES]
        for q in range(nodes):
            product[q] = weight[nodes, q]
        for j in range(count):
            bit = np.uint64(j)
            for q in range(nodes):
                no, yes, part = factor[0, j, q], factor[1, j, q], product[q]
                for i in range(len(here)):
                    part[i] *= yes if (here[i] >> bit) & one else no
        for j in range(count):
            bit = np.uint64(j)
            total[:] = 0.0
            for q in range(nodes):
                no, yes, part = own[0, j, q], own[1, j, q], product[q]
                for i in range(len(here)):
                    total[i] += part[i] * (yes if (here[i] >> bit) & one else no)
            for k in range(width):
                value, added = values[k], table[to[j] * width + k, first : first + _LANES]
                for i in range(len(here)):
                    added[i] += value * total[i]


@jit("int64(uint64)", inner=True)
def _bits(of: np.uint64) -> int:
    """How many bits are set."""
    bits, left = 0, of
    while left:
        left &= left - np.uint64(1)
        bits += 1
    return bits


@jit(
    f"void({_WORDS}, {_WORDS}, int64, {FLOATS}, {_TABLE}, {_INTS}, float64[:, ::1])",
    inner=True,
)
def _weigh_against(
    met: Words, others: Words, count: int, values: Floats, chance: Floats, to: Ints, table: Floats
) -> None:
    """As `_weigh`, for the mean over rows of reference, whose values a row takes until known.

    A row and one of reference together reach the leaf if each feature of the path is met by one of
    them. Of u features that the row alone meets and v that the other alone meets, in any order of
    getting known, each of the u completes the path with ``(u - 1)! v! / (u + v)!``, and each of
    the v breaks it with ``(v - 1)! u! / (u + v)!``.

    Parameters
    ----------
    others
        As ``met``, of the rows of reference.
    chance
        ``chance[a, b]`` is ``(a - 1)! b! / (a + b)!``.
    """
    one, width = np.uint64(1), len(values)
    full = (one << np.uint64(count)) - one
    # Each different pattern once, and the share of rows that it has.
    patterns, share, kinds = np.zeros(len(others), np.uint64), np.zeros(len(others)), 0
    for other in others:
        k = 0
        while k < kinds and patterns[k] != other:
            k += 1
        patterns[k] = other
        share[k] += 1.0 / len(others)
        kinds = max(kinds, k + 1)
    found = np.zeros(count)
    for i in range(len(met)):
        lacking = full & ~met[i]
        theirs, down = _bits(lacking), 0.0
        found[:] = 0.0
        for k in range(kinds):
            # What the row lacks, the other has to meet.
            if patterns[k] & lacking != lacking:
                continue
            alone = met[i] & ~patterns[k]
            ours = _bits(alone)
            if theirs > 0:
                down += share[k] * chance[theirs, ours]
            if ours > 0:
                up = share[k] * chance[ours, theirs]
                for j in range(count):
                    found[j] += up * ((alone >> np.uint64(j)) & one)
        for j in range(count):
            more = -down if (lacking >> np.uint64(j)) & one else found[j]
            for k in range(width):
                table[to[j] * width + k, i] += values[k] * more


@jit(
    f"int64({_WORDS}, int64, int64, int64[::1], uint64[::1], uint16[::1], int64[::1])",
    inner=True,
)
def _classes(
    words: Words, bits: int, begin: int, index: Ints, known: Words, codes: Shorts, first: Ints
) -> int:
    """Number words that are equal: write each row's number, and the first row of each number.

    Parameters
    ----------
    words, bits
        Of each row, and how many of their bits are used.
    begin
        More than the numbers in the index; those of before count as absent.
    index, known
        Of 2**_BITS places: ``begin`` plus the number of the word at each, and the word.

    Returns
    -------
    int
        How many different words there are.
    """
    classes, direct = 0, bits <= _BITS
    for i in range(len(words)):
        word = words[i]
        place = np.int64(word if direct else (word * _SPREAD) >> np.uint64(64 - _BITS))
        while not direct and index[place] >= begin and known[place] != word:
            place = (place + 1) & ((1 << _BITS) - 1)
        if index[place] < begin:
            index[place], known[place], first[classes] = begin + classes, word, i
            classes += 1
        codes[i] = index[place] - begin
    return classes


@jit(
    f"void({_LONGS}, {_LONGS}, {_LONGS}, {_SHORTS}, {_INTS}, {_INTS}, {FLOATS}, {FLOATS}, {_INTS}, "
    f"{_INTS}, int64, int64, int64, {_TABLE}, {_TABLE}, {_TABLE}, "
    "Array(uint16, 2, 'C', readonly=True), float64[:, :, ::1], float64[::1])"
)
def add_contributions(
    left: Longs,
    right: Longs,
    column: Longs,
    limit: Shorts,
    leaves: Ints,
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
    leaves
        How many leaves are below each node; 1 for a leaf.
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
        As for `_weigh`, with at least ``(longest + 1) // 2`` rows.
    chance
        As for `_weigh_against`, of shape (longest + 1, longest + 1) or larger.
    ranks
        Of shape (columns, rows and rows of reference).
    out
        Of shape (outputs, features, at most `MOST_ROWS` rows); added to.
    base
        For each output; the expected value of the trees is added.
    """
    rows, everyone, features = out.shape[2], ranks.shape[1], out.shape[1]
    one = np.uint64(1)
    stack = np.empty(2 * deepest + MOST_LEAVES + 4, np.int64)
    level_of, parent_of = np.empty_like(stack), np.empty_like(stack)
    path = np.zeros((deepest + 1, longest + 1), np.int64)
    shares = np.zeros((deepest + 1, longest + 1))
    count_at = np.zeros(deepest + 1, np.int64)
    # Bit j: whether the row, below the root of a subtree the class, meets feature j of the path.
    met = np.zeros((deepest + 1, everyone), np.uint64)
    # Of a subtree: the features of all its paths, the first row of each class and then the rows of
    # reference, what each class gets, and each row's class.
    asked_for, slot = np.zeros(features, np.int64), np.zeros(features, np.int64)
    first, to = np.zeros(everyone, np.int64), np.zeros(longest + 1, np.int64)
    table = np.zeros((width * min(longest + MOST_LEAVES, features), rows))
    codes, words = np.zeros(rows, np.uint16), np.zeros(rows, np.uint64)
    index, known = np.zeros(1 << _BITS, np.int64), np.zeros(1 << _BITS, np.uint64)
    taken = np.zeros(everyone, np.uint16)
    begin, top, inside, classes, items, asking = 1, 0, -1, 0, everyone, 0
    for tree in range(len(output)):
        output_of = output[tree]
        stack[0], level_of[0], parent_of[0] = roots[tree], 0, -1
        top = 1
        while top > 0 or inside >= 0:
            if inside >= 0 and (top == 0 or level_of[top - 1] <= inside):
                for j in range(asking):
                    for k in range(width):
                        total, of_class = out[output_of + k, asked_for[j]], table[j * width + k]
                        for i in range(rows):
                            total[i] += of_class[codes[i]]
                inside, items = -1, everyone
                continue
            top -= 1
            node, level, parent = stack[top], level_of[top], parent_of[top]
            count = 0
            if parent >= 0:
                above = level - 1
                count = count_at[above]
                asks, place = player[column[parent]], count
                for j in range(count):
                    path[level, j], shares[level, j] = path[above, j], shares[above, j]
                    if path[above, j] == asks:
                        place = j
                bit, begun = one << np.uint64(place), np.uint64(0)
                if place == count:
                    path[level, count], shares[level, count], begun = asks, 1.0, bit
                    count += 1
                shares[level, place] *= share[node]
                asked = ranks[column[parent]]
                if inside >= 0:
                    for i in range(items):
                        taken[i] = asked[first[i]]
                    asked = taken
                most, is_right = np.int64(limit[parent]), node == np.int64(right[parent])
                before, here = met[above], met[level]
                for i in range(items):
                    goes = (np.int64(asked[i]) > most) == is_right
                    here[i] = (before[i] | begun) & ~(bit * np.uint64(not goes))
            count_at[level] = count
            few = leaves[node] <= MOST_LEAVES and count + leaves[node] <= 65
            if inside < 0 and few:
                here = met[level]
                for i in range(rows):
                    words[i] = here[i]
                for j in range(count):
                    asked_for[j], slot[path[level, j]] = path[level, j], j
                asking, inner, waiting = count, 0, top + 1
                stack[top] = node
                while waiting > top:
                    waiting -= 1
                    below = stack[waiting]
                    if left[below] == 0:
                        continue
                    stack[waiting], stack[waiting + 1] = left[below], right[below]
                    waiting += 2
                    asks, place = player[column[below]], -1
                    for j in range(asking):
                        if asked_for[j] == asks:
                            place = j
                    if place < 0:
                        asked_for[asking], slot[asks] = asks, asking
                        asking += 1
                    # Where a row does not meet the feature already, it does not matter.
                    on_path = 0 <= place < count
                    by, anyway = np.uint64(max(place, 0)), np.uint64(not on_path)
                    asked, most = ranks[column[below]], np.int64(limit[below])
                    put = np.uint64(count + inner)
                    for i in range(rows):
                        matters = ((here[i] >> by) & one) | anyway
                        words[i] |= (np.uint64(np.int64(asked[i]) > most) & matters) << put
                    inner += 1
                classes = _classes(words, count + inner, begin, index, known, codes, first)
                begin += classes
                items = classes + everyone - rows
                for i in range(rows, everyone):
                    first[classes + i - rows] = i
                for i in range(items):
                    here[i] = here[first[i]]
                table[: width * asking, :classes] = 0.0
                inside = level
            if left[node] > 0:
                for child in (right[node], left[node]):
                    stack[top], level_of[top], parent_of[top] = child, level + 1, node
                    top += 1
                continue
            others = met[level, classes:items]
            reach = 1.0
            if everyone > rows:
                full = (one << np.uint64(count)) - one
                reach = 0.0
                for i in range(len(others)):
                    reach += others[i] == full
                reach /= len(others)
            else:
                for j in range(count):
                    reach *= shares[level, j]
            for j in range(count):
                to[j] = slot[path[level, j]]
            of = values[node * width : (node + 1) * width]
            base[output_of : output_of + width] += reach * of
            if everyone > rows:
                _weigh_against(met[level, :classes], others, count, of, chance, to, table)
            else:
                _weigh(met[level, :classes], count, shares[level], of, at, weight, to, table)


@jit(f"Tuple((int64, int64))({_LONGS}, {_LONGS}, {_INTS}, {_INTS}, int64, int64[::1])")
def measure_paths(
    left: Longs, right: Longs, player: Ints, roots: Ints, players: int, leaves: Ints
) -> tuple[int, int]:
    """The most levels of a tree, and the most players on one path.

    Both are -1 if a node leads out of its tree, or to a node that it was reached from.

    Parameters
    ----------
    player
        The player that each node asks for, less than ``players``.
    leaves
        How many leaves are below each node is written here; 1 for a leaf.
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
                leaves[~node] = leaves[left[~node]] + leaves[right[~node]]
                continue
            seen += 1
            leaves[node] = 1
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
