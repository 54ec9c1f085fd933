"""The influence of each row on metrics of order: AUC and average precision.

Rows are sorted once, O(n log n), with ties as midranks.

The placements are those of DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under
two or more correlated receiver operating characteristic curves: a nonparametric approach",
Biometrics 44, 837-845, in the time of Sun and Xu (2014), IEEE Signal Processing Letters 21,
1389-1393.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from pipeline.metrics.table import Bools, Floats


class Order:
    """Rows by score, highest first.

    Parameters
    ----------
    positive
        Booleans ``(n,)``, both of them among them.
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
        # Rows before the group of equal scores that a row is in, and up to its end.
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
        """Of shape (n,): the share of the other label's rows that a row is rightly placed to.

        A tie counts one half. The mean over the positives is the AUC, as is that over the
        negatives.
        """
        below = self.negatives - (self._false[self._end] + self._false[self._start]) / 2
        above = (self._true[self._end] + self._true[self._start]) / 2
        return self._back(np.where(self._sorted, below / self.negatives, above / self.positives))

    @property
    def area(self) -> float:
        """The AUC."""
        return float(self.placements[self.positive].mean())

    @property
    def faultless(self) -> bool:
        """Whether no row is misplaced, or every one is: then nothing varies."""
        return bool(np.isin(self.placements, (0.0, 1.0)).all())

    def auc(self) -> Floats:
        """The influence of each row on the AUC, ``(n,)``.

        Raised a little, so that their sum of squares is DeLong's variance, which divides by one
        positive and one negative less.
        """
        share = self.positives / len(self.positive)
        raised = [(count / max(1, count - 1)) ** 0.5 for count in (self.positives, self.negatives)]
        scale = np.where(self.positive, raised[0] / share, raised[1] / (1 - share))
        return np.asarray((self.placements - self.area) * scale, dtype=np.float64)

    def average_precision(self) -> Floats:
        """The influence of each row on the average precision, ``(n,)``.

        It is the mean over positives of the precision down to each of them. A positive adds its
        own, and raises that of all positives at or below it; a negative lowers those.
        """
        true, false = self._true[self._end], self._false[self._end]
        precision = true / (true + false)
        average = precision[self._sorted].mean()
        gain = self._at_or_below(false / np.square(true + false))
        loss = self._at_or_below(true / np.square(true + false))
        rows = np.where(self._sorted, precision - average + gain, -loss)
        return self._back(rows * (len(rows) / self.positives))

    def _at_or_below(self, values: Floats) -> Floats:
        """Sums over the positives whose score is no higher than that of each row."""
        sums = np.cumsum(np.where(self._sorted, values, 0.0)[::-1])[::-1]
        return np.asarray(sums[self._start], dtype=np.float64)

    def _back(self, ordered: Floats) -> Floats:
        rows = np.empty(len(ordered))
        rows[self._rows] = ordered
        return rows
