"""With which marks the numbers of a column are written, from the shapes of all its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.project.text.quoting import quote_value
from assay.tables.kinds.tally import Seen
from assay.tables.spelt.numbers import Marks, NumberShape, number_shape

_NAMES = {
    " ": "a blank",
    "\u00a0": "a hard blank",
    "\u2009": "a thin blank",
    "\u202f": "a narrow blank",
}


@dataclass(frozen=True)
class Numbers:
    """The shapes of a column that are numbers.

    Parameters
    ----------
    common
        The ways in which all of them can be read.
    others
        Rows whose cells are no numbers; ``misfits`` are their shapes.
    bare, zeros, plus, below
        Rows with nothing but digits; with a leading 0 among them; with a plus; below zero in
        brackets or with the minus behind.
    """

    found: tuple[tuple[str, NumberShape, Seen], ...]
    common: frozenset[Marks]
    misfits: tuple[Seen, ...]
    bare: int
    zeros: int
    plus: int
    below: int

    @property
    def others(self) -> int:
        """Rows whose cells are no numbers."""
        return sum(each.count for each in self.misfits)

    @property
    def any_digit(self) -> bool:
        """Whether some cell is more than the word for infinity."""
        return any("9" in shape or "0" in shape for shape, _, _ in self.found)

    @property
    def examples(self) -> str:
        """Some cells of different shapes."""
        return ", ".join(quote_value(seen.example) for _, _, seen in self.found[:3])


@dataclass(frozen=True)
class Best:
    """The marks that were chosen.

    Parameters
    ----------
    settles
        The decimal mark, if these cells leave no doubt about it.
    """

    marks: Marks
    fractions: bool
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    settles: str | None = None


def numbers_of(shapes: Mapping[str, Seen]) -> Numbers:
    """Sorts the shapes of a column into numbers and others."""
    found, misfits = [], []
    for shape, seen in shapes.items():
        number = number_shape(shape)
        if number is None:
            misfits.append(seen)
        else:
            found.append((shape, number, seen))
    common = frozenset.intersection(*(n.marks for _, n, _ in found)) if found else frozenset()
    return Numbers(
        tuple(found),
        common,
        tuple(misfits),
        bare=sum(seen.count for _, n, seen in found if n.bare),
        zeros=sum(seen.count for _, n, seen in found if n.zeros),
        plus=sum(seen.count for _, n, seen in found if n.plus),
        below=sum(seen.count for _, n, seen in found if n.negative),
    )


def best_marks(numbers: Numbers, separator: str, decimal: str | None) -> Best:
    """The way to read the numbers that ``numbers.common`` leaves, which is not empty.

    Parameters
    ----------
    separator
        The one between cells: where it is a semicolon, a comma is the likelier decimal mark.
    decimal
        The mark that other columns settle.
    """
    options = _options(numbers)
    prefer = decimal or ("," if separator == ";" else ".")
    # Without a word from other columns 1,234 is a thousand and 1.234 is little more than one.
    chosen = min(
        options,
        key=lambda each: (each.decimal != prefer, bool(each.thousands), each.thousands),
    )
    written = _rows_with(numbers, chosen, chosen.decimal)
    fractions = [seen for _, number, seen in numbers.found if chosen in number.fraction]
    fraction_rows = sum(seen.count for seen in fractions)
    evidence = []
    if written and chosen.decimal == ",":
        first = min(seen.row for seen in fractions) + 1
        evidence.append(f"{written:,} have a decimal comma, the first in row {first:,}")
    if chosen.thousands:
        rows = sum(seen.count for _, number, seen in numbers.found if chosen in number.grouped)
        mark = _NAMES.get(chosen.thousands, quote_value(chosen.thousands))
        evidence.append(f"{rows:,} have {mark} between thousands")
    for mark, where in ((chosen.prefix, "before"), (chosen.suffix, "behind")):
        if mark:
            evidence.append(f"{quote_value(mark)} stands {where} each number")
    doubts = []
    if chosen.negative:
        sample = next(seen for _, number, seen in numbers.found if number.negative).example
        said = f"written as {quote_value(sample)}"
        evidence.append(f"{numbers.below:,} are below zero and {said}")
    open_mark = len(options) > 1
    if open_mark and (chosen.thousands or chosen.decimal == "," or prefer == ","):
        example = max(numbers.found, key=lambda each: len(each[0]))[2].example
        taken = "of thousands" if chosen.thousands else "of decimals"
        doubts.append(f"the mark in {quote_value(example)} is read as one {taken}; no cell decides")
    if chosen.thousands in _NAMES and len(numbers.found) == 1:
        doubts.append("all have the same groups of digits: codes or telephone numbers?")
    return Best(
        chosen,
        bool(fraction_rows),
        tuple(evidence),
        tuple(doubts),
        settles=chosen.decimal if written and not open_mark else None,
    )


def _options(numbers: Numbers) -> Sequence[Marks]:
    """The ways that differ in what they make of some cell; marks that are never used left out."""
    options: dict[Marks, None] = {}
    for each in sorted(numbers.common, key=lambda m: (m.decimal != ".", m.thousands)):
        grouped = any(each in number.grouped for _, number, _ in numbers.found)
        marked = _rows_with(numbers, each, each.decimal)
        if each.thousands and not grouped:
            continue
        if each.negative and not any(n.negative for _, n, _ in numbers.found):
            continue
        if not grouped and not marked and each.decimal != ".":
            continue
        if grouped and not marked and each.decimal != ("," if each.thousands == "." else "."):
            continue
        options[each] = None
    return list(options)


def _rows_with(numbers: Numbers, marks: Marks, mark: str) -> int:
    """Rows with a decimal mark."""
    return sum(
        seen.count
        for shape, number, seen in numbers.found
        if marks in number.fraction and mark in shape
    )
