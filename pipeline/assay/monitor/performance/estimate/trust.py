"""Whether a night's expected metrics can be believed: not where it has left the reference.

Probabilities and losses were learnt on the reference's rows. What a model says of rows unlike any
of those is a guess, and what is expected of it a guess about a guess: one important column in other
units can make a model that is wrong look surer than ever. So an estimate is not to be trusted if

- more than `MOST` of the rows have a value that lies beyond the reference's range, that is a
  category it did not have, or that is missing as often on none of its nights; rows count as the
  feature matters to the model (`assay.training.train.importance`), the most important one fully;
- the same of the scores;
- a feature that matters, or the scores, lie further from the reference than `FAR`, than twice what
  any of its nights did, and than the night's few rows explain: gone from most of the reference
  without leaving its range, as a constant does.

An ordinary shift within the reference does none of this: that is what estimates are for.
"""

from __future__ import annotations

import math

import numpy as np

from assay.columns.distance import js_distance
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference

MOST = 0.05
"""Share of the rows that may be unlike the reference's, as they matter to the model."""

FAR = 0.5
"""Jensen-Shannon distance: about half of the rows lie elsewhere."""

MATTERS = 0.1
"""A feature matters that moves scores a tenth as far as the most important one."""


def doubts(reference: Reference, profile: Profile) -> tuple[str, ...]:
    """Why the night's estimates are not to be trusted, the gravest first; empty if they are.

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
        # Where nobody measured importance any feature may be the one that matters.
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
    """How far a column may lie, sampling of the night's rows allowed for.

    The divergence of a sample of n rows from what it was drawn from is, by its expansion, a
    chi-squared number of cells - 1 degrees of freedom, divided by 8 n ln 2.
    """
    chance = 2 * (cells - 1) / (8 * rows * math.log(2))
    return math.sqrt(max(FAR, 2 * most) ** 2 + chance)
