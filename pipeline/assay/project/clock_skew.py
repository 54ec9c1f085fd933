"""How far this machine's clock is from another's."""

from __future__ import annotations


def clock_skew(before: float, after: float, told: float) -> float:
    """Seconds that this clock is ahead of another, which told ``told`` in between.

    The smallest difference that explains it, because others may tell whole seconds.
    """
    lowest, highest = before - told - 1, after - told
    return lowest if lowest > 0 else min(highest, 0.0)
