"""Where scores move: a shallow regression tree on the change of score, in words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from assay.columns.features import Floats
from assay.plan.document import Segment
from assay.project.text import first_few

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeRegressor

DEPTH, SHARE, LEAST = 3, 0.02, 30
"""A segment has at most so many conditions, and at least this share and number of the rows."""

OTHERS = "(others)"

MOST = 5
"""Segments that are named."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """Rows that both scored.

    Attributes
    ----------
    change
        New score less the old one, shape (rows,).
    decided
        Which have another decision, shape (rows,).
    numbers, texts
        Their features by name, each of shape (rows,): numbers with NaN for null, texts with None.
    """

    change: Floats
    decided: Bools
    numbers: Mapping[str, Floats] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str | None]] = field(default_factory=dict)


def find_segments(sample: Sample) -> tuple[Segment, ...]:
    """The segments whose scores move most, the most moved rows first; none if none moves.

    A text's values are ordered by their mean change, so that a split into two sets of values is a
    split of that order (Fisher 1958, On grouping for maximum homogeneity). Values with fewer rows
    than a segment needs count as one, `OTHERS`.
    """
    from sklearn.tree import DecisionTreeRegressor

    change = sample.change
    names = [*sample.numbers, *sample.texts]
    if len(change) < 2 * LEAST or not names or np.ptp(change) == 0:
        return ()
    columns = list(sample.numbers.values())
    orders: dict[str, list[str]] = {}
    least = max(LEAST, int(SHARE * len(change)))
    for name, values in sample.texts.items():
        orders[name], places = _ordered(values, change, least)
        columns.append(places)
    table = np.column_stack(columns)
    tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=least, random_state=0)
    tree.fit(table, change)
    leaves = tree.apply(table)
    segments = []
    for leaf, conditions in _paths(tree):
        mine = leaves == leaf
        if conditions and mine.any():
            where = tuple(_words(names, orders, conditions))
            rows, moved = int(mine.sum()), int(sample.decided[mine].sum())
            mean = float(change[mine].mean())
            segments.append(Segment(where=where, rows=rows, decided=moved, mean_change=mean))
    segments.sort(key=lambda each: (-abs(each.mean_change) * each.rows, each.where))
    return tuple(segments[:MOST])


def _ordered(values: Sequence[str | None], change: Floats, least: int) -> tuple[list[str], Floats]:
    """The values by their mean change, and each row's place in that order."""
    counts, codes = Counter(values), dict[str, int]()
    named = {
        value: OTHERS if rows < least else "none" if value is None else value
        for value, rows in counts.items()
    }
    coded = np.array([codes.setdefault(named[value], len(codes)) for value in values])
    means = np.bincount(coded, change) / np.bincount(coded)
    order = np.argsort(means, kind="stable")
    places = np.empty(len(order))
    places[order] = np.arange(len(order))
    known = list(codes)
    return [known[place] for place in order], places[coded]


@dataclass(frozen=True)
class _Condition:
    """One split on the way to a leaf; ``nulls`` go this way too."""

    feature: int
    threshold: float
    below: bool
    nulls: bool


def _paths(tree: DecisionTreeRegressor) -> list[tuple[int, tuple[_Condition, ...]]]:
    """Each leaf with the splits that lead to it."""
    parts, paths = tree.tree_, []
    waiting: list[tuple[int, tuple[_Condition, ...]]] = [(0, ())]
    while waiting:
        node, path = waiting.pop()
        if parts.children_left[node] < 0:
            paths.append((node, path))
            continue
        feature, threshold = int(parts.feature[node]), float(parts.threshold[node])
        left = bool(parts.missing_go_to_left[node])
        for child, below in ((parts.children_left, True), (parts.children_right, False)):
            step = _Condition(feature, threshold, below, below is left)
            waiting.append((int(child[node]), (*path, step)))
    return paths


def _words(
    names: Sequence[str],
    orders: Mapping[str, Sequence[str]],
    conditions: Sequence[_Condition],
) -> list[str]:
    """A phrase for each feature on the way, in the order of the splits."""
    phrases = []
    for feature in dict.fromkeys(each.feature for each in conditions):
        name, mine = names[feature], [each for each in conditions if each.feature == feature]
        low = max((each.threshold for each in mine if not each.below), default=-np.inf)
        high = min((each.threshold for each in mine if each.below), default=np.inf)
        if name in orders:
            inside = [v for place, v in enumerate(orders[name]) if low < place <= high]
            outside = [value for value in orders[name] if value not in inside]
            few, words = (outside, "not ") if len(outside) < len(inside) else (inside, "")
            verb = f"is {words}" if len(few) == 1 else f"{words}in "
            phrases.append(f"{name} {verb}{first_few(sorted(few), 6)}")
            continue
        parts = [f"over {low:.5g}"] if low > -np.inf else []
        parts += [f"at most {high:.5g}"] if high < np.inf else []
        empty = " or none" if all(each.nulls for each in mine) else ""
        phrases.append(f"{name} {' and '.join(parts)}{empty}")
    return phrases
