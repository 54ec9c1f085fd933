"""How a CSV file is cut into cells, found out from its first megabyte."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path

from assay.errors import SourceError
from assay.formats.files.csv_text import Dialect, records, split_lines
from assay.formats.files.opened import head_text
from assay.formats.spelt.numbers import is_number
from assay.formats.spelt.times import time_formats
from assay.formats.spelt.words import FLAGS, WORDS
from assay.project.text import quote_value

SEPARATORS = (",", ";", "\t", "|")
LAST_RESORT = ":"
ROWS = 2_000
HEADER_ROWS = 300
_FLAG_WORDS = {word for pair in FLAGS for word in pair}
_DIGITS = re.compile(r"\d")


def find_dialect(path: Path, encoding: str) -> tuple[Dialect, tuple[str, ...]]:
    """The dialect, and remarks on what was assumed.

    Raises
    ------
    SourceError
        The first lines are not those of a table: a title or comments stand before the header.
    """
    text, whole = head_text(path, encoding)
    text = text.removeprefix("\ufeff")
    if re.match(r"sep=.[\r\n]", text):
        raise SourceError(
            "begins with a line for Excel only",
            where=f"{path}, line 1",
            found=quote_value(text[:5]),
            fix="Delete this line.",
        )
    separator, quote, rows = _cut(text, whole)
    if not rows:
        raise SourceError("the file holds only blanks", where=str(path), fix="Write it again.")
    _refuse_backslashes(path, text, separator, quote)
    _refuse_title(path, rows)
    header, remark = has_header([cells for _, cells in rows[:HEADER_ROWS]])
    remarks = [remark] if remark else []
    if len(rows) > 2 and len(rows[0][1]) == 1:
        _refuse_blanks(path, [cells[0] for _, cells in rows])
    return Dialect(encoding, separator, quote, header), tuple(remarks)


Rows = Sequence[tuple[int, list[str]]]


def _rows(text: str, separator: str, quote: str, whole: bool) -> Rows:
    found = []
    for row in records(split_lines(text), separator, quote):
        found.append(row)
        if len(found) > ROWS:
            break
    # The last row may have been cut, with the text.
    return found[:-1] if not whole and 1 < len(found) <= ROWS else found


def _cut(text: str, whole: bool) -> tuple[str, str, Rows]:
    """The separator and the quote under which the rows look most like a table."""
    quotes = ['"']
    if re.search(r"(^|[,;\t|])'[^'\n]*'([,;\t|\r\n]|$)", text[:100_000], re.M):
        quotes.append("'")
    best: tuple[tuple[float, ...], str, str, Rows] | None = None
    for quote in quotes:
        for place, separator in enumerate(SEPARATORS):
            rows = _rows(text, separator, quote, whole)
            score = _score(rows, quote)
            if score[0] and (best is None or (*score, -place) > best[0]):
                best = ((*score, -place), separator, quote, rows)
    if best is None:
        rows = _rows(text, LAST_RESORT, '"', whole)
        if _score(rows, '"')[0] == 2 and len(rows) > 1 and _are_words(rows[0][1]):
            return LAST_RESORT, '"', rows
        return ",", '"', _rows(text, ",", '"', whole)
    return best[1:]


def _are_words(cells: list[str]) -> bool:
    return all(cell.strip() and not _DIGITS.search(cell) for cell in cells)


def _score(rows: Rows, quote: str) -> tuple[float, ...]:
    """Whether all rows have as many cells, then how many have, and how many cells have a meaning.

    The more, the better; zero if there is one cell a row.
    """
    if not rows:
        return (0.0, 0.0)
    # The header may have one cell less than the rows, if these end in a separator.
    widths = Counter(len(cells) for _, cells in rows)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    if width < 2:
        return (0.0, 0.0)
    if len(rows[0][1]) == width - 1 and not rows[-1][1][-1].strip():
        count += 1
    cells = [cell.strip() for _, row in rows[:200] for cell in row]
    clean = sum(_is_clean(cell, quote) for cell in cells) / len(cells)
    # Rows that are all alike count first; but a few ragged ones must not lose to a separator that
    # is within cells only.
    consistent = count / len(rows)
    return (2.0 if consistent == 1 else 1.0, consistent * (0.5 + clean))


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
    if f"\\{quote}" not in text:
        return
    line = 0
    try:
        strict = records(split_lines(text), separator, quote, strict=True)
        for number, _ in islice(strict, ROWS):
            line = number
    except csv.Error as error:
        if "expected after" in str(error):
            raise SourceError(
                "a quote within a cell has a backslash before it",
                where=f"{path}, line {line + 1} or later",
                expected='a second quote: ""',
                found=f"\\{quote}",
                fix="Write it with doubled quotes, as most programs do.",
            ) from None


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
    # The header may have one word less: R writes no name for the names of the rows.
    words = [line.split() for line in lines[1:]]
    alike = {len(each) for each in words}
    values = [is_number(word) for each in words for word in each]
    if len(alike) == 1 and alike != {1} and sum(values) * 2 >= len(values):
        # One number with blanks between thousands has digits in groups of three.
        if not all(is_number(line.strip()) for line in lines[1:]):
            if not all(time_formats(_shape(line.strip())) for line in lines[1:]):
                raise SourceError(
                    "has blanks between its cells",
                    where=str(path),
                    expected="commas, semicolons, tabs or bars",
                    found=quote_value(lines[0].strip()[:60]),
                    fix="Write it with another separator.",
                )


# -------------------------------------------------------------------------------- header


def has_header(rows: Sequence[list[str]]) -> tuple[bool, str]:
    """Whether the first row names the columns, and a remark if nothing in the rows tells."""
    first = [cell.strip() for cell in rows[0]]
    below = [row for row in rows[1:] if len(row) >= len(first)]
    columns = [[row[place].strip() for row in below] for place in range(len(first))]
    told = [_tells(cell, column) for cell, column in zip(first, columns, strict=True)]
    if not below:
        return not any(_is_value(cell) for cell in first), ""
    if _are_years(first, columns):
        return True, ""
    if any(each is False for each in told):
        remark = "the first line holds values, so the columns have no names"
        return False, remark
    if any(each is True for each in told):
        return True, ""
    again = any(cell and cell in column for cell, column in zip(first, columns, strict=True))
    if again or sum(not cell for cell in first) > 1:
        return False, "the first line looks like the others, so the columns have no names"
    return True, "all cells are texts, so the first line was taken as the names of the columns"


def _tells(cell: str, column: Sequence[str]) -> bool | None:
    """True if the cell is unlike those below, False if it is a value, None if nothing tells."""
    if _is_value(cell):
        return False
    filled = [each for each in column if each and each not in WORDS]
    values = sum(_is_value(each) for each in filled)
    return True if cell and filled and values >= 0.9 * len(filled) else None


def _is_value(cell: str) -> bool:
    """Whether a cell is a number, a time or a flag, and hardly a name."""
    shape = _shape(cell)
    if cell.lower() in ("true", "false"):
        return True
    return bool(any(mark.isdigit() for mark in cell) and (is_number(cell) or time_formats(shape)))


def _are_years(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether numbers in the first line are years that name columns of something else."""
    places = [place for place, cell in enumerate(first) if _is_value(cell)]
    years = [first[place] for place in places]
    if not years or len(places) == len(first) or not first[0] or _is_value(first[0]):
        return False
    if any(not re.fullmatch(r"(1[89]|20)\d\d", year) for year in years):
        return False
    rising = [int(year) for year in years]
    steps = {b - a for a, b in pairwise(rising)}
    below = [cell for place in places for cell in columns[place] if cell]
    alike = sum(bool(re.fullmatch(r"(1[89]|20)\d\d", cell)) for cell in below)
    return len(steps) == 1 and 0 not in steps and alike * 2 < len(below)
