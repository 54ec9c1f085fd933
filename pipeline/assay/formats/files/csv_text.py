"""A CSV file: its first lines, and its rows as text cells, which pyarrow cuts.

Python's own reader reads the head, and finds the line that an error names.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pv

from assay.errors import SourceError
from assay.formats.definition import TableFormat
from assay.formats.files.opened import (
    ROWS,
    Utf8Stream,
    file_lines,
    head_text,
    in_encoding,
    open_text,
)
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
    first = next(rows, (0, []))[1]
    start = read[0]
    second = next(rows, (0, []))[1]
    if not first:
        raise SourceError("the file holds only blanks", where=str(path), fix="Write it again.")
    if not table.header:
        return Layout(column_names([""] * len(first)), 0)
    if not second:
        what = "a header and no rows" if whole else "one line is longer than a megabyte"
        raise SourceError(what, where=str(path), fix="Check how the table was written.")
    if len(second) == len(first) + 1 and not second[-1].strip():
        first = [*first, ""]
    names = column_names(first)
    remarks = []
    made = [name for cell, name in zip(first, names, strict=True) if cell.strip() != name]
    if made:
        shown = ", ".join(map(quote_value, made[:5])) + (", …" if made[5:] else "")
        remarks.append(f"columns without a name, or with one that is there twice, are {shown}")
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


def line_of(path: Path, table: TableFormat, width: int, row: int) -> int:
    """The number of the line in which a row begins; rows count from 0, below the header."""
    lines = file_lines(path, table.encoding)
    cut = records(lines, table.separator, table.quote, width=width)
    line, _ = next(islice(cut, row + table.header, None), (0, []))
    return line


def ragged_error(path: Path, table: TableFormat, width: int) -> SourceError:
    """The error for rows without ``width`` cells, with the line of the first one."""
    lines = file_lines(path, table.encoding)
    rows = records(lines, table.separator, table.quote)
    line, cells = next(((n, each) for n, each in rows if len(each) != width), (0, []))
    return SourceError(
        "a row has more or fewer cells than there are columns",
        where=f"{path}, line {line}" if line else str(path),
        expected=f"{width} cells",
        found=f"{len(cells)} in the first such line",
        fix="Fix these lines; a cell with the separator in it must be in quotes, without a blank "
        "before them, and titles, comments and totals must go.",
    )


def refuse_open_quote(path: Path, table: TableFormat, quotes: int) -> None:
    """Refuse a file that ends inside a quoted cell; ``quotes`` is how many quotes it has."""
    if not table.quote or quotes % 2 == 0:
        return
    line = 0
    lines = file_lines(path, table.encoding)
    try:
        for line, cells in records(lines, table.separator, table.quote, strict=True):
            line += sum(cell.count("\n") for cell in cells)
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return
        raise SourceError(
            "ends in the middle of a quoted cell",
            where=f"{path}, line {line + 1}",
            fix="Copy the file again, or close the quotes.",
        ) from None


def text_batches(
    path: Path,
    table: TableFormat,
    where: Layout,
) -> Iterator[list[pa.Array]]:
    """One array of text for each column, at most `ROWS` rows at a time, never null.

    Raises
    ------
    SourceError
        A row has more or fewer cells than there are columns, or a quote is never closed.
    """
    ragged: list[int] = []
    # pyarrow must have names that differ, and never sees the header.
    names = [str(place) for place in range(len(where.names))]

    def note(row: pv.InvalidRow) -> str:
        if row.text.strip():
            ragged.append(row.actual_columns)
        return "skip"

    block = max(BLOCK, BLOCK_A_COLUMN * len(names))
    try:
        with (
            in_encoding(path, table.encoding),
            open_text(path, table.encoding) as file,
        ):
            file.read(where.start)
            reader = pv.open_csv(
                pa.PythonFile(Utf8Stream.of(file), mode="r"),
                read_options=pv.ReadOptions(column_names=names, block_size=block),
                parse_options=pv.ParseOptions(
                    delimiter=table.separator,
                    quote_char=table.quote or False,
                    newlines_in_values=True,
                    invalid_row_handler=note,
                ),
                convert_options=pv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[],
                    strings_can_be_null=False,
                ),
            )
            for batch in reader:
                if ragged:
                    break
                for start in range(0, batch.num_rows, ROWS):
                    yield batch.slice(start, ROWS).columns
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise SourceError(
                "cannot be cut into rows",
                where=str(path),
                found=str(error),
                fix="A quote that is never closed is the usual cause.",
            ) from None
    if ragged:
        raise ragged_error(path, table, len(names))
