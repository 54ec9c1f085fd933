"""What a night's findings say to the budget: which question each number answers."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.monitor.budget import Evidence, Question, Seen
from pipeline.monitor.drift import Decision, Finding
from pipeline.params import Monitor
from pipeline.reference import Reference

DISTANCE, NULLS, CATEGORIES, COMPARED = "distance", "null share", "new categories", "comparison"


def evidence(
    partition: str,
    bundle: str,
    decision: Decision,
    reference: Reference,
    limits: Monitor,
    weekday: Mapping[str, Seen] | None = None,
) -> Evidence:
    """Sort a night's findings into what has a p-value, what is over a hand-set limit, and the rest.

    Parameters
    ----------
    weekday
        By column, the distance from the same weekdays before and what it was on earlier nights;
        in the place of the distance from the reference, if ``monitor.baseline`` says so.
    """
    seen: dict[Question, Seen] = {}
    over: dict[Question, str] = {}
    broken: dict[Question, str] = {}
    for finding in decision.findings:
        name = finding.column
        distance = _distance(name, reference)
        if finding.distance is None and finding.decisive:
            broken[Question(name, "data", COMPARED)] = "; ".join(finding.reasons)
            continue
        if name in limits.limits:
            if finding.drifted:
                over[distance] = f"distance over {limits.limits[name]:g}, its limit set by hand"
        elif weekday is not None:
            seen[distance] = weekday.get(name, Seen(None, ()))
        else:
            seen[distance] = Seen(finding.distance, reference.distances[name])
        seen[Question(name, "data", NULLS)] = Seen(
            _null_change(finding, limits), reference.null_changes[name]
        )
        new = finding.new_category_share
        if new is not None and not new <= limits.max_new_category_share:
            over[Question(name, "data", CATEGORIES)] = (
                f"new categories over {limits.max_new_category_share:.1%} of its values"
            )
    return Evidence(partition, bundle, seen, over, broken)


def _distance(name: str, reference: Reference) -> Question:
    return Question(name, "answers" if name in reference.scores else "features", DISTANCE)


def _null_change(finding: Finding, limits: Monitor) -> float | None:
    """How much the null share changed; None if by no more than anybody minds."""
    change = finding.null_share_change
    if change is None or abs(change) <= limits.max_null_share_change:
        return None
    return abs(change)
