from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from assay.errors import SourceError
from assay.formats.definition import Understanding, parse
from assay.formats.reader import read
from assay.formats.understand import understand


def understood(folder: Path, values: list[Any], key: str = "a") -> Understanding:
    path = folder / "t.jsonl"
    path.write_text("\n".join(json.dumps({key: v, "n": 1}) for v in values), encoding="utf-8")
    return understand(path)


def column(found: Understanding, key: str = "a") -> list[Any]:
    return [v for table in read(Path(found.path), found.table) for v in table[key].to_pylist()]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2, None], "integer", [1, 2, None]),
        ([1, 2.5], "float", [1.0, 2.5]),
        ([1.0, 2.0], "float", [1.0, 2.0]),
        ([True, None, False], "boolean", [True, None, False]),
        (["x", " y", None], "string", ["x", "y", None]),
        ([1, "NA", 3], "integer", [1, None, 3]),
        (["1", "2"], "string", ["1", "2"]),
        (["2024-01-31T12:00:00Z", None], "timestamp", [datetime(2024, 1, 31, 12), None]),
        (["31.01.2024", "01.02.2024"], "string", ["31.01.2024", "01.02.2024"]),
        ([1, "x", True], "string", ["1", "x", "true"]),
        ([2**60 + 1, 5], "string", [str(2**60 + 1), "5"]),
        ([float("nan"), 1.5], "float", [None, 1.5]),
        ([float("inf"), 1.5], "float", [float("inf"), 1.5]),
    ],
)  # fmt: skip
def test_kinds(tmp_path: Path, values: list[Any], kind: str, expected: list[Any]) -> None:
    found = understood(tmp_path, values)
    assert found.facts[0].kind == kind
    assert column(found) == expected


def test_strings_that_look_like_numbers_stay_strings_and_are_told(tmp_path: Path) -> None:
    found = understood(tmp_path, ["1", "2"])
    assert found.facts[0].unsure.startswith("strings in the file that all read as integer; kept")


def test_strings_that_look_like_numbers_are_read_so_where_the_doubt_is_followed(
    tmp_path: Path,
) -> None:
    found = understood(tmp_path, ["12.5%", "7%", None])
    facts = found.facts[0]
    assert 'write "a": "float suffix=%" in data/source.py' in facts.unsure
    assert facts.stays_text == "strings in the file that all read as float; kept as text"
    table = replace(found.table, columns=(parse("a", "float suffix=%"),))
    (read_so,) = read(Path(found.path), table)
    assert read_so["a"].to_pylist() == [12.5, 7.0, None]


def test_mixed_kinds_are_told_with_a_line(tmp_path: Path) -> None:
    facts = understood(tmp_path, [1, 2, "x", 4]).facts[0]
    assert facts.kind == "string" and "'x' in row 3" in facts.unsure


def test_what_is_nested_is_left_out(tmp_path: Path) -> None:
    found = understood(tmp_path, [1, [1, 2], {"x": 1}])
    assert [each.name for each in found.facts] == ["n"]
    assert [*found.left_out] == ["a"]


def test_keys_may_come_late_and_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(' [ {"a": 1},\n{"b": "é"} , {}]\n', encoding="utf-8")
    found = understand(path)
    assert found.rows == 3
    assert (column(found), column(found, "b")) == ([1, None, None], [None, "é", None])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1}\n{"a": 1, "a": 2}', "line 2.*a key is there twice"),
        ('{"a": 1}\n5', "line 2.*found '5'"),
        ('[{"a": 1}', "value 1: is no whole JSON array .found no comma"),
        ('[{"a": 1},', "value 2: is no whole JSON array .found Expecting value"),
        ('[{"a": 1}] x', "after the array"),
        ('[{"a": 1}, 2]', "object 2.*found '2'"),
        ("[]", "has no row with a value"),
        ("{}", "has no row with a value"),
        ('{"a": [1]}', "no column that can be used"),
        ('{\n  "a": 1\n}', "line 1"),
    ],
)
def test_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=said):
        understand(path)
