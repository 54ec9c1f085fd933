"""The columns of a batch with one of them in another order, to see what a model makes of it.

Nothing is copied but that column: a wide table is scored once for each of its features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import CategoryColumn, Features, Floats


class ColumnCache:
    """The columns of other features, each read once."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self._numbers: dict[str, Floats] = {}
        self._coded: dict[str, CategoryColumn] = {}

    @property
    def rows(self) -> int:
        return self._features.rows

    def numbers(self, name: str) -> Floats:
        if name not in self._numbers:
            self._numbers[name] = self._features.numbers(name)
        return self._numbers[name]

    def coded(self, name: str) -> CategoryColumn:
        if name not in self._coded:
            self._coded[name] = self._features.coded(name)
        return self._coded[name]


class ShuffledFeatures:
    """The columns of other features, with the rows of one of them in another order."""

    def __init__(self, features: Features, shuffled: str, order: NDArray[np.intp]) -> None:
        self._features, self._shuffled, self._order = features, shuffled, order

    @property
    def rows(self) -> int:
        return self._features.rows

    def numbers(self, name: str) -> Floats:
        values = self._features.numbers(name)
        return values[self._order] if name == self._shuffled else values

    def coded(self, name: str) -> CategoryColumn:
        column = self._features.coded(name)
        if name != self._shuffled:
            return column
        return CategoryColumn(column.codes[self._order], column.categories)
