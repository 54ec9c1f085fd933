"""Units: the independent clusters that rows belong to.

Rows of one night share its weather, its promotions and its broken sensors; rows of one customer
share the customer. An interval that treats such rows as independent is too narrow, by the root of
the design effect. So values are summed by unit first, and variance is measured between units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import SchemaMismatch
from assay.metrics.evaluator import Floats, Ints
from assay.metrics.following import NOT_SEEN, Following, follows

if TYPE_CHECKING:
    import pandas as pd

NIGHT = "night"
ROW = "row"
LEAST_UNITS = 10
"""With fewer units, the variance between them is known too badly to pass on an interval: at ten,
the standard error itself is off by a quarter."""
LEAST_EFFECTIVE = 7
"""Units of unequal size count as fewer. Ten of which two have half of the rows are seven."""
LEAST_PLAUSIBLE = 3
"""With so many there is an interval, wide enough to fail what is hopeless."""


@dataclass(frozen=True)
class SamplingUnits:
    """The unit (cluster) of each row.

    Attributes
    ----------
    name
        ``night``, ``row``, or the column whose values are the units.
    count
        Number of units.
    codes
        The unit of each row ``(n,)``, from 0 to ``count`` - 1, all of which occur; None if each row
        is its own unit. Nights are counted in their order.
    following
        How much nights follow each other, as scores and losses show (`followed`).
    row_counts
        Rows of each unit ``(count,)`` where only units are known and no rows (`of_counts`).
    """

    name: str
    count: int
    codes: Ints | None = None
    following: Following = NOT_SEEN
    row_counts: Floats | None = None

    @classmethod
    def rows(cls, count: int) -> SamplingUnits:
        """Each of ``count`` rows is its own unit."""
        return cls(ROW, count)

    @classmethod
    def of(cls, name: str, column: pd.Series[Any]) -> SamplingUnits:
        """One unit for each value of ``column``; rows without a value form one unit."""
        import pandas as pd

        codes, known = pd.factorize(column, sort=name == NIGHT, use_na_sentinel=False)
        return cls(name, len(known), codes.astype(np.intp))

    @classmethod
    def of_counts(cls, name: str, row_counts: Floats) -> SamplingUnits:
        """Units in their order, of which only totals are known; rows of each ``(count,)``."""
        return cls(name, len(row_counts), row_counts=row_counts)

    def take(self, rows: Ints) -> SamplingUnits:
        """The units of a selection of rows, given by row number."""
        if self.codes is None:
            return SamplingUnits(self.name, len(rows))
        known, codes = np.unique(self.codes[rows], return_inverse=True)
        return SamplingUnits(self.name, len(known), codes.astype(np.intp), self.following)

    def followed(self, losses: Floats, outputs: Floats) -> SamplingUnits:
        """These units, with how much the means of a night follow those of the last one.

        All metrics share what makes a night hard, and each adds noise of its own.

        Parameters
        ----------
        losses, outputs
            Of each row ``(n,)``, as `assay.metrics.labelled_scores.LabelledScores` has them.
        """
        if not self.in_order:
            return self
        scores = (self._follows(outputs),)
        return replace(self, following=Following(scores, self._follows(losses, scores)))

    def _follows(
        self, values: Floats, beforehand: tuple[tuple[float, ...], ...] = ()
    ) -> tuple[float, ...]:
        apart = values - values.mean()
        if not np.ptp(values) > 0:
            return ()
        return follows(self.sums(apart), self.noise(apart), beforehand)

    def of_metric(self, name: str) -> SamplingUnits:
        """These units, for what they add to one metric.

        A night that is hard on the whole has its positives and negatives moved alike, so it hardly
        changes the AUC. What losses show is likely beforehand, and the AUC's own nights may refute
        it.
        """
        if name != "auc":
            return self
        seen = (*self.following.beforehand, self.following.losses)
        return replace(self, following=Following(seen))

    @property
    def in_order(self) -> bool:
        """Whether units follow each other, as nights do, and may be alike for that."""
        known = self.codes is not None or self.row_counts is not None
        return self.name == NIGHT and known

    def sums(self, values: Floats) -> Floats:
        """Sums of ``values (n,)`` by unit, ``(count,)``."""
        if self.codes is None:
            return values
        return np.bincount(self.codes, weights=values, minlength=self.count).astype(np.float64)

    def noise(self, values: Floats) -> float:
        """The variance of a unit's sum of ``values (n,)`` if only its rows varied.

        Pooled over the units; 0 if none has two rows.
        """
        within = len(values) - self.count
        if self.codes is None or within < 1:
            return 0.0
        means = self.sums(values) / self.sizes()
        apart = values - means[self.codes]
        return float(apart @ apart) / within * len(values) / self.count

    def sizes(self) -> Floats:
        """Number of rows of each unit, ``(count,)``."""
        if self.row_counts is not None:
            return self.row_counts
        if self.codes is None:
            return np.ones(self.count)
        return np.bincount(self.codes, minlength=self.count).astype(np.float64)

    @property
    def effective(self) -> float:
        """Number of units of equal size that would say as much (Kish 1965, Survey Sampling)."""
        sizes = self.sizes()
        return float(sizes.sum() ** 2 / (sizes @ sizes)) if self.count else 0.0

    @property
    def few(self) -> str | None:
        """Why there are too few units to pass on an interval; None if there are enough.

        It depends on their number and sizes only, so it is known before any label is.
        """
        if self.count < LEAST_UNITS:
            return f"{format_unit_count(self.count, self.name)}, fewer than {LEAST_UNITS}"
        if self.effective < LEAST_EFFECTIVE:
            count = format_unit_count(self.count, self.name)
            return (
                f"{count} of so unequal size that they are worth {self.effective:.1f}, fewer than "
                f"{LEAST_EFFECTIVE}"
            )
        return None

    @property
    def needed(self) -> int:
        """Number of units that would be enough, with sizes as unequal as these."""
        if self.effective >= LEAST_EFFECTIVE or not self.count:
            return LEAST_UNITS
        return max(LEAST_UNITS, math.ceil(self.count * LEAST_EFFECTIVE / self.effective))


def units_of(frame: pd.DataFrame, unit: str, night: str) -> SamplingUnits:
    """The units of a table.

    Parameters
    ----------
    unit
        ``evaluate.unit`` of params.yaml: ``night``, ``row`` or a column.
    night
        The column that holds the night.

    Raises
    ------
    SchemaMismatch
        The table lacks the column.
    """
    if unit == ROW:
        return SamplingUnits.rows(len(frame))
    column = night if unit == NIGHT else unit
    if column not in frame.columns:
        raise SchemaMismatch(
            [
                f"evaluate.unit in params.yaml is '{unit}', and the holdout has no column "
                f"'{column}'; name a column of the contract, or 'night' or 'row'"
            ]
        )
    return SamplingUnits.of(unit, frame[column])


def plural_unit(unit: str) -> str:
    """The plural of a unit's name: ``nights``, ``rows``, ``values of store``."""
    return f"{unit}s" if unit in (NIGHT, ROW) else f"values of {unit}"


def format_unit_count(count: int, unit: str) -> str:
    """A number of units in words: ``1 night``, ``30 nights``, ``12 values of store``."""
    if count == 1:
        return f"1 {unit}" if unit in (NIGHT, ROW) else f"1 value of {unit}"
    return f"{count:,} {plural_unit(unit)}"


def format_rounded_count(count: int, unit: str) -> str:
    """A number of units rounded to two digits: ``1,900 rows``, ``74 nights``."""
    return format_unit_count(round(count, min(0, 2 - len(str(count)))), unit)
