"""Excel workbooks: what a cell is, which cells are the table, and what is refused."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import SourceError, UsageError
from assay.sources import read_excel
from assay.tables.files.excel_rows import excel_batches, open_sheet
from assay.tables.reader import read
from assay.tables.understand import understand
from tests.tables import workbooks

ROWS = [
    ["shop", "when", "day", "amount", "paid", "code", None, "note"],
    ["Ulm", datetime(2024, 3, 1, 17, 5), date(2024, 3, 1), 12.5, True, "01", None, "a < b"],
    ["Bonn", datetime(2024, 3, 2, 0, 0), date(1999, 12, 31), 3, False, "02", None, None],
    [None, None, None, None, None, None, None, None],
    [
        "Ulm",
        datetime(2024, 3, 3, 9, 30, 15),
        date(2024, 2, 29),
        None,
        True,
        "010",
        None,
        "ä_x0041_",
    ],
]


def records(path: Path, sheet: str | None = None) -> list[dict[str, object]]:
    return [record for batch in excel_batches(open_sheet(path, sheet)) for record in batch]


@pytest.mark.parametrize("namespace", [workbooks.MAIN, workbooks.STRICT])
@pytest.mark.parametrize("places", [True, False])
def test_a_table_is_read_as_it_was_written(tmp_path: Path, namespace: str, places: bool) -> None:
    path = workbooks.write(tmp_path / "b.xlsx", {"Sales": ROWS}, namespace=namespace, places=places)
    found = understand(path)
    kinds = {each.name: each.kind for each in found.facts}
    assert kinds == {
        "shop": "string", "when": "timestamp", "day": "timestamp", "amount": "float",
        "paid": "boolean", "code": "string", "column_7": "float", "note": "string",
    }  # fmt: skip
    assert (found.rows, found.table.format, found.table.sheet) == (3, "excel", "Sales")
    (table,) = read(path, found.table)
    rows = table.to_pylist()
    assert rows[0] == {
        "shop": "Ulm", "when": datetime(2024, 3, 1, 17, 5), "day": datetime(2024, 3, 1),
        "amount": 12.5, "paid": True, "code": "01", "column_7": None, "note": "a < b",
    }  # fmt: skip
    assert (rows[2]["when"], rows[2]["note"]) == (datetime(2024, 3, 3, 9, 30, 15), "äA")
    assert rows[2]["amount"] is None and rows[2]["code"] == "010"


def test_a_number_is_a_date_by_its_format_alone(tmp_path: Path) -> None:
    cells = [(45000, style) for style in range(6)] + [time(6, 30), (0.5, 0), (59, 1), (61, 1)]
    path = workbooks.write(tmp_path / "b.xlsx", {"S": [list("abcdefghij"), cells]})
    assert list(records(path)[0].values()) == [
        45000, "2023-03-15 00:00:00", "2023-03-15 00:00:00", 45000, 45000, "2023-03-15 00:00:00",
        "06:30:00", 0.5, "1900-02-28 00:00:00", "1900-03-01 00:00:00",
    ]  # fmt: skip
    mac = workbooks.write(tmp_path / "m.xlsx", {"S": [["a"], [(0, 1)]]}, epoch_1904=True)
    assert records(mac) == [{"a": "1904-01-01 00:00:00"}]


def test_texts_of_every_spelling(tmp_path: Path) -> None:
    cells = [
        '<c t="inlineStr"><is><r><t>two </t></r><r><t>runs</t></r><rPh><t>x</t></rPh></is></c>',
        '<c t="str"><f>A1</f><v>made</v></c>',
        '<c t="e"><v>#N/A</v></c>',
        '<c t="e"><v>#DIV/0!</v></c>',
        '<c t="d"><v>2024-03-01</v></c>',
        "<c><f>1+1</f><v>2</v></c>",
    ]
    path = workbooks.write(tmp_path / "b.xlsx", {"S": [list("abcdef"), cells]})
    assert list(records(path)[0].values()) == [
        "two runs", "made", None, "#DIV/0!", "2024-03-01", 2,
    ]  # fmt: skip


def test_the_first_sheet_is_read_and_others_are_named(tmp_path: Path) -> None:
    sheets = {"A": [["x"], [1]], "B": [["y"], [2]]}
    path = workbooks.write(tmp_path / "b.xlsx", sheets)
    found = understand(path)
    assert found.table.sheet == "A" and "not read: 'B'" in found.remarks[0]
    second = understand(path, sheet="B")
    assert second.table.column("y").kind == "integer" and not second.remarks
    with pytest.raises(SourceError, match="no such sheet"):
        understand(path, sheet="C")
    (tmp_path / "t.csv").write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="only a workbook has sheets"):
        understand(tmp_path / "t.csv", sheet="B")


def test_an_error_names_the_row_of_the_sheet(tmp_path: Path) -> None:
    path = workbooks.write(tmp_path / "b.xlsx", {"S": [["a"], [1], [2], [None], ["x"]]})
    with pytest.raises(SourceError, match="sheet 'S', row 5, column 'a'"):
        list(read_excel(path, columns={"a": "integer"}))
    assert "line 5" in understand(path).facts[0].unsure
    with pytest.raises(SourceError, match="has no column 'b'"):
        list(read_excel(path, columns={"b": "integer"}))


REFUSED = {
    "a title above": ([["Sales of 2024"], ["a", "b"], [1, 2]], "cell B2.*beside the table"),
    "a note beside": ([["a"], [1], [2, None, "total"]], "cell C3"),
    "a formula": ([["a"], ["<c><f>1+1</f></c>"]], "cell A2.*never computed"),
    "nothing": ([], "the sheet is empty"),
    "only a header": ([["a", "b"]], "has no rows"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_table_is_one_line(tmp_path: Path, what: str) -> None:
    rows, words = REFUSED[what]
    path = workbooks.write(tmp_path / "b.xlsx", {"S": rows})
    with pytest.raises(SourceError) as caught:
        understand(path)
    line = caught.value.line()
    assert re.search(words, line) and "\n" not in line


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_workbook_is_one_line(tmp_path: Path, data: st.DataObject) -> None:
    whole = workbooks.write(tmp_path / "whole.xlsx", {"Sales": ROWS})
    path = tmp_path / "b.xlsx"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        broken = data.draw(st.sampled_from(old.namelist()))
        for name in old.namelist():
            text = old.read(name)
            if name == broken:
                place = data.draw(st.integers(0, len(text)))
                put = data.draw(st.sampled_from([b"", b"<", b"&x;", b"9", b'"', b"\x00"]))
                text = text[:place] + put + text[place + data.draw(st.integers(0, 9)) :]
            new.writestr(name, text)
    try:
        understand(path)
    except SourceError as error:
        assert "\n" not in error.line()
