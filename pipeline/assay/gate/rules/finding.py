"""What rules share when they word a finding: limits, numbers, intervals and unknown names."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from typing import Any

from assay.metrics.estimate import LARGE_EFFECT, Estimate
from assay.metrics.intervals.difference import Difference
from assay.reports.verdict import Direction, Finding, Outcome


def own_finding(
    name: str, detail: str, because: str, *, outcome: Outcome = Outcome.FAIL, **facts: Any
) -> Finding:
    """A finding of the gate's own, which is no rule of params.yaml; a FAIL if not said."""
    given = {"kind": "rule", "owner": "assay", **facts}
    return Finding(rule=name, outcome=outcome, detail=detail, because=because, **given)


def finite_or_none(value: float | None) -> float | None:
    """The number, or None if it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def format_limit(limit: float, direction: Direction) -> str:
    """The limit as text: ``at least 0.7``."""
    return f"{'at least' if direction == 'min' else 'at most'} {limit:.12g}"


def format_number(point: float, limit: float) -> str:
    """The number with four significant digits, or more if needed to differ from the limit."""
    if point != limit:
        for count in range(4, 17):
            text = f"{point:.{count}g}"
            if text != f"{limit:.{count}g}":
                return text
        return repr(point)
    return f"{point:.12g}"


def format_interval(value: float, low: float, high: float, limit: float, confidence: float) -> str:
    """Value and interval as text: ``0.753, 95% interval 0.747 to 0.759,``."""
    ends = f"{format_number(low, limit)} to {format_number(high, limit)}"
    return f"{format_number(value, limit)}, {confidence * 100:.4g}% interval {ends},"


def clustering(measured: Estimate | Difference, unit: str, units: int) -> str:
    """A remark on rows that are clustered, or nights that follow each other; else empty."""
    remarks = []
    effect, worth = measured.design_effect, measured.worth
    if effect is not None and LARGE_EFFECT < effect < math.inf:
        wider = f"interval {effect**0.5:.1f} times wider"
        remarks.append(f"clustered by {unit}: design effect {effect:.0f}, {wider}")
    if worth is not None and worth * LARGE_EFFECT < units:
        remarks.append(f"nights follow each other: these {units} are worth {worth:.0f}")
    return f" ({'; '.join(remarks)})" if remarks else ""


def unknown_name_message(what: str, name: str, known: Iterable[str], where: str) -> str:
    """An error text for a name that is not in ``where``, with the closest known names."""
    names = sorted(set(known))
    if not names:
        return f"{where} has no {what}s, so none of '{name}'"
    near = difflib.get_close_matches(name, names)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{where} has no {what} '{name}', only {', '.join(names)}{hint}"
