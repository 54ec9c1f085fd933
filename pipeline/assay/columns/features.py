"""The interface through which models and profiles read rows: numbers and coded categories.

Models and profiles ask for columns by name through `Features`, so the same code reads an Arrow
batch on an executor (`assay.contract.columns`) and a pandas frame in a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from assay.columns.texts.categories import Categories

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
