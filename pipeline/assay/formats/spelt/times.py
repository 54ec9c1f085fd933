"""Times as text: the formats that a cell's shape allows, and the values.

ISO 8601 is read by Arrow, all else by Python, whose strptime knows the calendar: that of Arrow
reads 31 February as 2 March, and pandas has no year 9999.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.definition import MICROS, ColumnFormat
from assay.formats.spelt.numbers import to_numbers

ISO = None
"""The format of ISO 8601, as `ColumnFormat.time_format` states it."""

UNIX = {"unix s": 1, "unix ms": 1_000, "unix us": 1_000_000, "unix ns": 1_000_000_000}
"""The formats of numbers since 1970 in UTC, and how many of their units are a second."""

_YEARS = (-62_135_596_800, 253_402_300_799)
"""The first second of the year 1 and the last one of 9999, since 1970."""
_ISO = re.compile(
    r"\d{4}-\d\d?-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?(Z|UTC|[+-]\d\d(:?\d\d)?))?)?"
)
_ZONED = r"[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MARKS = ("-", " ", "/", ".", ". ")
_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m", "%Y%m%d%H%M%S"),
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%m/%d/%y", "%d/%m/%y", "%y/%m/%d", "%d.%m.%y", "%m.%d.%y"),
    *("%d-%m-%y", "%m-%d-%y", "%y-%m-%d"),
    *(f"%d{m}{b}{m}{y}" for m in _MARKS for b in ("%b", "%B") for y in ("%Y", "%y")),
    *(f"{b}{gap}%d{comma}{gap}%Y" for b in ("%b", "%B") for gap in " -/" for comma in ("", ",")),
    *(f"%Y%m%dT%H%M{rest}" for rest in ("", "%S", "%S.%f")),
    *(f"%Y%m%dT%H%M{rest}%z" for rest in ("", "%S", "%S.%f")),
    "%a %b %d %H:%M:%S %Y",
    *("%d/%b/%Y:%H:%M:%S %z", "[%d/%b/%Y:%H:%M:%S %z]"),
)
"""Of those that one cell may be, the likelier is first: with a slash that is the month first."""
_CLOCKS = (
    "",
    *(
        f"{gap}{clock}"
        for gap in (" ", "T", ", ")
        for clock in ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f")
    ),
    *(
        f"{gap}{clock}{half}"
        for gap in (" ", ", ")
        for clock in ("%I:%M", "%I:%M:%S")
        for half in (" %p", "%p")
    ),
)
_PARTS = {
    "Y": r"\d{4}",
    **dict.fromkeys("yMS", r"\d\d"),
    **dict.fromkeys("mdHI", r"\d\d?"),
    "f": r"\d{1,6}",
    "a": "(?i:mon|tue|wed|thu|fri|sat|sun)",
    "b": f"(?i:{'|'.join(_NAMES)})",
    "B": "(?i:january|february|march|april|may|june|july|august|september|october|november"
    "|december)",
    "p": "(?i:am|pm)",
    "z": r"(Z|[+-]\d\d:?\d\d)",
}
_BEGINS = re.compile(r"\[?\d|(?i:mon|tue|wed|thu|fri|sat|sun)|" + _PARTS["b"])


@lru_cache(maxsize=1 << 14)
def time_formats(shape: str) -> tuple[str | None, ...]:
    """The formats in which a cell of this shape may be a time, the likelier first."""
    if not 6 <= len(shape) <= 40 or not _BEGINS.match(shape):
        return ()
    iso = _ISO.fullmatch(shape)
    if iso and iso[1]:
        return (ISO,)
    formats: list[str | None] = [ISO] if iso else []
    for day in _DAYS:
        if begin := _shaped(day).match(shape):
            rest = shape[begin.end() :]
            formats += [f"{day}{clock}" for clock in _CLOCKS if _shaped(clock).fullmatch(rest)]
    return tuple(formats)


@lru_cache(maxsize=256)
def _shaped(time_format: str) -> re.Pattern[str]:
    """Cells that look as if written so; whether they are in the calendar is not looked at."""
    texts = re.split(r"%(.)", time_format)
    pattern = re.escape(texts[0])
    for before, code, after in zip(texts[::2], texts[1::2], texts[2::2], strict=False):
        # Where nothing stands between numbers, each has all of its digits.
        tight = (not before and pattern) or (not after and code != texts[-2])
        pattern += r"\d\d" if tight and code in "mdH" else _PARTS[code]
        # Any number of blanks, as for Python's strptime.
        pattern += re.escape(after).replace(r"\ ", " +")
    return re.compile(pattern)


def to_times(cells: pa.Array, time_format: str | None) -> pa.Array:
    """The cells as microseconds without a zone, in UTC; null where one is null or no such time.

    Parameters
    ----------
    cells
        Text without blanks around it.
    """
    if time_format is ISO:
        try:
            return pc.cast(cells, MICROS)
        except pa.ArrowInvalid:
            pass
    elif time_format in UNIX:
        numbers = to_numbers(cells, ColumnFormat("", "integer"))
        if numbers.null_count > cells.null_count:
            numbers = to_numbers(cells, ColumnFormat("", "float"))
        return since_1970(numbers, time_format)
    # Times repeat: each is read once.
    coded = cells.dictionary_encode()
    if time_format is ISO:
        values = _each(coded.dictionary)
    else:
        cells = coded.dictionary.to_pylist()
        values = pa.array([_one(cell, time_format) for cell in cells], MICROS)
    return values.take(coded.indices)


def since_1970(numbers: pa.Array, time_format: str) -> pa.Array:
    """Numbers since 1970 as microseconds, rounded down; null beyond the years 1 to 9999.

    Parameters
    ----------
    numbers
        int64 or float64.
    time_format
        One of `UNIX`.
    """
    per_second = UNIX[time_format]
    kind = float if pa.types.is_floating(numbers.type) else int
    # int64 ends before the years do, if its unit is a nanosecond.
    bounds = (max(-(2**63), min(bound * per_second, 2**63 - 1)) for bound in _YEARS)
    least, most = (pa.scalar(kind(bound), numbers.type) for bound in bounds)
    inside = pc.and_(pc.greater_equal(numbers, least), pc.less_equal(numbers, most))
    numbers = pc.if_else(inside, numbers, pa.scalar(None, numbers.type))
    if kind is float:
        # A double holds a second of our days to a quarter of a microsecond.
        micros = pc.round(pc.multiply(numbers, 1_000_000 / per_second))
        return pc.cast(pc.cast(micros, pa.int64()), MICROS)
    if per_second > 1_000_000:
        moments = pc.cast(numbers, pa.timestamp("ns"))
        return pc.cast(pc.floor_temporal(moments, unit="microsecond"), MICROS)
    return pc.cast(pc.multiply(numbers, 1_000_000 // per_second), MICROS)


def _each(cells: pa.Array) -> pa.Array:
    """ISO 8601, null where a cell is not."""
    try:
        return _iso(cells)
    except pa.ArrowInvalid:
        done: list[pa.Array] = []
        _bisect(cells, done)
        return pa.concat_arrays(done) if done else pa.nulls(0, MICROS)


def _iso(cells: pa.Array) -> pa.Array:
    cells = pc.replace_substring_regex(cells, r"(\.\d{6})\d+", r"\1")
    cells = pc.replace_substring_regex(cells, r" ?UTC$", "Z")
    cells = pc.replace_substring_regex(cells, r"(:\d\d(?:\.\d+)?) (Z|[+-]\d\d)", r"\1\2")
    zoned = pc.match_substring_regex(cells, _ZONED)
    if not pc.any(zoned).as_py():
        return pc.cast(cells, MICROS)
    none = pa.scalar(None, pa.string())
    without = pc.cast(pc.if_else(zoned, none, cells), MICROS)
    utc = pc.cast(pc.if_else(zoned, cells, none), pa.timestamp("us", "UTC"))
    return pc.coalesce(without, pc.cast(utc, MICROS))


def _bisect(cells: pa.Array, done: list[pa.Array]) -> None:
    try:
        done.append(_iso(cells))
    except pa.ArrowInvalid:
        if len(cells) == 1:
            done.append(pa.nulls(1, MICROS))
            return
        middle = len(cells) // 2
        _bisect(cells[:middle], done)
        _bisect(cells[middle:], done)


def _one(cell: str | None, time_format: str) -> datetime | None:
    if cell is None:
        return None
    try:
        moment = datetime.strptime(cell, time_format)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
