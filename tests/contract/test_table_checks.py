"""Table rules: what holds, what does not, and that an unknown fact never passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.contract.columns import Columns
from assay.contract.definition import Contract
from assay.contract.loader import load_contract_text
from assay.contract.table_checks import (
    TableStatistics,
    check_table,
    count_duplicates,
    newest_day,
    null_counts,
)
from assay.project.params import Freshness, NullShareParams, RowCount, TableRule, UniqueKey

DAY = date(2013, 6, 30)
FACTS = TableStatistics(rows=100, nulls={"x": 29, "id": 0}, duplicate_keys=0, newest=DAY, as_of=DAY)
CONTRACT = load_contract_text(
    """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    code: str = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    x: float = pa.Field(nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
""",
    "c.py",
)

ROW_COUNT = RowCount(rule="row_count", min=100, max=100)
NULLS = NullShareParams(rule="null_share", column="x", max=0.29)
UNIQUE = UniqueKey(rule="unique_key")
FRESH = Freshness(rule="freshness", max_days=2)
EVERY: tuple[TableRule, ...] = (ROW_COUNT, NULLS, UNIQUE, FRESH)


def days_before(days: int) -> TableStatistics:
    return replace(FACTS, newest=DAY - timedelta(days=days))


def test_all_hold_at_their_limits() -> None:
    results = check_table(EVERY, FACTS)
    assert [each.rule for each in results] == [
        "row_count",
        "null_share of x",
        "unique_key",
        "freshness",
    ]
    assert not any(each.broken for each in results)
    assert all(each.kind == "table" for each in results)
    assert (results[1].rows_broken, results[1].share) == (29, 0.29)


@pytest.mark.parametrize(
    ("rule", "facts", "found"),
    [
        (ROW_COUNT, replace(FACTS, rows=99), "99 rows"),
        (ROW_COUNT, replace(FACTS, rows=101), "101 rows"),
        (NULLS, replace(FACTS, nulls={"x": 30}), "30% null"),
        (UNIQUE, replace(FACTS, duplicate_keys=1), "1 row repeats a key"),
        (FRESH, days_before(3), "newest row on 2013-06-27"),
        (FRESH, days_before(-2), "newest row on 2013-07-02"),
    ],
)
def test_broken_beyond_the_limit(rule: TableRule, facts: TableStatistics, found: str) -> None:
    (result,) = check_table((rule,), facts)
    assert (result.broken, result.found) == (True, found)


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        (NULLS, replace(FACTS, nulls={})),
        (NULLS.model_copy(update={"max": 1.0}), replace(FACTS, nulls={})),
        (UNIQUE, replace(FACTS, duplicate_keys=None)),
        (FRESH, replace(FACTS, newest=None)),
        *[
            (rule, replace(FACTS, rows=0, nulls={"x": 0}))
            for rule in (
                *EVERY,
                RowCount(rule="row_count", max=9),
                RowCount(rule="row_count", min=0),
            )
        ],
    ],
)
def test_what_is_not_known_is_broken(rule: TableRule, facts: TableStatistics) -> None:
    (result,) = check_table((rule,), facts)
    assert result.broken


def facts_of(contract: Contract, table: pa.Table, as_of: date) -> TableStatistics:
    return TableStatistics(
        rows=table.num_rows,
        nulls=null_counts(contract, table),
        duplicate_keys=count_duplicates(contract, table),
        newest=newest_day(contract, table),
        as_of=as_of,
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["a", "b"]), st.sampled_from([1.0, None])),
        max_size=12,
    )
)
def test_facts_are_those_of_the_rows(rows: list[tuple[int, str, float | None]]) -> None:
    start = datetime(2013, 1, 1, 23)
    table = pa.table(
        {
            "id": pa.array([row[0] for row in rows], pa.int64()),
            "code": pa.array([row[1] for row in rows], pa.string()).dictionary_encode(),
            "at": pa.array([start + timedelta(hours=row[0]) for row in rows], pa.timestamp("us")),
            "x": pa.array([row[2] for row in rows], pa.float64()),
        }
    )
    facts = facts_of(CONTRACT, table, DAY)
    assert facts == TableStatistics(
        rows=len(rows),
        nulls={"id": 0, "code": 0, "at": 0, "x": sum(row[2] is None for row in rows)},
        duplicate_keys=len(rows) - len({row[:2] for row in rows}),
        newest=max(((start + timedelta(hours=row[0])).date() for row in rows), default=None),
        as_of=DAY,
    )


def test_nan_counts_as_null_and_missing_columns_are_not_facts() -> None:
    facts = facts_of(CONTRACT, pa.table({"x": [float("nan"), None, 1.0], "id": [1, 1, 1]}), DAY)
    assert facts.nulls == {"x": 2, "id": 0}
    assert (facts.duplicate_keys, facts.newest) == (None, None)


def test_a_null_in_a_key_still_makes_a_duplicate() -> None:
    table = pa.table({"id": [1, 1], "code": pa.array([None, None], pa.string())})
    assert facts_of(CONTRACT, table, DAY).duplicate_keys == 1


def test_facts_of_columns_are_those_of_their_rows() -> None:
    table = pa.table({"x": [1.0, None, 2.0], "at": pa.array([5, None, 7], pa.timestamp("s"))})
    columns = Columns(CONTRACT, table)
    assert null_counts(CONTRACT, columns) == null_counts(CONTRACT, table) == {"at": 1, "x": 1}
    assert newest_day(CONTRACT, columns) == newest_day(CONTRACT, table) == date(1970, 1, 1)
    rest = columns.take(np.array([1]))
    assert (null_counts(CONTRACT, rest), newest_day(CONTRACT, rest)) == ({"at": 1, "x": 1}, None)


@pytest.mark.parametrize(
    ("micros", "day"),
    [(-1, date(1969, 12, 31)), (2**62, date.max), (-(2**62), date.min)],
)
def test_times_before_1970_and_beyond_the_calendar(micros: int, day: date) -> None:
    table = pa.table({"at": pa.array([micros, -(2**63)], pa.timestamp("us"))})
    assert newest_day(CONTRACT, table) == day
