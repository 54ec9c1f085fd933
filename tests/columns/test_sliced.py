"""Rows find the slice that they are in, whatever kind the field is of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures, SliceField
from assay.metrics.slices import MISSING, slice_names


@pytest.mark.parametrize(
    ("column", "numeric"),
    [
        (pd.Series(["b", "a", None, "c", "a"], dtype=object), False),
        (pd.Series([6.0, 2.0, np.nan, 11.0, 2.0]), True),
        (pd.Series([6.5, -2.0, np.nan, 0.0, 6.5]), True),
        (pd.Series([True, False, None, True, False], dtype=object), True),
        (pd.Series([True, False, True]), True),
    ],
    ids=["text", "whole", "float", "truths with a gap", "truths"],
)
@pytest.mark.parametrize("null", [MISSING, None])
def test_each_row_finds_its_slice(column: pd.Series, numeric: bool, null: str | None) -> None:
    of_row = slice_names(column)
    values = sorted({*of_row} - {MISSING})
    watched = tuple(values[:2])
    field = SliceField("f", watched, numeric, null)
    codes, parts = field.codes(FrameFeatures(pd.DataFrame({"f": column})))
    found = [None if parts[code + 1] < 0 else field.titles[parts[code + 1]] for code in codes]
    known = {*watched, null}
    assert found == [f"f={value}" if value in known else None for value in of_row]


def test_names_of_columns() -> None:
    field = SliceField("origin", ("JFK",), False, MISSING)
    expected = ("probability@origin=JFK", "probability@origin=(missing)")
    assert field.columns("probability") == expected


def test_a_field_that_is_only_watched_where_it_is_null() -> None:
    field = SliceField("f", (), True, MISSING)
    codes, parts = field.codes(FrameFeatures(pd.DataFrame({"f": [1.0, np.nan]})))
    assert parts[codes + 1].tolist() == [-1, 0]
