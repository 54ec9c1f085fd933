"""Decides the kind of a column from its tally: pure, and with the reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from assay.formats.definition import IN_CONTRACTS, TO_UTC, ColumnFormat, Kind
from assay.formats.digit_times import named_like_a_time
from assay.formats.kinds.tally import ColumnTally, Seen, TimeTest
from assay.formats.spelling import spell
from assay.formats.spelt.numbers import is_number, number_formats
from assay.formats.spelt.times import ISO, time_formats
from assay.formats.spelt.words import FLAGS, UNMISTAKABLE, flag_words
from assay.project.text import counted, quote_value

PLACE = "\x00"
"""Stands in a doubt for the place of `Decision.odd_row`, which costs a look at the file."""
AGAIN = "fix the file and run assay init again"
NEARLY = 0.9
"""Share of values from which the others are worth a word."""

Order = Literal["day first", "month first"]
_CODES = re.compile(r"[A-Z]{2,3}")
_VERSION_NAME = re.compile(
    r"(^|[\W_\d]|(?<=[a-z])(?=V))([Vv]ersions?|VERSION|[Vv]er)($|[^a-z])|(^|[\W_])[Rr]elease$"
)


@dataclass(frozen=True)
class Hints:
    """What the other columns of the table settle.

    Parameters
    ----------
    missing
        Words that stand for no value among numbers, times or flags.
    """

    separator: str = ","
    decimal: str | None = None
    order: Order | None = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """A column's format, why, and what it settles for the others.

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
    decimal: str | None = None
    order: Order | None = None


def decide_all(
    tallies: Mapping[str, ColumnTally], separator: str, how: Callable[..., Decision]
) -> dict[str, Decision]:
    """A decision for each column; what some settle is used for those that leave it open.

    Parameters
    ----------
    how
        `decide`, or `decide_typed`.
    """
    alone = {name: how(name, tally, Hints(separator)) for name, tally in tallies.items()}
    hints = gather(alone.values(), separator)
    return {name: how(name, tally, hints) for name, tally in tallies.items()}


def decide_typed(
    name: str,
    tally: ColumnTally,
    hints: Hints,
    *,
    any_integer: bool = False,
    mixed: Collection[str] = (),
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
    if kinds == {"string"} and name not in mixed:
        found = decide(name, tally, hints)
        return _strings(name, found) if tally.shapes or tally.loose else found
    if (len(kinds) == 1 and name not in mixed) or kinds == {"integer", "float"}:
        kind: Kind = "float" if "float" in kinds else kinds.pop()
        if kind == "integer" and tally.inexact and not any_integer:
            return decide(name, tally, hints)
        said = f"of type {kind} in all of {_rows(sum(tally.kinds.values()))}"
        return Decision(ColumnFormat(name, kind), evidence=(said,))
    found = decide(name, tally, hints)
    if found.column.kind != "string" or found.doubts or not kinds:
        return found
    why = "values of different kinds, kept as text"
    others = [seen for shape, seen in tally.shapes.items() if not is_number(shape)]
    if not others or tally.loose:
        return replace(found, doubts=(why,), stays_text=why)
    odd = min(others, key=lambda seen: seen.row)
    why += f"; the first that is no number is {quote_value(odd.example)} in {PLACE}"
    return replace(found, doubts=(why,), stays_text=why, odd_row=odd.row)


def _strings(name: str, found: Decision) -> Decision:
    """Strings stay what they are, unless all are times in ISO 8601."""
    column = found.column
    if column.kind == "string" or column == ColumnFormat(name, "timestamp"):
        return found
    why = f"strings in the file that all read as {column.kind}; kept as text"
    item = json.dumps({name: spell(column)}, ensure_ascii=False)[1:-1]
    doubt = (
        f"{why}: to have them read, write {item} in data/source.py, and in data/contract.py make "
        f"it Series[{IN_CONTRACTS[column.kind]}], without isin"
    )
    return Decision(
        ColumnFormat(name, "string"), found.missing, (), ("strings",), (doubt,), stays_text=why
    )


def gather(decisions: Iterable[Decision], separator: str) -> Hints:
    """What the columns settle for each other; nothing where they disagree."""
    found = list(decisions)
    decimals = {each.decimal for each in found if each.decimal}
    orders = {each.order for each in found if each.order}
    typed = (each.missing for each in found if each.column.kind != "string")
    return Hints(
        separator,
        decimals.pop() if len(decimals) == 1 else None,
        orders.pop() if len(orders) == 1 else None,
        frozenset(word for words in typed for word in words),
    )


def decide(name: str, tally: ColumnTally, hints: Hints) -> Decision:
    """The kind of one column and how its cells are spelt."""
    words = {word: n for word, n in tally.words.items() if word}
    present = sum(each.count for each in tally.shapes.values()) + tally.loose
    if not present:
        return _empty(name, tally, words)
    if not tally.loose:
        for attempt in (_flags, _times, _numbers):
            found = attempt(name, tally, present, hints)
            if found is not None and found.column.kind != "string":
                told = (*found.evidence, *_told(words, "stands for no value"))
                return replace(found, missing=tuple(words), evidence=told)
            if found is not None:
                return _as_text(found, tally, words, hints)
    return _as_text(_almost(name, tally, present), tally, words, hints)


def _empty(name: str, tally: ColumnTally, words: Mapping[str, int]) -> Decision:
    said = "no value in any row"
    if words:
        said += f", only {_listed(words)}"
    doubt = "there is no value to tell its kind by; a column without values is of no use"
    return Decision(ColumnFormat(name, "float"), tuple(words), (), (said,), (doubt,))


def _told(words: Mapping[str, int], meaning: str) -> tuple[str, ...]:
    return tuple(f"{quote_value(word)} {meaning} in {_rows(n)}" for word, n in words.items())


def _rows(count: int) -> str:
    return counted(count, "row")


def _listed(words: Mapping[str, int]) -> str:
    return ", ".join(quote_value(word) for word in words)


# --------------------------------------------------------------------------------- flags


def _flags(name: str, tally: ColumnTally, present: int, hints: Hints) -> Decision | None:
    if len(tally.shapes) > 8:
        return None
    pair = flag_words(set(tally.shapes))
    if pair is None:
        low = {shape.lower() for shape in tally.shapes}
        if len(low) == 1 and any(low <= set(each) for each in FLAGS):
            only = next(iter(tally.shapes))
            doubt = f"only {quote_value(only)} is there: a boolean?"
            return Decision(ColumnFormat(name, "string"), doubts=(doubt,))
        return None
    plain = pair in FLAGS[:2]
    column = ColumnFormat(
        name, "boolean", true=() if plain else pair[:1], false=() if plain else pair[1:]
    )
    return Decision(
        column, evidence=(f"all of {counted(present, 'value')} are {pair[0]} or {pair[1]}",)
    )


# --------------------------------------------------------------------------------- times


def _times(name: str, tally: ColumnTally, present: int, hints: Hints) -> Decision | None:
    if tally.time_rows != present:
        return None
    good = [each for each, test in tally.times.items() if not test.fails]
    if not good or (_VERSION_NAME.search(name) and ISO not in good):
        return None
    if good[0] == "%Y%m%d" and not _is_date(name, tally):
        return None
    chosen, doubts = good[0], []
    if ISO in good:
        chosen = ISO
    elif len(good) > 1:
        alike = (each for each in good if hints.order and order_of(each) == hints.order)
        chosen = next(alike, good[0])
        others = ", ".join(str(each) for each in good if each != chosen)
        why = "as in another column" if hints.order else "assumed, as no value decides it"
        doubts.append(f"day and month cannot be told apart: read as {chosen} ({why}), or {others}")
    zoned = sum(s.count for shape, s in tally.shapes.items() if _ZONE.search(shape))
    evidence = [f"all of {counted(present, 'value')} are times written {chosen or 'in ISO 8601'}"]
    if zoned:
        evidence.append(f"{zoned:,} have a zone and are {TO_UTC}")
    if 0 < zoned < present:
        doubts.append(
            f"{present - zoned:,} of {present:,} have no zone and are taken as UTC like the others"
        )
    if any(re.search(r"\.9{7}", shape) for shape in tally.shapes):
        evidence.append("cut to microseconds")
    if chosen == "%Y-%m":
        evidence.append("months; each becomes its first day")
    if chosen and "%V" in chosen and "%u" not in chosen:
        evidence.append("weeks; each becomes its Monday")
    return Decision(
        ColumnFormat(name, "timestamp", time_format=chosen),
        evidence=tuple(evidence),
        doubts=tuple(doubts),
        order=order_of(chosen) if len(good) == 1 else None,
    )


_ZONE = re.compile(r"[T ][09]9.*(Z|UTC|[+-][09]9(:?99)?)$")


def _is_date(name: str, tally: ColumnTally) -> bool:
    """Whether numbers of eight digits are dates: hardly any eight digits are, by chance."""
    test = tally.times["%Y%m%d"]
    likely = _in_our_time(test.low) and _in_our_time(test.high)
    return likely and (named_like_a_time(name) or test.low != test.high)


def _in_our_time(value: object) -> bool:
    return isinstance(value, datetime) and 1800 <= value.year <= 2100


def order_of(time_format: str | None) -> Order | None:
    """Which of day and month comes first, if the year does not."""
    if not time_format or time_format.startswith(("%Y", "%y")) or "%m" not in time_format:
        return None
    day_first = time_format.index("%d") < time_format.index("%m")
    return "day first" if day_first else "month first"


# ------------------------------------------------------------------------------- numbers


def _numbers(name: str, tally: ColumnTally, present: int, hints: Hints) -> Decision | None:
    shapes = frozenset(tally.shapes)
    if not all(map(is_number, shapes)) or not any(_DIGIT.search(shape) for shape in shapes):
        return None
    text = ColumnFormat(name, "string")
    zeros = tally.having(_CODE.fullmatch)
    if zeros and tally.having(_BARE.fullmatch) == present:
        padded = len({len(shape) for shape in shapes}) == 1
        few = not padded and zeros * 2 < present
        mere = ("numbers, if the leading zeros mean nothing",) if few else ()
        return Decision(
            text, evidence=(f"{zeros:,} of {present:,} values begin with 0",), doubts=mere
        )
    if phones := tally.having(_PHONE.fullmatch):
        return Decision(text, evidence=(f"telephone numbers with + in {_rows(phones)}",))
    formats = number_formats(shapes)
    if not formats:
        examples = ", ".join(quote_value(seen.example) for seen in list(tally.shapes.values())[:3])
        why = f"all are numbers, but they are written in more than one way: {examples}"
        return Decision(text, doubts=(f"{why}: {AGAIN}",), stays_text=why)
    # Without a word from other columns 1,234 is a thousand and 1.234 is little more than one.
    prefer = hints.decimal or ("," if hints.separator == ";" else ".")
    best = min(formats, key=lambda each: (each.decimal != prefer, bool(each.thousands)))
    marked = tally.having(lambda shape: best.decimal in shape)
    fractions = marked or tally.having(_EXPONENT.search)
    if tally.inexact and not fractions:
        said = f"more digits than a number holds exactly in {_rows(tally.inexact)}"
        return Decision(text, evidence=(said,), doubts=("ids, or very large numbers?",))
    if fractions and _VERSION_NAME.search(name):
        return Decision(text, evidence=("versions, by its name",), doubts=("or numbers?",))
    below = tally.having(lambda shape: "(" in shape or re.search(r"\d-", shape))
    grades = best.negative == "-" and not fractions and not best.thousands
    if best.negative and (grades or below == present):
        return Decision(text, doubts=("codes, or numbers below zero?",))
    kind: Kind = "float" if fractions else "integer"
    if not marked and not best.thousands:
        best = replace(best, decimal=".")
    evidence = [f"all of {counted(present, 'value')} are {'' if fractions else 'whole '}numbers"]
    if marked and best.decimal == ",":
        first = min(seen.row for shape, seen in tally.shapes.items() if "," in shape) + 1
        evidence.append(f"{marked:,} have a decimal comma, the first in row {first:,}")
    doubts = []
    if len(formats) > 1 and (best.thousands or "," in (best.decimal, prefer)):
        example = max(tally.shapes.items(), key=lambda item: len(item[0]))[1].example
        taken = "of thousands" if best.thousands else "of decimals"
        doubts.append(f"the mark in {quote_value(example)} is read as one {taken}; no cell decides")
    if best.thousands.isspace() and len(shapes) == 1:
        doubts.append("all have the same groups of digits: codes or telephone numbers?")
    return Decision(
        replace(best, name=name, kind=kind),
        evidence=tuple(evidence),
        doubts=tuple(doubts),
        decimal=best.decimal if marked and len(formats) == 1 else None,
    )


_DIGIT = re.compile(r"\d")
_BARE = re.compile(r"[+-]?\d+")
_CODE = re.compile(r"[+-]?0\d+")
_PHONE = re.compile(r"\+\d{7,}")
_EXPONENT = re.compile(r"\d[eE]|inf", re.I)


# --------------------------------------------------------------------------------- texts


def _almost(name: str, tally: ColumnTally, present: int) -> Decision:
    """A column in which not all values are numbers or times, but some may be."""
    text = ColumnFormat(name, "string")
    if tally.loose:
        return Decision(text, evidence=("texts of many shapes",))
    best = min(tally.times.values(), key=lambda test: test.fails, default=TimeTest())
    times = max(0, tally.time_rows - best.fails)
    numbers = tally.having(is_number)
    what, count = ("times", times) if times > numbers else ("numbers", numbers)
    if not count or count == present:
        return Decision(text, evidence=("texts",))
    zeros = what == "numbers" and tally.having(_CODE.fullmatch)
    if count < NEARLY * present or (
        zeros and len({*map(len, filter(_BARE.fullmatch, tally.shapes))}) == 1
    ):
        # Codes of one length may have a few that are written otherwise: 001 to 136, and 136A.
        said = f"{count:,} of {present:,} values are {what}, the others are not"
        return Decision(text, evidence=(said,))
    if what == "numbers":
        misfits = [seen for shape, seen in tally.shapes.items() if not is_number(shape)]
        odd = min(misfits, key=lambda seen: seen.row)
    else:
        odd = _odd_time(tally, best)
    why = (
        f"all but {present - count:,} of {present:,} are {what}; the first other one is "
        f"{quote_value(odd.example)} in {PLACE}"
    )
    doubts = (f"{why}: {AGAIN}",)
    return Decision(
        text, evidence=("kept as text",), doubts=doubts, odd_row=odd.row, stays_text=why
    )


def _odd_time(tally: ColumnTally, best: TimeTest) -> Seen:
    odd = [each for shape, each in tally.shapes.items() if not time_formats(shape)]
    if best.fails:
        odd.append(Seen(best.fails, best.row, best.example))
    return min(odd, key=lambda seen: seen.row)


def _as_text(
    found: Decision, tally: ColumnTally, words: Mapping[str, int], hints: Hints
) -> Decision:
    """``found`` with each word taken as no value or as a value, and with what is odd in texts."""
    missing: list[str] = []
    kept: list[str] = []
    evidence, doubts = list(found.evidence), list(found.doubts)
    for word, count in words.items():
        none, doubt = _stands_for_none(word, tally, hints)
        (missing if none else kept).append(word)
        meaning = "stands for no value" if none else "is a value"
        evidence.append(f"{quote_value(word)} {meaning} in {_rows(count)}")
        if doubt:
            doubts.append(
                f"{quote_value(word)} in {_rows(count)}: taken as "
                f"{'no value' if none else 'a value'}; {doubt}"
            )
    if tally.padded:
        evidence.append(f"blanks around {counted(tally.padded, 'value')} are removed")
    if tally.shapes and all(len(s) > 1 and s[0] == s[-1] == '"' for s in tally.shapes):
        doubts.append("the quotes belong to the values, because a blank is before them")
    return replace(
        found,
        missing=tuple(missing),
        kept=tuple(kept),
        evidence=tuple(evidence),
        doubts=tuple(doubts),
    )


def _stands_for_none(word: str, tally: ColumnTally, hints: Hints) -> tuple[bool, str]:
    """Whether a word in a column of texts stands for no value, and the doubt that is left."""
    if word in UNMISTAKABLE:
        return True, ""
    codes = not tally.loose and all(_CODES.fullmatch(shape) for shape in tally.shapes)
    if word == "NA" and codes:
        return False, "the other values are codes like it"
    if word in hints.missing:
        return True, "it stands for none among numbers of this table"
    if word == "NA":
        return True, "no other value is a code like it"
    if word == "?":
        return True, "a question mark says nothing else"
    return False, "nothing else in the table says that it stands for none"
