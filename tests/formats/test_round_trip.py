"""A table written as CSV or JSON in any dialect is understood, and read back as it was."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.formats.definition import Kind, Understanding
from assay.formats.reader import read
from assay.formats.understand import understand

ROWS = st.shared(st.integers(3, 40), key="rows")

INTEGERS = st.integers(-(10**12), 10**12)
FLOATS = st.floats(-1e9, 1e9).map(lambda x: round(x, 4)).filter(lambda x: x != int(x))
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=12
).map(lambda text: f"é{text}\n, ;\"'|\tz")
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2100, 12, 31)).map(
    lambda at: at.replace(microsecond=0, second=0)
)


def filled(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Some values, and some rows without one."""
    return ROWS.flatmap(
        lambda n: st.lists(st.one_of(st.none(), values, values), min_size=n, max_size=n).filter(
            lambda found: len(set(found) - {None}) > 1
        )
    )


COLUMNS: dict[Kind, st.SearchStrategy[list[Any]]] = {
    "integer": filled(INTEGERS),
    "float": filled(FLOATS),
    "string": filled(TEXTS),
    "boolean": filled(st.booleans()),
    "timestamp": filled(TIMES),
}


def number(value: float, decimal: str, thousands: str) -> str:
    text = f"{value:,.4f}" if isinstance(value, float) else f"{value:,d}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


@st.composite
def spelt(draw: st.DrawFn) -> tuple[str, str, bytes, dict[str, list[Any]], dict[str, Kind]]:
    """A CSV file, and the values that are in it."""
    kinds = {f"name {i}": kind for i, kind in enumerate(draw(st.permutations(list(COLUMNS))))}
    values = {name: draw(COLUMNS[kind]) for name, kind in kinds.items()}
    decimal = draw(st.sampled_from(".,"))
    thousands = draw(st.sampled_from(["", " ", "'"]))
    missing = draw(st.sampled_from(["", "NA", "NULL", "N/A"]))
    yes, no = draw(st.sampled_from([("true", "false"), ("Ja", "Nein"), ("Y", "N")]))
    time_format = draw(st.sampled_from(["%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%d/%m/%Y %I:%M %p"]))
    words: dict[type, Callable[[Any], str]] = {
        int: lambda v: number(v, decimal, thousands),
        float: lambda v: number(v, decimal, thousands),
        str: str,
        bool: lambda v: yes if v else no,
        datetime: lambda v: v.strftime(time_format),
        type(None): lambda v: missing,
    }
    separator = draw(st.sampled_from([";", "\t", "|", *([","] if decimal == "." else [])]))
    out = io.StringIO(newline="")
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(out, delimiter=separator, quoting=quoting, lineterminator=end)
    writer.writerow(values)
    for row in zip(*values.values(), strict=True):
        writer.writerow([words[type(value)](value) for value in row])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return separator, time_format, out.getvalue().encode(encoding), values, kinds


def both(content: bytes, name: str) -> tuple[Understanding, dict[str, list[Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        found = understand(path)
        tables = list(read(path, found.table))
    columns: dict[str, list[Any]] = {each.name: [] for each in found.table.columns}
    for table in tables:
        for each, values in table.to_pydict().items():
            columns[each] += values
    return found, columns


def same_as_facts(found: Understanding, columns: dict[str, list[Any]]) -> None:
    for facts in found.facts:
        values = columns[facts.name]
        present = [value for value in values if value is not None]
        assert facts.rows == len(values) and facts.present == len(present)
        assert dict(facts.values) == {value: present.count(value) for value in set(present)}
        assert facts.distinct == len(set(present)) and not facts.many
        if facts.kind == "string":
            present = [len(value) for value in present]
        if facts.kind != "boolean":
            bounds = min(present, default=None), max(present, default=None)
            assert (facts.low, facts.high) == bounds


@settings(deadline=None, max_examples=60)
@given(spelt())
def test_csv(given: tuple[str, str, bytes, dict[str, list[Any]], dict[str, Kind]]) -> None:
    separator, time_format, content, values, kinds = given
    found, columns = both(content, "table.csv")
    assert found.table.separator == separator
    assert {each.name: each.kind for each in found.facts} == kinds
    times = next(name for name, kind in kinds.items() if kind == "timestamp")
    if found.table.column(times).time_format in (None, time_format):
        assert columns == values
    else:
        # No day after the twelfth: day and month cannot be told apart, and that is said.
        told = next(each for each in found.facts if each.name == times)
        assert "cannot be told apart" in told.unsure
    same_as_facts(found, columns)


@settings(deadline=None, max_examples=40)
@given(st.fixed_dictionaries(COLUMNS), st.booleans())
def test_json(values: dict[str, list[Any]], lines: bool) -> None:
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    kept = [{name: value for name, value in row.items() if value is not None} for row in rows]
    texts = [json.dumps(row, default=datetime.isoformat) for row in kept]
    content = "\n".join(texts) if lines else f"[{','.join(texts)}]"
    found, columns = both(content.encode(), "table.json")
    assert {each.name: each.kind for each in found.facts} == {kind: kind for kind in COLUMNS}
    assert columns == {name: values[name] for name in columns}
    same_as_facts(found, columns)


@settings(deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=30))
@example(["\ufeff", "00"])
@example(["':'"])
def test_any_text_is_understood_or_refused_and_read_as_counted(cells: list[str]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["the first", "b"], *([cell, "é x"] for cell in cells)])
    text = out.getvalue()
    if "\0" in text or any("\ud800" <= mark <= "\udfff" for mark in text):
        return
    found, columns = both(text.encode(), "table.csv")
    facts = found.facts[0]
    values = columns[facts.name]
    assert len(values) == found.rows == facts.rows
    assert values.count(None) == facts.nulls
    # Where every cell with an apostrophe begins and ends with one, they are taken for its quotes.
    if facts.kind == "string" and found.table.quote != "'":
        missing = set(found.table.missing) - set(found.table.columns[0].kept)
        stripped = [cell.strip() for cell in cells]
        assert [v for v in values if v is not None] == [s for s in stripped if s not in missing]


LIKE_VALUES = st.one_of(
    st.text("0123456789.,-/: TZ%$€eE+'", min_size=1, max_size=8),
    st.from_regex(r"[+-]?[0-9]{1,3}([., '][0-9]{3}){0,2}([.,][0-9]{1,3})?( ?%)?", fullmatch=True),
    st.from_regex(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{2,4}( [0-9]{1,2}:\d\d)?", fullmatch=True),
    st.sampled_from(["NA", "", "-", "nan", "inf", "true", "No", "1e400", "9" * 25, "20240131"]),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(LIKE_VALUES, min_size=1, max_size=3).flatmap(
    lambda some: st.lists(st.sampled_from(some), min_size=1, max_size=30)
))  # fmt: skip
def test_what_is_decided_can_be_read(cells: list[str]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter="|").writerows([["the first", "b"], *([cell, "x"] for cell in cells)])
    found, columns = both(out.getvalue().encode(), "table.csv")
    assert found.rows == len(cells)
    same_as_facts(found, columns)


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), LIKE_VALUES),
        min_size=1,
        max_size=12,
    )
)
def test_what_is_decided_of_json_can_be_read(values: list[Any]) -> None:
    lines = "\n".join(json.dumps({"a": value, "b": 1}) for value in values)
    found, columns = both(lines.encode(), "table.json")
    assert found.rows == len(values)
    same_as_facts(found, columns)
