"""The rows of a sheet of an Excel workbook (.xlsx), as records of plain values.

openpyxl (``assay[excel]``) reads the workbook, row by row; here its cells become a table.
"""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from assay.errors import SourceError
from assay.formats.files.csv_text import column_names
from assay.formats.files.opened import ROWS, file_format
from assay.formats.files.records import Record
from assay.project.text import quote_value

_TOGETHER = 1_000
_SAVE = "Open it in Excel or LibreOffice, and save it as .xlsx again, or as CSV."


@dataclass
class Sheet:
    """One sheet of a workbook.

    Parameters
    ----------
    names
        Of its columns, from the first row that is not empty.
    rows
        The number in the sheet of each row that was read; grows while rows are read.
    """

    path: Path
    name: str
    names: tuple[str, ...] = ()
    rows: array[int] = field(default_factory=lambda: array("L"))

    def place(self, row: int) -> str:
        """Where a row lies, in words; rows are counted from 0, below the header."""
        number = self.rows[row] if row < len(self.rows) else row + 2
        return f"sheet {quote_value(self.name)}, row {number}"


def sheet_names(path: Path) -> tuple[str, ...]:
    """The names of the sheets with cells, in their order.

    Raises
    ------
    SourceError
        It is no whole workbook, or has no sheet with cells.
    """
    with _workbook(path) as book:
        found = tuple(sheet.title for sheet in book.worksheets)
    if not found:
        raise SourceError(
            "the workbook has no sheet with cells",
            where=str(path),
            fix="Save it as an Excel workbook (.xlsx), not as Strict Open XML.",
        )
    return found


def open_sheet(path: Path, name: str | None = None) -> Sheet:
    """A sheet, the first one if no name is given; its rows are not read yet.

    Raises
    ------
    SourceError
        It is no whole workbook, or has no such sheet.
    """
    names = sheet_names(path)
    if name is not None and name not in names:
        raise SourceError(
            "the workbook has no such sheet",
            where=str(path),
            expected=", ".join(map(quote_value, names)),
            found=quote_value(name),
        )
    return Sheet(path, name if name is not None else names[0])


def excel_batches(sheet: Sheet) -> Iterator[list[Record]]:
    """The rows below the header as records, at most `opened.ROWS` at a time.

    The header is the first row with a value. Rows without any are passed over.

    Raises
    ------
    SourceError
        A cell lies beyond the header, or is a formula that was never computed.
    """
    found = _records(sheet)
    while batch := list(islice(found, ROWS)):
        yield batch


def _records(sheet: Sheet) -> Iterator[Record]:
    columns = range(0)
    with closing(_formulas(sheet)) as formulas:
        for number, row in _rows(sheet):
            # A formula whose value is the empty text has a type.
            unset = {cell.column for cell in row if cell.value is None and cell.data_type == "n"}
            if unset:
                _refuse_formula(sheet, number, unset, formulas)
            values = {cell.column: _value(cell) for cell in row}
            cells = {place: each for place, each in values.items() if each not in (None, "")}
            if not cells:
                continue
            if not columns:
                columns = range(min(cells), max(cells) + 1)
                sheet.names = column_names(str(cells.get(place, "")) for place in columns)
                continue
            beyond = [place for place in cells if place not in columns]
            if beyond:
                raise SourceError(
                    "a cell lies beside the table",
                    where=_where(sheet, number, beyond[0]),
                    expected=f"cells in {_letters(columns[0])} to {_letters(columns[-1])}, "
                    "below the first row with a value",
                    found=quote_value(str(cells[beyond[0]])[:80]),
                    fix="Keep the header and its rows in the sheet, and nothing else.",
                )
            sheet.rows.append(number)
            yield dict(zip(sheet.names, map(cells.get, columns), strict=True))
    if not columns:
        raise SourceError(
            "the sheet is empty",
            where=f"{sheet.path}, sheet {quote_value(sheet.name)}",
            fix="Name another sheet.",
        )


def _value(cell: Any) -> Any:
    """A cell's value: dates in ISO 8601, and elapsed time in days, as Excel counts it."""
    value = cell.value
    if isinstance(value, str):
        from openpyxl.utils.escape import unescape

        # _x000D_ is the end of a line, and #N/A is what Excel itself calls not available; any other
        # error is a text that nothing reads.
        return None if cell.data_type == "e" and value == "#N/A" else unescape(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return value / timedelta(days=1) if isinstance(value, timedelta) else value


def _refuse_formula(
    sheet: Sheet, number: int, unset: set[int], formulas: Iterator[tuple[int, set[int]]]
) -> None:
    """Raise if one of the cells without a value is a formula; rows are asked for in order."""
    never = unset & next((found for each, found in formulas if each == number), set())
    if never:
        raise SourceError(
            "a formula was never computed, so it has no value",
            where=_where(sheet, number, min(never)),
            fix="Open the workbook in Excel or LibreOffice, and save it.",
        )


def _where(sheet: Sheet, number: int, column: int) -> str:
    place = f"cell {_letters(column)}{number}"
    return f"{sheet.path}, sheet {quote_value(sheet.name)}, {place}"


def _letters(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(column))


# ---------------------------------------------------------------------------------- openpyxl


def _formulas(sheet: Sheet) -> Generator[tuple[int, set[int]], None, None]:
    """The number of each row, and which of its columns, from 1 on, are formulas.

    openpyxl tells either the values or the formulas, so the sheet is read a second time.
    """
    for number, row in _rows(sheet, formulas=True):
        yield number, {cell.column for cell in row if cell.data_type == "f"}


def _rows(sheet: Sheet, *, formulas: bool = False) -> Iterator[tuple[int, list[Any]]]:
    """The number of each row, and those of its cells that the workbook has."""
    with _workbook(sheet.path, formulas=formulas) as book:
        from openpyxl.cell.read_only import EMPTY_CELL

        with _whole(sheet.path):
            page = book[sheet.name]
            # Some programs state too few.
            page.reset_dimensions()
            rows = enumerate(page.iter_rows(), 1)
        while True:
            with _whole(sheet.path):
                some = list(islice(rows, _TOGETHER))
            for number, row in some:
                yield number, [cell for cell in row if cell is not EMPTY_CELL]
            if not some:
                return


@contextmanager
def _workbook(path: Path, *, formulas: bool = False) -> Iterator[Any]:
    """The workbook as openpyxl has it, with the values of cells, or with formulas."""
    from openpyxl import load_workbook

    if (found := file_format(path)) != "excel":
        raise SourceError("is no Excel workbook", where=str(path), found=found, fix=_SAVE)
    # openpyxl would go by the name of a path.
    with path.open("rb") as file:
        with _whole(path):
            book = load_workbook(file, read_only=True, data_only=not formulas, keep_links=False)
        try:
            yield book
        finally:
            book.close()


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Around calls of openpyxl alone: their errors are one line, and their warnings none."""
    try:
        with warnings.catch_warnings():
            # They tell which styles, extensions and names would be lost if it were saved, and
            # dates out of bounds, which are a text that does not read as a time.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
            yield
    except Exception as error:  # openpyxl checks little: a damaged part raises almost anything
        found = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SourceError(
            "is no whole Excel workbook", where=str(path), found=found, fix=_SAVE
        ) from None
