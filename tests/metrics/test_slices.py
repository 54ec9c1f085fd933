from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import SchemaMismatch
from assay.metrics.slices import MISSING, iter_slices, slice_names

WORDS = st.sampled_from(["EWR", "JFK", None, "a & b"])


@given(st.lists(st.tuples(WORDS, st.sampled_from([1, 2, None])), min_size=1, max_size=40))
def test_each_row_is_in_one_part_of_every_field(rows: list[tuple[str | None, int | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["origin", "month"])
    found = list(iter_slices(frame, ["origin", "month"], [("origin", "month")]))
    for field in ("origin", "month", "origin & month"):
        places = np.concatenate([part.rows for part in found if part.field == field])
        assert sorted(places) == list(range(len(frame)))


def test_a_pair_has_the_rows_of_both_values() -> None:
    frame = pd.DataFrame({"a": ["x", "x", "y"], "b": [1.0, np.nan, 1.0]})
    pairs = list(iter_slices(frame, [], [("a", "b")]))
    assert [part.title for part in pairs] == [f"a & b=x & {MISSING}", "a & b=x & 1", "a & b=y & 1"]
    assert [part.rows.tolist() for part in pairs] == [[1], [0], [2]]


def test_fields_that_are_missing_are_named_once() -> None:
    with pytest.raises(SchemaMismatch) as error:
        list(iter_slices(pd.DataFrame({"a": [1]}), ["b"], [("b", "c")]))
    assert len(error.value.mistakes) == 2


def test_no_rows_have_no_parts() -> None:
    assert list(iter_slices(pd.DataFrame({"a": []}), ["a"])) == []


def test_whole_numbers_of_any_size_are_written_as_such() -> None:
    column = pd.Series([1e19, -0.0, np.nan, 3.0])
    assert slice_names(column).tolist() == ["10000000000000000000", "0", "(missing)", "3"]
    assert slice_names(pd.Series([0.5, np.inf])).tolist() == ["0.5", "inf"]
