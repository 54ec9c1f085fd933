from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import BehaviourError
from assay.gate.behaviour.cases import case_row, minimum_functionality, typical_value
from assay.gate.behaviour.subject import ModelUnderTest, RowSubset
from assay.gate.behaviour.trial import BehaviourResult, format_result
from assay.project.params.behaviour import Case
from tests.gate.behaviour.models import fates, rows, subject


def asked(*cases: dict[str, Any], of: ModelUnderTest | None = None) -> BehaviourResult:
    given = [Case.model_validate({"name": f"case {i}", **case}) for i, case in enumerate(cases)]
    return minimum_functionality(of or subject(), RowSubset.of(rows()), given)


FAR = {"row": {"distance": 2000.0}}
NEAR = {"row": {"distance": 0.0, "pieces": 1}}


def test_limits_are_inclusive_and_each_counts() -> None:
    assert asked({**FAR, "min": 0.9}, {**NEAR, "max": 0.4}, {**NEAR, "min": 0.1, "max": 0.4}).passed
    result = asked({**FAR, "max": 0.9}, {**NEAR, "max": 0.4})
    assert (result.rows, result.failed, result.passed) == (2, 1, False)
    assert result.detail == "1 of 2 cases wrong"
    lines = format_result(result).splitlines()
    assert lines[2].split()[:2] == ["case", "0"] and "expected at most 0.9" in lines[2]
    assert lines[3].split() == ["distance", "2000"]


def test_is_asks_for_the_answer() -> None:
    assert asked({**FAR, "is": True}, {**NEAR, "is": False}).passed
    result = asked({**FAR, "is": False})
    assert not result.passed and result.examples[0].after == "true"
    high = subject(threshold=0.99999)
    assert asked({**FAR, "is": False}, of=high).passed


def test_classes() -> None:
    many = subject(fates, "multiclass")
    assert asked({**FAR, "is": "late"}, {**NEAR, "is": "early"}, of=many).passed
    assert asked({**FAR, "min": 0.9, "class": "late"}, of=many).passed
    assert not asked({**FAR, "min": 0.9, "class": "early"}, of=many).passed


def test_a_case_without_a_score_fails() -> None:
    nothing = subject(lambda frame: np.full(len(frame), np.nan))
    for expected in ({"min": 0.0}, {"max": 1.0}, {"is": False}, {"is": True}):
        result = asked({**FAR, **expected}, of=nothing)
        assert not result.passed
        assert result.examples[0].after == "none"


def test_the_base_is_typical_and_keeps_types() -> None:
    row = case_row(subject(), RowSubset.of(rows()), Case.model_validate({"name": "x", "min": 0}))
    before = rows()
    assert row["pieces"].dtype == np.int64
    assert (before["pieces"] <= row["pieces"][0]).mean() >= 0.5
    assert row["distance"][0] in set(before["distance"])
    assert row["depot"][0] == before["depot"].mode()[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 1, 2], 2),
        ([4, 1, 2, 3], 2),
        ([None, 5.0, 7.0], 5.0),
        (["b", "a", "b", None], "b"),
        (["b", "a"], "a"),
        ([True, False, True], True),
        ([None, None], None),
    ],
)
def test_typical(values: list[Any], expected: Any) -> None:
    assert typical_value(pd.Series(values)) == expected


def test_a_base_of_ones_own_names_every_feature() -> None:
    base = {"pieces": 1, "distance": 0.0, "express": False}
    with pytest.raises(BehaviourError, match="base of case 'case 0' lacks depot"):
        asked({"base": base, "max": 0.4})
    assert asked({"base": {**base, "depot": "west"}, "max": 0.4}).passed
    assert asked({"base": base, "row": {"depot": "moon"}, "max": 0.4}).passed


@pytest.mark.parametrize(
    ("case", "of", "reason"),
    [
        ({"row": {"dist": 1}, "min": 0}, subject(), "no column 'dist'"),
        ({"row": {"depot": 1}, "min": 0}, subject(), "holds text"),
        ({"is": "late"}, subject(), "expected true or false"),
        ({"is": True}, subject(fates, "multiclass"), "expected a class"),
        ({"is": "lte"}, subject(fates, "multiclass"), "Did you mean 'late'"),
        ({"is": "late", "class": "late"}, subject(fates, "multiclass"), "both is and class"),
        ({"min": 0.1}, subject(fates, "multiclass"), "needs a class"),
        ({"is": True}, subject(task="regression"), "needs min or max"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused(case: Any, of: ModelUnderTest, reason: str) -> None:
    with pytest.raises(BehaviourError, match=reason):
        asked(case, of=of)


def test_no_case_at_all_is_refused() -> None:
    with pytest.raises(BehaviourError, match="no cases"):
        asked()
