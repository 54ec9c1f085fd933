"""Parses text cells to Arrow values, a whole column at a time, and finds the unreadable ones.

The result for a cell does not depend on the cells around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.contract.definition import Kind
from assay.contract.schema import TYPES

Bools: TypeAlias = npt.NDArray[np.bool_]
Cast: TypeAlias = Callable[[pa.Array], pa.Array]

REPLACEMENT = "\ufffd"
"""Readers put it in place of bytes that are not valid text."""

_FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_ZONE = r"[T ]\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"
_WHOLE = r"^([+-]?\d+)\.0*$"
_BEYOND_MICROS = r"(\.\d{6})\d+"


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this Arrow type holds text."""
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))


def to_bool_mask(mask: pa.Array | pa.ChunkedArray) -> Bools:
    """A mask without nulls as NumPy's bools."""
    single = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    array: Bools = single.to_numpy(zero_copy_only=False)
    return array


def invalid_utf8_mask(cells: pa.Array) -> Bools:
    """Mask of cells in which invalid bytes were replaced."""
    return to_bool_mask(pc.fill_null(pc.match_substring(cells, REPLACEMENT), False))


def parse_cells(kind: Kind, cells: pa.Array) -> tuple[pa.Array, Bools]:
    """Cells as values of the Arrow type of ``kind``, and a mask of the unreadable ones.

    Numbers, flags and times may have blanks around them. Times are ISO 8601, in UTC if they have no
    zone, truncated to microseconds. Strings are kept as they are.

    Parameters
    ----------
    cells
        Text; a null stays null and does not count as unreadable.
    """
    if kind == "string":
        return cells, np.zeros(len(cells), dtype=bool)
    return _parsed(cells, READERS[kind])


def _parsed(cells: pa.Array, cast: Cast) -> tuple[pa.Array, Bools]:
    """Cells converted by ``cast``, and a mask of those that it rejects."""
    bad = np.zeros(len(cells), dtype=bool)
    try:
        return cast(cells), bad
    except pa.ArrowInvalid:
        coded = pc.utf8_trim_whitespace(cells).dictionary_encode()
    kinds: list[pa.Array] = []
    _cast_each(coded.dictionary, cast, kinds)
    values = pa.concat_arrays(kinds).take(coded.indices)
    bad = to_bool_mask(pc.and_(pc.is_null(values), pc.is_valid(cells)))
    return values, bad


def _cast_each(cells: pa.Array, cast: Cast, done: list[pa.Array]) -> None:
    """Bisects cells that ``cast`` rejects down to single ones, which become null."""
    try:
        done.append(cast(cells))
    except pa.ArrowInvalid:
        if len(cells) == 1:
            done.append(cast(pa.nulls(1, pa.string())))
            return
        middle = len(cells) // 2
        _cast_each(cells[:middle], cast, done)
        _cast_each(cells[middle:], cast, done)


def _integer(cells: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(cells, "x", ignore_case=True)).as_py():
        raise pa.ArrowInvalid("Arrow would read hexadecimal digits")
    # Tools that store integers as floats, as pandas does with nulls, write 37 as 37.0.
    return pc.cast(pc.replace_substring_regex(cells, _WHOLE, r"\1"), TYPES["integer"])


def _float(cells: pa.Array) -> pa.Array:
    return pc.cast(cells, TYPES["float"])


def _boolean(cells: pa.Array) -> pa.Array:
    words = pa.array(list(_FLAGS))
    places = pc.index_in(pc.utf8_lower(cells), value_set=words)
    if places.null_count != cells.null_count:
        raise pa.ArrowInvalid("neither true nor false")
    return pa.array(list(_FLAGS.values())).take(places)


def _timestamp(cells: pa.Array) -> pa.Array:
    cells = pc.replace_substring_regex(cells, _BEYOND_MICROS, r"\1")
    zoned = pc.match_substring_regex(cells, _ZONE)
    naive, target = pa.scalar(None, pa.string()), TYPES["timestamp"]
    if not pc.any(zoned).as_py():
        return pc.cast(cells, target)
    without = pc.cast(pc.if_else(zoned, naive, cells), target)
    utc = pc.cast(pc.if_else(zoned, cells, naive), pa.timestamp("us", "UTC"))
    return pc.coalesce(without, pc.cast(utc, target))


READERS: Mapping[Kind, Cast] = {
    "integer": _integer,
    "float": _float,
    "boolean": _boolean,
    "timestamp": _timestamp,
}
