from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import SourceError
from assay.formats.source import (
    add_night,
    add_random_night,
    add_row_number,
    label_as_text,
    label_is_true,
)
from assay.project.params.values import Every
from assay.project.partitions import first_day

TIMES = st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)), min_size=1)


@given(TIMES, st.sampled_from(["day", "week", "month", "year"]))
def test_a_night_is_named_by_its_first_day(times: list[datetime], every: Every) -> None:
    table = pa.table({"when": pa.array(times, pa.timestamp("us"))})
    nights = add_night(table, "when", every)["night"].to_pylist()
    assert nights == [first_day(each.date(), every).isoformat() for each in times]


def test_a_row_without_a_time_is_refused() -> None:
    table = pa.table({"when": pa.array([datetime(2024, 1, 1), None], pa.timestamp("us"))})
    with pytest.raises(SourceError, match="no time is given in 1 row"):
        add_night(table, "when")
    with pytest.raises(SourceError, match="column of times"):
        add_night(pa.table({"when": ["2024-01-01"]}), "when")
    with pytest.raises(SourceError, match="no such column"):
        add_night(table, "then")


def test_rows_are_numbered_over_all_batches() -> None:
    batches = [
        pa.table({"x": [1, 2]}),
        pa.table({"x": pa.array([], pa.int64())}),
        pa.table({"x": [3]}),
    ]
    numbered = pa.concat_tables(add_row_number(batches))
    assert numbered["row_number"].to_pylist() == [1, 2, 3]


@given(st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=50), st.integers(1, 40))
def test_chance_keeps_a_value_together_in_any_order(values: list[str | None], nights: int) -> None:
    table = pa.table({"who": pa.array(values, pa.string())})
    found = dict(
        zip(values, add_random_night(table, "who", nights)["night"].to_pylist(), strict=True)
    )
    again = add_random_night(table.take(list(reversed(range(len(values))))), "who", nights)
    assert dict(zip(reversed(values), again["night"].to_pylist(), strict=True)) == found
    assert all("2000-01-01" <= night < "2000-02-10" for night in found.values())


def test_chance_gives_each_night_its_share() -> None:
    table = pa.table({"id": np.arange(40_000)})
    found = add_random_night(table, "id", 20)
    rows = pd.Series(found["night"].to_pylist()).value_counts()
    assert len(rows) == 20 and rows.between(1800, 2200).all()
    assert found["arrived"][0].as_py().strftime("%Y-%m-%d") == found["night"][0].as_py()


def test_labels_get_their_meaning_and_nulls_stay() -> None:
    table = pa.table({"y": ["yes", "no", None], "n": [1.0, 2.0, None], "c": [0, 1, None]})
    assert label_is_true(table, "y", "yes")["y"].to_pylist() == [True, False, None]
    assert label_is_true(table, "n", 2)["n"].to_pylist() == [False, True, None]
    assert label_as_text(table, "n")["n"].to_pylist() == ["1", "2", None]
    assert label_as_text(table, "c")["c"].to_pylist() == ["0", "1", None]
