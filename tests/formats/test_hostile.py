"""Files as they are found in the wild: each is read right, or refused in one clear line."""

from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path

import pytest

from assay.errors import SourceError, UsageError
from assay.formats.understand import understand
from tests.formats.written import kinds, rows, understood, written

# ----------------------------------------------------------------------- cut into cells

READ = {
    "decimal commas": ("1,5;2,5\n3,5;4,25\n", [(1.5, 2.5), (3.5, 4.25)]),
    "single quotes": ("'a','b'\n'x, y',1\n'z',2\n", [("x, y", 1), ("z", 2)]),
    "lines in quotes": ('a,b\n1,"x\ny"\n2,"z\r\nw"\n', [(1, "x\ny"), (2, "z\r\nw")]),
    "gzip": (gzip.compress(b"a,b\n1,x\n2,y\n"), [(1, "x"), (2, "y")]),
    "blanks around": (" a , b\n 1 , x \n 2 ,\u00a0y\n", [(1, "x"), (2, "y")]),
    "blank lines": ("\n  \na,b\n1,2\n", [(1, 2)]),
    "a path": ('a,b\n"C:\\dir\\",1\nx,2\n', [("C:\\dir\\", 1), ("x", 2)]),
    "an inch": ('a,b\n5" pipe,1\nx,2\n', [('5" pipe', 1), ("x", 2)]),
    "one value": ("a\n1\n", [(1,)]),
    "only a value": ("7\n", [(7,)]),
    "one column": ('a\n1\n""\n3\n', [(1,), (None,), (3,)]),
    "clock times": ("10:30\n11:45\n", [("11:45",)]),
    "years as names": ("land,2010,2011\nA,1.5,2.5\nB,4,5\n", [("A", 1.5, 2.5), ("B", 4, 5)]),
    "constants": ("a,b\n1,x\n1,x\n", [(1, "x"), (1, "x")]),
}


@pytest.mark.parametrize("what", READ)
def test_what_is_written_oddly_is_read(tmp_path: Path, what: str) -> None:
    content, expected = READ[what]
    found = [tuple(row.values()) for row in rows(understood(tmp_path, content))]
    assert found == expected


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_also_within_quotes(tmp_path: Path, separator: str) -> None:
    text = 'name,note,n\na,"x, y; z|\tw",1\nb,"say ""hi""",2\n'.replace(",", separator)
    found = understood(tmp_path, text.replace("say", "so, say"))
    assert found.table.separator == separator
    assert kinds(found) == {"name": "string", "note": "string", "n": "integer"}
    assert rows(found)[1]["note"] == 'so, say "hi"'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(tmp_path: Path, end: str, last: bool) -> None:
    text = end.join(["a,b", "1,x", "", "2,y"]) + end * last
    assert rows(understood(tmp_path, text)) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_encodings_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    text = "größe,ort\n1,Köln\n2,東京\n"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    found = understood(tmp_path, (mark + text).encode(encoding))
    assert rows(found) == [{"größe": 1, "ort": "Köln"}, {"größe": 2, "ort": "東京"}]
    assert found.remarks == ()


def test_cp1252_with_a_decimal_comma_after_25_000_integers(tmp_path: Path) -> None:
    lines = ["ort;menge", *(f"Köln;{n}" for n in range(25_000)), "Zürich;3,5", "Zürich;"]
    found = understood(tmp_path, "\r\n".join(lines).encode("cp1252"))
    assert (found.table.encoding, found.table.separator) == ("cp1252", ";")
    assert "cp1252 was assumed" in found.remarks[0]
    amount = found.facts[1]
    assert (amount.kind, found.table.columns[1].decimal) == ("float", ",")
    assert "1 have a decimal comma, the first in row 25,001" in amount.evidence
    assert rows(found)[-2:] == [{"ort": "Zürich", "menge": 3.5}, {"ort": "Zürich", "menge": None}]


# ------------------------------------------------------------------------------- header


def test_no_header(tmp_path: Path) -> None:
    found = understood(tmp_path, "1,x,2024-01-01\n2,y,2024-01-02\n")
    assert kinds(found) == {"column_1": "integer", "column_2": "string", "column_3": "timestamp"}
    assert found.rows == 2 and "no names" in found.remarks[0]


def test_a_header_that_nothing_tells_is_a_remark(tmp_path: Path) -> None:
    found = understood(tmp_path, "name,city\nada,London\nbob,Rome\n")
    assert kinds(found) == {"name": "string", "city": "string"}
    assert "taken as the names" in found.remarks[0]


def test_names_of_a_table_without_a_header(tmp_path: Path) -> None:
    # Where all cells are texts, only a person's names tell that the first line is a row.
    for text in ("1,Rome\n2,Oslo\n", "ada,Rome\nbob,Oslo\n"):
        found = understand(written(tmp_path, text), names=["who", " city"])
        assert [row["city"] for row in rows(found)] == ["Rome", "Oslo"]
        assert found.remarks == () and [*kinds(found)] == ["who", "city"]


@pytest.mark.parametrize(
    ("text", "names", "words"),
    [
        ("1,x\n2,y\n", "a", "expected 2 different names, one for each column, found 1"),
        ("1,x\n2,y\n", "a,", "found an empty name"),
        ("1,x\n2,y\n", "a,a", "found 'a' twice"),
        ("who,n\nx,1\ny,2\n", "a,b", "found 'who', 'n'"),
        ('{"n": 1}\n', "a", "only columns of CSV can lack names"),
    ],
)
def test_names_that_do_not_fit_are_refused(
    tmp_path: Path, text: str, names: str, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        understand(written(tmp_path, text), names=names.split(","))
    assert words in caught.value.line() and "--names" in caught.value.line()


def test_names_twice_empty_and_odd(tmp_path: Path) -> None:
    found = understood(tmp_path, 'a,a,a_2,,"x ""y"" z",😀 n\n1,2,3,4,5,6\n7,8,9,1,2,3\n')
    assert list(kinds(found)) == ["a", "a_3", "a_2", "column_4", 'x "y" z', "😀 n"]
    assert found.remarks[0].endswith("are 'a_3', 'column_4'")
    assert rows(found)[0]["😀 n"] == 6


@pytest.mark.parametrize("header", ["a,b,", "a,b"])
def test_a_separator_at_the_end_of_each_row(tmp_path: Path, header: str) -> None:
    found = understood(tmp_path, f"{header}\n1,x,\n2,y,\n")
    assert rows(found)[1] == {"a": 2, "b": "y", "column_3": None}
    assert found.facts[2].nulls == 2 and "'column_3'" in found.remarks[0]


# ------------------------------------------------------------------------------- extent


def test_many_values_and_long_ones_are_not_all_kept(tmp_path: Path) -> None:
    lines = [f"{n},{n % 7}" for n in range(120_000)]
    found = understood(tmp_path, "id,c\n" + "\n".join([*lines, *["5,5"] * 50]))
    number, few = found.facts
    assert number.many and not number.unique and len(number.values) == 1_000
    assert number.values[0] == (5, 51)
    assert (few.many, few.distinct, few.values[0]) == (False, 7, (5, 17_142 + 50 + 1))
    long = "\n".join(f"{n:05d}{'x' * 1_000},1" for n in range(20_000))
    assert understood(tmp_path, "text,n\n" + long).facts[0].many


def test_two_thousand_columns(tmp_path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(2_000))
    found = understood(tmp_path, names + ("\n" + ",".join(["1"] * 2_000)) * 3)
    assert set(kinds(found).values()) == {"integer"} and len(found.facts) == 2_000


def test_no_value_at_all(tmp_path: Path) -> None:
    found = understood(tmp_path, "a,b\n1,\n2,NA\n3,\n")
    assert (found.facts[1].kind, found.facts[1].nulls) == ("float", 3)
    assert "no value in any row, only 'NA'" in found.facts[1].evidence
    assert found.facts[1].unsure


# ------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (("ort,n\n" + "Köln,1\n" * 5).encode() + b"K\xf6ln,2\n", "line 7: is UTF-8 in most places"),
        (b"a,b\n\x81,1\n", "neither UTF-8 nor"),
        (b"Sales of 2024\n\na,b,c\n1,2,3\n4,5,6\n", "line 1: does not begin"),
        (b"# made by hand, in 2024\na,b,c\n1,2,3\n4,5,6\n", "line 1: does not begin"),
        (b'a,b\n1,"x\ny"\n' + b"1,2\n" * 5 + b"1\n1,2\n", "line 9: a row has more or fewer"),
        (b'"a",b\n1,2\n3" of 4,5\n', "line 3: has a quote that is neither"),
            (b'a,b\n"$48,"x, y"\n', "line 2: has a quote that is neither"),
            (b"a b c\n1 2 3.5\n4 5 6.5\n", "has blanks between its cells"),
        (b"\n \n", "only blanks"),
        (b"a,b\n", "a header and no rows"),
        (b"PK\x03\x04\x00", "another zip archive"),
        (b"a,b\n1,\x00\n", "no text"),
        (b"<!DOCTYPE html>\n<p>,</p>\n", "a web page"),
        (b'a,b\n1,"x\n2,y\n', "line 2: has a quote that is neither"),
        (gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], "gzip file is cut"),
        ("a,b\n1,Köl".encode()[:-2], "ends in the middle of a character"),
        (b'a,b\n1,"say \\"hi\\" to"\n2,x\n', "line 2: a quote within a cell has a back"),
        (b"PAR1 and no more", "no whole Parquet file"),
        (b'{"a": 1}\n{"a": ', "line 2: is no JSON object"),
        (b"[1, 2]", "object 1: is no JSON object"),
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, content: bytes, said: str) -> None:
    name = "table.json" if content[:1] in (b"[", b"{") else "table.csv"
    with pytest.raises(SourceError) as raised:
        understood(tmp_path, content, name)
    assert said in str(raised.value) and str(tmp_path) in str(raised.value)


def test_a_workbook_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as file:
        file.writestr("xl/workbook.xml", "<x/>")
    with pytest.raises(SourceError, match="Excel workbook"):
        understand(tmp_path / "book.xlsx")
    with pytest.raises(SourceError, match="is a folder"):
        understand(tmp_path)
    with pytest.raises(SourceError, match="no such file"):
        understand(tmp_path / "nothing.csv")


NUMBERS = "".join(f"{n},2024-01-{n:02d},{n / 2}\n" for n in range(1, 20))


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        ("n,at,x\nno,day,kg\n" + NUMBERS, "line 2 looks like a second line of names.*'no'"),
        ("n,at,x\n" + NUMBERS + "id,when,y\n" + NUMBERS, "line 21 looks like names.*'id'"),
    ],
)
def test_rows_that_look_like_names_are_doubted(tmp_path: Path, content: str, remark: str) -> None:
    assert re.search(remark, " ".join(understood(tmp_path, content).remarks))


def test_a_row_with_a_word_among_numbers_is_no_line_of_names(tmp_path: Path) -> None:
    content = f"n,at,x\nunknown,2024-01-01,1\n{NUMBERS}x,NA,\n"
    assert not any("looks like" in each for each in understood(tmp_path, content).remarks)


def test_a_title_with_separators_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 1: does not begin .* as in line 3, found 1 with"):
        understood(tmp_path, "Sales,,\n,,\nn,at,x\n" + NUMBERS)


def test_names_with_a_quote_out_of_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 2: has a quote that is neither"):
        understood(tmp_path, '\n"n,at,"x"\n"1",2,3\n')
    found = understood(tmp_path, '"n", "at, on", "x"\n1,2024-01-31,3\n')
    assert [column.name for column in found.table.columns] == ["n", "at, on", "x"]
