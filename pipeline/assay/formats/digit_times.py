"""Columns of digits that are times: seconds since 1970, dates (20240131), months (202401), years.

Files with types know such a column as numbers only, and so does a text file. It becomes one of
times where its name says so, or a person; otherwise it is doubted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from assay.formats.definition import ColumnFacts, ColumnFormat, Understanding, Value
from assay.formats.spelt.times import UNIX, since_1970

DAYS, MONTHS, YEARS = "%Y%m%d", "%Y%m", "%Y"
LEAST_MONTHS = 6
"""Different values that look like months, from which on that is hardly chance."""
_TIME_NAME = re.compile(
    r"date|datum|day|tag|time|zeit|fecha|jour|giorno|stamp|epoch|unix|month|monat|yyyymm|(^|_)when$"
    r"|(^|_)(dt|ts|tms|created|updated|modified)($|_)|_(at|on)$",
    re.I,
)
_YEAR_NAME = re.compile(r"(^|[_\W])(year|yr|jahr|anno|ann[ée]e|a[ñn]o)($|[_\W])", re.I)
_SECONDS = (9.4e8, 2.2e9)
"""1999 to 2039."""


def time_format(facts: ColumnFacts) -> str | None:
    """The format in which all numbers of a column are times of our days; None if they are not.

    Parameters
    ----------
    facts
        Of a column of numbers, with all its values unless they are ``many``.
    """
    if facts.kind not in ("integer", "float") or facts.low is None:
        return None
    low, high = facts.low, facts.high
    assert isinstance(low, int | float) and isinstance(high, int | float)
    for word, per_second in UNIX.items():
        least, most = (bound * per_second for bound in _SECONDS)
        if least <= low and high <= most:
            return word
    if facts.kind == "integer":
        values = (low, high, *(value for value, _ in facts.values))
        if all(map(_is_day, values)):
            return DAYS
        if all(map(_is_month, values)):
            return MONTHS
        if all(map(_is_year, values)):
            return YEARS
    return None


def named_like_a_time(name: str) -> bool:
    """Whether a column is called so that numbers in it may be times: ``created_at``, ``ts``."""
    return _TIME_NAME.search(name) is not None


def with_named_times(understood: Understanding) -> Understanding:
    """``understood`` with the columns of digits that are times, by their names, as times."""
    for each in understood.facts:
        found = time_format(each) if named_like_a_time(each.name) else None
        # A year may be that of a car, a birth or a film: only a person knows.
        if found not in (None, YEARS) and not (each.many and found == DAYS):
            understood = as_time(understood, each.name)
    return understood


def as_time(understood: Understanding, name: str) -> Understanding:
    """``understood`` with the column ``name`` as one of times, if its numbers all may be some.

    Facts that were counted stay: other numbers are other times, in the same order.
    """
    facts = next((each for each in understood.facts if each.name == name), None)
    found = time_format(facts) if facts is not None else None
    if facts is None or found is None or facts.low is None or facts.high is None:
        return understood
    table = understood.table
    column = table.column(name)
    if column != ColumnFormat(name, column.kind, kept=column.kept):
        return understood
    column = replace(column, kind="timestamp", time_format=found)
    columns = tuple(column if each.name == name else each for each in table.columns)
    low, high, *values = _moments(
        [facts.low, facts.high, *(value for value, _ in facts.values)], found
    )
    counts = (count for _, count in facts.values)
    times = replace(
        facts,
        kind="timestamp",
        values=tuple(zip(values, counts, strict=True)),
        low=low,
        high=high,
        whole=False,
        evidence=(*facts.evidence, f"read as {told(found)}"),
        unsure="",
    )
    return replace(
        understood,
        table=replace(table, columns=columns),
        facts=tuple(times if each.name == name else each for each in understood.facts),
    )


def doubt(facts: ColumnFacts) -> str:
    """What a column of numbers may be, in words; empty if there is no doubt."""
    found = time_format(facts)
    if found is None or facts.distinct < (LEAST_MONTHS if found == MONTHS else 2):
        return ""
    if found == YEARS and not _YEAR_NAME.search(facts.name):
        return ""
    return f"{told(found)}, or numbers? --time {facts.name} reads them as times"


def told(time_format: str) -> str:
    """The format in words."""
    return {
        DAYS: "dates in eight digits",
        MONTHS: "months in six digits, each as its first day",
        YEARS: "years, each as its first day",
        "unix s": "seconds since 1970",
        "unix ms": "milliseconds since 1970",
        "unix us": "microseconds since 1970",
        "unix ns": "nanoseconds since 1970",
    }[time_format]


def _moments(values: Sequence[Value], found: str) -> list[Any]:
    if found in (DAYS, MONTHS, YEARS):
        return [datetime.strptime(str(value), found) for value in values]
    moments: list[datetime] = since_1970(pa.array(values), found).to_pylist()
    return moments


def _is_day(value: Any) -> bool:
    """Whether a whole number is a day of our time, as 20240131."""
    if not 19_000_101 <= value <= 20_991_231:
        return False
    try:
        datetime(value // 10_000, value // 100 % 100, value % 100)
    except ValueError:
        return False
    return True


def _is_year(value: Any) -> bool:
    """Whether a whole number is a year of our time, as 2024."""
    return bool(1800 <= value <= 2100)


def _is_month(value: Any) -> bool:
    """Whether a whole number is a month of our time, as 202401."""
    return bool(190_001 <= value <= 209_912 and 1 <= value % 100 <= 12)
