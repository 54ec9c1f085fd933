"""Rows that are equal in some columns, found without sorting or hashing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.contract.arrays import Bools, Places
from pipeline.contract.columns import Columns
from pipeline.features import Coded

WORTHWHILE = 2
"""Equal rows a group, on average, from which it pays to tell the groups apart."""


class Alike(NamedTuple):
    """Rows in groups of equal ones; equal ones may be in several groups.

    Attributes
    ----------
    heads
        A row of each group.
    group
        The group of each row, shape (rows,).
    """

    heads: Places
    group: Places


def alike(columns: Columns, names: Sequence[str]) -> Alike | None:
    """Groups of rows that are equal in the columns ``names``; None if they are too small."""
    coded = [columns.coded(name) for name in names if _is_coded(columns, name)]
    groups = np.prod([len(each.categories) + 1 for each in coded], dtype=float)
    if len(coded) == len(names) and groups * WORTHWHILE <= columns.rows:
        return _by_category(coded, columns.rows, int(groups))
    return _by_run(columns, names)


def _is_coded(columns: Columns, name: str) -> bool:
    return columns.exact(name).categories is not None


def _by_category(coded: Sequence[Coded], rows: int, groups: int) -> Alike:
    """Few categories: each combination of them has a place in a table."""
    number = np.zeros(rows, dtype=np.intp)
    for codes, categories in coded:
        number *= len(categories) + 1
        number += codes
        number += 1
    some_row = np.full(groups, -1, dtype=np.intp)
    some_row[number] = np.arange(rows)
    used = np.flatnonzero(some_row >= 0)
    group = np.empty(groups, dtype=np.intp)
    group[used] = np.arange(len(used))
    return Alike(some_row[used], group.take(number))


def _by_run(columns: Columns, names: Sequence[str]) -> Alike | None:
    """Tables are often in the order of time or key: equal rows follow one another."""
    first = np.zeros(columns.rows, dtype=bool)
    first[:1] = True
    for name in names:
        values, present, _ = columns.exact(name)
        # Bits, not numbers: -0.0 and 0.0 are equal, but a check may tell them apart.
        _mark(values.view(np.int64) if values.dtype == np.float64 else values, first)
        if present is not None:
            _mark(present, first)
        if np.count_nonzero(first) * WORTHWHILE > columns.rows:
            return None
    return Alike(np.flatnonzero(first), np.cumsum(first) - 1)


def _mark(values: np.ndarray, changes: Bools) -> None:
    """Set ``changes`` where a value differs from the one before."""
    changes[1:] |= values[1:] != values[:-1]
