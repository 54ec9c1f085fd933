"""Decide whether a night's estimates can be trusted: not if it lies outside the reference.

Probabilities and losses were learnt on the reference's rows. On rows unlike any of those the model
extrapolates, and so does the estimate of its performance. One important column in other units can
make a wrong model look more certain than ever. An estimate is not trusted if

- more than `MOST` of the rows have a value outside the reference's range, a category that it did
  not have, or a missing value more often than on any of its nights; rows are weighted by the
  feature's importance (`assay.training.train.reference`), relative to the most important one;
- the same holds for the scores;
- the features show, on the reference, more of the outcome than the score does
  (`assay.training.train.estimate_errors`), and a feature or the score is over `FAR` times its drift
  limit and at least `MOVED` of its rows moved more than chance moves them, weighted by its
  importance: then the probabilities move, too;
- the scores are beyond a break limit (`assay.columns.break_limits`), or a feature is, and at least
  `MOVED` of its rows moved, weighted by its importance. Values that stay in range show only so that
  they are another column's, in other units, or constant. Distances have to lie `MOST` beyond it,
  since a moderate choice of rows comes as far as the limit itself.

Counts of single columns cannot tell a wrong column from a harmless choice of rows that moves the
scores as far, such as the night's upper half, so neither is trusted. Other shifts within the
reference meet none of these: estimates are made for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from assay.columns.break_limits import DISTANCE, KS, Break
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference

MOST = 0.05
"""Largest share of rows unlike the reference's, weighted by importance."""

MOVED = 0.1
"""Least share of moved rows, weighted by importance, with which a column moves scores."""

FAR = 1.2
"""Multiple of its drift limit from which a column moved further than nights of the reference did.

Of 100 ordinary nights of a model on 18 nights, 19 had a column over a limit that had moved by
`MOVED`, and none was at more than 1.02 times the limit of its distance."""

CLEAR = 2.0
"""Student's t from which on features show more of the outcome than the score."""


class ColumnDrift(Protocol):
    """What trust asks of the drift of a column, as `assay.monitor.drift` decides it."""

    @property
    def column(self) -> str: ...
    @property
    def breaks(self) -> Sequence[Break]: ...
    @property
    def times_limit(self) -> float: ...
    @property
    def total_variation(self) -> float | None: ...
    @property
    def null_share_change(self) -> float | None: ...


def distrust_reasons(
    reference: Reference, profile: Profile, findings: Iterable[ColumnDrift]
) -> tuple[str, ...]:
    """Why the night's estimates are not to be trusted, features before the scores they move.

    The most serious first; empty if the estimates are to be trusted.

    Parameters
    ----------
    reference
        Of the bundle that scored the night.
    profile
        Counts of all of the night's scored rows.
    findings
        Of the night's drift decision.
    """
    most = max(reference.importance.values(), default=0.0)
    decided = {each.column: each for each in findings}
    reasons: list[tuple[bool, float, str]] = []
    for name in reference.grid:
        night = profile.get(name)
        # Without measured importance every feature counts as the most important one.
        weight = reference.importance.get(name, most) / most if most > 0 else 1.0
        is_score = name in reference.scores
        weight = 1.0 if is_score else weight
        if night is not None and night.rows > 0:
            mine = _unlike(name, reference, night, weight)
            mine = mine or _broken(name, decided.get(name), weight, is_score)
            if not mine and reference.depends > CLEAR:
                chance = _by_chance(reference.profile[name], night)
                mine = _drifted(name, decided.get(name), weight, chance)
            reasons += [(is_score, -share, reason) for share, reason in mine]
    return tuple(reason for _, _, reason in sorted(reasons))


def _unlike(
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
    return []


def _broken(
    name: str, finding: ColumnDrift | None, weight: float, is_score: bool
) -> list[tuple[float, str]]:
    if finding is None:
        return []
    moved = _moved(finding)
    clear = [
        one
        for one in finding.breaks
        if one.what not in (DISTANCE, KS) or one.value > one.limit + MOST
    ]
    if not clear or (not is_score and moved * weight < MOVED):
        return []
    return [(moved * weight, f"{name}: {clear[0].words}")]


def _drifted(
    name: str, finding: ColumnDrift | None, weight: float, chance: float
) -> list[tuple[float, str]]:
    if finding is None or not finding.times_limit > FAR:
        return []
    moved = _moved(finding)
    if (moved - chance) * weight < MOVED:
        return []
    why = "outcomes depend on the features beyond the score"
    return [(moved * weight, f"{name}: {moved:.0%} moved, and {why}")]


def _moved(finding: ColumnDrift) -> float:
    """The share of rows that moved to other cells or became null."""
    return (finding.total_variation or 0.0) + abs(finding.null_share_change or 0.0)


def _by_chance(before: ColumnProfile, night: ColumnProfile) -> float:
    """The total variation that a night of as many rows has if nothing moved."""
    shares = np.asarray(before.counts) / max(sum(before.counts), 1)
    rows = max(night.rows - night.nulls, 1)
    return float(np.sqrt(2 * shares * (1 - shares) / (math.pi * rows)).sum()) / 2
