"""Columns of digits that are times: seconds since 1970, dates (20240131), months (202401), years.

Files with types know such a column as numbers only, and so does a text file. It becomes one of
times where its name says so, or a person; otherwise it is doubted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from assay.formats.definition import ColumnFacts, ColumnFormat, Understanding, Value
from assay.formats.spelt.times import UNIX, to_times

DAYS, MONTHS, YEARS = "%Y%m%d", "%Y%m", "%Y"
SAID = {
    DAYS: "dates in eight digits",
    MONTHS: "months in six digits, each as its first day",
    YEARS: "years, each as its first day",
    "unix s": "seconds since 1970",
    "unix ms": "milliseconds since 1970",
    "unix us": "microseconds since 1970",
    "unix ns": "nanoseconds since 1970",
}
"""Each format in words."""
_OUR_DAYS = {
    DAYS: (19_000_101, 20_991_231),
    MONTHS: (190_001, 209_912),
    YEARS: (1800, 2100),
    # 1999 to 2039.
    **{word: (9.4e8 * per_second, 2.2e9 * per_second) for word, per_second in UNIX.items()},
}
LEAST_MONTHS = 6
"""Different values that look like months, from which on that is hardly chance."""
_TIME_NAME = re.compile(
    r"date|datum|day|tag|time|zeit|fecha|jour|giorno|stamp|epoch|unix|month|monat|yyyymm|(^|_)when$"
    r"|(^|_)(dt|ts|tms|created|updated|modified)($|_)|_(at|on)$",
    re.I,
)
_YEAR_NAME = re.compile(r"(^|[_\W])(year|yr|jahr|anno|ann[ée]e|a[ñn]o)($|[_\W])", re.I)


def time_format(facts: ColumnFacts) -> str | None:
    """The format in which all numbers of a column are times of our days; None if they are not.

    Parameters
    ----------
    facts
        Of a column of numbers, with all its values unless they are ``many``.
    """
    low, high = facts.low, facts.high
    if facts.kind not in ("integer", "float") or low is None or high is None:
        return None
    assert isinstance(low, int | float) and isinstance(high, int | float)
    for written, (least, most) in _OUR_DAYS.items():
        if least <= low and high <= most and (written in UNIX or facts.kind == "integer"):
            values = (low, high, *(value for value, _ in facts.values))
            return None if _moments(values, written).null_count else written
    return None


def _moments(values: Iterable[Value], written: str) -> pa.Array:
    return to_times(pa.array(map(str, values), pa.string()), written)


def with_named_times(understood: Understanding) -> Understanding:
    """``understood`` with the columns of digits that are times, by their names, as times."""
    for each in understood.facts:
        # A year may be that of a car, a birth or a film: only a person knows.
        if _TIME_NAME.search(each.name) and time_format(each) != YEARS:
            understood = as_time(understood, each.name)
    return understood


def as_time(understood: Understanding, name: str) -> Understanding:
    """``understood`` with the column ``name`` as one of times, if its numbers all may be some.

    Facts that were counted stay: other numbers are other times, in the same order.
    """
    facts = next((each for each in understood.facts if each.name == name), None)
    written = time_format(facts) if facts is not None else None
    if facts is None or written is None:
        return understood
    table = understood.table
    column = table.column(name)
    if column != ColumnFormat(name, column.kind, kept=column.kept):
        return understood  # with marks, such as 1,700,000,000
    assert facts.low is not None and facts.high is not None
    given = [facts.low, facts.high, *(value for value, _ in facts.values)]
    low, high, *values = _moments(given, written).to_pylist()
    times = replace(
        facts,
        kind="timestamp",
        values=tuple(zip(values, (count for _, count in facts.values), strict=True)),
        low=low,
        high=high,
        whole=False,
        evidence=(*facts.evidence, f"read as {SAID[written]}"),
        unsure="",
    )
    column = replace(column, kind="timestamp", time_format=written)
    columns = tuple(column if each.name == name else each for each in table.columns)
    return replace(
        understood,
        table=replace(table, columns=columns),
        facts=tuple(times if each.name == name else each for each in understood.facts),
    )


def doubt(facts: ColumnFacts) -> str:
    """What a column of numbers may be, in words; empty if there is no doubt."""
    written = time_format(facts)
    if written is None or facts.distinct < (LEAST_MONTHS if written == MONTHS else 2):
        return ""
    if written == YEARS and not _YEAR_NAME.search(facts.name):
        return ""
    return f"{SAID[written]}, or numbers? --time {facts.name} reads them as times"
