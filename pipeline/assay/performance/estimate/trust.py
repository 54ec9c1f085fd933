"""Decide whether a night's estimates can be trusted: not if it lies outside the reference.

Probabilities and losses were learnt on the reference's rows. On rows unlike any of those the model
extrapolates, and so does the estimate of its performance. One important column in other units can
make a wrong model look more certain than ever. An estimate is not trusted if

- more than `MOST` of the rows have a value outside the reference's range, a category that it did
  not have, or a missing value more often than on any of its nights; rows are weighted by the
  feature's importance (`assay.training.train.importance`), relative to the most important one;
- the same holds for the scores;
- the scores are beyond a break limit (`assay.columns.break_limits`), or a feature is, and at least
  `MOVED` of its rows moved, weighted by its importance. Values that stay in range show only so that
  they are another column's, in other units, or constant.

Counts of single columns cannot tell a wrong column from a harmless choice of rows that moves the
scores as far, such as the night's upper half, so neither is trusted. Other shifts within the
reference meet none of these: estimates are made for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from assay.columns.break_limits import Break
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference

MOST = 0.05
"""Largest share of rows unlike the reference's, weighted by importance."""

MOVED = 0.1
"""Least share of moved rows, weighted by importance, with which a broken feature moves scores."""


class ColumnDrift(Protocol):
    """What trust asks of the drift of a column, as `assay.monitor.drift` decides it."""

    @property
    def column(self) -> str: ...
    @property
    def breaks(self) -> Sequence[Break]: ...
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
    found: list[tuple[bool, float, str]] = []
    for name in reference.grid:
        night = profile.get(name)
        # Without measured importance every feature counts as the most important one.
        weight = reference.importance.get(name, most) / most if most > 0 else 1.0
        is_score = name in reference.scores
        weight = 1.0 if is_score else weight
        if night is not None and night.rows > 0:
            mine = _unlike(name, reference, night, weight)
            mine = mine or _broken(name, decided.get(name), weight, is_score)
            found += [(is_score, -share, reason) for share, reason in mine]
    return tuple(reason for _, _, reason in sorted(found))


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
    if finding is None or not finding.breaks:
        return []
    moved = (finding.total_variation or 0.0) + abs(finding.null_share_change or 0.0)
    if not is_score and moved * weight < MOVED:
        return []
    return [(moved * weight, f"{name}: {finding.breaks[0].words}")]
