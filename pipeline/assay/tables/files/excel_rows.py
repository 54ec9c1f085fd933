"""The rows of a sheet of an Excel workbook (.xlsx), as records of plain values.

A workbook is a zip archive of XML, which Python reads by itself (ECMA-376, part 1, 18.2 to 18.8). A
date is a number there, told apart by its format alone; texts lie in a table of their own.
"""

from __future__ import annotations

import re
import zipfile
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any
from xml.etree import ElementTree

from assay.errors import SourceError
from assay.project.text.quoting import quote_value
from assay.tables.files.csv_rows import ROWS
from assay.tables.files.csv_text import column_names
from assay.tables.files.json_rows import Record

WORKBOOK = "xl/workbook.xml"
_RELATION = re.compile(r"\{.*\}id$")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_PLACE = re.compile(r"([A-Z]+)([0-9]+)")
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_LAST_SERIAL = 2_958_466
"""The first number beyond the year 9999."""
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
    part: str
    texts: Sequence[str]
    dates: Sequence[bool]
    epoch_1904: bool
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
        It is no whole workbook.
    """
    with _archive(path) as archive:
        return tuple(_parts(archive, path))


def open_sheet(path: Path, name: str | None = None) -> Sheet:
    """A sheet, the first one if no name is given; its rows are not read yet.

    Raises
    ------
    SourceError
        It is no whole workbook, or has no such sheet.
    """
    with _archive(path) as archive:
        parts = _parts(archive, path)
        if name is not None and name not in parts:
            raise SourceError(
                "the workbook has no such sheet",
                where=str(path),
                expected=", ".join(map(quote_value, parts)),
                found=quote_value(name),
            )
        chosen = name if name is not None else next(iter(parts))
        relations = _relations(archive)
        return Sheet(
            path,
            chosen,
            parts[chosen],
            _texts(archive, relations.get("sharedStrings")),
            _dates(archive, relations.get("styles")),
            _epoch_1904(archive),
        )


def excel_batches(sheet: Sheet) -> Iterator[list[Record]]:
    """The rows below the header as records, at most `csv_rows.ROWS` at a time.

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
    first = 0
    with _archive(sheet.path) as archive, archive.open(sheet.part) as file:
        for number, cells in _rows(file, sheet):
            if not cells:
                continue
            if not sheet.names:
                first, last = min(cells), max(cells)
                sheet.names = column_names(
                    str(cells.get(place, "")) for place in range(first, last + 1)
                )
                continue
            beyond = [each for each in cells if not first <= each < first + len(sheet.names)]
            if beyond:
                raise SourceError(
                    "a cell lies beside the table",
                    where=f"{sheet.path}, sheet {quote_value(sheet.name)}, "
                    f"cell {_letters(beyond[0])}{number}",
                    expected=f"cells in {_letters(first)} to "
                    f"{_letters(first + len(sheet.names) - 1)}, below the first row with a value",
                    found=quote_value(str(cells[beyond[0]])[:80]),
                    mend="Keep the header and its rows in the sheet, and nothing else.",
                )
            sheet.rows.append(number)
            yield {name: cells.get(first + place) for place, name in enumerate(sheet.names)}
    if not sheet.names:
        raise SourceError(
            "the sheet is empty",
            where=f"{sheet.path}, sheet {quote_value(sheet.name)}",
            mend="Name another sheet.",
        )


# ------------------------------------------------------------------------------------- the sheet


def _rows(file: IO[bytes], sheet: Sheet) -> Iterator[tuple[int, dict[int, Any]]]:
    """The number of each row, and the value of each cell that has one, by its column from 0 on."""
    number, data = 0, None
    for event, element in ElementTree.iterparse(file, events=("start", "end")):
        tag = _tag(element)
        if event == "start":
            data = element if tag == "sheetData" else data
            continue
        if tag != "row":
            continue
        number = int(element.get("r", number + 1))
        cells: dict[int, Any] = {}
        column = -1
        for cell in element:
            place = _PLACE.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            value = _value(cell, sheet, f"cell {_letters(column)}{number}")
            if value is not None and value != "":
                cells[column] = value
        yield number, cells
        if data is not None:
            data.clear()


def _value(cell: ElementTree.Element, sheet: Sheet, where: str) -> Any:
    kind, text, formula = cell.get("t", "n"), None, False
    for part in cell:
        tag = _tag(part)
        if tag == "v":
            text = part.text or ""
        elif tag == "is":
            return _joined(part)
        formula = formula or tag == "f"
    if text is None:
        if formula:
            raise SourceError(
                "a formula was never computed, so it has no value",
                where=f"{sheet.path}, sheet {quote_value(sheet.name)}, {where}",
                mend="Open the workbook in Excel or LibreOffice, and save it.",
            )
        return None
    if kind == "s":
        return sheet.texts[int(text)]
    if kind == "b":
        return text.strip() in ("1", "true")
    if kind == "e":
        # What Excel itself calls not available; any other error is a text that nothing reads.
        return None if text == "#N/A" else text
    if kind in ("str", "d"):
        return _unescaped(text)
    style = int(cell.get("s", "0"))
    is_date = style < len(sheet.dates) and sheet.dates[style]
    return _number(text, is_date, sheet.epoch_1904)


def _number(text: str, is_date: bool, epoch_1904: bool) -> Any:
    if not text:
        return None
    number = float(text)
    if is_date and 0 <= number < _LAST_SERIAL:
        return _moment(number, epoch_1904)
    return (
        int(number) if number.is_integer() and abs(number) < 2**63 and "." not in text else number
    )


def _moment(serial: float, epoch_1904: bool) -> str:
    """A date, or a date and time, in ISO 8601; a number below 1 is a time of day."""
    since = timedelta(milliseconds=round(serial * 86_400_000))
    if serial < 1 and not epoch_1904:
        return str((datetime(2000, 1, 1) + since).time())
    # Excel counts a 29 February 1900, which never was.
    first = date(1904, 1, 1) if epoch_1904 else date(1899, 12, 30 + (serial < 60))
    moment = datetime(first.year, first.month, first.day) + since
    return moment.isoformat(sep=" ")


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _letters(column: int) -> str:
    """A column's name in Excel.

    >>> _letters(0), _letters(25), _letters(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


# ---------------------------------------------------------------------------------- the workbook


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (
        *(zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError, IndexError),
        *(EOFError, OSError, NotImplementedError, RuntimeError),
    ) as error:
        raise SourceError(
            "is no whole Excel workbook", where=str(path), found=str(error), mend=_SAVE
        ) from None


def _parts(archive: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """Name of each sheet with cells -> its part of the archive."""
    relations = _targets(archive)
    found = {}
    for element in ElementTree.fromstring(archive.read(WORKBOOK)).iter():
        if _tag(element) != "sheet":
            continue
        key = next(value for name, value in element.attrib.items() if _RELATION.match(name))
        kind, target = relations[key]
        if kind == "worksheet":
            found[element.attrib["name"]] = target
    if not found:
        raise SourceError("the workbook has no sheet with cells", where=str(path))
    return found


def _targets(archive: zipfile.ZipFile) -> dict[str, tuple[str, str]]:
    """Id of each relation of the workbook -> its kind, and the part that it leads to."""
    text = archive.read("xl/_rels/workbook.xml.rels")
    found = {}
    for element in ElementTree.fromstring(text):
        target = element.attrib["Target"]
        whole = target[1:] if target.startswith("/") else str(PurePosixPath("xl") / target)
        found[element.attrib["Id"]] = (element.attrib["Type"].rpartition("/")[2], whole)
    return found


def _relations(archive: zipfile.ZipFile) -> dict[str, str]:
    return dict(_targets(archive).values())


def _texts(archive: zipfile.ZipFile, part: str | None) -> list[str]:
    if part is None:
        return []
    with archive.open(part) as file:
        found = []
        for _, element in ElementTree.iterparse(file):
            if _tag(element) == "si":
                found.append(_joined(element))
                element.clear()
        return found


def _joined(element: ElementTree.Element) -> str:
    """The text of its runs, without what says how to pronounce it."""
    pieces = []
    for part in element:
        tag = _tag(part)
        if tag == "t":
            pieces.append(part.text or "")
        elif tag == "r":
            pieces += [each.text or "" for each in part if _tag(each) == "t"]
    return _unescaped("".join(pieces))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _dates(archive: zipfile.ZipFile, part: str | None) -> list[bool]:
    """For each style of a cell, whether its numbers are dates or times of day."""
    if part is None:
        return []
    codes: dict[int, str] = {}
    styles: list[int] = []
    for element in ElementTree.fromstring(archive.read(part)):
        if _tag(element) == "numFmts":
            codes = {int(each.attrib["numFmtId"]): each.attrib["formatCode"] for each in element}
        if _tag(element) == "cellXfs":
            styles = [int(each.get("numFmtId", "0")) for each in element]
    return [each in _BUILT_IN_DATES or is_date_format(codes.get(each, "")) for each in styles]


def is_date_format(code: str) -> bool:
    """Whether a format shows numbers as dates or times of day, and not as elapsed time.

    >>> is_date_format("dd.mm.yyyy"), is_date_format('0.0 "days"'), is_date_format("[h]:mm")
    (True, False, False)
    """
    first = _QUOTED.sub("", code).partition(";")[0].lower()
    return bool(re.search("[ymdhs]", first)) and "[" not in first and "general" not in first


def _epoch_1904(archive: zipfile.ZipFile) -> bool:
    for element in ElementTree.fromstring(archive.read(WORKBOOK)):
        if _tag(element) == "workbookPr":
            return element.get("date1904", "0") in ("1", "true")
    return False


def _tag(element: ElementTree.Element) -> str:
    """Its name alone: what newer programs call strict has other namespaces."""
    return element.tag.rpartition("}")[2]
