"""Columns that are other names of what a split keeps together, such as a country's code."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

NAMES = 0.9
"""A column with nearly as many values as there are groups, each in one of them alone, is a name."""
SHARED = 1.05
"""Groups that share a value of it, on average: two that were given one name are no reason."""


def find_group_names(rows: pd.DataFrame, group: str, columns: Iterable[str]) -> dict[str, str]:
    """The columns of texts or whole numbers that name the group, each with the reason.

    A model would learn the names of the groups in training, and meets none of them in the holdout.
    A measured number is no name, though each group may have its own.
    """
    groups = rows[group].nunique()
    found = {}
    for name in columns:
        column = rows[name]
        measured = pd.api.types.is_float_dtype(column) and not (column.dropna() % 1 == 0).all()
        if name == group or measured or column.nunique() < NAMES * groups:
            continue
        if rows.groupby(name)[group].nunique().mean() < SHARED and column.nunique() <= groups:
            found[name] = f"another name of {group}: no value of it is on both sides of the split"
    return found
