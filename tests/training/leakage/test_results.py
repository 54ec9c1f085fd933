"""leakage.json: what is written can be read, and nothing else can."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assay.errors import DataError
from assay.project.document import dumps
from assay.project.params.behaviour import LEAKAGE_CHECKS
from assay.training.leakage.report import (
    Check,
    Leakage,
    TableDigests,
    TableRowCounts,
    unknown_check,
)
from tests.training.leakage.tables import found_check

REPORT = Leakage(
    name="parcels",
    contract="sha256:c",
    data=TableDigests(train="sha256:t", holdout="sha256:h"),
    rows=TableRowCounts(train=300, holdout=100),
    checks=(
        Check(
            check="same_key",
            outcome="suspect",
            columns=("parcel",),
            observed=2.0,
            limit=0.0,
            detail="2 of 100",
            numbers=({"rows": 2},),
        ),
        *(
            Check(
                check=name,
                outcome="ok",
                columns=("x",),
                observed=0.25,
                limit=0.5,
                detail="fine",
                numbers=({"column": "x", "share": 0.25},),
            )
            for name in LEAKAGE_CHECKS[1:-1]
        ),
        unknown_check("not_at_scoring", "score.input is a query", 0.0),
    ),
)


def test_what_is_written_can_be_read():
    text = dumps(REPORT.tree())
    found = Leakage.parse(text, "leakage.json")
    assert found.tree() == REPORT.tree()
    assert found_check(found, "same_key") == REPORT.checks[0]
    assert found_check(found, "not_at_scoring").outcome == "unknown"


def test_numbers_are_kept_to_nine_digits():
    check = Check(
        check="same_key",
        outcome="ok",
        columns=(),
        observed=0.1234567891234,
        limit=1.0,
        detail="fine",
        numbers=({"a": 0.1234567891234},),
    )
    plain = check.tree()
    assert (plain["observed"], plain["numbers"]) == (0.123456789, [{"a": 0.123456789}])


def put(*path: Any) -> Callable[[Any], None]:
    """Set the last item of ``path`` at the place that the others lead to."""
    *steps, last, value = path

    def change(tree: Any) -> None:
        for step in steps:
            tree = tree[step]
        tree[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("schema", 2), "schema is 2, not 1"),
        (put("name", ""), "name is '', not a text that is not empty"),
        (put("rows", "train", -1), "rows.train is -1, not 0 or more"),
        (put("data", {"train": "sha256:t"}), "data.holdout is missing"),
        (put("checks", {}), "checks is a mapping, not a list"),
        (lambda tree: tree["checks"].pop(), "checks lacks not_at_scoring"),
        (lambda tree: tree["checks"].append(tree["checks"][0]), "has same_key more than once"),
        (put("checks", 1, "check", "same_key"), "checks lacks near_duplicates"),
        (put("checks", 1, "check", "luck"), "checks[1].check is 'luck', not 'same_key', 'near_dup"),
        (
            put("checks", 1, "outcome", "fine"),
            "checks[1].outcome is 'fine', not 'ok', 'suspect' or 'unknown'",
        ),
        (put("checks", 1, "observed", None), "checks[1].observed is null, and yet"),
        (put("checks", 1, "observed", 0.51), "checks[1].observed is over its limit"),
        (put("checks", 1, "observed", float("nan")), "checks[1].observed is nan"),
        (put("checks", 1, "limit", float("inf")), "checks[1].limit is inf"),
        (put("checks", 1, "observed", True), "checks[1].observed is True, not a number"),
        (put("checks", 1, "detail", ""), "checks[1].detail"),
        (put("checks", 1, "columns", "x"), "checks[1].columns is 'x', not a list"),
        (lambda tree: tree["checks"][1].pop("examples"), "checks[1].examples is missing"),
        (put("checks", 1, "numbers", [[1]]), "checks[1].numbers[0] is a list"),
        (put("checks", 1, "examples", [{"a": []}]), "checks[1].examples[0].a is a list"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(change: Callable[[Any], None], told: str):
    tree = json.loads(dumps(REPORT.tree()))
    change(tree)
    with pytest.raises(DataError) as caught:
        Leakage.parse(json.dumps(tree), "leakage.json")
    assert told in caught.value.line()
    assert caught.value.line().startswith("leakage.json: not a leakage report: ")
    assert "dvc repro leakage" in caught.value.line()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 1, "schema": 1}'])
def test_what_is_no_report_at_all_is_refused(text: str):
    with pytest.raises(DataError, match="not a leakage report"):
        Leakage.parse(text, "leakage.json")
