"""The unit of independence: what was drawn by itself, and how rows belong to it.

Rows of one night share its weather, its promotions, its broken sensor; rows of one customer share
the customer. An interval that takes them as independent is too narrow, by the root of the design
effect. So whatever is measured is summed by unit first, and the units are what varies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import SchemaMismatch
from assay.metrics.table import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

NIGHT = "night"
ROW = "row"
LEAST_UNITS = 10
"""With fewer, how much units differ is known too badly for an interval to be worth deciding on:
at ten, the standard error itself is off by a quarter."""


@dataclass(frozen=True)
class Units:
    """Which rows hang together.

    Attributes
    ----------
    name
        ``night``, ``row``, or the column whose values are the units.
    count
        How many there are.
    codes
        The unit of each row ``(n,)``, from 0 to ``count`` - 1, each of which occurs; None if each
        row is a unit of its own.
    """

    name: str
    count: int
    codes: Ints | None = None

    @classmethod
    def rows(cls, count: int) -> Units:
        """Each of ``count`` rows is independent of all others."""
        return cls(ROW, count)

    @classmethod
    def of(cls, name: str, column: pd.Series[Any]) -> Units:
        """A unit for each value of ``column``; rows without a value are one unit together."""
        import pandas as pd

        codes, known = pd.factorize(column, use_na_sentinel=False)
        return cls(name, len(known), codes.astype(np.intp))

    def chosen(self, rows: Ints) -> Units:
        """Those of the rows with these numbers."""
        if self.codes is None:
            return Units(self.name, len(rows))
        known, codes = np.unique(self.codes[rows], return_inverse=True)
        return Units(self.name, len(known), codes.astype(np.intp))

    def sums(self, values: Floats) -> Floats:
        """From ``(n,)`` to ``(count,)``."""
        if self.codes is None:
            return values
        return np.bincount(self.codes, weights=values, minlength=self.count).astype(np.float64)

    def sizes(self) -> Floats:
        """Rows of each, ``(count,)``."""
        if self.codes is None:
            return np.ones(self.count)
        return np.bincount(self.codes, minlength=self.count).astype(np.float64)

    @property
    def few(self) -> str | None:
        """Why there are too few to tell how much they differ; None if there are enough."""
        if self.count >= LEAST_UNITS:
            return None
        return f"{counted(self.count, self.name)}, fewer than {LEAST_UNITS}"


def units_of(frame: pd.DataFrame, unit: str, night: str) -> Units:
    """The units of a table.

    Parameters
    ----------
    unit
        ``evaluate.unit`` of params.yaml: ``night``, ``row`` or a column.
    night
        The column that parts nights.

    Raises
    ------
    SchemaMismatch
        The table lacks the column.
    """
    if unit == ROW:
        return Units.rows(len(frame))
    column = night if unit == NIGHT else unit
    if column not in frame.columns:
        raise SchemaMismatch(
            [
                f"evaluate.unit in params.yaml is '{unit}', and the holdout has no column "
                f"'{column}'; name a column of the contract, or 'night' or 'row'"
            ]
        )
    return Units.of(unit, frame[column])


def many(unit: str) -> str:
    """What several of them are called: ``nights``, ``rows``, ``values of store``."""
    return f"{unit}s" if unit in (NIGHT, ROW) else f"values of {unit}"


def counted(count: int, unit: str) -> str:
    """So many units in words: ``1 night``, ``30 nights``, ``12 values of store``."""
    if count == 1:
        return f"1 {unit}" if unit in (NIGHT, ROW) else f"1 value of {unit}"
    return f"{count:,} {many(unit)}"


def about(count: int, unit: str) -> str:
    """About how many, to two digits: ``1,900 rows``, ``74 nights``."""
    return counted(round(count, min(0, 2 - len(str(count)))), unit)
