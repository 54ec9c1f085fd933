"""Numbers, times, booleans, texts and missing values, as people write them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from assay.formats.facts import as_time
from tests.formats.written import only, rows, understood

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
        (["€\u20091\u2009234,50", "€\u20097,00"], [1234.5, 7.0]),
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
        (["(1)", "(2)", "(3)"], "texts"),
    ],
)
def test_texts_that_look_like_numbers(tmp_path: Path, cells: list[str], said: str) -> None:
    found = understood(tmp_path, "a\n" + "\n".join(cells))
    assert [row["a"] for row in rows(found)] == cells
    assert said in " ".join((*only(found).evidence, only(found).unsure))


def test_mixed_numbers_and_texts(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, "a\n1\nx\n2\ny\n"))
    assert facts.kind == "string" and "2 of 4 values are numbers" in facts.evidence[0]


def test_one_odd_cell_among_100_000_numbers(tmp_path: Path) -> None:
    lines = [str(n) for n in range(100_000)]
    lines[515] = lines[70_000] = lines[99_999] = "abc"
    facts = only(understood(tmp_path, "a\n" + "\n".join(lines)))
    assert facts.kind == "string"
    assert facts.unsure == (
        "all but 3 of 100,000 are numbers; the first other one is 'abc' in line 517: "
        "fix the file and run assay init again"
    )


def test_one_odd_cell_among_times(tmp_path: Path) -> None:
    text = 'day,b\n"2024-01-01","x\ny"\n' + "2024-01-02,z\n" * 20 + "2024-02-30,z\n"
    facts = understood(tmp_path, text).facts[0]
    assert "; the first other one is '2024-02-30' in line 24: fix" in facts.unsure


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
        (["20241231T230506Z", "20240102T000000Z"], datetime(2024, 12, 31, 23, 5, 6)),
        (["20241231T2305", "20240102T0000"], datetime(2024, 12, 31, 23, 5)),
        (["20250101T010500.5+0200", "20240102T000000.0+0100"],
         datetime(2024, 12, 31, 23, 5, 0, 500_000)),
        (["Tue Dec 31 23:05:06 2024", "Tue Jan  2 00:00:00 2024"],
         datetime(2024, 12, 31, 23, 5, 6)),
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


def test_dates_in_more_than_one_format(tmp_path: Path) -> None:
    facts = only(understood(tmp_path, "a\n2024-01-31\n31.01.2024\n01/31/2024\n"))
    assert facts.kind == "string"


def test_eight_digits_are_dates_only_if_all_are(tmp_path: Path) -> None:
    assert only(understood(tmp_path, "a\n20240131\n20240232\n")).kind == "integer"
    constant = only(understood(tmp_path, "a\n20240131\n20240131\n"))
    assert (constant.kind, constant.unsure) == ("integer", "")
    assert only(understood(tmp_path, "day\n20240131\n20240131\n")).kind == "timestamp"


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (1_700_000_000, "seconds since 1970"),
        (1_700_000_000_000, "milliseconds since 1970"),
        (1_700_000_000_000_000, "microseconds since 1970"),
    ],
)
def test_numbers_since_1970(tmp_path: Path, first: int, said: str) -> None:
    unit = first // 1_700_000_000
    cells = f"{first}\n{first + unit // 2}\n{first + 86_400 * unit}\n"
    facts = only(understood(tmp_path, f"amount\n{cells}"))
    assert facts.unsure == f"{said}, or numbers? --time amount reads them as times"
    found = understood(tmp_path, f"created_at\n{cells}")
    assert only(found).evidence[-1] == f"read as {said}" and only(found).unsure == ""
    half = 500_000 if unit > 1 else 0
    times = [row["created_at"] for row in rows(found)]
    assert times == [
        datetime(2023, 11, 14, 22, 13, 20),
        datetime(2023, 11, 14, 22, 13, 20, half),
        datetime(2023, 11, 15, 22, 13, 20),
    ]
    assert (only(found).low, only(found).high) == (times[0], times[2])
    assert [value for value, _ in only(found).values] == sorted(set(times))


def test_six_digits_are_months_by_a_name_or_where_a_person_says_so(tmp_path: Path) -> None:
    cells = "".join(f"{year}{month:02}\n" for year in (2023, 2024) for month in (1, 6, 12))
    found = understood(tmp_path, f"month\n{cells}")
    assert [row["month"] for row in rows(found)][:2] == [datetime(2023, 1, 1), datetime(2023, 6, 1)]
    assert only(found).evidence[-1] == "read as months in six digits, each as its first day"
    said = "months in six digits, each as its first day, or numbers? --time n reads them as times"
    assert only(understood(tmp_path, f"n\n{cells}")).unsure == said
    assert only(understood(tmp_path, f"month\n{cells}202413\n")).kind == "integer"
    # So few may be numbers that look alike.
    assert only(understood(tmp_path, "n\n200001\n200002\n")).unsure == ""


def test_years_are_times_only_if_a_person_says_so(tmp_path: Path) -> None:
    cells = "".join(f"{year}\n" for year in (1950, 2009, 1984))
    found = understood(tmp_path, f"year\n{cells}")
    said = "years, each as its first day, or numbers? --time year reads them as times"
    assert (only(found).kind, only(found).unsure) == ("integer", said)
    found = as_time(found, "year")
    assert (only(found).kind, only(found).low) == ("timestamp", datetime(1950, 1, 1))
    assert [row["year"] for row in rows(found)][1] == datetime(2009, 1, 1)
    assert only(understood(tmp_path, f"size\n{cells}")).unsure == ""


def test_codes_with_zeros_in_front_of_which_some_end_in_a_letter(tmp_path: Path) -> None:
    cells = "\n".join([f"{number:03}" for number in range(1, 100)] + ["136A"])
    facts = only(understood(tmp_path, f"family\n{cells}\n"))
    assert (facts.kind, facts.unsure, facts.stays_text) == ("string", "", "")
    # One number with a zero in front of it does not hide an odd cell.
    cells = "\n".join(["07", *(str(number) for number in range(1, 100)), "x"])
    assert "all but 1 of 101 are numbers" in only(understood(tmp_path, f"n\n{cells}\n")).unsure


@pytest.mark.parametrize("marks", ["", "[]"])
def test_times_of_a_web_server_s_log(tmp_path: Path, marks: str) -> None:
    begin, end = marks[:1], marks[1:]
    cells = [f"{begin}{day:02}/Mar/2024:00:30:12 +0100{end}" for day in (1, 12)]
    found = understood(tmp_path, "a|b\n" + "".join(f"{cell}|x\n" for cell in cells))
    assert [row["a"] for row in rows(found)] == [
        datetime(2024, 2, 29, 23, 30, 12),
        datetime(2024, 3, 11, 23, 30, 12),
    ]


def test_numbers_are_no_times_if_one_is_out_of_our_days(tmp_path: Path) -> None:
    assert only(understood(tmp_path, "ts\n1700000000\n0\n")).kind == "integer"
    grouped = understood(tmp_path, "ts|b\n1,700,000,000|x\n1,700,000,001|y\n")
    assert grouped.facts[0].kind == "integer"


@pytest.mark.parametrize(
    "pair", ["true false", "True FALSE", "yes no", "ja nein", "oui non", "si no", "Y N", "T F"]
)
def test_booleans(tmp_path: Path, pair: str) -> None:
    true, false = pair.split()
    found = understood(tmp_path, f"a,b\n{true},1\n{false},2\n,3\n")
    assert [row["a"] for row in rows(found)] == [True, False, None]


def test_booleans_are_named_as_most_cells_spell_them(tmp_path: Path) -> None:
    found = understood(tmp_path, "a,b\nYES,1\nYES,2\nyes,3\nNo,4\n")
    assert found.facts[0].evidence[0] == "all of 4 values are YES or No"
    assert [row["a"] for row in rows(found)] == [True, True, True, False]


def test_what_may_be_a_boolean(tmp_path: Path) -> None:
    assert only(understood(tmp_path, "a\n0.0\n1.0\n")).unsure == "0 and 1: a boolean?"
    facts = only(understood(tmp_path, "a\n0\n1\n1\n"))
    assert (facts.kind, facts.unsure) == ("integer", "0 and 1: a boolean?")


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
    found = understood(tmp_path, "alley,n\nGravel,1\nNA,NA\n")
    assert found.facts[0].nulls == 1 and "taken as no value" in found.facts[0].unsure


def test_values_that_may_stand_for_none_are_kept_and_told(tmp_path: Path) -> None:
    text = "n,day\n5,2024-01-01\n7,2024-02-01\n-999,9999-12-31\n"
    number, day = understood(tmp_path, text).facts
    assert (number.low, number.nulls, day.nulls) == (-999, 0, 0)
    assert number.unsure.startswith("-999 in 1 row is kept as a value, but may stand for none")
    assert day.unsure.startswith("9999-12-31 in 1 row is kept as a value")


# ----------------------------------------------------------------- from batch to batch


def test_what_only_later_batches_show(tmp_path: Path) -> None:
    lines = ["a,b,c", *["1,2024-01-31,x"] * 100_000, "0,31.01.2024,x"]
    a, b, _ = understood(tmp_path, "\n".join(lines)).facts
    assert a.low == 0
    assert b.unsure == (
        "all but 1 of 100,001 are times; the first other one is '31.01.2024' in line 100002: "
        "fix the file and run assay init again"
    )


def test_new_lines_within_quotes_at_the_end_of_a_block(tmp_path: Path) -> None:
    text = "a,b\n" + '1,"x\ny"\n' * 1_200_000
    assert len(text) > 9 << 20
    found = understood(tmp_path, text)
    assert (found.rows, found.facts[1].values) == (1_200_000, (("x\ny", 1_200_000),))
