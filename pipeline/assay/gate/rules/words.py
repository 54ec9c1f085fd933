"""Numbers and names as findings write them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable

from assay.metrics.estimate import LARGE_EFFECT
from assay.reports.verdict import Direction

ANSWERED = {
    "passed": "passed",
    "failed": "failed",
    "xfailed": "is expected to fail, and did",
    "xpassed": "is expected to fail, but passed",
}
SILENT = {
    "error": "could not be set up or taken down",
    "skipped": "was skipped, so it says nothing",
}
"""How the detail of a model test begins, by what pytest said of it: an answer, or none."""

NOT_RUN = "was collected but did not run"
FEWER = "fewer model tests than the champion"


def at(limit: float, direction: Direction) -> str:
    """The limit in words: ``at least 0.7``."""
    return f"{'at least' if direction == 'min' else 'at most'} {limit:.12g}"


def digits(point: float, limit: float) -> str:
    """Four digits, or as many as it takes to see on which side of the limit it is."""
    if point != limit:
        for count in range(4, 17):
            text = f"{point:.{count}g}"
            if text != f"{limit:.{count}g}":
                return text
        return repr(point)
    return f"{point:.12g}"


def interval(value: float, low: float, high: float, limit: float, confidence: float) -> str:
    """Value and interval: ``0.753, 95% interval 0.747 to 0.759,``."""
    ends = f"{digits(low, limit)} to {digits(high, limit)}"
    return f"{digits(value, limit)}, {confidence * 100:.4g}% interval {ends},"


def hanging(design_effect: float | None) -> str:
    """What is to be said of rows that hang together; nothing where they hardly do."""
    if design_effect is None or not LARGE_EFFECT < design_effect < math.inf:
        return ""
    return (
        f" (rows hang together: the interval is {design_effect**0.5:.1f} times as wide as by row)"
    )


def no_such(what: str, name: str, known: Iterable[str], where: str) -> str:
    """Why a name is nothing that ``where`` knows, with the nearest that it does."""
    names = sorted(set(known))
    if not names:
        return f"{where} has no {what}s, so none of '{name}'"
    near = difflib.get_close_matches(name, names)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{where} has no {what} '{name}', only {', '.join(names)}{hint}"
