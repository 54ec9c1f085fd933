"""Pictures made of letters, which a comment shows without anything being uploaded. Pure."""

from __future__ import annotations

import math

WIDTH = 21
"""Letters of a picture; odd, so that zero has a letter in the middle."""


def interval_strip(value: float | None, low: float | None, high: float | None, reach: float) -> str:
    """A difference and its interval around zero, as ``·····├──●──┼─┤····``.

    Parameters
    ----------
    value, low, high
        Above zero is better.
    reach
        The largest absolute number that has room; those beyond it are drawn at the edge.

    Returns
    -------
    Empty if there is nothing to draw.
    """
    numbers = [each for each in (value, low, high) if each is not None]
    if value is None or not all(math.isfinite(each) for each in numbers):
        return ""
    cells = ["·"] * WIDTH
    if low is not None and high is not None:
        first, last = _place(min(low, high), reach), _place(max(low, high), reach)
        cells[first : last + 1] = "─" * (last - first + 1)
        cells[first], cells[last] = "├", "┤"
    middle = WIDTH // 2
    cells[middle] = {"·": "│", "─": "┼"}.get(cells[middle], cells[middle])
    cells[_place(value, reach)] = "●"
    return "".join(cells)


def share_bar(share: float | None) -> str:
    """A share of 0 to 1 as a bar; empty if it is none."""
    if share is None or not 0 <= share <= 1:
        return ""
    full = round(share * WIDTH)
    return "█" * full + "░" * (WIDTH - full)


def signed_bar(value: float, reach: float) -> str:
    """A number as a bar to the left or right of zero, as ``··········│████······``.

    Parameters
    ----------
    reach
        The largest absolute number, whose bar fills its side.
    """
    cells, middle, end = ["·"] * WIDTH, WIDTH // 2, _place(value, reach)
    for at in range(min(end, middle), max(end, middle) + 1):
        cells[at] = "█"
    cells[middle] = "│"
    return "".join(cells)


def _place(number: float, reach: float) -> int:
    half = WIDTH // 2
    if reach <= 0 or number == 0:
        return half
    # Never on zero itself: an interval that leaves out zero must not seem to touch it.
    steps = min(half, max(1, round(abs(number) / reach * half)))
    return half + steps if number > 0 else half - steps
