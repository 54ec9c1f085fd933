"""Excel workbooks: what a cell is, which cells are the table, and what is refused."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import SourceError, UsageError
from assay.formats.files.excel_rows import excel_batches, open_sheet
from assay.formats.reader import read
from assay.formats.understand import understand
from assay.sources import read_excel
from tests.formats import workbooks

ROWS = [
    ["shop", "when", "day", "amount", "paid", "code", None, "note"],
    ["Ulm", datetime(2024, 3, 1, 17, 5), date(2024, 3, 1), 12.5, True, "01", None, "a < b"],
    ["Bonn", datetime(2024, 3, 2, 0, 0), date(1999, 12, 31), 3, False, "02", None, None],
    [None, None, None, None, None, None, None, None],
    ["Ulm", datetime(2024, 3, 3, 9, 30), date(2024, 2, 29), None, True, "010", None, "ä_x0041_"],
]


def records(path: Path, sheet: str | None = None) -> list[dict[str, object]]:
    return [record for batch in excel_batches(open_sheet(path, sheet)) for record in batch]


@pytest.mark.parametrize("shared", [True, False])
def test_a_table_is_read_as_it_was_written(tmp_path: Path, shared: bool) -> None:
    path = workbooks.write(tmp_path / "b.xlsx", {"Sales": ROWS})
    if shared:
        workbooks.share(path)
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
    assert (rows[2]["when"], rows[2]["note"]) == (datetime(2024, 3, 3, 9, 30), "äA")
    assert rows[2]["amount"] is None and rows[2]["code"] == "010"


def test_a_number_is_a_date_by_its_format_alone(tmp_path: Path) -> None:
    cells = [
        *((45000, code) for code in ("General", "dd.mm.yyyy", '0.00 "days"', "hh:mm")),
        *((1.5, "[h]:mm"), time(6, 30), 0.5, (59, "yyyy-mm-dd"), (61, "yyyy-mm-dd")),
    ]
    path = workbooks.write(tmp_path / "b.xlsx", {"S": [list("abcdefghi"), cells]})
    assert list(records(path)[0].values()) == [
        45000, "2023-03-15 00:00:00", 45000, "2023-03-15 00:00:00",
        1.5, "06:30:00", 0.5, "1900-02-28 00:00:00", "1900-03-01 00:00:00",
    ]  # fmt: skip
    workbooks.replace(path, "<workbookPr/>", '<workbookPr date1904="1"/>', part="xl/workbook.xml")
    assert records(path)[0]["b"] == "2027-03-16 00:00:00"


def test_a_date_beyond_all_years_does_not_read_as_one(tmp_path: Path) -> None:
    path = workbooks.write(tmp_path / "b.xlsx", {"S": [["a"], [(10**8, "yyyy-mm-dd")]]})
    with pytest.raises(SourceError, match=r"sheet 'S', row 2.*expected time.*#VALUE!"):
        list(read_excel(path, columns={"a": "time"}))


def test_formulas_have_the_values_that_were_saved(tmp_path: Path) -> None:
    rows = [list("abcde"), ["=1+1", "=T(1)", "#N/A", "#DIV/0!", ("", "0.00")]]
    path = workbooks.write(tmp_path / "b.xlsx", {"S": rows})
    workbooks.replace(path, r"(1\+1</f><v>)", r"\g<1>2")
    workbooks.replace(path, '<c r="B2">', '<c r="B2" t="str">')
    assert list(records(path)[0].values()) == [2, None, None, "#DIV/0!", None]


def test_a_sheet_that_states_too_few_rows_is_read_whole(tmp_path: Path) -> None:
    path = workbooks.write(tmp_path / "b.xlsx", {"S": [["a", "b"], [1, 2], [3, 4]]})
    workbooks.replace(path, "A1:B3", "A1:A1")
    assert records(path) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


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
    assert "row 5" in understand(path).facts[0].unsure
    with pytest.raises(SourceError, match="has no column 'b'"):
        list(read_excel(path, columns={"b": "integer"}))


REFUSED = {
    "a title above": ([["Sales of 2024"], ["a", "b"], [1, 2]], "cell B2.*beside the table"),
    "a note beside": ([["a"], [1], [2, None, "total"]], "cell C3"),
    "a formula": (
        [["a", "b"], [1, ("", "0.00")], [None, None], [2, "=1+1"]],
        "sheet 'S', cell B4.*never computed",
    ),
    "nothing": ([], "sheet 'S': the sheet is empty"),
    "only a header": ([["a", "b"]], "has no row with a value"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_table_is_one_line(tmp_path: Path, what: str) -> None:
    rows, words = REFUSED[what]
    path = workbooks.write(tmp_path / "b.xlsx", {"S": rows})
    with pytest.raises(SourceError) as caught:
        understand(path)
    line = caught.value.line()
    assert re.search(words, line) and "\n" not in line


def test_what_is_no_workbook_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "b.xlsx"
    for text, words in {
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook, or one with a password",
        b"a,b\n1,2\n": "is no Excel workbook.*csv",
        b"PK\x03\x04": "no Excel workbook",
    }.items():
        path.write_bytes(text)
        with pytest.raises(SourceError, match=words) as caught:
            list(read_excel(path, columns={"a": "integer"}))
        assert "\n" not in caught.value.line()


def test_a_workbook_without_sheets_is_one_line(tmp_path: Path) -> None:
    path = workbooks.write(tmp_path / "b.xlsx", {"S": [["a"], [1]]})
    workbooks.replace(path, "<sheets>.*</sheets>", "<sheets/>", part="xl/workbook.xml")
    with pytest.raises(SourceError, match=r"has no sheet with cells.*not as Strict"):
        understand(path)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_workbook_is_one_line(tmp_path: Path, data: st.DataObject) -> None:
    path = workbooks.share(workbooks.write(tmp_path / "b.xlsx", {"Sales": ROWS}))
    texts = workbooks.parts(path)
    broken = data.draw(st.sampled_from(list(texts)))
    place = data.draw(st.integers(0, len(texts[broken])))
    put = data.draw(st.sampled_from([b"", b"<", b"&x;", b"9", b'"', b"\x00"]))
    rest = texts[broken][place + data.draw(st.integers(0, 9)) :]
    workbooks.put(path, {**texts, broken: texts[broken][:place] + put + rest})
    try:
        understand(path)
    except SourceError as error:
        assert "\n" not in error.line()
