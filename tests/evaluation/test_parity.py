from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluation.parity import ExpectedPredictions, count_differences
from assay.model import prediction

SCORES = np.array([0.1, 0.5, 0.9, 0.4])
KEYS = pa.table({"id": [10, 11, 12, 13], "part": ["a", "a", "b", "c"]})
BINARY = ExpectedPredictions("binary", KEYS, SCORES, (), 0.5)
THREE = ExpectedPredictions(
    "multiclass",
    KEYS,
    np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.3, 0.4, 0.3]]),
    ("x", "y", "z"),
)
NUMBERS = ExpectedPredictions("regression", KEYS, np.array([1e6, -3.0, 0.0, 0.5]))
ALL = (BINARY, THREE, NUMBERS)


def published(answers: ExpectedPredictions, scores: Any = None, **other: Any) -> pa.Table:
    given_scores = answers.scores if scores is None else np.asarray(scores, dtype=np.float64)
    columns = prediction.prediction_columns(
        answers.task, answers.classes, other.get("threshold", answers.threshold), given_scores
    )
    table = answers.keys
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


@pytest.mark.parametrize("answers", ALL, ids=lambda one: one.task)
@given(order=st.permutations(range(4)))
def test_the_order_of_rows_does_not_matter(answers: ExpectedPredictions, order: list[int]) -> None:
    assert count_differences(answers, published(answers).take(order), 0.0) == (0, 0.0)


@given(place=st.integers(0, 3), by=st.floats(1e-9, 0.05))
def test_one_row_with_another_score_is_one_row(place: int, by: float) -> None:
    moved = SCORES.copy()
    moved[place] -= by
    unlike, largest = count_differences(BINARY, published(BINARY, moved), 1e-10)
    assert unlike == 1
    assert largest == pytest.approx(by, rel=1e-6)


def test_within_the_tolerance_is_the_same() -> None:
    moved = SCORES + np.array([0, 1e-13, 0, 0])
    unlike, largest = count_differences(BINARY, published(BINARY, moved), 1e-12)
    assert unlike == 0
    assert largest is not None and 0 < largest < 1e-12


def test_another_prediction_of_the_same_score_differs() -> None:
    assert count_differences(BINARY, published(BINARY, threshold=0.95), 1e-12) == (2, 0.0)


def test_one_class_of_several_is_enough() -> None:
    moved = THREE.scores.copy()
    moved[1] += [0.0, 1e-3, -1e-3]
    unlike, largest = count_differences(THREE, published(THREE, moved), 1e-12)
    assert (unlike, largest) == (1, pytest.approx(1e-3))


def test_large_numbers_are_compared_by_their_share() -> None:
    moved = NUMBERS.scores * (1 + 1e-13)
    unlike, largest = count_differences(NUMBERS, published(NUMBERS, moved), 1e-12)
    assert unlike == 0
    assert largest is not None and largest <= 1.2e-13


@pytest.mark.parametrize("answers", ALL, ids=lambda one: one.task)
def test_rows_without_a_prediction_differ(answers: ExpectedPredictions) -> None:
    got = published(answers)
    assert count_differences(answers, got.slice(1), 1.0) == (1, 0.0)
    assert count_differences(answers, got.slice(0, 0), 1.0) == (4, None)


@pytest.mark.parametrize("answers", ALL, ids=lambda one: one.task)
def test_no_score_on_either_side_is_never_the_same(answers: ExpectedPredictions) -> None:
    gone = answers.scores.copy()
    gone[2] = np.nan
    assert count_differences(answers, published(answers, gone), 1.0)[0] == 1
    unsure = ExpectedPredictions(answers.task, KEYS, gone, answers.classes, answers.threshold)
    assert count_differences(unsure, published(unsure), 1.0)[0] == 1


def test_rows_that_were_not_asked_for_differ() -> None:
    got = published(BINARY)
    twice = pa.concat_tables([got, got.slice(0, 1)])
    assert count_differences(BINARY, twice, 1.0)[0] == 1
    strange = got.set_column(0, "id", pa.array([10, 11, 12, 99]))
    # One that was asked for is missing, one that was not is there.
    assert count_differences(BINARY, strange, 1.0)[0] == 2
    assert count_differences(BINARY, pa.concat_tables([got] * 9), 1.0)[0] == 4
