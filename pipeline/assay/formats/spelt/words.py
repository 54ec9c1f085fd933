"""Words with a meaning: those for true and false, and those for no value."""

from __future__ import annotations

from functools import lru_cache

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
