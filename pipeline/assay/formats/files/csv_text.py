"""Cells of a CSV text, its first lines and the place of a row, by Python's own reader.

pyarrow reads the rows; this reads the head, and finds the line that an error names.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assay.errors import SourceError
from assay.formats.files.opened import file_lines, head_text

LONGEST_CELL = 1 << 30


@dataclass(frozen=True)
class Dialect:
    """How the rows of a text are cut into cells."""

    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    header: bool = True


@dataclass(frozen=True)
class Layout:
    """The columns of a file as it lies there.

    Parameters
    ----------
    names
        One for each cell of a row; a number is added to those that are there twice, which are
        ``repeated``.
    spare
        Whether the last cell has no name in the header: a separator at the end of each row.
    start
        Characters before the first row.
    """

    names: tuple[str, ...]
    spare: bool
    start: int
    repeated: tuple[str, ...] = ()


def records(
    lines: Iterable[str], separator: str, quote: str, *, width: int = 0, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row and the number of the line that it begins in; blank rows are left out.

    Parameters
    ----------
    width
        The number of columns if known: of one column, a line with blanks is a row.

    Raises
    ------
    csv.Error
        If ``strict``, where a quote is never closed.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(
        lines,
        delimiter=separator,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=strict,
    )
    line = 1
    for cells in reader:
        if len(cells) > 1 or (cells and (width == 1 or cells[0].strip())):
            yield line, cells
        line = reader.line_num + 1


def split_lines(text: str) -> Iterator[str]:
    r"""Lines with their ends, which are ``\n``, ``\r\n`` or a lone ``\r``."""
    return io.StringIO(text, newline="")


def layout(path: Path, dialect: Dialect) -> Layout:
    """The names and the place of the first row.

    Raises
    ------
    SourceError
        There is no row, or the header has more or fewer names than rows have cells.
    """
    text, whole = head_text(path, dialect.encoding)
    read: list[int] = [0]
    found = records(_counted(split_lines(text), read), dialect.separator, dialect.quote)
    first = next(found, (0, []))[1]
    start = read[0]
    second = next(found, (0, []))[1]
    if not first:
        raise SourceError("the file holds only blanks", where=str(path), fix="Write it again.")
    if not dialect.header:
        return Layout(column_names([""] * len(first)), not first[-1].strip(), 0)
    if not second:
        what = "a header and no rows" if whole else "one line is longer than a megabyte"
        raise SourceError(what, where=str(path), fix="Check how the table was written.")
    spare = not first[-1].strip() and len(first) > 1
    if len(second) == len(first) + 1 and not second[-1].strip():
        first, spare = [*first, ""], True
    names = column_names(first)
    given = zip((cell.strip() for cell in first), names, strict=True)
    repeated = tuple(name for cell, name in given if cell not in ("", name))
    return Layout(names, spare, start, repeated)


def _counted(lines: Iterable[str], read: list[int]) -> Iterator[str]:
    for line in lines:
        read[0] += len(line)
        yield line


def column_names(cells: Iterable[str]) -> tuple[str, ...]:
    """A name for each header cell: trimmed, never empty, never twice.

    >>> column_names(["a", " a ", "", "a_2"])
    ('a', 'a_3', 'column_3', 'a_2')
    """
    stripped = [cell.strip() for cell in cells]
    taken: set[str] = set()
    names = []
    for place, cell in enumerate(stripped, 1):
        wanted = name = cell or f"column_{place}"
        number = 2
        while name in taken or (name != cell and name in stripped):
            name, number = f"{wanted}_{number}", number + 1
        taken.add(name)
        names.append(name)
    return tuple(names)


def lines_of(path: Path, dialect: Dialect, width: int, rows: Iterable[int]) -> dict[int, int]:
    """The numbers of the lines in which rows begin; rows count from 0, below the header."""
    wanted = {row + dialect.header for row in rows}
    found: dict[int, int] = {}
    if not wanted:
        return found
    lines = file_lines(path, dialect.encoding)
    cut = records(lines, dialect.separator, dialect.quote, width=width)
    for place, (line, _) in enumerate(cut):
        if place in wanted:
            found[place - dialect.header] = line
        if place >= max(wanted):
            break
    return found


def ragged_error(path: Path, dialect: Dialect, width: int) -> SourceError:
    """The error for rows without ``width`` cells, with the line of the first one."""
    lines = file_lines(path, dialect.encoding)
    found = records(lines, dialect.separator, dialect.quote)
    line, cells = next(((n, each) for n, each in found if len(each) != width), (0, []))
    return SourceError(
        "a row has more or fewer cells than there are columns",
        where=f"{path}, line {line}" if line else str(path),
        expected=f"{width} cells",
        found=f"{len(cells)} in the first such line",
        fix="Fix these lines; a cell with the separator in it must be in quotes, without a blank "
        "before them, and titles, comments and totals must go.",
    )


def refuse_open_quote(path: Path, dialect: Dialect, quotes: int) -> None:
    """Refuse a file that ends inside a quoted cell; ``quotes`` is how many quotes it has."""
    if not dialect.quote or quotes % 2 == 0:
        return
    line = 0
    lines = file_lines(path, dialect.encoding)
    try:
        for line, cells in records(lines, dialect.separator, dialect.quote, strict=True):
            line += sum(cell.count("\n") for cell in cells)
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return
        raise SourceError(
            "ends in the middle of a quoted cell",
            where=f"{path}, line {line + 1}",
            fix="Copy the file again, or close the quotes.",
        ) from None
