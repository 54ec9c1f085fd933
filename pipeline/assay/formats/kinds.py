"""The kind of a column of cells: the first of flags, times and numbers that reads all of its rows.

The shapes of cells (`spelt.cells`) are counted over all rows, and each format of times that a
shape allows is tried on them. Then a pure function decides, with its reasons; what no reader reads
stays text, and what is nearly a number or a time is doubted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.definition import (
    IN_CONTRACTS,
    TO_UTC,
    ColumnFormat,
    Kind,
    as_text,
    kind_of,
    spell,
)
from assay.formats.spelt.cells import UNMISTAKABLE, WORDS, first_places, flag_words, shapes, trim
from assay.formats.spelt.numbers import is_number, number_formats
from assay.formats.spelt.times import ISO, time_formats, to_times
from assay.project.text import counted, quote_value

MOST_SHAPES = 4_000
"""Numbers and times have fewer shapes; a column with more of them is text."""
LONG_CELLS = 64
"""Mean bytes of a cell from which a column is text without a closer look."""
EXACT = 2**53
EXAMPLE = 60
NEARLY = 0.9
"""Share of values from which the others are worth a word."""
PLACE = "\x00"
"""Stands in a doubt for the place of `Decision.odd_row`, which costs a look at the file."""
AGAIN = "fix the file and run assay init again"

_WORDS = pa.array(WORDS)
_LONG = re.compile(r"[+-]?[09]{16,}")
"""Perhaps a whole number that a double does not hold."""
_DIGIT = re.compile(r"\d")
_BARE = re.compile(r"[+-]?\d+")
_CODE = re.compile(r"[+-]?0\d+")
_PHONE = re.compile(r"\+\d{7,}")
_EXPONENT = re.compile(r"\d[eE]|inf", re.I)
_ZONE = re.compile(r"[T ][09]9.*(Z|UTC|[+-][09]9(:?99)?)$")
_CAPITALS = re.compile(r"[A-Z]{2,3}")


# ------------------------------------------------------------------------------- counting


@dataclass
class Seen:
    """How many rows have a cell of one sort, and the first of them."""

    count: int
    row: int
    example: str


@dataclass
class ColumnTally:
    """The cells of one column.

    Parameters
    ----------
    kinds
        Rows with a value of each kind, as the file has it: of CSV all are strings.
    loose
        Rows whose cells were not looked at, because they are long or of too many shapes.
    padded
        Rows with blanks around the cell.
    inexact
        Rows with a whole number that a double does not hold.
    words
        Rows with each of the words that may stand for no value, the empty one too.
    timely
        Rows with the shape of a time.
    times
        Format of times that some cell's shape allows -> the cells of ``timely`` rows that it does
        not read.
    """

    rows: int = 0
    loose: int = 0
    padded: int = 0
    inexact: int = 0
    timely: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    shapes: dict[str, Seen] = field(default_factory=dict)
    times: dict[str | None, Seen] = field(default_factory=dict)
    _first_time: tuple[int, str] = (0, "")

    def having(self, test: Callable[[str], object]) -> int:
        """Rows whose cells have a shape that passes the test."""
        return sum(seen.count for shape, seen in self.shapes.items() if test(shape))

    def first(self, test: Callable[[str], object]) -> list[Seen]:
        """The cells of the shapes that pass the test, the first row's first."""
        matching = (seen for shape, seen in self.shapes.items() if test(shape))
        return sorted(matching, key=lambda seen: seen.row)

    def add(self, values: pa.Array, row: int) -> None:
        """Count values, as the text that they are or would be; ``row`` is that of the first one."""
        kind = kind_of(values.type)
        assert kind is not None
        if pa.types.is_uint64(values.type) and (pc.max(values).as_py() or 0) >= 2**63:
            kind = "string"
        self.kinds[kind] += len(values) - values.null_count
        self.rows += len(values)
        given = as_text(values)
        cells = trim(given)
        if cells is not given:
            self.padded += pc.sum(pc.not_equal(cells, given)).as_py() or 0
        words = pc.index_in(cells, value_set=_WORDS)
        counts = np.bincount(words.drop_null().to_numpy(), minlength=len(WORDS))
        self.words.update({word: int(n) for word, n in zip(WORDS, counts, strict=True) if n})
        long = given.nbytes > (LONG_CELLS + 4) * len(given)
        coded = None
        if words.null_count and not self.loose and not long:
            places = np.flatnonzero(words.is_null())
            cells = cells.take(pa.array(places)) if len(places) < len(cells) else cells
            coded = shapes(cells).dictionary_encode()
        if coded is not None and len(self.shapes) + len(coded.dictionary) <= 2 * MOST_SHAPES:
            self._add_shapes(cells, coded, places + row)
        else:
            self.loose += words.null_count

    def _add_shapes(
        self, cells: pa.Array, coded: pa.DictionaryArray, rows: npt.NDArray[np.int64]
    ) -> None:
        codes, shaped = coded.indices.to_numpy(), coded.dictionary.to_pylist()
        counts, first = np.bincount(codes).tolist(), first_places(codes)
        formats: dict[str | None, None] = {}
        timely = []
        for code, shape in enumerate(shaped):
            if (seen := self.shapes.get(shape)) is not None:
                seen.count += counts[code]
            else:
                place = int(first[code])
                example = cells[place].as_py()[:EXAMPLE]
                self.shapes[shape] = Seen(counts[code], int(rows[place]), example)
            if fitting := time_formats(shape):
                timely.append(code)
                formats |= dict.fromkeys(fitting)
            if _LONG.fullmatch(shape):
                long = cells.filter(pa.array(codes == code)).to_pylist()
                self.inexact += sum(abs(int(cell)) > EXACT for cell in long)
        if timely:
            mask = np.isin(codes, timely)
            self._add_times(cells.filter(pa.array(mask)), rows[mask], formats)

    def _add_times(
        self, cells: pa.Array, rows: npt.NDArray[np.int64], formats: Collection[str | None]
    ) -> None:
        if not self.timely:
            self._first_time = (int(rows[0]), cells[0].as_py())
        for each in formats:
            # None of the times before had a shape that this format allows.
            self.times.setdefault(each, Seen(self.timely, *self._first_time))
        for each, failed in self.times.items():
            if failed.count > max(100, self.timely // 10):
                continue  # too many to be mistakes
            values = to_times(cells, each)
            if values.null_count and not failed.count:
                place = pc.index(pc.is_null(values), True).as_py()
                failed.row, failed.example = int(rows[place]), cells[place].as_py()
            failed.count += values.null_count
        self.timely += len(cells)


# ------------------------------------------------------------------------------- deciding


@dataclass(frozen=True)
class Decision:
    """A column's format, and why.

    Parameters
    ----------
    missing, kept
        Words that are there and stand for no value, or are values.
    odd_row
        The row whose place the doubt names.
    stays_text
        Why texts are not taken for the numbers or times that they look like: the first doubt begins
        with it.
    """

    column: ColumnFormat
    missing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    odd_row: int | None = None
    stays_text: str = ""


def decide(name: str, tally: ColumnTally, separator: str = ",") -> Decision:
    """The kind of a column of text, and how its cells are spelt.

    Parameters
    ----------
    separator
        Of the file: beside a semicolon a comma is one of decimals, unless a cell says otherwise.
    """
    words = {word: n for word, n in tally.words.items() if word}
    present = sum(each.count for each in tally.shapes.values()) + tally.loose
    if not present:
        text = "no value in any row" + (f", only {_listed(words)}" if words else "")
        doubt = "there is no value to tell its kind by; a column without values is of no use"
        return Decision(ColumnFormat(name, "float"), tuple(words), (), (text,), (doubt,))
    decision = None
    if not tally.loose:
        decision = (
            _flags(name, tally, present)
            or _times(name, tally, present)
            or _numbers(name, tally, present, separator)
        )
    if decision is None or decision.column.kind == "string":
        return _as_text(decision or _almost(name, tally, present), tally, words)
    notes = tuple(_told(word, n, "stands for no value") for word, n in words.items())
    return replace(decision, missing=tuple(words), evidence=(*decision.evidence, *notes))


def decide_typed(
    name: str, tally: ColumnTally, *, any_integer: bool = False, mixed: Collection[str] = ()
) -> Decision:
    """The kind of a column whose values have types in the file.

    Parameters
    ----------
    any_integer
        Whether whole numbers stay some, though a double does not hold them.
    mixed
        Columns of text that are also of other types in the file.
    """
    kinds = {kind for kind, count in tally.kinds.items() if count}
    decision = decide(name, tally)
    if not kinds or (kinds == {"integer"} and tally.inexact and not any_integer):
        return decision
    if name not in mixed and (len(kinds) == 1 or kinds == {"integer", "float"}):
        if kinds != {"string"}:
            kind: Kind = "float" if "float" in kinds else kinds.pop()
            text = f"of type {kind} in all of {_rows(sum(tally.kinds.values()))}"
            return Decision(ColumnFormat(name, kind), evidence=(text,))
        return _strings(name, decision) if tally.shapes or tally.loose else decision
    if decision.column.kind != "string" or decision.doubts:
        return decision
    why = "values of different kinds, kept as text"
    others = [] if tally.loose else tally.first(lambda shape: not is_number(shape))
    if not others:
        return replace(decision, doubts=(why,), stays_text=why)
    why += f"; the first that is no number is {quote_value(others[0].example)} in {PLACE}"
    return replace(decision, doubts=(why,), stays_text=why, odd_row=others[0].row)


def _strings(name: str, decision: Decision) -> Decision:
    """Strings stay what they are, unless all are times in ISO 8601."""
    column = decision.column
    if column.kind == "string" or column == ColumnFormat(name, "timestamp"):
        return decision
    why = f"strings in the file that all read as {column.kind}; kept as text"
    item = json.dumps({name: spell(column)}, ensure_ascii=False)[1:-1]
    doubt = (
        f"{why}: to have them read, write {item} in data/source.py, and in data/contract.py make "
        f"it Series[{IN_CONTRACTS[column.kind]}], without isin"
    )
    text = ColumnFormat(name, "string")
    return Decision(text, decision.missing, (), ("strings",), (doubt,), stays_text=why)


def _told(word: str, count: int, meaning: str) -> str:
    return f"{quote_value(word)} {meaning} in {_rows(count)}"


def _rows(count: int) -> str:
    return counted(count, "row")


def _listed(words: Collection[str]) -> str:
    return ", ".join(map(quote_value, words))


def _flags(name: str, tally: ColumnTally, present: int) -> Decision | None:
    pair = flag_words({*tally.shapes}) if len(tally.shapes) <= 8 else None
    if pair is None:
        return None
    plain = pair in (("true", "false"), ("t", "f"))
    # As most cells spell them: people look for them in their file.
    usual = sorted(tally.shapes, key=lambda shape: tally.shapes[shape].count)
    spelt = {shape.lower(): shape for shape in usual}
    yes, no = (spelt.get(word, word) for word in pair)
    column = ColumnFormat(
        name, "boolean", true=() if plain else (yes,), false=() if plain else (no,)
    )
    return Decision(column, evidence=(f"all of {counted(present, 'value')} are {yes} or {no}",))


def _times(name: str, tally: ColumnTally, present: int) -> Decision | None:
    good = [each for each, failed in tally.times.items() if not failed.count]
    if not good or tally.timely != present:
        return None
    chosen, doubts = (ISO if ISO in good else good[0]), []
    if chosen is not ISO and len(good) > 1:
        others = ", ".join(map(str, good[1:]))
        doubts.append(
            f"day and month cannot be told apart: read as {chosen} (assumed, as no value decides "
            f"it), or {others}"
        )
    zoned = tally.having(_ZONE.search)
    evidence = [f"all of {counted(present, 'value')} are times written {chosen or 'in ISO 8601'}"]
    if zoned:
        evidence.append(f"{zoned:,} have a zone and are {TO_UTC}")
    if 0 < zoned < present:
        doubts.append(
            f"{present - zoned:,} of {present:,} have no zone and are taken as UTC like the others"
        )
    column = ColumnFormat(name, "timestamp", time_format=chosen)
    return Decision(column, evidence=tuple(evidence), doubts=tuple(doubts))


def _numbers(name: str, tally: ColumnTally, present: int, separator: str) -> Decision | None:
    shapes = frozenset(tally.shapes)
    if not all(map(is_number, shapes)) or not any(_DIGIT.search(shape) for shape in shapes):
        return None
    text = ColumnFormat(name, "string")
    zeros = tally.having(_CODE.fullmatch)
    if zeros and tally.having(_BARE.fullmatch) == present:
        padded = len({*map(len, shapes)}) == 1
        few = not padded and zeros * 2 < present
        words = f"{zeros:,} of {present:,} values begin with 0"
        mere = ("numbers, if the leading zeros mean nothing",) if few else ()
        return Decision(text, evidence=(words,), doubts=mere)
    if phones := tally.having(_PHONE.fullmatch):
        return Decision(text, evidence=(f"telephone numbers with + in {_rows(phones)}",))
    formats = number_formats(shapes)
    if not formats:
        examples = _listed([seen.example for seen in [*tally.shapes.values()][:3]])
        why = f"all are numbers, but they are written in more than one way: {examples}"
        return Decision(text, doubts=(f"{why}: {AGAIN}",), stays_text=why)
    # Without a word from the separator 1,234 is a thousand and 1.234 is little more than one.
    prefer = "," if separator == ";" else "."
    best = min(formats, key=lambda each: (each.decimal != prefer, bool(each.thousands)))
    marked = tally.having(lambda shape: best.decimal in shape)
    fractions = marked or tally.having(_EXPONENT.search)
    if tally.inexact and not fractions:
        words = f"more digits than a number holds exactly in {_rows(tally.inexact)}"
        return Decision(text, evidence=(words,), doubts=("ids, or very large numbers?",))
    kind: Kind = "float" if fractions else "integer"
    if not marked and not best.thousands:
        best = replace(best, decimal=".")
    evidence = [f"all of {counted(present, 'value')} are {'' if fractions else 'whole '}numbers"]
    if marked and best.decimal == ",":
        first = tally.first(lambda shape: "," in shape)[0].row + 1
        evidence.append(f"{marked:,} have a decimal comma, the first in row {first:,}")
    doubts = []
    if len(formats) > 1 and (best.thousands or "," in (best.decimal, prefer)):
        example = tally.shapes[max(shapes, key=len)].example
        taken = "of thousands" if best.thousands else "of decimals"
        doubts.append(f"the mark in {quote_value(example)} is read as one {taken}; no cell decides")
    column = replace(best, name=name, kind=kind)
    return Decision(column, evidence=tuple(evidence), doubts=tuple(doubts))


def _almost(name: str, tally: ColumnTally, present: int) -> Decision:
    """A column in which not all values are numbers or times, but some may be."""
    text = ColumnFormat(name, "string")
    if tally.loose:
        return Decision(text, evidence=("texts of many shapes",))
    best = min(tally.times.values(), key=lambda failed: failed.count, default=Seen(0, 0, ""))
    times, numbers = max(0, tally.timely - best.count), tally.having(is_number)
    what, count = ("times", times) if times > numbers else ("numbers", numbers)
    if not count or count == present:
        return Decision(text, evidence=("texts",))
    zeros = what == "numbers" and tally.having(_CODE.fullmatch)
    padded = len({*map(len, filter(_BARE.fullmatch, tally.shapes))}) == 1
    if count < NEARLY * present or (zeros and padded):
        # Codes of one length may have a few that are written otherwise: 001 to 136, and 136A.
        words = f"{count:,} of {present:,} values are {what}, the others are not"
        return Decision(text, evidence=(words,))
    if what == "numbers":
        odd = tally.first(lambda shape: not is_number(shape))
    else:
        odd = tally.first(lambda shape: not time_formats(shape))
        odd = sorted([*odd, *([best] if best.count else [])], key=lambda seen: seen.row)
    why = (
        f"all but {present - count:,} of {present:,} are {what}; the first other one is "
        f"{quote_value(odd[0].example)} in {PLACE}"
    )
    doubts = (f"{why}: {AGAIN}",)
    return Decision(
        text, evidence=("kept as text",), doubts=doubts, odd_row=odd[0].row, stays_text=why
    )


def _as_text(decision: Decision, tally: ColumnTally, words: Mapping[str, int]) -> Decision:
    """``decision`` with each word taken as no value or as a value, and with what is odd in texts.

    Of the words that could be either, ``NA`` among codes like it is a value, and so is any other.
    """
    codes = not tally.loose and all(map(_CAPITALS.fullmatch, tally.shapes))
    none = {*UNMISTAKABLE, "?", *([] if codes else ["NA"])}
    evidence, doubts = [*decision.evidence], [*decision.doubts]
    for word, count in words.items():
        meaning = "stands for no value" if word in none else "is a value"
        evidence.append(_told(word, count, meaning))
        if word not in UNMISTAKABLE:
            taken = "no value" if word in none else "a value"
            doubts.append(f"{quote_value(word)} in {_rows(count)}: taken as {taken}")
    if tally.padded:
        evidence.append(f"blanks around {counted(tally.padded, 'value')} are removed")
    if tally.shapes and all(len(s) > 1 and s[0] == s[-1] == '"' for s in tally.shapes):
        doubts.append("the quotes belong to the values, because a blank is before them")
    return replace(
        decision,
        missing=tuple(word for word in words if word in none),
        kept=tuple(word for word in words if word not in none),
        evidence=tuple(evidence),
        doubts=tuple(doubts),
    )
