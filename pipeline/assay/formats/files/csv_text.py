"""A CSV file: its first lines, which Python's own reader reads, and its rows as text cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa

from assay.errors import SourceError
from assay.formats.definition import TableFormat
from assay.formats.files.cells import CellCutter
from assay.formats.files.lines import LINE_END
from assay.formats.files.opened import (
    ROWS,
    Utf8Stream,
    head_text,
    in_encoding,
    open_text,
)
from assay.project.params.inputs import CsvOptions
from assay.project.text import quote_value

LONGEST_CELL = 1 << 30
BLOCK = 8 << 20
BLOCK_A_COLUMN = 16 << 10
"""Bytes that are read at once: of wide tables more, so that a batch has many rows."""


@dataclass(frozen=True)
class Layout:
    """The columns of a file as it lies there.

    Parameters
    ----------
    names
        One for each cell of a row; a number is added to those that are there twice.
    start
        Characters before the first row.
    remarks
        On names that were made.
    """

    names: tuple[str, ...]
    start: int
    remarks: tuple[str, ...] = ()


def records(lines: Iterable[str], separator: str, quote: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row and the number of the line that it begins in; blank rows are left out.

    It takes whatever a file may hold, to find out how it is written.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(
        lines,
        delimiter=separator,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    line = 1
    for cells in reader:
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield line, cells
        line = reader.line_num + 1


def split_lines(text: str) -> Iterator[str]:
    r"""Lines with their ends, which are ``\n``, ``\r\n`` or a lone ``\r``."""
    return io.StringIO(text, newline="")


def layout(path: Path, table: TableFormat) -> Layout:
    """The names and the place of the first row.

    Where each row ends in a separator, the cell behind it is a column without a name.

    Raises
    ------
    SourceError
        There is no row, or the header has more or fewer names than rows have cells.
    """
    text, whole = head_text(path, table.encoding)
    read: list[int] = [0]
    rows = records(_counted(split_lines(text), read), table.separator, table.quote)
    line, first = next(rows, (1, []))
    start = read[0]
    second = next(rows, (0, []))[1]
    if not first:
        raise SourceError("the file holds only blanks", where=str(path), fix="Write it again.")
    if not table.header:
        return Layout(column_names([""] * len(first)), 0)
    if not second:
        what = "a header and no rows" if whole else "one line is longer than a megabyte"
        raise SourceError(what, where=str(path), fix="Check how the table was written.")
    header = "".join([*split_lines(text[:start])][line - 1 :]).rstrip("\r\n")
    first, in_place = _cutter(table, 0).cut_line(header.removeprefix("\ufeff"))
    if not in_place:
        raise _quote_error(path, line)
    remarks = []
    spare = len(second) == len(first) + 1 and not second[-1].strip()
    names = column_names([*first, ""] if spare else first)
    made = [name for cell, name in zip([*first, ""], names, strict=False) if cell.strip() != name]
    if made:
        shown = ", ".join(map(quote_value, made[:5])) + (", …" if made[5:] else "")
        remarks.append(f"columns without a name, or with one that is there twice, are {shown}")
    if spare:
        remarks.append("rows have an empty cell more than there are names, taken as a last column")
    return Layout(names, start, tuple(remarks))


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


def _cutter(table: TableFormat, width: int) -> CellCutter:
    """The cutter of a night's CSV, so that both take the same lines for rows."""
    quote = table.quote
    return CellCutter(
        width,
        CsvOptions(sep=table.separator, quote=quote, escape=quote or '"', multiLine=True),
    )


def _numbered_rows(path: Path, table: TableFormat) -> Iterator[tuple[int, list[str], bool]]:
    """Below the header, each row's line, its cells, and whether they are all of it."""
    cutter, line, above = _cutter(table, 0), 1, table.header
    with in_encoding(path, table.encoding), open_text(path, table.encoding) as file:
        for text in cutter.rows(Utf8Stream.of(file), str(path)):
            if text.strip():
                if not above:
                    yield line, *cutter.cut_line(text.removesuffix("\n").removesuffix("\r"))
                above = False
            line += len(LINE_END.findall(text))


def line_of(path: Path, table: TableFormat, row: int) -> int:
    """The number of the line in which a row begins; rows count from 0, below the header."""
    line, *_ = next(islice(_numbered_rows(path, table), row, None), (0,))
    return line


def torn_error(path: Path, table: TableFormat, width: int) -> SourceError:
    """The error for rows that cannot be cut into ``width`` cells, with the line of the first."""
    rows = _numbered_rows(path, table)
    line, cells, whole = next(each for each in rows if not each[2] or len(each[1]) != width)
    if not whole:
        return _quote_error(path, line)
    return SourceError(
        "a row has more or fewer cells than there are columns",
        where=f"{path}, line {line}",
        expected=f"{width} cells",
        found=f"{len(cells)} in the first such line",
        fix="Fix these lines; a cell with the separator in it must be in quotes, and titles, "
        "comments and totals must go.",
    )


def _quote_error(path: Path, line: int) -> SourceError:
    return SourceError(
        "has a quote that is neither around a cell nor doubled within one",
        where=f"{path}, line {line}",
        expected="a quoted cell that ends at a separator or with its line",
        fix="Write it again at its source, with quotes within cells doubled.",
    )


def text_batches(
    path: Path,
    table: TableFormat,
    where: Layout,
) -> Iterator[list[pa.Array]]:
    """One array of text for each column, at most `ROWS` rows at a time, never null.

    Raises
    ------
    SourceError
        A row has more or fewer cells than there are columns, or a quote is out of place.
    """
    width = len(where.names)
    cutter, size = _cutter(table, width), max(BLOCK, BLOCK_A_COLUMN * width)
    with in_encoding(path, table.encoding), open_text(path, table.encoding) as file:
        file.read(where.start)
        for cells, torn in cutter.cut_rows(Utf8Stream.of(file), str(path), size=size):
            if torn.null_count < len(torn):
                raise torn_error(path, table, width)
            texts = [each.fill_null("") for each in cells]
            for start in range(0, len(torn), ROWS):
                yield [each.slice(start, ROWS) for each in texts]
