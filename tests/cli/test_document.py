"""A result is one JSON document: a report as its file, else its fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from assay.cli.document import to_json
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
