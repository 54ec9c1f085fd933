"""The night that a row belongs to, from its cell in the column of days or times."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.contract.text_parser import is_text, parse_cells, to_bool_mask
from assay.project.params.values import Every
from assay.project.partitions import first_days

_YEARS = (1700, 2199)
"""The first and the last year whose nights have a name."""

_DAY = (r"^\s*(\d{4})(\d{2})(\d{2})\s*$", r"\1-\2-\3")
_MONTH = (r"^\s*(\d{4})-?(\d{2})\s*$", r"\1-\2-01")
_YEAR = (r"^\s*(\d{4})\s*$", r"\1-01-01")
_DIGITS: Mapping[Every, tuple[tuple[str, str], ...]] = {
    "day": (_DAY,),
    "week": (_DAY,),
    "month": (_DAY, _MONTH),
    "year": (_DAY, _MONTH, _YEAR),
}
"""How long a night is -> times that are no shorter, written as digits -> as days.

A month is no day: all its rows would be of the first.
"""

_EXAMPLES: Mapping[Every, str] = {
    "day": "20130701",
    "week": "20130701",
    "month": "20130701, 201307",
    "year": "20130701, 201307, 2013",
}


def readable(every: Every) -> str:
    """What a cell has to be, for errors."""
    first, last = _YEARS
    return (
        f"a day or a time from {first} to {last}, such as 2013-07-01, 2013-07-01 10:00, "
        f"{_EXAMPLES[every]}"
    )


def can_name_nights(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type can be days or times."""
    if t.is_dictionary(kind):
        return can_name_nights(kind.value_type)
    return bool(is_text(kind) or t.is_integer(kind) or t.is_timestamp(kind) or t.is_date(kind))


def nights_of(cells: pa.Array, every: Every) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The distinct nights of some rows, as text, and the position in them of each row's night.

    A time with a zone belongs to its day in UTC.

    Parameters
    ----------
    cells
        Days, times, or texts or integers that are written as `readable` says.

    Returns
    -------
    nights : pa.Array
        Texts, each once.
    places : array of shape (rows,)
        -1 for a row without a night, because its cell is null or unreadable.
    """
    if t.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    coded = cells.dictionary_encode()
    found = _night(coded.dictionary, every).dictionary_encode()
    night = pc.fill_null(found.indices, -1).to_numpy().astype(np.int64)
    rows = pc.fill_null(coded.indices, len(night)).to_numpy().astype(np.int64)
    return found.dictionary, np.append(night, -1)[rows]


def _night(values: pa.Array, every: Every) -> pa.Array:
    times = _times(values, every)
    year = pc.year(times)
    named = pc.and_(pc.greater_equal(year, _YEARS[0]), pc.less_equal(year, _YEARS[1]))
    return first_days(pc.if_else(named, times, pa.scalar(None, times.type)), every)


def _times(values: pa.Array, every: Every) -> pa.Array:
    if t.is_timestamp(values.type):
        # Of a time with a zone, Arrow stores the instant in UTC.
        return values.cast(pa.timestamp(values.type.unit)).cast(pa.timestamp("s"), safe=False)
    if t.is_date(values.type):
        return values.cast(pa.timestamp("s"), safe=False)
    texts = values.cast(pa.string())
    for digits, day in _DIGITS[every]:
        texts = pc.replace_substring_regex(texts, digits, day)
    times, unreadable = parse_cells("timestamp", texts)
    assert not to_bool_mask(pc.is_valid(times))[unreadable].any()
    return times.cast(pa.timestamp("s"), safe=False)
