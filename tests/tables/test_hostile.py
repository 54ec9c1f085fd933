"""Files as they are found in the wild: each is read right, or refused in one clear line."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from assay.errors import SourceError
from assay.tables.definition import ColumnFacts, Understanding
from assay.tables.reader import read
from assay.tables.understand import understand


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def understood(folder: Path, content: str | bytes, name: str = "table.csv") -> Understanding:
    return understand(written(folder, content, name))


def rows(found: Understanding) -> list[dict[str, object]]:
    return [row for table in read(Path(found.path), found.table) for row in table.to_pylist()]


def kinds(found: Understanding) -> dict[str, str]:
    return {each.name: each.kind for each in found.facts}


def only(found: Understanding) -> ColumnFacts:
    (facts,) = found.facts
    return facts


# ----------------------------------------------------------------------- cut into cells


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_also_within_quotes(tmp_path: Path, separator: str) -> None:
    text = 'name,note,n\na,"x, y; z|\tw",1\nb,"say ""hi""",2\n'.replace(",", separator)
    found = understood(tmp_path, text.replace("say", "so, say"))
    assert found.table.separator == separator
    assert kinds(found) == {"name": "string", "note": "string", "n": "integer"}
    assert rows(found)[1]["note"] == 'so, say "hi"'


def test_decimal_commas_do_not_separate(tmp_path: Path) -> None:
    found = understood(tmp_path, "1,5;2,5\n3,5;4,25\n")
    assert (found.table.separator, found.table.header) == (";", False)
    assert rows(found) == [
        {"column_1": 1.5, "column_2": 2.5},
        {"column_1": 3.5, "column_2": 4.25},
    ]


def test_colons(tmp_path: Path) -> None:
    found = understood(tmp_path, "user:shell\nroot:/bin/sh\nada:/bin/zsh\n")
    assert [each.name for each in found.facts] == ["user", "shell"]


def test_one_column_of_clock_times_is_one_column(tmp_path: Path) -> None:
    assert only(understood(tmp_path, "10:30\n11:45\n12:00\n")).kind == "string"


def test_single_quotes(tmp_path: Path) -> None:
    found = understood(tmp_path, "'a','b'\n'x, y',1\n'z',2\n")
    assert found.table.quote == "'"
    assert rows(found) == [{"a": "x, y", "b": 1}, {"a": "z", "b": 2}]


def test_new_lines_within_quotes(tmp_path: Path) -> None:
    found = understood(tmp_path, 'a,b\n1,"x\ny"\n2,"z\r\nw"\n')
    assert [row["b"] for row in rows(found)] == ["x\ny", "z\r\nw"]


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


def test_one_bad_byte_in_utf8_is_refused(tmp_path: Path) -> None:
    text = "ort,n\n" + "Köln,1\n" * 5
    with pytest.raises(SourceError, match=r"line 7: is UTF-8 in most places.*found 1 bad and 5"):
        understood(tmp_path, text.encode() + b"K\xf6ln,2\n")


def test_a_byte_that_cp1252_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="neither UTF-8 nor"):
        understood(tmp_path, b"a,b\n\x81,1\n")


def test_gzip(tmp_path: Path) -> None:
    found = understood(tmp_path, gzip.compress(b"a,b\n1,x\n2,y\n"), "table.csv.gz")
    assert rows(found) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_blanks_around_cells_and_names(tmp_path: Path) -> None:
    found = understood(tmp_path, " a , b\n 1 , x \n 2 ,\u00a0y\n")
    assert rows(found) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert "blanks around 2 values are removed" in found.facts[1].evidence


# ------------------------------------------------------------------------------- header


def test_no_header(tmp_path: Path) -> None:
    found = understood(tmp_path, "1,x,2024-01-01\n2,y,2024-01-02\n")
    assert kinds(found) == {"column_1": "integer", "column_2": "string", "column_3": "timestamp"}
    assert found.rows == 2 and "no names" in found.remarks[0]


def test_a_header_that_nothing_tells_is_a_remark(tmp_path: Path) -> None:
    found = understood(tmp_path, "name,city\nada,London\nbob,Rome\n")
    assert kinds(found) == {"name": "string", "city": "string"}
    assert "taken as the names" in found.remarks[0]


def test_years_as_names(tmp_path: Path) -> None:
    found = understood(tmp_path, "country,2010,2011,2012\nA,1.5,2.5,3.5\nB,4,5,6\n")
    assert list(kinds(found)) == ["country", "2010", "2011", "2012"]


def test_names_twice_empty_and_odd(tmp_path: Path) -> None:
    found = understood(tmp_path, 'a,a,a_2,,"x ""y"" z",😀 n\n1,2,3,4,5,6\n7,8,9,1,2,3\n')
    assert list(kinds(found)) == ["a", "a_3", "a_2", "column_4", 'x "y" z', "😀 n"]
    assert rows(found)[0]["😀 n"] == 6


@pytest.mark.parametrize("header", ["a,b,", "a,b"])
def test_a_separator_at_the_end_of_each_row(tmp_path: Path, header: str) -> None:
    found = understood(tmp_path, f"{header}\n1,x,\n2,y,\n")
    assert rows(found) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert "ends in a separator" in found.remarks[0]
    written(tmp_path, f"{header}\n1,x,\n2,y,\n3,z,7\n")
    with pytest.raises(SourceError, match=r"line 4: a row has a cell beyond the last column"):
        rows(found)


def test_a_title_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 1: does not begin .*expected 3 cells, as in lin"):
        understood(tmp_path, "Sales of 2024\n\na,b,c\n1,2,3\n4,5,6\n")


def test_comments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 1: does not begin"):
        understood(tmp_path, "# made by hand, in 2024\na,b,c\n1,2,3\n4,5,6\n")


def test_ragged_rows_are_counted(tmp_path: Path) -> None:
    text = 'a,b,c\n1,"x\ny",3\n' + "1,2,3\n" * 5 + "1,2\n1,2,3\n1,2,3,4\n"
    with pytest.raises(SourceError, match=r"line 9: 2 rows have .*expected 3 cells, found 2 in"):
        understood(tmp_path, text)


@pytest.mark.parametrize("text", ["a b c\n1 2 3.5\n4 5 6.5\n", '"a" "b"\n"1" 5 6\n"2" 7 8\n'])
def test_blanks_as_separators_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="has blanks between its cells"):
        understood(tmp_path, text)


def test_a_line_for_excel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="line 1: begins with a line for Excel"):
        understood(tmp_path, "sep=;\na;b\n1;2\n")


# ------------------------------------------------------------------------------- extent


def test_blank_lines_before_the_header(tmp_path: Path) -> None:
    assert rows(understood(tmp_path, "\n  \na,b\n1,2\n")) == [{"a": 1, "b": 2}]


def test_a_path_that_ends_in_a_backslash_is_no_quote(tmp_path: Path) -> None:
    assert rows(understood(tmp_path, 'a,b\n"C:\\dir\\",1\nx,2\n'))[0]["a"] == "C:\\dir\\"


def test_many_values_and_long_ones_are_not_all_kept(tmp_path: Path) -> None:
    lines = [f"{n},{n % 7}" for n in range(120_000)]
    found = understood(tmp_path, "id,c\n" + "\n".join([*lines, *["5,5"] * 50]))
    number, few = found.facts
    assert number.many and not number.unique and len(number.values) == 1_000
    assert number.values[0] == (5, 51)
    assert (few.many, few.distinct, few.values[0]) == (False, 7, (5, 17_142 + 50 + 1))
    long = "\n".join(f"{n:05d}{'x' * 1_000},1" for n in range(20_000))
    assert understood(tmp_path, "text,n\n" + long).facts[0].many


def test_one_row_and_one_column(tmp_path: Path) -> None:
    assert rows(understood(tmp_path, "a\n1\n")) == [{"a": 1}]
    assert rows(understood(tmp_path, "7\n")) == [{"column_1": 7}]
    assert rows(understood(tmp_path, 'a\n1\n""\n3\n')) == [{"a": 1}, {"a": None}, {"a": 3}]


def test_two_thousand_columns(tmp_path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(2_000))
    found = understood(tmp_path, names + ("\n" + ",".join(["1"] * 2_000)) * 3)
    assert set(kinds(found).values()) == {"integer"} and len(found.facts) == 2_000


def test_no_value_at_all(tmp_path: Path) -> None:
    found = understood(tmp_path, "a,b\n1,\n2,NA\n3,\n")
    assert (found.facts[1].kind, found.facts[1].nulls) == ("float", 3)
    assert "no value in any row, only 'NA'" in found.facts[1].evidence
    assert found.facts[1].unsure


def test_a_constant(tmp_path: Path) -> None:
    facts = understood(tmp_path, "a,b\n1,x\n1,x\n").facts
    assert [(each.distinct, each.unique) for each in facts] == [(1, False), (1, False)]
    assert facts[1].values == (("x", 2),)


# -------------------------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.234,56", "7,5"], [1234.56, 7.5]),
        (["1,234.56", "7.5"], [1234.56, 7.5]),
        (["1 234,56", "7,5"], [1234.56, 7.5]),
        (["1\u202f234,56", "7,5"], [1234.56, 7.5]),
        (["1'234.5", "12"], [1234.5, 12.0]),
        (["1,234,567", "7"], [1234567, 7]),
        (["1.234.567", "7"], [1234567, 7]),
        (["5 %", "7.5 %", "-1%"], [5.0, 7.5, -1.0]),
        (["$5", "-$7.50", "$1,000.00"], [5.0, -7.5, 1000.0]),
        (["5 EUR", "7 EUR"], [5, 7]),
        (["1e5", "2.5E-3", "-inf"], [1e5, 2.5e-3, float("-inf")]),
        (["+5", "-7", "0"], [5, -7, 0]),
        (["1.0", "2.0", ""], [1.0, 2.0, None]),
        ([".5", "-.25", "3."], [0.5, -0.25, 3.0]),
    ],
)
def test_numbers(tmp_path: Path, cells: list[str], values: list[float]) -> None:
    found = understood(tmp_path, "a|b\n" + "".join(f"{cell}|x\n" for cell in cells))
    assert [row["a"] for row in rows(found)] == values
    assert found.facts[0].unsure == ""


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["01067", "10115", "80331"], "1 of 3 values begin with 0"),
        (["9007199254740993", "12345678901234567890", "1"], "more digits than"),
        (["+49301234567", "+49891234567", "+1"], "telephone"),
        (["DE89370400440532013000", "GB33BUKB20201555555555", "x"], "texts"),
        (["1.2.3", "1.10.0", "2.0.1"], "texts"),
    ],
)
def test_texts_that_look_like_numbers(tmp_path: Path, cells: list[str], said: str) -> None:
    found = understood(tmp_path, "a\n" + "\n".join(cells))
    assert [row["a"] for row in rows(found)] == cells
    assert said in " ".join(only(found).evidence)


def test_versions_by_name(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, "version\n1.9\n1.10\n2.0\n"))
    assert (facts.kind, facts.unsure) == ("string", "or numbers?")


def test_mixed_numbers_and_texts(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, "a\n1\nx\n2\ny\n"))
    assert facts.kind == "string" and "2 of 4 values are numbers" in facts.evidence[0]


def test_one_odd_cell_among_100_000_numbers(tmp_path: Path) -> None:
    lines = [str(n) for n in range(100_000)]
    lines[515] = lines[70_000] = lines[99_999] = "abc"
    facts = only(understood(tmp_path, "a\n" + "\n".join(lines)))
    assert facts.kind == "string"
    assert facts.unsure == (
        "all but 3 of 100,000 are numbers; the first other one is 'abc' in line 517"
    )


def test_one_odd_cell_among_times(tmp_path: Path) -> None:
    text = 'day,b\n"2024-01-01","x\ny"\n' + "2024-01-02,z\n" * 20 + "2024-02-30,z\n"
    facts = understood(tmp_path, text).facts[0]
    assert facts.unsure.endswith("the first other one is '2024-02-30' in line 24")


def test_a_mark_that_no_cell_decides(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, 'a\n"1,234"\n"5,678"\n'))
    assert (facts.kind, facts.low) == ("integer", 1234)
    assert "read as one of thousands; no cell decides" in facts.unsure
    facts = understood(tmp_path, "a;b\n1,234;x\n5,678;y\n").facts[0]
    assert (facts.kind, facts.low) == ("float", 1.234) and "as one of decimals" in facts.unsure
    found = understood(tmp_path, "a;b\n1,234;0,5\n5,678;1,5\n")
    assert (found.facts[0].kind, found.facts[0].low) == ("float", 1.234)


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["31.12.2024", "1.2.2024"], datetime(2024, 12, 31)),
        (["12/31/2024", "01/02/2024"], datetime(2024, 12, 31)),
        (["31/12/2024", "01/02/2024"], datetime(2024, 12, 31)),
        (["2024/12/31", "2024/01/02"], datetime(2024, 12, 31)),
        (["31.12.24 23:05", "01.02.24 00:00"], datetime(2024, 12, 31, 23, 5)),
        (["12/31/2024 1:05 PM", "1/2/2024 12:00 AM"], datetime(2024, 12, 31, 13, 5)),
        (["2024-12-31T23:05:06.0Z", "2024-01-02T00:00:00Z"], datetime(2024, 12, 31, 23, 5, 6)),
        (["2025-01-01 01:05:00+02:00", "2024-01-02 00:00:00+02"], datetime(2024, 12, 31, 23, 5)),
        (["31-Dec-2024", "01-Feb-2024"], datetime(2024, 12, 31)),
        (["December 31, 2024", "May 1, 2024"], datetime(2024, 12, 31)),
        (["2024-12", "2024-01"], datetime(2024, 12, 1)),
        (["20241231", "20240102"], datetime(2024, 12, 31)),
    ],
)  # fmt: skip
def test_times(tmp_path: Path, cells: list[str], first: datetime) -> None:
    found = understood(tmp_path, "a|b\n" + "".join(f"{cell}|x\n" for cell in cells))
    assert rows(found)[0]["a"] == first
    assert found.facts[0].unsure == ""


def test_day_or_month_first(tmp_path: Path) -> None:
    facts = understood(tmp_path, "a,b\n01/02/2024,x\n03/04/2024,y\n").facts[0]
    assert (facts.kind, facts.low) == ("timestamp", datetime(2024, 1, 2))
    assert "cannot be told apart" in facts.unsure
    # Another column decides it for the whole table.
    facts = understood(tmp_path, "a,b\n01/02/2024,31/01/2024\n03/04/2024,01/01/2024\n").facts[0]
    assert facts.low == datetime(2024, 2, 1) and "as in another column" in facts.unsure


def test_dates_in_more_than_one_format(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, "a\n2024-01-31\n31.01.2024\n01/31/2024\n"))
    assert facts.kind == "string"


def test_eight_digits_are_dates_only_if_all_are(tmp_path: Path) -> None:
    assert only(understood(tmp_path, "a\n20240131\n20240232\n")).kind == "integer"
    constant = only(understood(tmp_path, "a\n20240131\n20240131\n"))
    assert (constant.kind, bool(constant.unsure)) == ("integer", True)
    assert only(understood(tmp_path, "day\n20240131\n20240131\n")).kind == "timestamp"


def test_seconds_since_1970_stay_numbers(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, "ts\n1700000000\n1700000060\n1700000120\n"))
    assert (facts.kind, facts.unsure) == ("integer", "seconds since 1970, or numbers?")
    facts = only(understood(tmp_path, "ts\n1700000000000\n1700000060000\n1700000120000\n"))
    assert facts.unsure == "milliseconds since 1970, or numbers?"


@pytest.mark.parametrize(
    "pair", ["true false", "True FALSE", "yes no", "ja nein", "oui non", "si no", "Y N", "T F"]
)
def test_booleans(tmp_path: Path, pair: str) -> None:
    true, false = pair.split()
    found = understood(tmp_path, f"a,b\n{true},1\n{false},2\n,3\n")
    assert [row["a"] for row in rows(found)] == [True, False, None]


def test_what_may_be_a_boolean(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, "a\n0\n1\n1\n"))
    assert (facts.kind, facts.unsure) == ("integer", "0 and 1: a boolean?")
    facts = understood(tmp_path, "a,b\nY,1\nY,2\n").facts[0]
    assert (facts.kind, facts.unsure) == ("string", "only 'Y' is there: a boolean?")


# ------------------------------------------------------------------------------ missing


@pytest.mark.parametrize(
    "word", ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-", "?", ".", "#N/A"]
)
@pytest.mark.parametrize("other", ["1", "2.5", "2024-01-31", "yes\nno"])
def test_words_for_no_value(tmp_path: Path, word: str, other: str) -> None:
    facts = only(understood(tmp_path, f"a\n{other}\n{word}\n{other}\n"))
    assert facts.kind != "string" and facts.nulls == 1
    assert f"'{word}' stands for no value in 1 row" in facts.evidence


def test_namibia_is_a_country(tmp_path: Path) -> None:
    found = understood(tmp_path, "country,n\nDE,1\nNA,NA\nFR,3\n")
    assert rows(found)[1] == {"country": "NA", "n": None}
    assert "'NA' in 1 row: taken as a value" in found.facts[0].unsure
    assert found.table.columns[0].kept == ("NA",)


def test_none_may_be_a_category(tmp_path: Path) -> None:
    found = understood(tmp_path, "alley,n\nGravel,1\nNone,2\n")
    assert found.facts[0].nulls == 0 and "taken as a value" in found.facts[0].unsure
    found = understood(tmp_path, "alley,n\nGravel,1\nNone,None\n")
    assert found.facts[0].nulls == 1 and "taken as no value" in found.facts[0].unsure


def test_values_that_may_stand_for_none_are_kept_and_told(tmp_path: Path) -> None:
    text = "n,day\n5,2024-01-01\n7,2024-02-01\n-999,9999-12-31\n"
    number, day = understood(tmp_path, text).facts
    assert (number.low, number.nulls, day.nulls) == (-999, 0, 0)
    assert number.unsure.startswith("-999 in 1 row is kept as a value, but may stand for none")
    assert day.unsure.startswith("9999-12-31 in 1 row is kept as a value")


# ------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "only blanks"),
        (b"a,b\n", "a header and no rows"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"a,b\n1,\x00\n", "no text"),
        (b"<!DOCTYPE html>\n<p>,</p>\n", "a web page"),
        (b'a,b\n1,"x\n2,y\n', "line 2: ends in the middle of a quoted cell"),
        (gzip.compress(b"a,b\n1,2\n" * 1000)[:-20], "gzip file is cut"),
        ("a,b\n1,Köl".encode()[:-2], "ends in the middle of a character"),
        (b'a,b\n1,"say \\"hi\\" to"\n2,x\n', "line 2 or later: a quote within a cell has a back"),
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


def test_a_quote_within_a_cell_is_no_open_quote(tmp_path: Path) -> None:
    assert rows(understood(tmp_path, 'a,b\n5" pipe,1\nx,2\n'))[0] == {"a": '5" pipe', "b": 1}


def test_plain_is_json(tmp_path: Path) -> None:
    plain = understood(tmp_path, "a,b\n1,x\n2,NULL\n").plain()
    assert json.loads(json.dumps(plain)) == plain


# ----------------------------------------------------------------- from batch to batch


def test_what_only_later_batches_show(tmp_path: Path) -> None:
    lines = ["a,b,c", *["1,2024-01-31,x"] * 100_000, "0,31.01.2024,x"]
    a, b, c = understood(tmp_path, "\n".join(lines)).facts
    assert not a.sorted and c.sorted
    assert b.unsure == (
        "all but 1 of 100,001 are times; the first other one is '31.01.2024' in line 100002"
    )


def test_new_lines_within_quotes_at_the_end_of_a_block(tmp_path: Path) -> None:
    text = "a,b\n" + '1,"x\ny"\n' * 1_200_000
    assert len(text) > 9 << 20
    found = understood(tmp_path, text)
    assert (found.rows, found.facts[1].values) == (1_200_000, (("x\ny", 1_200_000),))
