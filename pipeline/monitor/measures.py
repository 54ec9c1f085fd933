"""How far apart two columns are, by several measures, from their counts alone.

``p`` are the reference's counts and ``q`` the night's, of the known values on the same cells.

- Jensen-Shannon distance and PSI: `pipeline.distance`, with sources.
- Total variation, ``sum |p - q| / 2`` of the shares: the least share of rows that would have to
  change their cell to make the two alike (D. Levin and Y. Peres, "Markov Chains and Mixing
  Times", 2nd edition, 2017, chapter 4).
- Wasserstein distance in standard deviations, and the Kolmogorov-Smirnov statistic:
  `pipeline.tails`.
- The share of new categories, and the change of the share of nulls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline import distance, tails
from pipeline.profile import CategoryGrid, ColumnGrid, ColumnProfile


@dataclass(frozen=True, slots=True)
class Measures:
    """All measures of one column.

    Attributes
    ----------
    wasserstein
        In standard deviations of the reference; None for categories, and where the reference
        does not vary or numbers are too large to tell.
    ks
        None for categories.
    new_category_share
        None for numbers.
    """

    js: float
    psi: float
    total_variation: float
    wasserstein: float | None
    ks: float | None
    new_category_share: float | None
    null_share_change: float


def measure(grid: ColumnGrid, before: ColumnProfile, night: ColumnProfile) -> Measures:
    """Compare a night's column with the reference's; both have known values on ``grid``."""
    return Measures(
        js=float(distance.js_distance(before.counts, night.counts)),
        psi=distance.psi(before.counts, night.counts),
        total_variation=total_variation(before.counts, night.counts),
        wasserstein=None if isinstance(grid, CategoryGrid) else tails.moved(grid, before, night),
        ks=None
        if isinstance(grid, CategoryGrid)
        else float(tails.ks(before.fine.counts, night.fine.counts)),
        new_category_share=new_category_share(before, night)
        if isinstance(grid, CategoryGrid)
        else None,
        null_share_change=night.nulls / night.rows - before.nulls / before.rows,
    )


def total_variation(p: tuple[int, ...], q: tuple[int, ...]) -> float:
    """Half the sum of the differences of shares; in [0, 1], NaN if either is empty."""
    left, right = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if left.sum() <= 0 or right.sum() <= 0:
        return math.nan
    return float(min(1.0, np.abs(left / left.sum() - right / right.sum()).sum() / 2))


def new_category_share(before: ColumnProfile, night: ColumnProfile) -> float:
    """Share of the known values that are not on the grid, beyond the reference's own share.

    The reference's own share is nothing, unless it had more categories than a grid holds.
    """
    now = night.counts[-1] / sum(night.counts)
    return max(0.0, now - before.counts[-1] / sum(before.counts))
