"""What the last release promised holds, and what does not is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from scripts import public_face
from scripts.public_face import breaks, face, is_high_enough

LAST, PROMISED = public_face.kept()


def test_the_tree_breaks_nothing_that_its_version_may_not() -> None:
    found = breaks(PROMISED, face())
    assert not found or is_high_enough(LAST, public_face.version()), "\n".join(found)


@pytest.mark.parametrize(
    ("part", "name", "now", "said"),
    [
        ("params.yaml", "publish.keep_days", None, "publish.keep_days is gone"),
        ("params.yaml", "publish.keep_days", "3", "publish.keep_days was 30, is 3"),
        ("params.yaml", "publish.keep_days", "required", "was 30, is required"),
        ("params.yaml", "publish.new", "required", "publish.new has to be given"),
        ("params.yaml", "train.folds", '5 of "5"', "train.folds was"),
        ("rules of the gate", "cost: new", "required", "cost: new has to be given"),
        ("commands", "assay why", None, "assay why is gone"),
        ("commands", "assay score", "--date", "assay score no longer takes --due"),
        ("exit codes", "4", "Another", "4 was LimitCrossed, is Another"),
        ("tables", "runs: run_id", "int64", "runs: run_id was string, is int64"),
        ("Python", "assay.version", "(name: str)", "assay.version was (name"),
    ],
)
def test_what_breaks_is_named(part: str, name: str, now: str | None, said: str) -> None:
    new: Any = copy.deepcopy(face())
    if now is None:
        del new[part][name]
    else:
        new[part][name] = now
    assert any(line.startswith(part) and said in line for line in breaks(face(), new))


def test_what_is_new_breaks_nothing() -> None:
    new: Any = copy.deepcopy(face())
    new["params.yaml"] |= {"publish.more": "1", "whole": "null", "whole.part": "required"}
    new["params.yaml"]["gate.correction"] += ", another"
    new["rules of the gate"] |= {"another: kind": '"limit"', "another: key": "required"}
    new["commands"]["assay score"] += " --more"
    new["commands"]["assay more"] = ""
    new["exit codes"]["99"] = "Another"
    assert breaks(face(), new) == []


@pytest.mark.parametrize(
    ("before", "now", "high"),
    [
        ("0.1.0", "0.1.1", False),
        ("0.1.0", "0.2.0", True),
        ("1.4.0", "1.5.0", False),
        ("1.4.0", "2.0.0", True),
    ],
)
def test_only_a_higher_version_may_break(before: str, now: str, high: bool) -> None:
    assert is_high_enough(before, now) is high
