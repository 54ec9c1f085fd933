"""Excel workbooks, as openpyxl writes them, and with parts put in by hand."""

from __future__ import annotations

import itertools
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

SHEET = "xl/worksheets/sheet1.xml"


def write(path: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    """A workbook; a cell may be a pair of a value and its number format."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(
                [_styled(sheet, each) if isinstance(each, tuple) else each for each in row]
            )
    book.save(path)
    return path


def _styled(sheet: Any, cell: tuple[Any, str]) -> WriteOnlyCell:
    styled = WriteOnlyCell(sheet, cell[0])
    styled.number_format = cell[1]
    return styled


def parts(path: Path) -> dict[str, bytes]:
    """Name of each part -> its text."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def put(path: Path, texts: dict[str, bytes]) -> Path:
    """A workbook of these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    return path


def replace(path: Path, old: str, new: str, *, part: str = SHEET) -> Path:
    """The workbook with each match of ``old`` in one of its parts, the first sheet, replaced."""
    texts = parts(path)
    text, found = re.subn(old, new, texts[part].decode())
    assert found, texts[part]
    return put(path, {**texts, part: text.encode()})


def share(path: Path) -> Path:
    """The workbook with the texts of its first sheet in a part of their own, as Excel does it."""
    texts = parts(path)
    sheet = texts[SHEET].decode()
    cell = re.compile('t="inlineStr"><is>(.*?)</is>')
    items = "".join(f"<si>{text}</si>" for text in cell.findall(sheet))
    count = itertools.count()
    texts[SHEET] = cell.sub(lambda _: f't="s"><v>{next(count)}</v>', sheet).encode()
    texts["xl/sharedStrings.xml"] = f'<sst xmlns="{SHEET_MAIN_NS}">{items}</sst>'.encode()
    put(path, texts)
    stated = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{SHARED_STRINGS}"/></Types>'
    return replace(path, "</Types>", stated, part="[Content_Types].xml")
