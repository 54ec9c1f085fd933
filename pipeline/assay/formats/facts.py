"""Counts the typed values of a column, over all rows, and doubts what they look like."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.columns.categories import hash_texts
from assay.formats.definition import ColumnFacts, ColumnFormat, Understanding, Value
from assay.formats.spelt.times import UNIX, to_times
from assay.project.text import counted

MOST_DISTINCT = 50_000
MOST_BYTES = 16 << 20
"""Values of one column that are told apart, at most, and their bytes."""
COMMONEST = 1_000
IN_ALL = 2_500_000
"""Values that are kept of all columns together: so many fit into memory as Python objects."""
MOST_TOLD_APART = 50_000_000
"""Distinct values of one column that are counted, at most, of which most are not kept; each takes
8 bytes, and 16 more while they are compared."""
FEW_REPEATED = 0.5
"""Share of rows with a value that an earlier row has, up to which such values are counted."""


def most_distinct(columns: int) -> int:
    """How many values of a column are told apart in a table of so many columns.

    >>> most_distinct(12), most_distinct(100)
    (50000, 25000)
    """
    return max(COMMONEST, min(MOST_DISTINCT, IN_ALL // max(columns, 1)))


_NAMING = ("integer", "string")
"""Kinds whose values may name rows, so that it counts how many repeat."""
_NUMBERS = (-1, -9, -99, -999, -9999, -99999, 99, 999, 9999, 99999, -(2**31), 2**31 - 1)
_DATES = ("0001-01-01", "1899-12-30", "1900-01-01", "1970-01-01", "2999-12-31", "9999-12-31")
"""Values that often stand for no value, because there was no better way to say it."""


@dataclass
class ColumnCounter:
    """Counts one column, batch by batch.

    Parameters
    ----------
    most_distinct
        Values that are told apart, at most.
    """

    column: ColumnFormat
    rows: int = 0
    nulls: int = 0
    most_distinct: int = MOST_DISTINCT
    distinct: int = 0
    low: Any = None
    high: Any = None
    infinite: int = 0
    whole: bool = True
    _kept: pa.Array | None = None
    _names: NameCounter | None = None
    _pending: list[pa.StructArray] = field(default_factory=list)
    _waiting: int = 0
    _bytes: int = 0

    def add(self, values: pa.Array) -> None:
        """Count values of the column's Arrow type."""
        self.rows += len(values)
        self.nulls += values.null_count
        values = values.drop_null()
        if not len(values):
            return
        self._count(values)
        if self.column.kind == "string":
            self._bounds(pc.utf8_length(values))
        elif self.column.kind != "boolean":
            self._bounds(values)
        if self.column.kind == "float":
            self.infinite += pc.sum(pc.is_inf(values)).as_py() or 0
        if self.column.kind == "float" and self.whole:
            self.whole = bool(pc.all(pc.equal(values, pc.floor(values))).as_py())

    def _count(self, values: pa.Array) -> None:
        if self._kept is not None:
            if self._names is not None:
                self._names.add(values)
            values = values.filter(pc.is_in(values, self._kept))
        if self.column.kind == "float":
            values = pc.add(values, 0.0)  # -0.0 is 0.0
        self._pending.append(values.value_counts())
        self._waiting += len(self._pending[-1])
        self._bytes += self._pending[-1].nbytes
        if self._waiting > 2 * self.most_distinct or self._bytes > MOST_BYTES:
            self._merge()

    def _merge(self) -> None:
        """Add up what was counted in each batch; of many values, keep the commonest."""
        if len(self._pending) < 2 and self.distinct:
            return
        values = pa.concat_arrays(self._pending)
        table = pa.table({"value": values.field(0), "count": values.field(1)})
        table = table.group_by("value").aggregate([("count", "sum")])
        order = [("count_sum", "descending"), ("value", "ascending")]
        if self._kept is None:
            self.distinct = table.num_rows
            if self.distinct > self.most_distinct or table.nbytes > MOST_BYTES:
                if self.column.kind in _NAMING:
                    self._names = NameCounter(rows=self.rows - self.nulls - self.distinct)
                    for chunk in table["value"].chunks:
                        self._names.add(chunk)
                table = table.sort_by(order)[:COMMONEST]
                self._kept = table["value"].combine_chunks()
        table = table.sort_by(order)
        columns = [table[name].combine_chunks() for name in ("value", "count_sum")]
        self._pending = [pa.StructArray.from_arrays(columns, names=["values", "counts"])]
        self._waiting, self._bytes = 0, self._pending[0].nbytes

    def _bounds(self, values: pa.Array) -> None:
        bounds = pc.min_max(values).as_py()
        self.low = bounds["min"] if self.low is None else min(self.low, bounds["min"])
        self.high = bounds["max"] if self.high is None else max(self.high, bounds["max"])

    def facts(
        self,
        evidence: tuple[str, ...] = (),
        doubts: tuple[str, ...] = (),
        stays_text: str = "",
    ) -> ColumnFacts:
        """What was counted, with the reasons for the column's kind."""
        values: list[tuple[Value, int]] = []
        if self._pending:
            self._merge()
            columns = (self._pending[0].field(place).to_pylist() for place in (0, 1))
            values = list(zip(*columns, strict=True))
        number = self.column.kind in ("integer", "float")
        told_apart = None if self._names is None else self._names.distinct()
        facts = ColumnFacts(
            name=self.column.name,
            kind=self.column.kind,
            rows=self.rows,
            nulls=self.nulls,
            distinct=told_apart or self.distinct,
            many=self._kept is not None,
            exact=self._kept is None or told_apart is not None,
            values=tuple(values),
            low=self.low,
            high=self.high,
            whole=number and self.whole and self.rows > self.nulls,
            evidence=evidence,
            stays_text=stays_text,
            infinite=self.infinite,
        )
        digits = "" if doubts else doubt(facts)
        unsure = "; ".join(each for each in (*doubts, digits, *_doubts(facts)) if each)
        return replace(facts, unsure=unsure)


def _doubts(facts: ColumnFacts) -> list[str]:
    """What the values look like: a boolean, or values that stand for none."""
    if facts.kind not in ("integer", "float", "timestamp"):
        return []
    if (facts.low, facts.high, facts.distinct) == (0, 1, 2):
        return ["0 and 1: a boolean?"]
    odd = {value: rows for value, rows in facts.values if _often_none(value)}
    others = [value for value, _ in facts.values if value not in odd]
    if not others:
        return []
    low, high = min(others), max(others)
    return [
        f"{_shown(value)} in {counted(rows, 'row')} is kept as a value, but may stand for none: "
        f"others are from {_shown(low)} to {_shown(high)}"
        for value, rows in sorted(odd.items())
        if _is_far(value, low, high)
    ]


def _often_none(value: Value) -> bool:
    return str(value)[:10] in _DATES if isinstance(value, datetime) else value in _NUMBERS


def _is_far(value: Any, low: Any, high: Any) -> bool:
    """Whether a value lies far below or above the others."""
    if isinstance(value, datetime):
        gap = timedelta(days=365 * 20)
        return bool(low - value > gap if value < low else value - high > gap)
    if isinstance(value, float) and abs(value) < 99:
        return False
    size = 5 * max(abs(low), abs(high), 1)
    return bool(
        (value < low and (low >= 0 or abs(value) >= size)) or (value > high and value >= size)
    )


def _shown(value: Any) -> str:
    return str(value.date()) if isinstance(value, datetime) else f"{value:g}"


class NameCounter:
    """Counts distinct values by 64 bits of each: a whole number itself, a hash of a text.

    Two texts of one hash count as one; among 50 million different ones there are such with a chance
    of one in 15,000. Values are compared each time that they have doubled, so that each is sorted a
    few times only, and no longer where so many repeat that they name no rows.

    Parameters
    ----------
    rows
        Those that were counted before and will not be added: repeats of what will be.
    """

    def __init__(self, rows: int = 0) -> None:
        self._known: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._fresh: list[NDArray[np.uint64]] = []
        self._waiting = 0
        self._rows = rows
        self._told = True

    def add(self, values: pa.Array) -> None:
        """Take values without nulls, whole numbers or texts."""
        if not self._told:
            return
        self._fresh.append(_bits(values))
        self._waiting += len(values)
        self._rows += len(values)
        if self._waiting > len(self._known):
            self._compare()

    def distinct(self) -> int | None:
        """How many different values there are; None if they were too many, or repeat too often."""
        if self._told:
            self._compare()
        return len(self._known) if self._told else None

    def _compare(self) -> None:
        self._known = np.unique(np.concatenate([self._known, *self._fresh]))
        self._fresh, self._waiting = [], 0
        different = len(self._known)
        if different > MOST_TOLD_APART or self._rows - different > FEW_REPEATED * self._rows:
            self._told, self._known = False, np.empty(0, np.uint64)


def _bits(values: pa.Array) -> NDArray[np.uint64]:
    if pa.types.is_integer(values.type):
        return np.asarray(values.cast(pa.int64())).view(np.uint64)
    return hash_texts(values.cast(pa.large_string()))


# --------------------------------------------------------------------------------------------------
# columns of digits that are times: seconds since 1970, dates (20240131), months (202401), years
# Files with types know such a column as numbers only, and so does a text file. It becomes one of
# times where its name says so, or a person; otherwise it is doubted.

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
