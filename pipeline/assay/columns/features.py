"""The interface through which models and profiles read rows: numbers and coded categories.

Models and profiles ask for columns by name through `Features`, so the same code reads an Arrow
batch on an executor (`assay.contract.columns`) and a pandas frame in a test. With it: features of
which one is shuffled, and the slices that a field cuts rows into.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from assay.columns.categories import Categories, KnownNames

if TYPE_CHECKING:
    import pandas as pd


Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int32]


class CategoryColumn(NamedTuple):
    """A column of categories: ``codes[i]`` is the index of row i's value in ``categories``.

    Attributes
    ----------
    codes
        Of shape (rows,); -1 where the value is null.
    categories
        Distinct strings, not all of which need occur.
    """

    codes: Codes
    categories: Categories


class Features(Protocol):
    """Columns of the same rows, by name."""

    @property
    def rows(self) -> int: ...

    def numbers(self, name: str) -> Floats:
        """A column of numbers or booleans as float64, NaN where null; shape (rows,)."""
        ...

    def coded(self, name: str) -> CategoryColumn:
        """A column of strings."""
        ...


class Scorer(Protocol):
    """Anything that scores rows: a scikit-learn model, or a compiled one."""

    def scores(self, features: Features) -> Floats:
        """One score a row, or one a row and class.

        Shape (rows,) for a binary model (calibrated probability of the positive class) and for a
        regression (the predicted value); (rows, classes) for a multiclass model.
        """
        ...


class FrameFeatures:
    """The columns of a pandas frame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    @property
    def rows(self) -> int:
        return len(self._frame)

    def numbers(self, name: str) -> Floats:
        column = self._frame[name]
        if column.dtype == object:
            column = column.astype("boolean")  # truths with gaps; numbers are never objects
        values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return values

    def coded(self, name: str) -> CategoryColumn:
        import pandas as pd

        codes, categories = pd.factorize(self._frame[name].to_numpy(dtype=object))
        return CategoryColumn(codes.astype(np.int32), Categories(categories))


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


_TRUTHS = {"True": 1.0, "False": 0.0}


@dataclass(frozen=True)
class SliceField:
    """A field and the values whose rows are counted separately.

    Attributes
    ----------
    values
        As text, in the form of `assay.metrics.slices.slice_names`.
    numeric
        Whether the field holds numbers or booleans; otherwise strings.
    null
        The slice name of rows without a value; None if they are not counted.
    """

    name: str
    values: tuple[str, ...]
    numeric: bool
    null: str | None = None

    @property
    def titles(self) -> tuple[str, ...]:
        """The slices, in the order of `codes`."""
        named = (*self.values, *(() if self.null is None else (self.null,)))
        return tuple(f"{self.name}={value}" for value in named)

    def columns(self, score: str) -> tuple[str, ...]:
        """Column names of the counts of a score, one for each slice."""
        return tuple(f"{score}@{title}" for title in self.titles)

    def codes(self, features: Features) -> tuple[Codes, Codes]:
        """A code for each row, and the index in ``titles`` of code -1, 0, 1 and so on.

        An index of -1 means that the row is in none of the slices.
        """
        null = -1 if self.null is None else len(self.values)
        if not self.numeric:
            coded = features.coded(self.name)
            found = self._known.find(coded.categories)
            places = np.where(found < len(self._known), found, -1)
            return coded.codes, np.concatenate([[null], places]).astype(np.int32)
        values, (known, places_of) = features.numbers(self.name), self._sorted
        at = np.searchsorted(known, values)
        unknown = len(known)
        hit = np.append(known, np.nan)[at] == values
        codes = np.where(np.isnan(values), -1, np.where(hit, at, unknown)).astype(np.int32)
        return codes, np.concatenate([[null], places_of, [-1]]).astype(np.int32)

    @cached_property
    def _known(self) -> KnownNames:
        return KnownNames(self.values)

    @cached_property
    def _sorted(self) -> tuple[Floats, Codes]:
        """The values as increasing numbers, and the index of each."""
        numbers = np.array([_TRUTHS[v] if v in _TRUTHS else float(v) for v in self.values])
        order = np.argsort(numbers).astype(np.int32)
        return numbers[order], order
