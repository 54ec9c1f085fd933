"""The rank metrics, AUC and average precision, and the influence of each row on them.

Rows are sorted once, O(n log n), with ties as midranks.

The placements are those of DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two
or more correlated receiver operating characteristic curves: a nonparametric approach", Biometrics
44, 837-845, in the time of Sun and Xu (2014), IEEE Signal Processing Letters 21, 1389-1393. The
bias is that of the infinitesimal jackknife: half the sum of the second derivatives (Efron 1982, The
Jackknife, the Bootstrap and Other Resampling Plans, chapter 6).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from assay.metrics.evaluator import Bools, Floats, Ints
from assay.metrics.sampling_units import SamplingUnits


class RankedScores:
    """Rows by score, highest first.

    Parameters
    ----------
    positive
        Booleans ``(n,)`` with both values among them.
    p
        Scores ``(n,)``.
    """

    def __init__(self, positive: Bools, p: Floats) -> None:
        self._rows = np.argsort(-p, kind="stable")
        self.positive = positive
        self._sorted = positive[self._rows]
        ordered = p[self._rows]
        new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
        first = np.flatnonzero(new)
        group = np.cumsum(new) - 1
        # Start and end of the group of tied scores that each row belongs to.
        self._start = first[group]
        self._end = np.append(first[1:], len(p))[group]
        self._true = np.concatenate([[0.0], np.cumsum(self._sorted, dtype=np.float64)])
        self._false = np.arange(len(p) + 1) - self._true

    @property
    def positives(self) -> int:
        return int(self._true[-1])

    @property
    def negatives(self) -> int:
        return int(self._false[-1])

    @cached_property
    def placements(self) -> Floats:
        """Of shape (n,): the share of the other label's rows that a row is ranked correctly to.

        A tie counts 1/2. The mean over the positives is the AUC, and so is that over the negatives.
        """
        below = self.negatives - (self._false[self._end] + self._false[self._start]) / 2
        above = (self._true[self._end] + self._true[self._start]) / 2
        return self._back(np.where(self._sorted, below / self.negatives, above / self.positives))

    @property
    def auc_value(self) -> float:
        """The AUC."""
        return float(self.placements[self.positive].mean())

    @property
    def average_precision(self) -> float:
        """The mean over the positives of the precision at each of their ranks."""
        return float(self._precision[self._sorted].mean())

    @property
    def _precision(self) -> Floats:
        """Of the rows down to each rank, and those that tie with it."""
        return np.asarray(self._true[self._end] / self._end, dtype=np.float64)

    @property
    def is_degenerate(self) -> bool:
        """Whether all pairs are ranked correctly, or all wrongly: then nothing varies."""
        return bool(np.isin(self.placements, (0.0, 1.0)).all())

    def auc_influence(self) -> Floats:
        """The influence of each row on the AUC, ``(n,)``.

        Scaled so that the sum of squares is DeLong's variance, which divides by the number of
        positives minus 1 and of negatives minus 1.
        """
        share = self.positives / len(self.positive)
        raised = [(count / max(1, count - 1)) ** 0.5 for count in (self.positives, self.negatives)]
        scale = np.where(self.positive, raised[0] / share, raised[1] / (1 - share))
        return np.asarray((self.placements - self.auc_value) * scale, dtype=np.float64)

    def average_precision_influence(self) -> Floats:
        """The influence of each row on the average precision, ``(n,)``.

        A positive adds its own precision and raises that of all positives at or below it; a
        negative lowers it.
        """
        true, false = self._true[self._end], self._false[self._end]
        gain = self._at_or_below(false / np.square(true + false))
        loss = self._at_or_below(true / np.square(true + false))
        rows = np.where(self._sorted, self._precision - self.average_precision + gain, -loss)
        return self._back(rows * (len(rows) / self.positives))

    def average_precision_bias(self, units: SamplingUnits) -> float:
        """The sampling bias of the average precision: how much chance raises it.

        A positive is counted in its own precision. With few positives, those near the top are a
        large part of the rows that they are measured against.

        Let the precision at a positive be a / b. If weights of a unit's rows grow by t, it becomes
        (a + t a_u) / (b + t b_u), where a_u and b_u are the unit's own positives and rows down to
        that rank. Sums over units of their squares and products are accumulated row by row.
        """
        positive, end, count = self._sorted, self._end, self.positives
        a, b, precision = self._true[end], end.astype(np.float64), self._precision
        if units.codes is None:
            own_a, own_b, squares, products = np.ones_like(a), np.ones_like(b), b, a
            held, held_a, held_b = np.ones_like(a), a, a
            of_units = float(count)
        else:
            codes = units.codes[self._rows]
            true = positive.astype(np.float64)
            by_unit = units.sums(self.positive.astype(np.float64))
            own_a, own_b = _own(codes, units.count, true, end)
            at_a, at_b = _own(codes, units.count, true, np.arange(1, len(end) + 1))
            squares = np.cumsum(2 * at_b - 1)[end - 1]
            products = np.cumsum(at_a * at_b - (at_a - true) * (at_b - 1))[end - 1]
            held = by_unit[codes]
            held_a, held_b = np.cumsum(held * true)[end - 1], np.cumsum(held)[end - 1]
            of_units = float(by_unit @ by_unit)
        first = own_a / b - a * own_b / b**2
        second = 2 * a * squares / b**3 - 2 * products / b**2
        bent = float((2 * first + second)[positive].sum())
        along = float((held * precision + held_a / b - a * held_b / b**2)[positive].sum())
        total = float(precision[positive].sum())
        return bent / count / 2 - along / count**2 + total * of_units / count**3

    def _at_or_below(self, values: Floats) -> Floats:
        """For each row, the sum over the positives that do not score higher."""
        sums = np.cumsum(np.where(self._sorted, values, 0.0)[::-1])[::-1]
        return np.asarray(sums[self._start], dtype=np.float64)

    def _back(self, ordered: Floats) -> Floats:
        rows = np.empty(len(ordered))
        rows[self._rows] = ordered
        return rows


def _own(codes: Ints, units: int, true: Floats, end: Ints) -> tuple[Floats, Floats]:
    """For each row, the positives and the rows of its unit among the first ``end`` rows."""
    n = len(codes)
    by_unit = np.argsort(codes, kind="stable")
    start = np.searchsorted(codes[by_unit], np.arange(units))
    places = codes[by_unit].astype(np.int64) * n + by_unit
    last = np.searchsorted(places, codes.astype(np.int64) * n + end)
    sums = np.concatenate([[0.0], np.cumsum(true[by_unit])])
    return sums[last] - sums[start[codes]], (last - start[codes]).astype(np.float64)
