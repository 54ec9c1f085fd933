"""Finds the order of categories: of words that people rank, and of bands of numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

LEAST = 3
"""Of fewer categories an order says no more than that they differ."""

_SCALES = (
    ("xxxs", "xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"),
    ("tiny", "small", "medium", "large", "huge"),
    ("extra small", "small", "medium", "large", "extra large"),
    ("none", "very low", "low", "medium", "high", "very high", "extreme"),
    ("none", "very low", "low", "moderate", "high", "very high", "extreme"),
    ("none", "minor", "moderate", "major", "severe", "critical"),
    ("none", "mild", "moderate", "severe", "critical"),
    ("very bad", "bad", "average", "good", "very good"),
    ("very poor", "poor", "fair", "good", "very good", "excellent"),
    ("fair", "good", "very good", "premium", "ideal"),
    ("never", "rarely", "sometimes", "often", "usually", "always"),
    ("never", "yearly", "quarterly", "monthly", "weekly", "daily"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("very unsatisfied", "unsatisfied", "neutral", "satisfied", "very satisfied"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("junior", "mid", "senior", "lead", "principal"),
    ("bronze", "silver", "gold", "platinum", "diamond"),
    ("primary", "secondary", "tertiary"),
    ("first", "second", "third", "fourth", "fifth"),
    ("sehr niedrig", "niedrig", "mittel", "hoch", "sehr hoch"),
    ("sehr gering", "gering", "mittel", "hoch", "sehr hoch"),
    ("sehr klein", "klein", "mittel", "groß", "sehr groß"),
    ("sehr schlecht", "schlecht", "mittel", "gut", "sehr gut"),
    ("nie", "selten", "manchmal", "oft", "immer"),
    ("très faible", "faible", "moyen", "élevé", "très élevé"),
    ("petit", "moyen", "grand"),
    ("muy bajo", "bajo", "medio", "alto", "muy alto"),
)
"""Each from the least to the greatest. Neither days nor months: after the last comes the first."""

_UNDER = ("<", "<=", "under", "below", "less than", "up to", "unter", "bis")
_NUMBER = r"(\d+(?:\.\d+)?)"
_BAND = re.compile(
    rf"(?P<under>{'|'.join(map(re.escape, sorted(_UNDER, key=len, reverse=True)))})?\s*"
    rf"(?:>=?|over|above|from|ab|über)?\s*[$€£]?{_NUMBER}\s*[k%]?\s*"
    rf"(?:(?:-|\u2013|to|bis|\.\.)\s*[$€£]?{_NUMBER}\s*[k%]?\s*)?"
    r"(?P<open>\+|and over|and more|or more|and older)?\s*(?:years?|yrs?|jahre|days?|months?|min)?"
)
"""Such as ``18-24``, ``< 18``, ``65+`` and ``10 to 20 years``."""


def find_order(values: Sequence[str]) -> tuple[str, ...]:
    """The values from the least to the greatest; empty if there is no order that one can tell.

    >>> find_order(["high", "low", "medium"])
    ('low', 'medium', 'high')
    >>> find_order(["25-34", "65+", "< 25", "35-64"])
    ('< 25', '25-34', '35-64', '65+')
    >>> find_order(["red", "green", "blue"])
    ()
    """
    spelt = {re.sub(r"[\s_]+", " ", value.strip().lower()): value for value in values}
    if len(values) < LEAST or len(spelt) < len(values):
        return ()
    for scale in _SCALES:
        if spelt.keys() <= {*scale}:
            return tuple(spelt[word] for word in scale if word in spelt)
    return _bands(spelt)


def _bands(spelt: dict[str, str]) -> tuple[str, ...]:
    found = []
    for words, value in spelt.items():
        band = _BAND.fullmatch(words)
        if band is None:
            return ()
        # Codes such as 1, 2, 3 would be numbers in the file; here something says that it is a band.
        plain = band["under"] is None and band["open"] is None and band[3] is None
        found.append((float(band[2]), band["under"] is None, plain, value))
    starts = {(low, under) for low, under, _, _ in found}
    if len(starts) < len(found) or all(plain for *_, plain, _ in found):
        return ()
    return tuple(value for *_, value in sorted(found, key=lambda each: each[:2]))
