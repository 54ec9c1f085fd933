"""Counts the typed values of a column, over all rows, and doubts what they look like."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.formats import digit_times
from assay.formats.definition import ColumnFacts, ColumnFormat, Value
from assay.formats.repeats import RepeatFinder
from assay.project.text import counted

MOST_DISTINCT = 50_000
MOST_BYTES = 16 << 20
"""Values of one column that are told apart, at most, and their bytes."""
COMMONEST = 1_000
IN_ALL = 2_500_000
"""Values that are kept of all columns together: so many fit into memory as Python objects."""


def most_distinct(columns: int) -> int:
    """How many values of a column are told apart in a table of so many columns.

    >>> most_distinct(12), most_distinct(100)
    (50000, 25000)
    """
    return max(COMMONEST, min(MOST_DISTINCT, IN_ALL // max(columns, 1)))


_NAMING = ("integer", "string")
"""Kinds whose values may name rows, so that it counts whether one repeats."""
_NUMBERS = (
    -1, -9, -99, -999, -9999, -99999, -999999, 99, 999, 9999, 99999, 999999, 9999999, -(2**31),
    2**31 - 1,
)  # fmt: skip
_TIMES = tuple(
    datetime(year, month, day)
    for year, month, day in (
        (1, 1, 1), (1582, 10, 15), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1970, 1, 1),
        (2099, 12, 31), (2999, 12, 31), (9999, 12, 31), (9999, 1, 1),
    )
)  # fmt: skip
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
    rest_low: Any = None
    rest_high: Any = None
    odd: dict[Any, int] = field(default_factory=dict)
    infinite: int = 0
    whole: bool = True
    sorted: bool = True
    _last: pa.Scalar | None = None
    _kept: pa.Array | None = None
    _repeats: RepeatFinder | None = None
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
        self._order(values)
        if self.column.kind == "string":
            self._bounds(pc.utf8_length(values))
        elif self.column.kind != "boolean":
            self._bounds(values)
            self._sift(values)
        if self.column.kind == "float":
            self.infinite += pc.sum(pc.is_inf(values)).as_py() or 0
        if self.column.kind == "float" and self.whole:
            self.whole = bool(pc.all(pc.equal(values, pc.floor(values))).as_py())

    def _count(self, values: pa.Array) -> None:
        if self._kept is not None:
            if self._repeats is not None:
                self._repeats.add(values)
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
        found = pa.concat_arrays(self._pending)
        table = pa.table({"value": found.field(0), "count": found.field(1)})
        table = table.group_by("value").aggregate([("count", "sum")])
        order = [("count_sum", "descending"), ("value", "ascending")]
        if self._kept is None:
            self.distinct = table.num_rows
            if self.distinct > self.most_distinct or table.nbytes > MOST_BYTES:
                most = pc.max(table["count_sum"]).as_py()
                if most == 1 and self.column.kind in _NAMING:
                    self._repeats = RepeatFinder()
                    for chunk in table["value"].chunks:
                        self._repeats.add(chunk)
                table = table.sort_by(order)[:COMMONEST]
                self._kept = table["value"].combine_chunks()
        table = table.sort_by(order)
        columns = [table[name].combine_chunks() for name in ("value", "count_sum")]
        self._pending = [pa.StructArray.from_arrays(columns, names=["values", "counts"])]
        self._waiting, self._bytes = 0, self._pending[0].nbytes

    def _order(self, values: pa.Array) -> None:
        if not self.sorted:
            return
        if self.column.kind == "boolean":
            values = pc.cast(values, pa.int8())
        rising = self._last is None or pc.less_equal(self._last, values[0]).as_py()
        steps = pc.all(pc.less_equal(values[:-1], values[1:])).as_py() if len(values) > 1 else True
        self.sorted = bool(rising and steps)
        self._last = values[-1]

    def _bounds(self, values: pa.Array) -> None:
        found = pc.min_max(values).as_py()
        self.low = found["min"] if self.low is None else min(self.low, found["min"])
        self.high = found["max"] if self.high is None else max(self.high, found["max"])

    def _sift(self, values: pa.Array) -> None:
        """Bounds of what is left without the values that often stand for none."""
        odd = _TIMES if self.column.kind == "timestamp" else _NUMBERS
        found = pc.min_max(values).as_py()
        if found["min"] in odd or found["max"] in odd:
            mask = pc.is_in(values, pa.array(odd, values.type))
            for each in values.filter(mask).value_counts().to_pylist():
                self.odd[each["values"]] = self.odd.get(each["values"], 0) + each["counts"]
            values = values.filter(pc.invert(mask))
            found = pc.min_max(values).as_py()
        if found["min"] is None:
            return
        self.rest_low = found["min"] if self.rest_low is None else min(self.rest_low, found["min"])
        self.rest_high = (
            found["max"] if self.rest_high is None else max(self.rest_high, found["max"])
        )

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
        found = ColumnFacts(
            name=self.column.name,
            kind=self.column.kind,
            rows=self.rows,
            nulls=self.nulls,
            distinct=self.distinct,
            many=self._kept is not None,
            all_differ=self._repeats is not None and self._repeats.all_differ(),
            values=tuple(values),
            low=self.low,
            high=self.high,
            whole=number and self.whole and self.rows > self.nulls,
            sorted=self.sorted,
            evidence=evidence,
            stays_text=stays_text,
            infinite=self.infinite,
        )
        digits = "" if doubts else digit_times.doubt(found)
        return replace(
            found, unsure="; ".join(each for each in (*doubts, digits, *self._doubts()) if each)
        )

    # -------------------------------------------------------------------------- doubts

    def _doubts(self) -> list[str]:
        number = self.column.kind in ("integer", "float")
        if number and (self.low, self.high, self.distinct) == (0, 1, 2):
            return ["0 and 1: a boolean?"]
        if self.column.kind in ("integer", "float", "timestamp"):
            return self._sentinels()
        return []

    def _sentinels(self) -> list[str]:
        found = []
        for value, count in sorted(self.odd.items()):
            if self.rest_low is not None and self._far(value):
                rows = counted(count, "row")
                shown = value.date() if isinstance(value, datetime) else f"{value:g}"
                found.append(
                    f"{shown} in {rows} is kept as a value, but may stand for none: the others are "
                    f"from {_shown(self.rest_low)} to {_shown(self.rest_high)}"
                )
        return found

    def _far(self, value: Any) -> bool:
        low, high = self.rest_low, self.rest_high
        if self.column.kind == "timestamp":
            gap = timedelta(days=365 * 20)
            return bool(low - value > gap if value < low else value - high > gap)
        if self.column.kind == "float" and abs(value) < 99:
            return False
        if value < low:
            return bool(low >= 0 or abs(value) >= 5 * max(abs(low), abs(high)))
        return bool(value > high and value >= 5 * max(abs(low), abs(high), 1))


def _shown(value: Any) -> str:
    return str(value.date()) if isinstance(value, datetime) else f"{value:g}"
