"""What every report has in common: one class writes it and reads it, and refuses what is not it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pytest
from pydantic import Field, model_validator

from assay.errors import DataError, StageInputMissing
from assay.project.document import Count, Document, Report, SparseDocument, Text, find_duplicates


class Part(Document):
    size: Count
    why: Text | None = None

    @model_validator(mode="after")
    def _small(self) -> Self:
        if self.size > 9:
            raise ValueError("size is over 9")
        return self


class Loose(SparseDocument):
    size: Count
    why: Text | None = None


class Told(Report):
    SCHEMA: ClassVar = 1
    FILE: ClassVar = "reports/told.json"
    STAGE: ClassVar = "tell"
    WHAT: ClassVar = "a tale"

    schema_number: Literal[1] = Field(default=1, alias="schema")
    share: float
    parts: tuple[Part, ...] = ()
    loose: tuple[Loose, ...] = ()


FOUND = Told(share=0.5, parts=(Part(size=1), Part(size=2, why="so")), loose=(Loose(size=3),))
TREE: dict[str, Any] = {
    "schema": 1,
    "share": 0.5,
    "parts": [{"size": 1, "why": None}, {"size": 2, "why": "so"}],
    "loose": [{"size": 3}],
}


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    assert FOUND.tree() == TREE
    FOUND.write(tmp_path)
    assert (tmp_path / Told.FILE).read_text(encoding="utf-8") == json.dumps(TREE, indent=2) + "\n"
    assert Told.read(tmp_path) == FOUND


def test_a_field_goes_by_its_own_name_in_code_and_nothing_may_be_counted() -> None:
    none = Told(schema_number=1, share=0.5, parts=(Part(size=0),))
    assert Told.parse(none.text(), "told.json") == none


@pytest.mark.parametrize(("letters", "ending"), [(78, "', not"), (79, "..., not")])
def test_a_long_value_is_cut_to_80_characters(letters: int, ending: str) -> None:
    with pytest.raises(DataError) as caught:
        Told.parse(json.dumps({**TREE, "share": "a" * letters}), "told.json")
    assert f"share is '{'a' * letters}{ending}" in caught.value.line()


def test_a_stage_that_has_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageInputMissing, match=r"reports/told\.json: tell has not run"):
        Told.read(tmp_path)


def test_nan_is_read_so_that_a_rule_can_fail_on_it() -> None:
    assert math.isnan(Told.parse(json.dumps({**TREE, "share": math.nan}), "it").share)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": 2}, "schema is 2, not 1"),
        ({"share": "a lot"}, "share is 'a lot', not a number"),
        ({"share": None}, "share is null, not a number"),
        ({"share": "\ud800"}, "the file is no JSON: "),
        ({"parts": [{"size": 1}]}, "parts[0].why is missing"),
        ({"parts": [{"why": None}]}, "parts[0].size is missing"),
        ({"parts": [{"size": 10, "why": None}]}, "parts[0].size is over 9"),
        ({"parts": [{"size": -1, "why": None}]}, "parts[0].size is -1, not 0 or more"),
        ({"parts": [{"size": 1.5, "why": None}]}, "parts[0].size is 1.5, not a whole number"),
        ({"parts": [{"size": 10**30, "why": None}]}, "parts[0].size is over 9"),
        ({"parts": [{"size": 1, "why": ""}]}, "parts[0].why is '', not a text that is not empty"),
        ({"parts": [1]}, "parts[0] is 1, not a mapping"),
        ({"parts": None}, "parts is null, not a list"),
        ({"hat": 1}, "hat is no key that belongs here"),
        ({"schema_number": 1}, "schema_number"),
    ],
)
def test_what_somebody_edited_is_refused_in_one_line(change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError) as caught:
        Told.parse(json.dumps({**TREE, **change}), "told.json")
    line = caught.value.line()
    assert line.startswith(f"told.json: not a tale: {told}")
    assert "Run tell again: dvc repro tell." in line and "\n" not in line


@pytest.mark.parametrize("name", ["schema", "share", "parts", "loose"])
def test_a_default_does_not_hide_that_a_key_is_missing(name: str) -> None:
    tree = {key: value for key, value in TREE.items() if key != name}
    with pytest.raises(DataError, match=f"{name} is missing"):
        Told.parse(json.dumps(tree), "told.json")


def test_the_schema_asks_for_each_key_and_lets_a_sparse_part_leave_some_out() -> None:
    schema = Told.model_json_schema(by_alias=True)
    assert schema["required"] == ["schema", "share", "parts", "loose"]
    assert schema["$defs"]["Part"]["required"] == ["size", "why"]
    assert schema["$defs"]["Loose"]["required"] == ["size"]


def test_an_error_that_nobody_thought_of_is_told_in_the_words_of_pydantic() -> None:
    class Dated(Told):
        day: Literal["mon"] | int = 1

    with pytest.raises(DataError, match="not a tale: day"):
        Dated.parse(json.dumps({**TREE, "day": "tue"}), "told.json")


def test_what_is_there_twice_is_named_once_and_in_order() -> None:
    assert find_duplicates(["b", "a", "b", "c", "a", "b"]) == "a, b"
    assert find_duplicates(["b", "a"]) == ""
