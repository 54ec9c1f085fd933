"""Values into columns of every type: what fits goes in, what does not is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import BehaviourError
from assay.gate.behaviour.column_values import (
    cast_like,
    changed_mask,
    constant_column,
    convert_value,
    format_cell,
    select_column,
    to_python_list,
    value_kind,
)

COLUMNS: dict[str, pd.Series] = {
    "int": pd.Series([1, 2, 3]),
    "small": pd.Series([1, 2, 3], dtype="int8"),
    "Int": pd.Series([1, None, 3], dtype="Int64"),
    "float": pd.Series([1.5, np.nan, 3.0]),
    "text": pd.Series(["a", None, "c"], dtype=object),
    "string": pd.Series(["a", None, "c"], dtype="string"),
    "category": pd.Series(["a", None, "c"], dtype="category"),
    "bool": pd.Series([True, False, True]),
    "truths": pd.Series([True, None, False], dtype=object),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "time": pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-03"])),
    "nothing": pd.Series([None, None, None], dtype=object),
}
KINDS = {
    "int": "number",
    "small": "number",
    "Int": "number",
    "float": "number",
    "text": "text",
    "string": "text",
    "category": "text",
    "bool": "truth",
    "truths": "truth",
    "boolean": "truth",
    "time": "time",
    "nothing": "unknown",
}
GOOD: dict[str, Any] = {"number": 7, "text": "new", "truth": True, "time": "2024-05-06"}


@pytest.mark.parametrize("name", COLUMNS)
def test_each_column_is_of_its_kind(name: str) -> None:
    assert value_kind(COLUMNS[name]) == KINDS[name]


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "nothing"])
def test_a_value_of_the_kind_fills_the_column_and_keeps_its_type(name: str) -> None:
    column = COLUMNS[name]
    after = constant_column(column, GOOD[KINDS[name]])
    assert value_kind(after) == value_kind(column)
    assert len(set(map(str, to_python_list(after)))) == 1
    assert str(to_python_list(after)[0]).startswith(str(GOOD[KINDS[name]]))
    if name != "category":
        assert after.dtype == column.dtype


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_can_be_emptied(name: str) -> None:
    after = constant_column(COLUMNS[name], None)
    assert to_python_list(after) == [None] * 3
    assert after.isna().all()


@pytest.mark.parametrize(("name", "dtype"), [("int", "float64"), ("bool", "object")])
def test_nulls_make_the_room_that_a_night_makes(name: str, dtype: str) -> None:
    assert constant_column(COLUMNS[name], None).dtype == dtype


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "nothing"])
@pytest.mark.parametrize("kind", GOOD)
def test_a_value_of_another_kind_is_refused(name: str, kind: str) -> None:
    # A date is text where text is held, and the other way round.
    if KINDS[name] == kind or {KINDS[name], kind} == {"text", "time"}:
        return
    with pytest.raises(BehaviourError, match="holds"):
        convert_value(COLUMNS[name].rename("x"), GOOD[kind])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("int", 1.5, "whole numbers"),
        ("small", 1000, "cannot hold it"),
        ("int", 10**30, "cannot hold it"),
        ("time", "yesterday-ish", "holds times"),
    ],
)
def test_what_the_type_cannot_hold_is_refused(name: str, value: Any, reason: str) -> None:
    with pytest.raises(BehaviourError, match=reason):
        constant_column(COLUMNS[name], value)


def test_a_column_that_is_not_there_is_named_with_its_nearest() -> None:
    frame = pd.DataFrame({"distance": [1]})
    with pytest.raises(BehaviourError, match=r"no column 'distnce'. Did you mean 'distance'\?"):
        select_column(frame, "distnce")
    twice = pd.concat([frame, frame], axis=1)
    with pytest.raises(BehaviourError, match="several columns"):
        select_column(twice, "distance")


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_does_not_differ_from_itself_however_it_is_held(name: str) -> None:
    column = COLUMNS[name]
    assert not changed_mask(column, column.copy()).any()
    assert not changed_mask(column, column.astype(object)).any()
    assert changed_mask(
        column, cast_like([None, *to_python_list(column)[1:]], column)
    ).tolist() == [
        name != "nothing",
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((null, "(missing)") for null in (None, np.nan, pd.NA, pd.NaT)),
        *((1 / 3, "0.333333"), ("a", "a"), ("x" * 41, "x" * 37 + "..."), (True, "True")),
    ],
)
def test_cells_for_people(value: Any, text: str) -> None:
    assert format_cell(value) == text
