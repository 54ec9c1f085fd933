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
from pipeline.paired.bounds import Bounds
from pipeline.paired.influence import degrees, share, skew


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

    def auc(self) -> Floats:
        """The influence of each row on the AUC, ``(n,)``."""
        share = self.positives / len(self.positive)
        area = float(self.placements[self.positive].mean())
        rows = (self.placements - area) / np.where(self.positive, share, 1 - share)
        return np.asarray(rows, dtype=np.float64)

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


def delong(value: float, champion: Order, challenger: Order) -> Bounds:
    """The bounds of the difference ``value`` of two AUCs of the same rows.

    Parameters
    ----------
    champion, challenger
        With the same labels, two or more of each.

    Notes
    -----
    The variance is that of both labels' placements, each divided by its number of rows; its
    degrees of freedom are Satterthwaite's (1946, Biometrics Bulletin 2, 110-114) for such a sum.
    Two models that both part the labels without a mistake vary in nothing; as much is then
    allowed for as if one row of the rarer label had been misplaced.
    """
    moved = challenger.placements - champion.placements
    parts, counts = [], []
    for of_label in (moved[champion.positive], moved[~champion.positive]):
        rows = len(of_label)
        parts.append((of_label - of_label.mean()) / (rows * (rows - 1)) ** 0.5)
        counts.append(rows)
    variances = [float(part @ part) for part in parts]
    variance = sum(variances)
    if variance:
        shares = [share(part / variance**0.5) for part in parts]
        doubt = sum(
            (own / variance) ** 2 / degrees((own / variance) ** 2 / one.fourth, rows)
            for own, one, rows in zip(variances, shares, counts, strict=True)
            if own
        )
        skewed = skew(sum(one.third for one in shares), sum(one.sixth for one in shares))
        return Bounds(value, variance**0.5, 1 / doubt, skewed)
    rarer = min(champion.positives, champion.negatives)
    faultless = np.isin(champion.placements, (0.0, 1.0)).all()
    return Bounds(value, 1 / (rarer + 2) if faultless else 0.0, float(rarer - 1))
