"""Distance measures between two columns, computed from their counts alone.

``p`` are the reference's counts and ``q`` the night's, of the non-null values on the same cells.

- Jensen-Shannon distance and PSI: `assay.columns.distance`, with sources.
- Total variation, ``sum |p - q| / 2`` of the shares: the smallest share of rows that would have to
  change their cell to make the two equal (D. Levin and Y. Peres, "Markov Chains and Mixing
  Times", 2nd edition, 2017, chapter 4).
- Wasserstein distance in standard deviations, and the Kolmogorov-Smirnov statistic:
  `assay.columns.numeric_distances`.
- The share of new categories, and the change of the null share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.columns import distance, numeric_distances
from assay.columns.grid import CategoryGrid, ColumnGrid
from assay.columns.profile import ColumnProfile
from assay.columns.reference import Reference


@dataclass(frozen=True, slots=True)
class Measures:
    """All measures of one column.

    Attributes
    ----------
    wasserstein
        In standard deviations of the reference; None for categories, and where the reference has no
        variance or values are too large to compute it.
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
    """Compare a night's column with the reference's; both have non-null values on ``grid``."""
    return Measures(
        js=float(distance.js_distance(before.counts, night.counts)),
        psi=distance.psi(before.counts, night.counts),
        total_variation=total_variation(before.counts, night.counts),
        wasserstein=None
        if isinstance(grid, CategoryGrid)
        else numeric_distances.scaled_wasserstein(grid, before, night),
        ks=None
        if isinstance(grid, CategoryGrid)
        else float(numeric_distances.ks_statistic(before.fine.counts, night.fine.counts)),
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
    """Share of the non-null values outside the grid, minus the reference's own such share.

    The reference's share is 0, unless it had more categories than a grid holds.
    """
    now = night.counts[-1] / sum(night.counts)
    return max(0.0, now - before.counts[-1] / sum(before.counts))


def importance_of(reference: Reference) -> Mapping[str, float]:
    """The importance of each feature to the score; empty if the bundle has none."""
    return reference.importance


def effect(
    importance: float, total_variation: float, distance: float, usual: Sequence[float]
) -> float:
    """Estimated mean change of the score that a column's drift causes.

    Parameters
    ----------
    importance
        Of the column; 1 where it is unknown, so that only the shifts are ranked.
    total_variation, distance
        Of the night from the baseline; the distance is Jensen-Shannon's.
    usual
        The distances of the reference's nights.
    """
    if not distance > 0:
        return 0.0
    middle = float(np.median(np.asarray(usual))) if len(usual) else 0.0
    return importance * total_variation * max(0.0, 1.0 - middle / distance)
