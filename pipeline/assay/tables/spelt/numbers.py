"""Numbers as text: the marks that they may be written with, and their values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from assay.tables.definition import ColumnFormat
from assay.tables.spelt.shapes import has_bytes

BLANK = "[ \u00a0\u2009\u202f]"
_CURRENCIES = ("$", "€", "£", "¥", "₹", "EUR", "USD", "GBP", "CHF", "JPY", "US$")
_UNITS = ("%", "‰", "°C", "°F", "°", "km", "kg", "cm", "mm", "kWh", "kr", "zł")
_THOUSANDS = ("", ",", ".", " ", "'", "\u2019", "\u00a0", "\u2009", "\u202f")

_BEFORE = "|".join(map(re.escape, sorted(_CURRENCIES, key=len, reverse=True)))
_BEHIND = "|".join(map(re.escape, sorted((*_CURRENCIES, *_UNITS), key=len, reverse=True)))
_PARTS = re.compile(
    rf"(?P<s1>[+-]?)(?:(?P<before>{_BEFORE}){BLANK}?(?P<s2>[+-]?))?(?P<body>[09.].*?)"
    rf"(?P<exponent>[eE][+-]?[09]+)?(?P<minus>(?<=[09.])-)?(?:{BLANK}?(?P<behind>{_BEHIND}))?"
)
_BRACKETS = re.compile(rf"((?:{_BEFORE}){BLANK}?)?\(([^()+-]*)\)({BLANK}?(?:{_BEHIND}))?")
NEGATIVES = ("()", "-")
"""How bookkeepers write numbers below zero: in brackets, or with the minus behind."""
_INFINITY = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
LONGEST = 15
"""Digits that both an integer and a double hold exactly."""


@dataclass(frozen=True)
class Marks:
    """What numbers of one column are written with."""

    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""
    negative: str = ""


@dataclass(frozen=True)
class NumberShape:
    """What the shape of a cell says, if it is that of a number.

    Parameters
    ----------
    marks
        The ways in which it can be read.
    fraction, grouped
        Whether it has a decimal mark or an exponent, and marks of thousands, in each of the ways.
    """

    marks: frozenset[Marks]
    fraction: frozenset[Marks]
    grouped: frozenset[Marks]
    zeros: bool = False
    """Nothing but digits, and the first of several is 0: a code."""
    plus: bool = False
    """A plus and at least seven digits: a telephone number."""
    bare: bool = False
    """Nothing but digits and a sign, beside what stands before and behind the number."""
    negative: str = ""
    """Which of `NEGATIVES` the cell is written with; empty if with neither."""
    long: bool = False
    """Perhaps a whole number that a double does not hold."""


@lru_cache(maxsize=1 << 14)
def number_shape(shape: str) -> NumberShape | None:
    """How a cell of this shape can be read as a number; None if it cannot."""
    if _INFINITY.fullmatch(shape):
        ways = frozenset(
            Marks(decimal, thousands, negative=negative)
            for decimal in ".,"
            for thousands in _THOUSANDS
            for negative in ("", *NEGATIVES)
            if thousands != decimal
        )
        return NumberShape(ways, ways, frozenset())
    brackets = _BRACKETS.fullmatch(shape)
    found = _PARTS.fullmatch("".join(brackets.groups("")) if brackets else shape)
    if not found or sum(bool(found[sign]) for sign in ("s1", "s2", "minus")) > 1:
        return None
    negative = "()" if brackets else found["minus"] or ""
    if brackets and found["minus"]:
        return None
    body, prefix, suffix = found["body"], found["before"] or "", found["behind"] or ""
    marks, fraction, grouped = set(), set(), set()
    for decimal in ".,":
        for thousands in _THOUSANDS:
            way = _way(body, decimal, thousands)
            if way is None or thousands == decimal:
                continue
            # A number that is not below zero is written alike in each of the three ways.
            for below in (negative,) if negative else ("", *NEGATIVES):
                each = Marks(decimal, thousands, prefix, suffix, below)
                marks.add(each)
                if way[0] or found["exponent"]:
                    fraction.add(each)
                if way[1]:
                    grouped.add(each)
    if not marks:
        return None
    bare = body.isdigit() and not found["exponent"]
    return NumberShape(
        frozenset(marks),
        frozenset(fraction),
        frozenset(grouped),
        zeros=bare and len(body) > 1 and body[0] == "0" and not prefix and not suffix,
        plus=bare and found["s1"] == "+" and len(body) >= 7,
        bare=bare,
        negative=negative,
        long=sum(map(str.isdigit, body)) > LONGEST and fraction != marks,
    )


def _way(body: str, decimal: str, thousands: str) -> tuple[bool, bool] | None:
    """Whether the body has a decimal mark, and marks of thousands; None if it is no number."""
    whole, mark, rest = body.partition(decimal)
    if (rest and not rest.isdigit()) or not (whole or rest):
        return None
    if whole.isdigit() or (not whole and rest):
        return bool(mark), False
    groups = whole.split(thousands) if thousands else [whole]
    first, *others = groups
    if not others or not 1 <= len(first) <= 3 or not first.isdigit() or first[0] == "0":
        return None
    if any(len(each) != 3 or not each.isdigit() for each in others):
        return None
    return bool(mark), True


# ------------------------------------------------------------------------------- reading

_WHOLE = r"^[+-]?\d+(\.0*)?$"
_NUMBER = r"(?i)^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity)$"


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
    if column.negative == "()":
        pattern = rf"^({before}{BLANK}?)?\(([^()+-]+)\)({BLANK}?{behind})?$"
        cells = pc.replace_substring_regex(cells, pattern, r"-\1\2\3")
    elif column.negative == "-":
        pattern = rf"^({before}{BLANK}?)?([^+-]*[0-9.])-({BLANK}?{behind})?$"
        cells = pc.replace_substring_regex(cells, pattern, r"-\1\2\3")
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
        return pc.cast(pc.if_else(pc.match_substring_regex(cells, _NUMBER), cells, none), target)
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
