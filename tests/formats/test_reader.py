from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from assay.errors import SourceError
from assay.formats.definition import ColumnFormat, TableFormat
from assay.formats.reader import read


def table(path: Path, *columns: ColumnFormat, **written: object) -> pa.Table:
    return pa.concat_tables(read(path, TableFormat("csv", columns, **written)))  # type: ignore[arg-type]


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text('shop,note,amount\nA,"x\ny",1\n\nB,z,2\n', encoding="utf-8")
    return path


def test_columns_are_taken_by_name_and_in_the_stated_order(sales: Path) -> None:
    found = table(sales, ColumnFormat("amount", "float"), ColumnFormat("shop", "string"))
    assert found.schema == pa.schema([("amount", pa.float64()), ("shop", pa.string())])
    assert found.to_pydict() == {"amount": [1.0, 2.0], "shop": ["A", "B"]}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (ColumnFormat("v", "integer"), "1.5"),
        (ColumnFormat("v", "integer"), "0x1F"),
        (ColumnFormat("v", "integer"), "9223372036854775808"),
        (ColumnFormat("v", "integer"), "n/a"),
        (ColumnFormat("v", "float"), "nan"),
        (ColumnFormat("v", "float"), "1,5"),
        (ColumnFormat("v", "float", decimal=","), "1.5"),
        (ColumnFormat("v", "float", thousands=","), "1,23"),
        (ColumnFormat("v", "float", suffix="%"), "5"),
        (ColumnFormat("v", "float", prefix="$"), "5"),
        (ColumnFormat("v", "boolean"), "yes"),
        (ColumnFormat("v", "timestamp"), "2024-02-30"),
        (ColumnFormat("v", "timestamp", time_format="%d.%m.%Y"), "30.02.2024"),
        (ColumnFormat("v", "timestamp", time_format="%d.%m.%Y"), "1.2.2024x"),
    ],
)
def test_a_bad_cell_is_an_error_with_its_line(
    tmp_path: Path, column: ColumnFormat, cell: str
) -> None:
    path = tmp_path / "t.csv"
    good = {"float": "", "boolean": "true"}.get(column.kind, "")
    path.write_text(f'v|w\n{good}|"a\nb"\n\n {cell} |c\n', encoding="utf-8")
    with pytest.raises(SourceError) as raised:
        table(path, column, separator="|")
    line = str(raised.value)
    assert f"line 5, column 'v': a cell does not read as {column.kind}" in line
    assert cell in line and "expected " in line and "Fix the cell" in line


def test_cells_that_stand_for_no_value_are_stated(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\nNA,NA\n 1 ,x\n,\n", encoding="utf-8")
    columns = ColumnFormat("a", "integer"), ColumnFormat("b", "string", kept=("NA",))
    found = table(path, *columns, missing=("NA",))
    assert found.to_pydict() == {"a": [None, 1, None], "b": ["NA", "x", None]}


@pytest.mark.parametrize("marks", [{"separator": "::"}, {"separator": ""}, {"quote": "»"}])
def test_a_separator_is_one_character(sales: Path, marks: dict[str, str]) -> None:
    with pytest.raises(SourceError, match="is not one character of ASCII"):
        table(sales, ColumnFormat("shop", "string"), **marks)


def test_cells_may_never_be_quoted(sales: Path) -> None:
    sales.write_text('a,b\n"x,1\ny",2\n', encoding="utf-8")
    found = table(sales, ColumnFormat("a", "string"), quote="")
    assert found["a"].to_pylist() == ['"x', 'y"']


def test_a_missing_column_is_an_error(sales: Path) -> None:
    with pytest.raises(SourceError, match=r"has no column 'shops' \(found 'shop', 'note', 'amo"):
        table(sales, ColumnFormat("shops", "string"))


def test_a_ragged_row_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"line 3: a row has .*expected 2 cells, found 1"):
        table(path, ColumnFormat("a", "integer"))


def test_without_a_header_each_column_must_be_stated(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1,2\n3,4\n", encoding="utf-8")
    one, two = ColumnFormat("x", "integer"), ColumnFormat("y", "integer")
    assert table(path, one, two, header=False).to_pydict() == {"x": [1, 3], "y": [2, 4]}
    with pytest.raises(SourceError, match="another number of columns"):
        table(path, one, header=False)


def test_a_wrong_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("a\nKöln\n".encode("cp1252"))
    with pytest.raises(SourceError, match=r"is not written in utf-8 \(found byte 0xf6\)"):
        table(path, ColumnFormat("a", "string"))
    assert table(path, ColumnFormat("a", "string"), encoding="cp1252")["a"][0].as_py() == "Köln"
    with pytest.raises(SourceError, match="no encoding 'utf-9'"):
        table(path, ColumnFormat("a", "string"), encoding="utf-9")


def test_batches_are_small_and_wrong_bytes_far_down_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a\n" + b"1\n" * 1_500_000 + b"\xff\n")
    wanted = TableFormat("csv", (ColumnFormat("a", "integer"),))
    sizes = []
    with pytest.raises(SourceError, match="not written in utf-8"):
        for each in read(path, wanted):
            sizes.append(each.num_rows)
    assert max(sizes, default=0) <= 100_000


def test_json_reads_what_is_stated(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n\n{"b": null, "a": 2.0}\n{"a": null}\n', encoding="utf-8")
    columns = ColumnFormat("a", "integer"), ColumnFormat("b", "string")
    found = pa.concat_tables(read(path, TableFormat("json", columns)))
    assert found.to_pydict() == {"a": [1, 2, None], "b": ["x", None, None]}
    path.write_text('{"a": 1}\n{"a": true}\n', encoding="utf-8")
    with pytest.raises(SourceError, match=r"row 2, column 'a': .*found 'true'"):
        list(read(path, TableFormat("json", columns[:1])))
    path.write_text('{"a": 1}\n{"a": [1]}\n', encoding="utf-8")
    with pytest.raises(SourceError, match=r"row 2, column 'a': .*found '\[1\]'"):
        list(read(path, TableFormat("json", columns[:1])))
    with pytest.raises(SourceError, match="has no column 'b'"):
        list(read(path, TableFormat("json", (ColumnFormat("b", "string"),))))


def test_json_gives_other_types_than_its_own_where_they_are_stated(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = ['{"flag": null, "size": 1.0}'] * 100_000 + ['{"flag": 1, "size": "x"}']
    path.write_text("\n".join(rows), encoding="utf-8")
    columns = ColumnFormat("flag", "boolean"), ColumnFormat("size", "string")
    first, second = read(path, TableFormat("json", columns))
    # A value is the same text in each batch, whatever else is in it.
    assert [first["flag"][0].as_py(), *set(first["size"].to_pylist())] == [None, "1.0"]
    assert second.to_pydict() == {"flag": [True], "size": ["x"]}
