"""A result is one JSON document, which people see as keys with values and as tables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import pytest

from assay.cli.result import lines, to_json
from assay.cli.terminal import print_lines
from tests.training.leakage.test_results import REPORT


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Part:
    rows: int
    share: float


@dataclass(frozen=True)
class Whole:
    SCHEMA: ClassVar[int] = 2
    file: Path
    colour: Colour
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Other:
    rows: int

    def document(self) -> dict[str, Any]:
        return {"from": self.rows}


def test_a_report_is_its_file() -> None:
    assert to_json(REPORT) == REPORT.text()


def test_fields_are_the_document_after_the_version_of_its_form() -> None:
    found = Whole(Path("a/b"), Colour.RED, (Part(1, 0.5), Part(2, float("nan"))))
    tree = json.loads(to_json(found))
    assert list(tree) == ["schema", "file", "colour", "parts"]
    assert (tree["schema"], tree["file"], tree["colour"]) == (2, "a/b", "red")
    assert tree["parts"] == [{"rows": 1, "share": 0.5}, {"rows": 2, "share": None}]


def test_a_result_may_make_another_value_its_document() -> None:
    assert json.loads(to_json(Other(3))) == {"from": 3}
    assert json.loads(to_json({"a": Other(1), "b": Other(2)})) == {
        "a": {"from": 1},
        "b": {"from": 2},
    }


DOCUMENT = {
    "schema": 1,
    "name": "x ",
    "why": None,
    "at": "2024-03-01T10:00:00.5+00:00",
    "bundle": "sha256:" + "1" * 64,
    "late_share": 0.25,
    "on": True,
    "days": [1, 2],
    "score": {"value": 0.5, "low": 0.25, "high": None},
    "sent": {"rows": 1234, "problem": ""},
    "parts": [
        {"part": "a", "rows": 5, "inner": {"limit": 1e-12}, "none": None},
        {"part": "b", "rows": 12000, "inner": None, "none": ""},
    ],
}


def shown(capsys: pytest.CaptureFixture[str], keys: str = "", document: Any = DOCUMENT) -> str:
    print_lines(lines(document, keys))
    return capsys.readouterr().out


def test_a_document_is_keys_with_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    *pairs, title, heads, _, first, second = shown(capsys).splitlines()
    assert [re.split(" {2,}", pair) for pair in pairs] == [
        ["name", "'x␣'"],
        ["at", "2024-03-01 10:00:00"],
        ["bundle", "sha256:111111111111"],
        ["late share", "25.0%"],
        ["on", "yes"],
        ["days", "1, 2"],
        ["score", "0.5000 (0.2500 to -)"],
        ["sent rows", "1,234"],
    ]
    assert (title.strip(), heads.split()) == ("parts", ["part", "rows", "inner"])
    assert (first.split(), second.split()) == (["a", "5", "limit=1e-12"], ["b", "12,000"])


def test_a_command_chooses_keys_columns_and_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys, "on why missing? sent.rows parts(part,inner.limit)").splitlines()
    assert found[:3] == ["on         yes", "why        none", "sent rows  1,234"]
    assert found[4].split() == ["part", "inner", "limit"]
    assert shown(capsys, "parts({at})", {**DOCUMENT, "at": "part"}).split()[-2:] == ["a", "b"]
    with pytest.raises(KeyError):
        shown(capsys, "missing")


def test_a_table_that_is_too_wide_loses_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{f"key_{at}": f"{'v' * 9}{at}{row}" for at in range(9)} for row in range(2)]
    document = {"rows": rows}
    for width, wide in ((160, True), (60, False)):
        monkeypatch.setenv("COLUMNS", str(width))
        found = shown(capsys, document=document)
        assert all(cell in found.split() for row in rows for cell in row.values())
        assert ("  key 0  vvvvvvvvv00" in found) is not wide
    monkeypatch.setenv("COLUMNS", "60")
    assert shown(capsys, document={"rows": [{"a": "b" + " b" * 60}]}).startswith("rows\n  a  b b")


def test_a_table_that_hardly_fits_is_not_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"at": "2026-09-25 10:11:12", "run": "r" * 24, "rows refused": 0, "because": "a holiday"}
    for width in range(50, 90):
        monkeypatch.setenv("COLUMNS", str(width))
        print_lines(lines({"events": [row, {**row, "because": "wrong"}]}))
        told = capsys.readouterr().out
        assert "a holiday" in told and "r" * 24 in told, told


def test_long_texts_go_below_a_table_that_has_no_room_for_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "dew_point: 73% of the values are unlike any in the reference"
    rows = [{"metric": name, "value": 0.5, "doubt": why} for name in ("auc", "brier")]
    rows.append({"metric": "recall", "value": 0.25, "doubt": "too few positives to tell anything"})
    monkeypatch.setenv("COLUMNS", "40")
    print_lines(lines({"metrics": rows}))
    told = " ".join(capsys.readouterr().out.split())
    assert f"doubt of auc, brier: {why} doubt of recall: too few" in told
    assert told.startswith("metrics metric value") and told.count(why) == 1
    monkeypatch.setenv("COLUMNS", "200")
    print_lines(lines({"metrics": rows}))
    assert capsys.readouterr().out.count(why) == 2


def test_by_name_a_document_is_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(capsys, document={"train": {"rows": 5}, "holdout": {"rows": 2}})
    assert [line.split() for line in found.splitlines()][2:] == [["train", "5"], ["holdout", "2"]]
    assert shown(capsys, "damages", {"damages": []}) == "damages  none\n"


def test_a_text_of_others_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    text = "x\nPASS: all is well"
    for document in ({"why": text}, {"rows": [{"why": text}] * 2}, {"row": [{"is": {"a": text}}]}):
        assert "x\\nPASS" in shown(capsys, document=document)
    assert shown(capsys, document={"lines": ["a b", "c"]}).splitlines() == [
        "lines  a b",
        "       c",
    ]
