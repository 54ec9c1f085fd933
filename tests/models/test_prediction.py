"""What scores become: the columns of the store, and what the profile counts of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assay.columns.features import CategoryColumn, Floats, FrameFeatures
from assay.columns.grid import NumberGrid
from assay.columns.profile_counter import compute_profile
from assay.model import prediction
from assay.project.tasks import METRICS, Task
from assay.store import predictions_schema

CLASSES = ("ash", "birch", "oak")
ANY = st.floats(allow_nan=True, allow_infinity=True)
UNIT = st.floats(0, 1)


def classes_of(task: Task) -> tuple[str, ...]:
    return CLASSES if task == "multiclass" else ()


def some(task: Task, rows: int = 200) -> Floats:
    random = np.random.default_rng(0)
    if task == "multiclass":
        return random.dirichlet([3, 1, 2], rows)
    return random.random(rows) if task == "binary" else random.normal(5, 20, rows)


@given(arrays(np.float64, st.integers(0, 20), elements=ANY))
def test_a_score_is_a_finite_number_or_a_probability(scores: Floats) -> None:
    finite = [bool(np.isfinite(score)) for score in scores]
    assert (~prediction.invalid_scores("regression", scores)).tolist() == finite
    probable = [bool(0 <= score <= 1) for score in scores]
    assert (~prediction.invalid_scores("binary", scores)).tolist() == probable


@given(arrays(np.float64, st.tuples(st.integers(0, 8), st.just(3)), elements=ANY | UNIT))
def test_of_several_classes_each_is_a_probability_and_all_add_up_to_one(scores: Floats) -> None:
    found = prediction.invalid_scores("multiclass", scores)
    for row, odd in zip(scores.tolist(), found.tolist(), strict=True):
        assert odd is not (all(0 <= p <= 1 for p in row) and abs(sum(row) - 1) <= 1e-3)
    whole = np.array([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, np.float32(1 / 3)], [0.0, 0.0, 0.0]])
    assert prediction.invalid_scores("multiclass", whole).tolist() == [False, False, True]


@pytest.mark.parametrize("task", METRICS)
def test_columns_are_those_of_the_predictions_table(task: Task) -> None:
    keys = pa.schema([("key", pa.int64())])
    own = list(predictions_schema("day", keys, task))
    found = prediction.prediction_columns(task, classes_of(task), 0.5, some(task))
    expected = [(field.name, field.type) for field in own[2 : 2 + len(found)]]
    assert [(name, column.type) for name, column in found.items()] == expected
    assert own[2 + len(found)].name == "model_version"
    assert set(found) <= prediction.RESERVED


def test_what_a_binary_model_says() -> None:
    found = prediction.prediction_columns("binary", (), 0.5, np.array([0.2, 0.5, np.nan]))
    assert found["prediction"].to_pylist() == [False, True, None]
    assert found["probability"].to_pylist() == [0.2, 0.5, None]


def test_what_a_model_of_several_classes_says() -> None:
    scores = np.array([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2], [np.nan, 0.5, 0.5]])
    found = prediction.prediction_columns("multiclass", CLASSES, 0.5, scores)
    assert found["prediction"].to_pylist() == ["birch", "ash", None]
    assert found["probability"].to_pylist() == [0.6, 0.4, None]
    assert found["probabilities"].to_pylist() == [[0.1, 0.6, 0.3], [0.4, 0.4, 0.2], None]


def test_what_a_regression_says() -> None:
    found = prediction.prediction_columns("regression", (), 0.5, np.array([1.5, -2.0, np.nan]))
    assert found["prediction"].to_pylist() == [1.5, -2.0, None]


@pytest.mark.parametrize("task", METRICS)
def test_no_rows_are_no_rows(task: Task) -> None:
    nothing = some(task)[:0]
    assert prediction.invalid_scores(task, nothing).shape == (0,)
    assert all(
        len(c) == 0
        for c in prediction.prediction_columns(task, classes_of(task), 0.5, nothing).values()
    )
    assert set(prediction.profiled_scores(task, classes_of(task), nothing)) == set(
        prediction.profiled_scores(task, classes_of(task), some(task))
    )


@pytest.mark.parametrize("task", METRICS)
def test_what_is_counted_is_what_is_published(task: Task) -> None:
    scores = some(task)
    scores[3] = np.nan
    said = prediction.prediction_columns(task, classes_of(task), 0.5, scores)
    for name, values in prediction.profiled_scores(task, classes_of(task), scores).items():
        if isinstance(values, CategoryColumn):
            named = [
                values.categories.objects[code] if code >= 0 else None for code in values.codes
            ]
            assert said[name].to_pylist() == named
        else:
            assert said[name].to_numpy(zero_copy_only=False) == pytest.approx(values, nan_ok=True)


@pytest.mark.parametrize("task", METRICS)
def test_reference_grids_hold_every_score_and_a_cell_for_nothing_else(task: Task) -> None:
    scores, classes = some(task), classes_of(task)
    grids = prediction.score_grids(task, classes, scores)
    counted = prediction.profiled_scores(task, classes, scores)
    assert set(grids) == set(counted)
    assert prediction.score_column(task) in grids
    found = compute_profile(FrameFeatures(pd.DataFrame(index=range(len(scores)))), grids, counted)
    for name, grid in grids.items():
        assert sum(found[name].counts) == len(scores)
        assert found[name].counts[-1] == 0  # above the largest, or a class nobody knows
        if isinstance(grid, NumberGrid):
            assert found[name].counts[0] == 0
        else:
            assert set(grid.categories) == set(classes)


def test_a_class_that_was_never_predicted_is_still_no_new_category() -> None:
    sure = np.tile([0.1, 0.9, 0.0], (10, 1))
    (_, grid) = prediction.score_grids("multiclass", CLASSES, sure).values()
    assert grid.categories == ("birch", "ash", "oak")
