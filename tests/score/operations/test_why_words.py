"""Why a row got its score, in sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from assay.errors import SourceError
from assay.model.reasons import Change, Reason
from assay.score.operations import why
from assay.score.operations.version_before import Before

FOUND = why.Why(
    scale="log odds", output=None, base=-1.5, raw=0.25, uncalibrated=0.5622, reasons=(),
    key={"parcel": 7}, partition="2024-03-01", run_id="r1", version="v0.2.0", bundle="sha256:0",
    prediction=True, score=0.6, threshold=0.4, against="population", compared="7 training rows",
    changes=(), before=Before(unknown="none"),
)  # fmt: skip


def test_what_was_decided() -> None:
    said = why.score_words(FOUND)
    assert said == "parcel=7 of 2024-03-01: true, probability 0.6000 (true from 0.4 on)"
    several = replace(FOUND, prediction="late", threshold=None)
    assert why.score_words(several) == "parcel=7 of 2024-03-01: late, probability 0.6000"
    number = replace(FOUND, prediction=12.3456789, score=None, threshold=None)
    assert why.score_words(number) == "parcel=7 of 2024-03-01: 12.3457"


@pytest.mark.parametrize(
    ("changes", "start", "end"),
    [
        ({}, "log odds: -1.5000 for a row of which nothing is known, +1.7500 by its features",
         "0.2500 in all, which is a probability of 0.5622, and calibrated 0.6000"),
        ({"score": 0.5622}, "log odds: ", "0.2500 in all, which is a probability of 0.5622"),
        ({"scale": "probability", "output": "late", "raw": 0.25, "uncalibrated": 0.6},
         "probability of 'late': -1.5000 for ", "+1.7500 by its features, 0.2500 in all"),
        ({"scale": "log", "score": None, "against": "reference"},
         "log: -1.5000 for the mean of 7 training rows, ", "0.2500 in all, which is 0.5622"),
        ({"scale": "predicted value", "score": None, "uncalibrated": 0.25},
         "predicted value: ", "+1.7500 by its features, 0.2500 in all"),
    ],
)  # fmt: skip
def test_how_the_score_came_about(changes: dict[str, Any], start: str, end: str) -> None:
    said = why.sum_words(replace(FOUND, **changes))
    assert said.startswith(start) and said.endswith(end)


def test_what_the_version_before_would_have_said() -> None:
    reasons = tuple(Reason(f"f{i}", f"word {i}", i, i / 4 - 1, 0.2) for i in range(5))
    said = why.before_words(Before("v0.1.0", False, 0.25, reasons))
    assert said == (
        "v0.1.0, which held the stage before the version that scored this row, says false, "
        "probability 0.2500, mostly for: "
        "word 0 -1.0000, word 1 -0.7500, word 2 -0.5000, word 3 -0.2500"
    )
    bare = why.before_words(Before("v0.1.0", 3.5, unexplained="unknown reasons"))
    assert bare.endswith("says 3.5, mostly for: unknown reasons")
    none = "what the version before would have said is not known: none"
    assert why.before_words(FOUND.before) == none


@pytest.mark.parametrize(
    ("value", "to", "side", "words"),
    [
        (None, 0.12345638, "over", "over 0.1234564 (it is none)"),
        (1.5, 1 / 3, "at most", "at most 0.333333 (it is 1.5)"),
        (1.5, 2 / 3, "at least", "at least 0.666667 (it is 1.5)"),
        (1.5, 0.5, "over", "over 0.5 (it is 1.5)"),
        (1.5, 1 - 2.0**-53, "at most", "at most 0.9999999999999999 (it is 1.5)"),
        (1.5, 1 / 3, "", "0.333333 (it is 1.5)"),
        (7, 9, "at least", "at least 9 (it is 7)"),
        ("b", "c ", "", "'c␣' (it is b)"),
        (True, False, "", "false (it is true)"),
    ],
)
def test_a_change_with_as_many_digits_as_it_takes(
    value: Any, to: Any, side: Any, words: str
) -> None:
    said = why.change_words(Change("weight", value, to, side, False, 0.123456))
    assert said == f"weight {words}: false, 0.1235"


@pytest.mark.parametrize(
    ("published", "same"), [(0.5 + 0.9e-6, True), (0.5 + 1.1e-6, False), (0.5 - 1.1e-6, False)]
)
def test_a_score_is_the_same_up_to_a_millionth(published: float, same: bool) -> None:
    given = {"prediction": True, "probability": published, "key": 1}
    now = pa.table({"prediction": [True], "probability": [0.5]})
    run: Any = type("Run", (), {"partition": "2024-03-01", "run_id": "r1"})
    if same:
        why._check_same(now, {}, given, run)
        return
    with pytest.raises(SourceError, match=r"found prediction true, probability 0\.5"):
        why._check_same(now, {}, given, run)
    with pytest.raises(SourceError, match="found breaks 'weight >= 0', breaks 'unique'"):
        why._check_same(now.slice(1), {"weight >= 0": 1, "unique": 1}, given, run)


def test_a_large_number_is_the_same_up_to_a_millionth_of_it() -> None:
    assert why._alike(1e6 + 0.9, 1e6) and not why._alike(1e6 + 1.1, 1e6)
    assert why._alike(-1e6 - 0.9, -1e6) and not why._alike(-1e6 - 1.1, -1e6)
