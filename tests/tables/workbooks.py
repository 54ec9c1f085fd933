"""Excel workbooks, written by hand as Excel and others write them."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = (0, 14, 164, 165, 166, 20)
"""Number formats by style: general, a date, and the three below; the last is a time of day."""
FORMATS = {164: 'dd\\.mm\\.yyyy hh:mm "o\'clock"', 165: "[h]:mm", 166: '0.00 "days"'}
DAY, MOMENT, ELAPSED, NUMBER, CLOCK = 1, 2, 3, 4, 5


def write(
    path: Path,
    sheets: dict[str, Sequence[Sequence[Any]]],
    *,
    namespace: str = MAIN,
    places: bool = True,
    epoch_1904: bool = False,
) -> Path:
    """A workbook; a row may be a str of XML as it stands, and a cell a pair of XML and style.

    Parameters
    ----------
    places
        Whether cells and rows say where they are; some programs leave it out.
    """
    texts: list[str] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        names = "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
            for n, name in enumerate(sheets, 1)
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{namespace}" xmlns:r="{OFFICE}">'
            f'<workbookPr date1904="{int(epoch_1904)}"/><sheets>{names}</sheets></workbook>',
        )
        for n, rows in enumerate(sheets.values(), 1):
            body = "".join(_row(number, row, texts, places) for number, row in enumerate(rows, 1))
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'<worksheet xmlns="{namespace}"><sheetData>{body}</sheetData></worksheet>',
            )
        kinds = [
            (f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)
        ]
        kinds += [("s", "styles", "/xl/styles.xml"), ("t", "sharedStrings", "sharedStrings.xml")]
        relations = "".join(
            f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"/>'
            for key, kind, target in kinds
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relations>{relations}</Relations>")
        formats = "".join(
            f'<numFmt numFmtId="{n}" formatCode="{escape(code, {chr(34): "&quot;"})}"/>'
            for n, code in FORMATS.items()
        )
        cells = "".join(f'<xf numFmtId="{n}"/>' for n in STYLES)
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{namespace}"><numFmts>{formats}</numFmts>'
            f"<cellXfs>{cells}</cellXfs></styleSheet>",
        )
        items = "".join(f"<si>{text}</si>" for text in texts)
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{namespace}">{items}</sst>')
    return path


def _row(number: int, row: Sequence[Any], texts: list[str], places: bool) -> str:
    cells = []
    for column, value in enumerate(row):
        where = f' r="{chr(ord("A") + column)}{number}"' if places else ""
        if value is None and places:
            continue
        cells.append(_cell(value, where, texts))
    at = f' r="{number}"' if places else ""
    return f"<row{at}>{''.join(cells)}</row>"


def _cell(value: Any, where: str, texts: list[str]) -> str:
    if value is None:
        return f"<c{where}/>"
    if isinstance(value, tuple):  # a number and its style
        return f'<c{where} s="{value[1]}"><v>{value[0]}</v></c>'
    if isinstance(value, bool):
        return f'<c{where} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c{where}><v>{value!r}</v></c>"
    if isinstance(value, datetime):
        since = value - datetime(1899, 12, 30)
        return f'<c{where} s="{MOMENT}"><v>{since.total_seconds() / 86400!r}</v></c>'
    if isinstance(value, date):
        return f'<c{where} s="{DAY}"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, time):
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return f'<c{where} s="{CLOCK}"><v>{seconds / 86400!r}</v></c>'
    if value.startswith("<"):  # as it stands
        return value.replace("<c", f"<c{where}", 1)
    texts.append(f"<t>{escape(value)}</t>")
    return f'<c{where} t="s"><v>{len(texts) - 1}</v></c>'
