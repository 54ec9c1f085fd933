"""Decide whether a night's estimates can be trusted: not if it lies outside the reference.

Probabilities and losses were learnt on the reference's rows. On rows unlike any of those the model
extrapolates, and so does the estimate of its performance. One important column in other units can
make a wrong model look more certain than ever. An estimate is not trusted if

- more than `MOST` of the rows have a value outside the reference's range, a category that it did
  not have, or a missing value more often than on any of its nights; rows are weighted by the
  feature's importance (`assay.training.train.importance`), relative to the most important one;
- the same holds for the scores;
- the distance of an important feature or of the scores is over `FAR`, over twice that of any
  reference night, and over what sampling of the night's rows explains. This detects a column that
  stays in range but leaves most of the distribution, as a constant does.

An ordinary shift within the reference meets none of these: estimates are made for it.
"""

from __future__ import annotations

import math

import numpy as np

from assay.columns.distance import js_distance
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference

MOST = 0.05
"""Largest share of rows unlike the reference's, weighted by importance."""

FAR = 0.5
"""Jensen-Shannon distance; at this one about half of the rows lie elsewhere."""

MATTERS = 0.1
"""Least importance of an important feature, relative to the most important one."""


def distrust_reasons(reference: Reference, profile: Profile) -> tuple[str, ...]:
    """Why the night's estimates are not to be trusted, the most serious first; empty if they are.

    Parameters
    ----------
    reference
        Of the bundle that scored the night.
    profile
        Counts of all of the night's scored rows.
    """
    most = max(reference.importance.values(), default=0.0)
    found: list[tuple[float, str]] = []
    for name in reference.grid:
        night = profile.get(name)
        # Without measured importance every feature counts as the most important one.
        weight = reference.importance.get(name, most) / most if most > 0 else 1.0
        weight = 1.0 if name in reference.scores else weight
        if night is not None and night.rows > 0:
            found += _of_column(name, reference, night, weight)
    return tuple(reason for _, reason in sorted(found, key=lambda each: (-each[0], each[1])))


def _of_column(
    name: str, reference: Reference, night: ColumnProfile, weight: float
) -> list[tuple[float, str]]:
    before = reference.profile[name]
    if len(before.counts) != len(night.counts):
        return [(weight, f"{name} was counted in other cells than the reference")]
    if not sum(before.counts):
        return []
    never = np.asarray(before.counts) == 0
    unlike = float(np.asarray(night.counts)[never].sum()) / night.rows
    usual = max(reference.null_changes[name], default=0.0) + before.nulls / before.rows
    missing = max(0.0, night.nulls / night.rows - usual)
    if (unlike + missing) * weight > MOST:
        what = "values unlike any in the reference" if unlike >= missing else "values missing"
        return [((unlike + missing) * weight, f"{name}: {max(unlike, missing):.0%} {what}")]
    if weight >= MATTERS and sum(night.counts) > 0:
        far = float(js_distance(before.counts, night.counts))
        most = max(reference.distances[name], default=0.0)
        if far > _limit(most, len(before.counts), sum(night.counts)):
            told = f"{name}: distance {far:.2f} from the reference, whose nights lay within"
            return [(far * weight, f"{told} {most:.2f}")]
    return []


def _limit(most: float, cells: int, rows: int) -> float:
    """The largest distance that the sampling of the night's rows leaves within the limits.

    The divergence of a sample of n rows from its population is asymptotically a chi-squared number
    with cells - 1 degrees of freedom, divided by 8 n ln 2.
    """
    chance = 2 * (cells - 1) / (8 * rows * math.log(2))
    return math.sqrt(max(FAR, 2 * most) ** 2 + chance)
