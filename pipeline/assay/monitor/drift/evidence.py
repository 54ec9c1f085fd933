"""Turn a night's drift findings into evidence for the alarm budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.columns import break_limits
from assay.columns.reference import Reference
from assay.monitor.drift.budget import DriftTest, NightEvidence, SeenValue
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.project.params import Monitor

DISTANCE, NULLS, MOVED = break_limits.DISTANCE, break_limits.NULLS, break_limits.MOVED
CATEGORIES, COMPARED = "new categories", "comparison"


def evidence(
    partition: str,
    bundle: str,
    decision: DriftDecision,
    reference: Reference,
    limits: Monitor,
    weekday: Mapping[str, SeenValue] | None = None,
) -> NightEvidence:
    """Sort a night's findings into tests with a p-value, limits set by hand, and immediate alarms.

    Parameters
    ----------
    weekday
        By column, the distance from the same weekdays before and its history. It replaces the
        distance from the reference if ``monitor.baseline`` is ``weekday``.
    """
    seen: dict[DriftTest, SeenValue] = {}
    over: dict[DriftTest, str] = {}
    beyond: dict[DriftTest, str] = {}
    broken: dict[DriftTest, str] = {}
    follows = break_limits.persistence(reference, limits.budget.of) if reference.serial else None

    def of_reference(value: float | None, usual: Sequence[float]) -> SeenValue:
        return SeenValue(value, usual, follows)

    for finding in decision.findings:
        name = finding.column
        distance = _question(name, reference, DISTANCE)
        if finding.distance is None and finding.decisive:
            broken[DriftTest(name, "data", COMPARED)] = "; ".join(finding.reasons)
            continue
        if name in limits.limits:
            if finding.drifted:
                over[distance] = f"distance over {limits.limits[name]:g}, its limit set by hand"
        elif weekday is not None:
            seen[distance] = weekday.get(name, SeenValue(None, ()))
        else:
            seen[distance] = of_reference(finding.distance, reference.distances[name])
            if name in reference.moved:
                moved = of_reference(finding.wasserstein, reference.moved[name])
                seen[_question(name, reference, MOVED)] = moved
        nulls = DriftTest(name, "data", NULLS)
        seen[nulls] = of_reference(_null_change(finding, limits), reference.null_changes[name])
        for each in finding.breaks:
            if each.what in (NULLS, break_limits.INFINITE):
                beyond[DriftTest(name, "data", each.what)] = each.words
            elif weekday is None:
                beyond[_question(name, reference, each.what)] = each.words
        new, most = finding.new_category_share, finding.new_category_limit
        if new is not None and most is not None and not new <= most:
            over[DriftTest(name, "data", CATEGORIES)] = (
                f"new categories over {most:.1%} of its values"
            )
    return NightEvidence(partition, bundle, seen, over, broken, beyond)


def _question(name: str, reference: Reference, what: str) -> DriftTest:
    return DriftTest(name, "answers" if name in reference.scores else "features", what)


def _null_change(finding: DriftFinding, limits: Monitor) -> float | None:
    """The absolute change of the null share; None if it is at most ``max_null_share_change``."""
    change = finding.null_share_change
    if change is None or abs(change) <= limits.max_null_share_change:
        return None
    return abs(change)
