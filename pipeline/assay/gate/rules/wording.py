"""Wording of findings: limits, numbers, intervals and unknown names."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable

from assay.metrics.estimate import LARGE_EFFECT
from assay.reports.verdict import Direction

RESULT_DETAILS = {
    "passed": "passed",
    "failed": "failed",
    "xfailed": "is expected to fail, and did",
    "xpassed": "is expected to fail, but passed",
}
NO_RESULT_DETAILS = {
    "error": "could not be set up or taken down",
    "skipped": "was skipped, so it says nothing",
}
"""pytest outcome -> start of a model test's detail: with a result, and without one."""

NOT_RUN = "was collected but did not run"
FEWER = "fewer model tests than the champion"


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


def design_effect_warning(design_effect: float | None) -> str:
    """A remark on dependent rows if the design effect is large, else empty."""
    if design_effect is None or not LARGE_EFFECT < design_effect < math.inf:
        return ""
    return (
        f" (rows hang together: the interval is {design_effect**0.5:.1f} times as wide as by row)"
    )


def unknown_name_message(what: str, name: str, known: Iterable[str], where: str) -> str:
    """An error text for a name that is not in ``where``, with the closest known names."""
    names = sorted(set(known))
    if not names:
        return f"{where} has no {what}s, so none of '{name}'"
    near = difflib.get_close_matches(name, names)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{where} has no {what} '{name}', only {', '.join(names)}{hint}"
