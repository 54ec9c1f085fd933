"""What values must look like, learnt with slack from all rows, as pandera's arguments."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isfinite

import pandas as pd

from assay.formats.definition import ColumnFacts, Value
from assay.project.text import counted

MOST_LISTED = 20
LEAST_SEEN = 10
"""Rows of the rarest category, from which on the list of categories is taken as complete."""
HEAVY = 10.0
"""A greatest value of so many times the 99 % quantile has no natural limit."""
LEAST_ROWS = 100
"""With fewer rows, that none was empty says too little."""


@dataclass(frozen=True)
class FieldChecks:
    """The arguments of a column's `pandera.Field`.

    Parameters
    ----------
    limits
        Such as ``{"ge": 0, "le": 240}``, or ``{"isin": ["a", "b"]}``.
    nullable
        Whether a value may be missing.
    why
        What the limits were learnt from.
    order
        The values of an ordered category, the least first; empty if the file has no order.
    """

    limits: dict[str, Value | list[str]]
    nullable: bool
    why: str
    order: tuple[str, ...] = ()


def learn_checks(facts: ColumnFacts, sample: pd.Series) -> FieldChecks:
    """Checks that rows of another night pass, if it is like those that were seen.

    A range reaches as far beyond the values on both sides as they are apart, but not below 0 if
    nothing is. A list of categories is taken as complete only if each was seen `LEAST_SEEN` times.

    Parameters
    ----------
    sample
        Some of its values, for the quantile that tells a heavy tail.
    """
    nullable = facts.nulls > 0 or facts.rows < LEAST_ROWS
    order: tuple[str, ...] = ()
    if facts.kind in ("integer", "float"):
        limits, why = _range(facts, sample)
    elif facts.kind == "string":
        limits, why = _categories(facts)
        order = _order(facts)
        if order and "isin" in limits:
            limits["isin"] = [*order]
    else:
        limits, why = {}, ""
    return FieldChecks(limits, nullable, why, order)


def _order(facts: ColumnFacts) -> tuple[str, ...]:
    if facts.many or facts.distinct > MOST_LISTED:
        return ()
    values = [str(value) for value, _ in facts.values]
    # The file has one of all categories, though some may be in no row.
    known = tuple(value for value in facts.order if value in values)
    return known if len(known) == len(values) > 1 else ()


def _range(facts: ColumnFacts, sample: pd.Series) -> tuple[dict[str, Value | list[str]], str]:
    assert isinstance(facts.low, int | float) and isinstance(facts.high, int | float)
    low, high = float(facts.low), float(facts.high)
    if not (isfinite(2 * low) and isfinite(2 * high)):
        return {}, "no limits, as some are infinite or nearly so"
    # Decimal, as 0.4 + 0.3 in floats is above 0.7, and a multiple of 0.01 may lie on either side.
    least, most = Decimal(repr(low)), Decimal(repr(high))
    apart = most - least or max(abs(most), Decimal(1))
    whole = facts.kind == "integer"
    limits: dict[str, Value | list[str]] = {}
    heavy_above, heavy_below = _heavy(sample, high, low)
    if low >= 0 and (heavy_below or least <= apart):
        limits["ge"] = 0
    elif not heavy_below:
        limits["ge"] = _round(least - apart, apart, whole, down=True)
    if not heavy_above:
        limits["le"] = _round(most + apart, apart, whole, down=False)
    return limits, "a heavy tail, so no limit there" if heavy_above or heavy_below else ""


def _heavy(sample: pd.Series, high: float, low: float) -> tuple[bool, bool]:
    """Whether the values above, and those below the median have a heavy tail."""
    values = sample.dropna().astype("float64")
    if len(values) < LEAST_ROWS:
        return False, False
    one, middle, last = (float(values.quantile(each)) for each in (0.01, 0.5, 0.99))
    up, down = last - middle, middle - one
    return high - middle > HEAVY * up, middle - low > HEAVY * down


def _round(value: Decimal, apart: Decimal, whole: bool, *, down: bool) -> int | float:
    """Away from the values, to two digits of how far they are ``apart``."""
    digit = apart.adjusted() - 1
    step = Decimal(1).scaleb(max(digit, 0) if whole else digit)
    rounded = (value / step).to_integral_value(ROUND_FLOOR if down else ROUND_CEILING)
    rounded *= step
    return int(rounded) if whole or digit >= 0 else float(rounded)


def _categories(facts: ColumnFacts) -> tuple[dict[str, Value | list[str]], str]:
    if facts.many or facts.distinct > MOST_LISTED or not facts.values:
        return {}, "others may come"
    name, rows = facts.values[-1]
    if rows < LEAST_SEEN:
        return {}, f"'{name}' is in {rows} of the rows: other rare ones may come"
    return {
        "isin": sorted(str(value) for value, _ in facts.values)
    }, f"the rarest in {counted(rows, 'row')}"
