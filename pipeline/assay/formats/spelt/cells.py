"""Cells of text: words with a meaning, blanks around them, and their shapes.

A shape is ``9.999,99`` for ``1.234,50``: few shapes stand for many numbers and times. They are made
from the bytes of a whole column at once, so that all rows can be looked at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.definition import ColumnFormat

UNMISTAKABLE = (
    "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-nan", "-NaN", "NULL", "null",
    "Null", "(null)", "#NULL!", "#VALUE!", "#DIV/0!", "\\N", "NaT", "nil",
)  # fmt: skip
"""Words that stand for no value in any column."""

DOUBTFUL = ("NA", "na", "None", "none", "-", "--", "—", "?", ".", "..", "...", "*", "missing")
"""Words that stand for no value among numbers, times and flags, and may be values among texts."""

WORDS = ("", *UNMISTAKABLE, *DOUBTFUL)

FLAGS = (
    ("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"),
    ("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("oui", "non"), ("o", "n"), ("vrai", "faux"),
    ("si", "no"), ("sí", "no"), ("sì", "no"), ("s", "n"), ("verdadero", "falso"),
    ("ja", "nee"), ("ja", "nej"), ("sim", "não"), ("да", "нет"), ("tak", "nie"),
)  # fmt: skip
"""Words for true and false that go together, in small letters."""

_TRUE, _FALSE = ("true", "t", "1"), ("false", "f", "0")


def flag_words(words: set[str]) -> tuple[str, str] | None:
    """The pair that all the words belong to; None if there is none, or one word could be anything.

    >>> flag_words({"Ja", "nein"}), flag_words({"Y"}), flag_words({"TRUE"})
    (('ja', 'nein'), None, ('true', 'false'))
    """
    low = {word.lower() for word in words}
    for pair in FLAGS:
        if low and low <= set(pair) and (len(low) == 2 or pair[0] == "true"):
            return pair
    return None


def to_flags(cells: pa.Array, column: ColumnFormat) -> pa.Array:
    """The cells as booleans, in any case; null where one is null or neither word."""
    true = [word.lower() for word in column.true or _TRUE]
    false = [word.lower() for word in column.false or _FALSE]
    place = pc.index_in(pc.utf8_lower(cells), value_set=pa.array([*true, *false], pa.string()))
    return pc.less(place, len(true))


@lru_cache(maxsize=1 << 14)
def all_missing(missing: tuple[str, ...], column: ColumnFormat) -> pa.Array:
    """The cells that stand for no value in this column, the empty one among them."""
    words = dict.fromkeys(("", *missing))
    return pa.array([word for word in words if not word or word not in column.kept], pa.string())


# ------------------------------------------------------------------------------------ shapes

_DIGITS = np.arange(256, dtype=np.uint8)
_DIGITS[ord("0") : ord("9") + 1] = ord("9")

_MAYBE_BLANK = np.zeros(256, dtype=bool)
_MAYBE_BLANK[[9, 10, 11, 12, 13, 28, 29, 30, 31, 32]] = True
_MAYBE_BLANK[128:] = True
"""Bytes that a blank may begin or end with: those beyond ASCII may belong to a wide blank."""


def _buffers(cells: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    offsets: Any = np.frombuffer(cells.buffers()[1], dtype=np.int32)
    data = cells.buffers()[2]
    text = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    return offsets[cells.offset : cells.offset + len(cells) + 1], text


def has_bytes(cells: pa.Array, some: bytes) -> bool:
    """Whether a cell has one of these bytes; perhaps also if only a null hides one."""
    if not len(cells):
        return False
    offsets, text = _buffers(cells)
    text = text[offsets[0] : offsets[-1]]
    return any(bool((text == byte).any()) for byte in some)


def trim(cells: pa.Array) -> pa.Array:
    """The cells without blanks around them; the same object if there are none.

    Parameters
    ----------
    cells
        Text without nulls.
    """
    if not len(cells):
        return cells
    offsets, text = _buffers(cells)
    filled = offsets[1:] > offsets[:-1]
    ends = np.concatenate([offsets[:-1][filled], offsets[1:][filled] - 1])
    if not _MAYBE_BLANK[text[ends]].any():
        return cells
    return pc.utf8_trim_whitespace(cells)


def shapes(cells: pa.Array) -> pa.Array:
    """Each cell with its digits as ``9``; a first digit that is 0, after a sign too, stays ``0``.

    Parameters
    ----------
    cells
        Text without nulls.

    >>> shapes(pa.array(["1.234,50", "-0.5", "01067", "NA"])).to_pylist()
    ['9.999,99', '-0.9', '09999', 'NA']
    """
    if not len(cells):
        return cells
    offsets, text = _buffers(cells)
    base, stop = int(offsets[0]), int(offsets[-1])
    places = (offsets - base).astype(np.int32)
    text = text[base:stop]
    shaped = _DIGITS[text]
    starts, ends = places[:-1], places[1:]
    first = starts[starts < ends]
    shaped[first[text[first] == ord("0")]] = ord("0")
    second = starts[starts + 1 < ends]
    second = second[(text[second] == ord("-")) | (text[second] == ord("+"))] + 1
    shaped[second[text[second] == ord("0")]] = ord("0")
    return pa.StringArray.from_buffers(len(cells), pa.py_buffer(places), pa.py_buffer(shaped))


def first_places(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Where each code comes first; codes are numbered in the order in which they appear."""
    highest = np.maximum.accumulate(codes)
    return np.flatnonzero(np.diff(highest, prepend=-1))
