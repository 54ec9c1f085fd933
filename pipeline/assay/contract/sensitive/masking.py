"""Hides cells of sensitive columns wherever single rows are shown to people.

Groups keep their names where rates are shown, since a rate is about many rows. Files that rows are
repaired in, and the tables of the store, hold the values themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

T = TypeVar("T")

MASK = "(masked)"


def mask_row(row: Mapping[str, T], sensitive: Collection[str]) -> dict[str, T | str]:
    """The row with its sensitive cells masked; an empty one stays visible as empty."""
    return {
        name: MASK if name in sensitive and value is not None else value
        for name, value in row.items()
    }
