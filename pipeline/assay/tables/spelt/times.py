"""Times as text: the formats that a cell's shape allows, and the values.

Arrow's own strptime reads 31 February as 2 March, so a format is turned into a pattern here, and
what it finds is written as ISO 8601, which Arrow reads strictly.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from assay.tables.definition import ColumnFormat
from assay.tables.spelt.numbers import to_numbers

MICROS = pa.timestamp("us")
ISO = None
"""The format of ISO 8601, as `ColumnFormat.time_format` states it."""

UNIX = {"unix s": 1, "unix ms": 1_000, "unix us": 1_000_000, "unix ns": 1_000_000_000}
"""The formats of numbers since 1970 in UTC, and how many of their units are a second."""

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_LONG = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CLOCK = r"[09]?9:99(:99(\.9{1,9})?)?"
_ISO = re.compile(
    rf"9999-[09]9-99([T ]{_CLOCK}( ?(Z|UTC|[+-][09]9(:?99)?))?)?".replace("[09]?9:", "[09]9:")
)
_ZONED = r"[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"
_DAY = re.compile(
    r"(?P<a>[09]?9|9999)(?P<mark>[-./ ]|\. )(?P<b>99?|[A-Za-z]{3,9})(?P=mark)(?P<c>9999|99?)"
)
_NAMED = re.compile(r"(?P<month>[A-Za-z]{3,9})(?P<gap>[-/ ])99?(?P<comma>,?)(?P=gap)9999")
_BASIC = re.compile(r"9{8}T9{4}(?P<seconds>99)?(?P<part>\.9{1,6})?(?P<zone>Z|[+-]99:?99)?")
_WEEK = re.compile(r"9999(?P<mark>-?)W99(?P<day>(?P=mark)9)?")
_LOG = re.compile(rf"(?P<mark>\[)?[09]9/(?i:{'|'.join(_MONTHS)})/9999:99:99:99 [+-]9999(?(mark)\])")
"""As web servers write it in their logs, with its brackets or without."""
_CTIME = re.compile(rf"(?i:{'|'.join(_DAYS)}) (?i:{'|'.join(_MONTHS)}) (99| ?9) 99:99:99 9999")
"""As the C library's ctime writes it, which puts a second blank before a day of one digit."""
_WITH_CLOCK = re.compile(
    r"(?P<day>.*?\d)(?P<gap>[T ]|, )(?P<clock>[09]?9:99)(?P<seconds>:99)?"
    r"(?P<part>\.9{1,6})?(?P<half> ?[AaPp]\.?[Mm]\.?)?"
)


@lru_cache(maxsize=1 << 14)
def time_formats(shape: str) -> tuple[str | None, ...]:
    """The formats in which a cell of this shape may be a time, the likelier first."""
    if not 6 <= len(shape) <= 40:
        return ()
    found: list[str | None] = [ISO] if _ISO.fullmatch(shape) else []
    cut = _WITH_CLOCK.fullmatch(shape)
    if found and cut:
        return (ISO,)
    if whole := _whole(shape):
        return (whole,)
    days = _days(cut["day"] if cut else shape)
    if not cut:
        if re.fullmatch(r"9{8}", shape):
            days = ["%Y%m%d"]
        elif re.fullmatch(r"9{14}", shape):
            days = ["%Y%m%d%H%M%S"]
        elif re.fullmatch(r"9999-[09]?9", shape):
            days = ["%Y-%m"]
        return (*found, *days)
    if cut["half"] and cut["half"].strip().upper() not in ("AM", "PM"):
        return ()
    clock = "%I:%M" if cut["half"] else "%H:%M"
    clock += ":%S" if cut["seconds"] else ""
    clock += ".%f" if cut["part"] else ""
    if cut["half"]:
        clock += " %p" if cut["half"].startswith(" ") else "%p"
    return (*found, *(f"{day}{cut['gap']}{clock}" for day in days))


def _whole(shape: str) -> str:
    """The format of a cell whose day is written in none of the usual ways; empty if it is."""
    if _CTIME.fullmatch(shape):
        return "%a %b %d %H:%M:%S %Y"
    if week := _WEEK.fullmatch(shape):
        mark = week["mark"]
        return f"%G{mark}W%V{mark}%u" if week["day"] else f"%G{mark}W%V"
    if log := _LOG.fullmatch(shape):
        return "[%d/%b/%Y:%H:%M:%S %z]" if log["mark"] else "%d/%b/%Y:%H:%M:%S %z"
    basic = _BASIC.fullmatch(shape)
    if not basic or (basic["part"] and not basic["seconds"]):
        return ""
    clock = "%H%M" + ("%S" if basic["seconds"] else "") + (".%f" if basic["part"] else "")
    zone = basic["zone"] or ""
    return f"%Y%m%dT{clock}{zone if zone in ('', 'Z') else '%z'}"


def _days(shape: str) -> list[str]:
    named = _NAMED.fullmatch(shape)
    if named:
        gap, comma = named["gap"], named["comma"]
        return [f"{word}{gap}%d{comma}{gap}%Y" for word in _month_words(named["month"])]
    found = _DAY.fullmatch(shape)
    if not found:
        return []
    a, b, c, mark = found["a"], found["b"], found["c"], found["mark"]
    if b[0].isalpha():
        year = {4: "%Y", 2: "%y"}.get(len(c))
        words = _month_words(b)
        return [f"%d{mark}{word}{mark}{year}" for word in words] if year and len(a) < 4 else []
    if mark.startswith(" "):
        return []
    if len(a) == 4:
        return [f"%Y{mark}%m{mark}%d"] if len(c) < 4 else []
    if len(c) == 1:
        return []
    year = "%Y" if len(c) == 4 else "%y"
    both = [f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}"]
    if mark == "/":
        both.reverse()
    if year == "%Y" or len(a) < 2 or mark == ".":
        return both
    return [*both, f"%y{mark}%m{mark}%d"]


def _month_words(word: str) -> list[str]:
    low = word.lower()
    return ["%b"] * (low in _MONTHS) + ["%B"] * (low in _LONG)


# ------------------------------------------------------------------------------- reading

_YEARS = (-62_135_596_800, 253_402_300_799)
"""The first second of the year 1 and the last one of 9999, since 1970."""
_GROUPS = {
    "Y": r"\d{4}",
    "y": r"\d\d",
    "m": r"1[0-2]|0?[1-9]",
    "d": r"3[01]|[12]\d|0?[1-9]",
    "H": r"2[0-3]|[01]?\d",
    "I": r"1[0-2]|0?[1-9]",
    "M": r"[0-5]?\d",
    "S": r"[0-5]?\d",
    "f": r"\d{1,6}",
    "a": "(?i:" + "|".join(_DAYS) + ")",
    "b": "(?i:" + "|".join(_MONTHS) + ")",
    "B": "(?i:" + "|".join(_LONG) + ")",
    "p": "(?i:am|pm)",
}


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
    # Times repeat, and a pattern is slow: each is read once.
    coded = cells.dictionary_encode()
    if time_format is ISO:
        values = _each(coded.dictionary)
    else:
        pattern = _pattern(time_format)
        if pattern is None:
            values = _by_python(coded.dictionary, time_format)
        else:
            values = _each(_as_iso(pc.extract_regex(coded.dictionary, pattern), pattern))
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


@lru_cache(maxsize=256)
def _pattern(time_format: str) -> str | None:
    """The format as a pattern; None if it holds what only Python knows, or something twice."""
    parts, seen = [], set()
    for text, code in re.findall(r"([^%]*)(?:%(.)|$)", time_format):
        # Any number of blanks, as for Python's strptime.
        parts.append(re.escape(text).replace(r"\ ", " +"))
        if not code:
            continue
        if code not in _GROUPS or code in seen:
            return None
        seen.add(code)
        parts.append(f"(?P<{code}>{_GROUPS[code]})")
    return f"^{''.join(parts)}$"


def _as_iso(found: pa.StructArray, pattern: str) -> pa.Array:
    """Year, month and so on put together again; null where the pattern did not fit."""
    codes = re.findall(r"\(\?P<(.)>", pattern)
    parts = dict(zip(codes, found.flatten(), strict=True))

    def two(code: str, missing: str) -> pa.Array | pa.Scalar:
        return pc.utf8_lpad(parts[code], 2, "0") if code in parts else pa.scalar(missing)

    if "Y" in parts:
        year = parts["Y"]
    elif "y" in parts:
        late = pc.greater_equal(parts["y"], "69")
        century = pc.if_else(late, "19", "20")
        year = pc.binary_join_element_wise(century, parts["y"], "")
    else:
        year = pc.if_else(found.is_valid(), "1900", pa.scalar(None, pa.string()))
    month = two("m", "01")
    for code, words in (("b", _MONTHS), ("B", _LONG)):
        if code in parts:
            place = pc.index_in(pc.utf8_lower(parts[code]), value_set=pa.array(words))
            month = pa.array([f"{n:02d}" for n in range(1, 13)]).take(place)
    hour = two("H", "00")
    if "I" in parts:
        twelve = pc.cast(parts["I"], pa.int64())
        twelve = pc.if_else(pc.equal(twelve, 12), 0, twelve)
        if "p" in parts:
            twelve = pc.add(twelve, pc.if_else(pc.equal(pc.utf8_lower(parts["p"]), "pm"), 12, 0))
        hour = pc.utf8_lpad(pc.cast(twelve, pa.string()), 2, "0")
    fraction = pc.utf8_rpad(parts["f"], 6, "0") if "f" in parts else pa.scalar("000000")
    day = pc.binary_join_element_wise(year, month, two("d", "01"), "-")
    clock = pc.binary_join_element_wise(hour, two("M", "00"), two("S", "00"), ":")
    whole = pc.binary_join_element_wise(day, clock, " ")
    joined = pc.binary_join_element_wise(whole, fraction, ".")
    return pc.if_else(found.is_valid(), joined, pa.scalar(None, pa.string()))


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


def _by_python(cells: pa.Array, time_format: str) -> pa.Array:
    return pa.array([_one(cell, time_format) for cell in cells.to_pylist()], MICROS)


def _one(cell: str | None, time_format: str) -> datetime | None:
    if cell is None:
        return None
    week = "%V" in time_format
    try:
        # A week is called by its Monday; without a day Python reads none.
        monday = week and "%u" not in time_format
        found = (
            datetime.strptime(f"{cell} 1", f"{time_format} %u")
            if monday
            else datetime.strptime(cell, time_format)
        )
    except ValueError:
        return None
    # Python takes week 53 of a year that has none for the first of the next one.
    if week and f"{found.isocalendar().year:04}" not in cell:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
