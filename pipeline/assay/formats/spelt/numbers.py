"""Numbers as text: the marks that they may be written with, and their values."""

from __future__ import annotations

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.definition import ColumnFormat
from assay.formats.spelt.cells import has_bytes

BLANK = "[ \u00a0\u2009\u202f]"
_CURRENCIES = ("$", "€", "£", "¥", "₹", "EUR", "USD", "GBP", "CHF", "JPY", "US$")
_UNITS = ("%", "‰", "°C", "°F", "°", "km", "kg", "cm", "mm", "kWh", "kr", "zł")
_THOUSANDS = ("", ",", ".", " ", "'", "\u2019", "\u00a0", "\u2009", "\u202f")

_BEFORE = "|".join(map(re.escape, sorted(_CURRENCIES, key=len, reverse=True)))
_BEHIND = "|".join(map(re.escape, sorted((*_CURRENCIES, *_UNITS), key=len, reverse=True)))
_DIGITS = rf"\d+([.,]\d*)?|[.,]\d+|\d{{1,3}}([,.'\u2019]\d{{3}}|{BLANK}\d{{3}})+([.,]\d*)?"
_NUMBER = re.compile(
    rf"(?![^\d]*[+-][^\d]*[+-])[+-]?(?P<before>{_BEFORE})?{BLANK}?[+-]?"
    rf"(?P<digits>{_DIGITS})([eE][+-]?\d+)?"
    rf"({BLANK}?(?P<behind>{_BEHIND}))?"
    r"|[+-]?(?i:inf(inity)?)"
)


def is_number(cell: str) -> bool:
    """Whether a cell, or its shape, may be a number with some marks."""
    return _NUMBER.fullmatch(cell) is not None


@lru_cache(maxsize=1 << 12)
def number_formats(shapes: frozenset[str]) -> tuple[ColumnFormat, ...]:
    """The ways to read cells of all these shapes as numbers, the one with fewest marks first.

    Marks that no cell has are not among them, so two make different numbers of some cell. None if
    a shape is that of no number, or some have no way in common.
    """
    matches = [match for shape in shapes if (match := _NUMBER.fullmatch(shape))]
    first = next((match for match in matches if match["digits"]), None)
    if first is None or len(matches) < len(shapes):
        return ()
    cells = pa.array(sorted(shapes), pa.string())
    marks = {mark for shape in shapes for mark in shape}
    formats = (
        ColumnFormat("", "float", decimal, thousands, first["before"] or "", first["behind"] or "")
        for thousands in _THOUSANDS
        for decimal in ".,"
        if thousands != decimal and thousands in ("", *marks)
        if decimal in marks or decimal == ("," if thousands == "." else ".")
    )
    return tuple(each for each in formats if to_numbers(cells, each).null_count == 0)


_WHOLE = r"^[+-]?\d+(\.0*)?$"
_ENGLISH = r"(?i)^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity)$"


def to_numbers(cells: pa.Array, column: ColumnFormat) -> pa.Array:
    """The cells as int64 or float64, null where one is null or no such number.

    Parameters
    ----------
    cells
        Text without blanks around it.
    """
    target = pa.int64() if column.kind == "integer" else pa.float64()
    plain = _plain(cells, column)
    try:
        if column.kind == "integer" and has_bytes(plain, b"xX"):
            raise pa.ArrowInvalid("Arrow would read hexadecimal digits")
        values = pc.cast(plain, target)
    except pa.ArrowInvalid:
        values = _sifted(plain, target)
    if column.kind == "float":
        # Arrow reads the word nan as a number that is none.
        nan = pc.is_nan(values)
        if pc.any(nan).as_py():
            values = pc.if_else(nan, pa.scalar(None, target), values)
    return values


def _plain(cells: pa.Array, column: ColumnFormat) -> pa.Array:
    """The cells as Arrow reads numbers; null where the column's marks are not as stated."""
    none = pa.scalar(None, pa.string())
    before, behind = re.escape(column.prefix), re.escape(column.suffix)
    if column.prefix or column.suffix:
        pattern = rf"^([+-]?){before}{BLANK}?(.*?){BLANK}?{behind}$"
        fits = pc.match_substring_regex(cells, pattern)
        cells = pc.if_else(fits, pc.replace_substring_regex(cells, pattern, r"\1\2"), none)
    if column.thousands:
        mark, decimal = re.escape(column.thousands), re.escape(column.decimal)
        rest = rf"({decimal}\d*)?([eE][+-]?\d+)?$"
        pattern = rf"^[+-]?(\d{{1,3}}({mark}\d{{3}})+|\d*){rest}|(?i)^[+-]?inf(inity)?$"
        cells = pc.if_else(pc.match_substring_regex(cells, pattern), cells, none)
        cells = pc.replace_substring(cells, column.thousands, "")
    if column.decimal != ".":
        cells = pc.if_else(pc.match_substring(cells, "."), none, cells)
        cells = pc.replace_substring(cells, column.decimal, ".")
    return cells


def _sifted(cells: pa.Array, target: pa.DataType) -> pa.Array:
    """Those cells as numbers that are some; the others null."""
    none = pa.scalar(None, pa.string())
    if pa.types.is_floating(target):
        return pc.cast(pc.if_else(pc.match_substring_regex(cells, _ENGLISH), cells, none), target)
    cells = pc.if_else(pc.match_substring_regex(cells, _WHOLE), cells, none)
    # Tools that keep whole numbers as floats, as pandas does with nulls, write 37 as 37.0.
    cells = pc.replace_substring_regex(cells, r"^\+?(-?\d+)(\.0*)?$", r"\1")
    try:
        return pc.cast(cells, target)
    except pa.ArrowInvalid:
        held = [
            None if cell is None or not -(2**63) <= int(cell) < 2**63 else cell
            for cell in cells.to_pylist()
        ]
        return pc.cast(pa.array(held, pa.string()), target)
