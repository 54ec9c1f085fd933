"""Labels as they come, and what cannot be a label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.errors import LabelError
from assay.metrics.label_encoding import encode_labels, label_classes

CLASSES = ("early", "late", "lost")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, False]),
        pd.Series([1, 0]),
        pd.Series([1.0, 0.0]),
        pd.Series([True, False], dtype="boolean"),
        pd.Series([True, False], dtype=object),
    ],
    ids=lambda column: str(column.dtype),
)
def test_truths_of_any_type(column: pd.Series) -> None:
    assert encode_labels(column, "binary", (), "holdout").tolist() == [True, False]


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_classes_are_sorted_and_labels_their_places(dtype: str) -> None:
    column = pd.Series(["lost", "early", "late", "early"], dtype=dtype)
    assert label_classes(column) == CLASSES
    assert encode_labels(column, "multiclass", CLASSES, "train").tolist() == [2, 0, 1, 0]


def test_numbers_of_any_type() -> None:
    for column in (pd.Series([3, -1]), pd.Series([3.0, -1.0]), pd.Series([3, -1], dtype="Int64")):
        found = encode_labels(column, "regression", (), "train")
        assert found.dtype == np.float64
        assert found.tolist() == [3.0, -1.0]


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        ([], "binary", "no rows"),
        ([True, None], "binary", "missing labels.*1 of 2 rows"),
        ([2, 0], "binary", "not a label.*0, 1 or booleans.*found 2"),
        ([True, True], "binary", "one class only.*expected both.*True in all of 2 rows"),
        (["late", "late"], "multiclass", "one class only.*late in all"),
        (["late", "melted"], "multiclass", "training never saw.*early, late, lost.*melted"),
        (["late", None], "multiclass", "missing labels"),
        ([1.0, np.inf], "regression", "not a label.*finite numbers"),
        (["late", "lost"], "regression", "not a label"),
    ],
)
def test_what_cannot_be_a_label_is_refused_in_one_line(values, task, expected: str) -> None:
    with pytest.raises(LabelError, match=expected) as caught:
        encode_labels(pd.Series(values, name="kind", dtype=object), task, CLASSES, "holdout")
    assert "\n" not in caught.value.line()
    assert "holdout, column 'kind'" in caught.value.line()
