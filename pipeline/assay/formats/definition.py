"""How a table's file is written, and what was counted in each of its columns, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

Kind = Literal["integer", "float", "string", "boolean", "timestamp"]
FileFormat = Literal["csv", "json", "parquet", "excel", "sql"]
Value = int | float | str | bool | datetime
IN_CONTRACTS: Mapping[Kind, str] = MappingProxyType(
    {
        "integer": "int",
        "float": "float",
        "string": "str",
        "boolean": "bool",
        "timestamp": "pd.Timestamp",
    }
)
"""The type that a contract has for each kind."""
TO_UTC = "turned into UTC"
"""What the evidence says of times that have a zone."""


@dataclass(frozen=True)
class ColumnFormat:
    """One column and how its cells are spelt; the spelling matters to text files only.

    Parameters
    ----------
    name
        As in the file; names that are there twice get a number: ``amount``, ``amount_2``.
    decimal, thousands
        Marks in numbers; ``thousands`` is empty if there are none.
    prefix, suffix
        What stands before and behind each number, such as ``$`` and ``%``; empty if nothing does.
    time_format
        As for `datetime.strptime`; None means ISO 8601, ``unix s``, ``unix ms``, ``unix us`` and
        ``unix ns`` numbers since 1970.
    true, false
        The words of a boolean column, in any case; empty means ``true``, ``t``, ``1`` and
        ``false``, ``f``, ``0``.
    kept
        Cells that are values in this column, although elsewhere in the table they stand for none:
        ``NA`` among codes of countries.
    """

    name: str
    kind: Kind
    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""
    time_format: str | None = None
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableFormat:
    """How a whole file is written.

    Parameters
    ----------
    header
        Whether the first line names the columns; without one they are ``column_1`` and so on.
    missing
        Cells that stand for no value, after blanks around them are removed; the empty one always.
    sheet
        Of an Excel workbook; empty for its first one.
    connection
        Of a query: where it is asked (`assay.formats.files.query_rows`).
    """

    format: FileFormat
    columns: tuple[ColumnFormat, ...]
    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    header: bool = True
    missing: tuple[str, ...] = ("",)
    sheet: str = ""
    connection: str = ""

    def column(self, name: str) -> ColumnFormat:
        """The column called ``name``; raises KeyError if there is none."""
        for each in self.columns:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True)
class ColumnFacts:
    """What was counted in one column, over all rows.

    Parameters
    ----------
    distinct
        Number of distinct values; the number that was counted until then if ``many``.
    many
        Whether counting stopped, because there were too many distinct values to keep.
    all_differ
        Whether no value is there twice, though they are ``many``.
    values
        Values and how many rows have each, the commonest first; all of them unless ``many``, then
        some, each counted over all rows.
    low, high
        The least and the greatest value of a number or a time; of a text, its lengths; None of a
        boolean.
    whole
        Whether every number is whole.
    sorted
        Whether the values never decrease from row to row (nulls aside).
    evidence
        Why it got its kind, in a few words: ``8,912 of 9,000 values begin with 0``.
    unsure
        What else it might be, and what decides; empty if there was no doubt.
    stays_text
        Why texts are not taken for the numbers or times that they look like, as ``unsure`` says
        with what fixes it; empty if they look like none.
    infinite
        Rows with an infinite number.
    order
        The values of an ordered category in the file's own order, the least first; else empty.
    """

    name: str
    kind: Kind
    rows: int
    nulls: int
    distinct: int
    many: bool
    values: tuple[tuple[Value, int], ...]
    low: Value | None
    high: Value | None
    whole: bool = False
    sorted: bool = False
    all_differ: bool = False
    evidence: tuple[str, ...] = ()
    unsure: str = ""
    stays_text: str = ""
    infinite: int = 0
    order: tuple[str, ...] = ()

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls

    @property
    def unique(self) -> bool:
        """Whether no two rows have the same value; False if it could not be told."""
        return self.all_differ if self.many else self.distinct == self.present


@dataclass(frozen=True)
class Understanding:
    """A file as it was understood: its format, its columns, and remarks on the whole."""

    path: str
    rows: int
    table: TableFormat
    facts: tuple[ColumnFacts, ...]
    remarks: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns that cannot be used (lists, structures, bytes) and why."""
