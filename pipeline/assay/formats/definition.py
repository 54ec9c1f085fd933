"""How a table's file is written, and what was counted in its columns: plain values, and as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.errors import SourceError

Kind = Literal["integer", "float", "string", "boolean", "timestamp"]
FileFormat = Literal["csv", "json", "parquet"]
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
    """

    format: FileFormat
    columns: tuple[ColumnFormat, ...]
    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    header: bool = True
    missing: tuple[str, ...] = ("",)

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
        Number of distinct values; at least so many unless ``exact``.
    many
        Whether there were too many distinct values to keep all of them.
    exact
        Whether ``distinct`` is the number itself, of many values too.
    values
        Values and how many rows have each, the commonest first; all of them unless ``many``, then
        some, each counted over all rows.
    low, high
        The least and the greatest value of a number or a time; of a text, its lengths; None of a
        boolean.
    whole
        Whether every number is whole.
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
    exact: bool = True
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
        return self.repeated == 0

    @property
    def repeated(self) -> int | None:
        """Rows with the value of an earlier row; None if it could not be told."""
        return self.present - self.distinct if self.exact else None


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


# --------------------------------------- the types of Arrow as the five kinds that tables have here

MICROS = pa.timestamp("us")
TYPES: dict[Kind, pa.DataType] = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": MICROS,
}
"""The type of each kind in what is read."""
INEXACT_DIGITS = 15

_BY_TYPE: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (t.is_integer, "integer"),
    (t.is_floating, "float"),
    (t.is_decimal, "float"),
    (t.is_null, "float"),
    (t.is_boolean, "boolean"),
    (t.is_date, "timestamp"),
    (t.is_timestamp, "timestamp"),
    (t.is_string, "string"),
    (t.is_large_string, "string"),
    (t.is_string_view, "string"),
)


def kind_of(arrow: pa.DataType) -> Kind | None:
    """The kind of a type; None for lists, structures, bytes and the like, which are no use."""
    if t.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    return next((kind for test, kind in _BY_TYPE if test(arrow)), None)


def told(arrow: pa.DataType) -> tuple[str, str]:
    """What a type is, and what is lost or not known of its values; the latter may be empty."""
    if kind_of(arrow) is None:
        return f"{arrow} is no number, text, boolean or time", ""
    if t.is_null(arrow):
        doubt = "there is no value to tell its kind by; a column without values is of no use"
        return "no value in any row", doubt
    if t.is_decimal(arrow) and arrow.precision > INEXACT_DIGITS:
        doubt = f"a {arrow}: digits beyond the fifteenth are lost in a float"
        return f"{arrow} in the file", doubt
    zoned = f"; {TO_UTC}" if t.is_timestamp(arrow) and arrow.tz else ""
    cut = "; cut to microseconds" if t.is_timestamp(arrow) and arrow.unit == "ns" else ""
    return f"{arrow} in the file{zoned}{cut}", ""


def normal(values: pa.Array, kind: Kind) -> pa.Array:
    """The values in the type of their kind; NaN becomes null, as pandas means it.

    Raises
    ------
    pyarrow.ArrowInvalid
        A value has no place in that type.
    """
    if t.is_dictionary(values.type):
        values = values.dictionary_decode()
    if t.is_floating(values.type) or t.is_decimal(values.type):
        values = pc.cast(values, pa.float64(), safe=False)
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    if t.is_timestamp(values.type) and values.type.unit == "ns":
        values = floored_to_microseconds(values)
    # A whole number beyond 2**53 becomes the nearest float.
    return pc.cast(values, TYPES[kind], safe=kind != "float")


def floored_to_microseconds(times: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Nanoseconds rounded down, before 1970 too, where Arrow's cast rounds up; times are in UTC."""
    return pc.floor_temporal(pc.cast(times, pa.timestamp("ns")), unit="microsecond")


def as_text(values: pa.Array) -> pa.Array:
    """The values as the text of cells, the empty one for none; in a buffer of their own."""
    if t.is_dictionary(values.type):
        values = values.dictionary_decode()
    if t.is_floating(values.type):  # as Python and JSON write them: Arrow writes 1.0 as 1
        cells = pa.array(["" if each is None else repr(each) for each in values.to_pylist()])
    else:
        cells = pc.fill_null(pc.cast(values, pa.string()), "")
    return pa.concat_arrays([cells]) if cells.offset else cells


# ------------ A column's format as short text that a person can write and read: ``float decimal=,``
# ::
#
#     integer | float | text | boolean | time
#     float decimal=, thousands=. prefix=$ suffix=%
#     boolean true=ja|j false=nein|n
#     text keep=NA
#     time %d.%m.%Y
#     time unix s
#
# An option stands behind the kind; what has blanks, quotes or bars in it is written as a JSON
# string.

_WORDS: dict[Kind, str] = {
    "integer": "integer",
    "float": "float",
    "string": "text",
    "boolean": "boolean",
    "timestamp": "time",
}
_KINDS = {word: kind for kind, word in _WORDS.items()}
_NUMBER = ("decimal", "thousands", "prefix", "suffix")
_OPTIONS: dict[Kind, tuple[str, ...]] = {
    "integer": (*_NUMBER, "keep"),
    "float": (*_NUMBER, "keep"),
    "string": ("keep",),
    "boolean": ("true", "false", "keep"),
    "timestamp": ("keep",),
}
_FIELDS = {"keep": "kept"}
"""Options that are called otherwise than the field that has them."""
_DEFAULT = ColumnFormat("", "string")
_ITEM = r'(?:"(?:[^"\\]|\\.)*"|[^\s"|]+)'
_OPTION = re.compile(rf"(?P<key>[a-z]+)=(?P<value>{_ITEM}(?:\|{_ITEM})*)(?:\s+|$)")
_PLAIN = re.compile(r'[^\s"|\x00-\x1f\x7f\ud800-\udfff]+')
_FORMAT = re.compile(r"[^\s\"\x00-\x1f\ud800-\udfff]+( [^\s\"\x00-\x1f\ud800-\udfff]+)*")


def spell(column: ColumnFormat) -> str:
    """The format without the name, as `parse` reads it."""
    parts = [_WORDS[column.kind]]
    for key in _OPTIONS[column.kind]:
        field = _FIELDS.get(key, key)
        value = getattr(column, field)
        if value != getattr(_DEFAULT, field):
            items = value if isinstance(value, tuple) else (value,)
            parts.append(f"{key}={'|'.join(map(_item, items))}")
    if column.kind == "timestamp" and column.time_format is not None:
        text = column.time_format
        plain = _FORMAT.fullmatch(text) and not _OPTION.match(text)
        parts.append(text if plain else json.dumps(text))
    return " ".join(parts)


def _item(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def parse(name: str, text: str) -> ColumnFormat:
    """The format that ``text`` states, for the column called ``name``.

    Raises
    ------
    SourceError
        The text states no format.
    """
    word, _, rest = text.strip().partition(" ")
    kind = _KINDS.get(word)
    if kind is None:
        raise _wrong(name, text, "integer, float, text, boolean or time, then options")
    column, rest = ColumnFormat(name, kind), rest.strip()
    while match := _OPTION.match(rest):
        key = match["key"]
        if key not in _OPTIONS[kind]:
            break  # perhaps of a time's format
        field = _FIELDS.get(key, key)
        items = tuple(_unquoted(name, text, each) for each in re.findall(_ITEM, match["value"]))
        several = isinstance(getattr(_DEFAULT, field), tuple)
        if not several and len(items) != 1:
            raise _wrong(name, text, f"one value for {key}")
        column = replace(column, **{field: items if several else items[0]})  # type: ignore[arg-type]
        rest = rest[match.end() :]
    if kind == "timestamp" and rest:
        return replace(column, time_format=_unquoted(name, text, rest))
    if rest:
        raise _wrong(name, text, f"options such as {', '.join(_OPTIONS[kind])}=...")
    return column


def _unquoted(name: str, text: str, item: str) -> str:
    if not item.startswith('"'):
        return item
    try:
        unquoted = json.loads(item)
    except ValueError:
        raise _wrong(name, text, "a string as JSON writes it") from None
    return str(unquoted)


def _wrong(name: str, text: str, expected: str) -> SourceError:
    return SourceError(
        "is no type of a column",
        where=f"columns[{name!r}]",
        expected=expected,
        found=repr(text),
        fix='Write for example "float decimal=, thousands=." or "time %d.%m.%Y".',
    )
