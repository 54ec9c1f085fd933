"""How a CSV file is cut into cells, found out from its first megabyte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from assay.errors import SourceError
from assay.formats.definition import TableFormat
from assay.formats.files.csv_text import records, split_lines
from assay.formats.files.opened import head_text
from assay.formats.spelt.cells import WORDS
from assay.formats.spelt.numbers import is_number
from assay.formats.spelt.times import time_formats
from assay.project.text import quote_value

SEPARATORS = (",", ";", "\t", "|")
ROWS = 2_000
HEADER_ROWS = 300
_DIGITS = re.compile(r"\d")
_YEAR = re.compile(r"(1[89]|20)\d\d")


def find_dialect(path: Path, encoding: str) -> tuple[TableFormat, tuple[str, ...]]:
    """How the file is written, without its columns, and remarks on what was assumed.

    Raises
    ------
    SourceError
        The first lines are not those of a table: a title or comments stand before the header.
    """
    text, whole = head_text(path, encoding)
    text = text.removeprefix("\ufeff")
    separator, quote, rows = _cut(text, whole)
    if not rows:
        raise SourceError("the file holds only blanks", where=str(path), fix="Write it again.")
    _refuse_backslashes(path, text, separator, quote)
    _refuse_title(path, rows)
    _refuse_blanks(path, [cells[0] for _, cells in rows if len(cells) == 1])
    header, remark = has_header([cells for _, cells in rows[:HEADER_ROWS]])
    table = TableFormat("csv", (), encoding, separator, quote, header)
    return table, (remark,) if remark else ()


Rows = Sequence[tuple[int, list[str]]]


def _rows(text: str, separator: str, quote: str, whole: bool) -> Rows:
    rows = list(islice(records(split_lines(text), separator, quote), ROWS + 1))
    # The last row may have been cut, with the text.
    return rows[:-1] if not whole and 1 < len(rows) <= ROWS else rows


def _cut(text: str, whole: bool) -> tuple[str, str, Rows]:
    """The separator and the quote under which the rows look most like a table."""
    quotes = ['"']
    if re.search(r"(^|[,;\t|])'[^'\n]*'([,;\t|\r\n]|$)", text[:100_000], re.M):
        quotes.append("'")
    best: tuple[float, str, str, Rows] = (0.0, ",", '"', _rows(text, ",", '"', whole))
    for quote in quotes:
        for separator in SEPARATORS:
            rows = _rows(text, separator, quote, whole)
            if (score := _score(rows, quote)) > best[0]:
                best = (score, separator, quote, rows)
    return best[1:]


def _score(rows: Rows, quote: str) -> float:
    """From 2 on if all rows have as many cells, else less; the more, the more cells have a meaning.

    A few ragged rows must not lose to a separator that is within cells only. It is 0 if there is
    one cell a row.
    """
    # The header may have one cell less than the rows, if these end in a separator.
    widths = Counter(len(cells) for _, cells in rows)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    if width < 2:
        return 0.0
    if len(rows[0][1]) == width - 1 and not rows[-1][1][-1].strip():
        count += 1
    cells = [cell.strip() for _, row in rows[:200] for cell in row]
    clean = sum(_is_clean(cell, quote) for cell in cells) / len(cells)
    consistent = count / len(rows)
    return 2.0 * (consistent == 1) + consistent * (0.5 + clean)


def _is_clean(cell: str, quote: str) -> bool:
    if not cell or cell in WORDS or is_number(cell) or time_formats(_shape(cell)):
        return True
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'":
        return False
    return not any(mark in cell for mark in (*SEPARATORS, quote))


def _shape(cell: str) -> str:
    digits = _DIGITS.sub("9", cell)
    at = 1 if cell[:1] in "+-" else 0
    return digits[:at] + "0" + digits[at + 1 :] if cell[at : at + 1] == "0" else digits


def _refuse_backslashes(path: Path, text: str, separator: str, quote: str) -> None:
    """Refuse quotes within cells that a backslash stands before: they would end the cell."""
    mark = re.escape(quote)
    if found := re.search(rf"{mark}[^{mark}\n]*\\{mark}[^{mark}{re.escape(separator)}\s]", text):
        raise SourceError(
            "a quote within a cell has a backslash before it",
            where=f"{path}, line {text.count(chr(10), 0, found.end()) + 1}",
            expected='a second quote: ""',
            found=f"\\{quote}",
            fix="Write it with doubled quotes, as most programs do.",
        )


def _refuse_title(path: Path, rows: Rows) -> None:
    if len(rows) < 3:
        return
    width = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    line, first = rows[0]
    spare = len(first) == width - 1 and not rows[1][1][-1].strip()
    if len(first) == width or spare or width < 2:
        return
    start = next(number for number, cells in rows if len(cells) == width)
    raise SourceError(
        "does not begin with the names of the columns or with a row",
        where=f"{path}, line {line}",
        expected=f"{width} cells, as in line {start}",
        found=f"{len(first)}: {quote_value(' '.join(first)[:60])}",
        fix="Delete titles, comments and notes, so that the first line names the columns.",
    )


def _refuse_blanks(path: Path, lines: Sequence[str]) -> None:
    """Refuse lines that are several numbers each, with blanks between them."""
    words = [line.split() for line in lines[1:]]
    if len({*map(len, words)}) != 1 or len(words[0]) < 2 or is_number(lines[1].strip()):
        return  # a number may have a blank between thousands
    if sum(map(is_number, words[0])) * 2 >= len(words[0]):
        raise SourceError(
            "has blanks between its cells",
            where=str(path),
            expected="commas, semicolons, tabs or bars",
            found=quote_value(lines[0].strip()[:60]),
            fix="Write it with another separator.",
        )


def has_header(rows: Sequence[list[str]]) -> tuple[bool, str]:
    """Whether the first row names the columns, and a remark if nothing in the rows tells."""
    first = [cell.strip() for cell in rows[0]]
    below = [row for row in rows[1:] if len(row) >= len(first)]
    columns = [[row[place].strip() for row in below] for place in range(len(first))]
    values = [_is_value(cell) for cell in first]
    if any(values) and not _are_years(first, columns):
        return False, "" if not below else "the first line holds values, so columns have no names"
    if not below or any(map(_names_values, first, columns)):
        return True, ""
    again = any(cell and cell in column for cell, column in zip(first, columns, strict=True))
    if again or first.count("") > 1:
        return False, "the first line looks like the others, so columns have no names"
    return True, "all cells are texts, so the first line was taken as the names of the columns"


def _names_values(cell: str, column: Sequence[str]) -> bool:
    """Whether the cells below a first one that is no value mostly are some."""
    filled = [each for each in column if each and each not in WORDS]
    return bool(cell and filled) and sum(map(_is_value, filled)) >= 0.9 * len(filled)


def _is_value(cell: str) -> bool:
    """Whether a cell is a number, a time or a flag, and hardly a name."""
    if cell.lower() in ("true", "false"):
        return True
    return bool(_DIGITS.search(cell) and (is_number(cell) or time_formats(_shape(cell))))


def _are_years(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether the numbers in the first line are years that name columns of something else."""
    places = [place for place, cell in enumerate(first) if _is_value(cell)]
    years = [first[place] for place in places]
    below = [cell for place in places for cell in columns[place] if cell]
    alike = sum(map(bool, map(_YEAR.fullmatch, below)))
    named = 0 not in places and all(map(_YEAR.fullmatch, years)) and years == sorted({*years})
    return named and alike * 2 < len(below)
