"""How certain a PASS has to be on a holdout that was asked before, and what later ones have left.

Each challenger that is judged on one holdout is another chance of a false PASS. The first has the
whole one-sided level a = (1 - confidence) / 2, the k-th after it a / (k (k - 1)). These add up to
another a, so that all challengers together, however many and however alike, pass falsely with a
chance of at most 2 a = 1 - confidence (Bonferroni's inequality; unequal levels for an unlimited
number of tests: Foster and Stine 2008, Journal of the Royal Statistical Society B 70, 429-444, and
Ramdas and others 2017, "Online control of the false discovery rate with decaying memory").
"""

from __future__ import annotations


def pass_level(challenger: int, confidence: float) -> float:
    """The chance of a false PASS that the k-th challenger on a holdout may have.

    Parameters
    ----------
    challenger
        Its place, 1 for the first.
    confidence
        Of two-sided intervals, such as 0.95.

    Raises
    ------
    ValueError
        There is no such place.
    """
    if challenger < 1:
        raise ValueError(f"there is no challenger number {challenger}")
    whole = (1 - confidence) / 2
    return whole if challenger == 1 else whole / (challenger * (challenger - 1))


def level_left(challenger: int, confidence: float) -> float:
    """What is left for all challengers after the k-th together: the rest of the series."""
    return (1 - confidence) / 2 / challenger
