"""A rule over whole rows has the same answers on arrays as in pandas, or none on arrays."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from textwrap import indent
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.checks.array_rules import evaluate_on_arrays
from assay.contract.checks.row_checks import check_rows
from assay.contract.columns import Columns
from assay.contract.definition import Contract, Rule
from assay.contract.loader import load_contract_text
from assay.errors import ContractFileError

HEAD = """\
import datetime
import pandas as pd
import pandera.pandas as pa

DAY, MINUTE = pd.Timedelta(days=1), datetime.timedelta(minutes=1)
MONDAY, LATER = pd.Timestamp("2013-01-07"), datetime.datetime(2030, 1, 1, 3, 4, 5)
FINE = pd.Timedelta(1, "ns")
LIMIT, SERIES, TEXT, FORMAT = 3, pd.Series([1, 2, 3]), "A", "%.1s"

class Odd:
    def __lt__(self, other):
        return other > 0 if isinstance(other, pd.Series) else other < 0

    def __mul__(self, other):
        return other if isinstance(other, pd.Series) else -other

ODD = Odd()

class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    count_: int = pa.Field(metadata={"role": "feature"})
    seats: int = pa.Field(nullable=True, metadata={"role": "feature"})
    wind: float = pa.Field(nullable=True, metadata={"role": "feature"})
    gust: float = pa.Field(metadata={"role": "feature"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    due: datetime.datetime = pa.Field(nullable=True, metadata={"role": "slice"})
    origin: str = pa.Field(metadata={"role": "feature"})
    dest: str = pa.Field(nullable=True, metadata={"role": "feature"})
    ready: bool = pa.Field(metadata={"role": "feature"})
    paid: bool = pa.Field(nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})

"""
NUMBERS = ("id", "count_", "seats", "wind", "gust")


def contract_of(*expressions: str) -> Contract:
    rules = [
        f"@pa.dataframe_check\ndef rule_{number}(cls, rows):\n    return {expression}\n"
        for number, expression in enumerate(expressions)
    ]
    source = HEAD + indent("\n".join(rules), "    ")
    return load_contract_text(source, "c.py")


WIDE = st.sampled_from([0, 1, -1, 7, 1440, 2**53 + 1, 2**62, -(2**63), 2**63 - 1])
REAL = st.sampled_from([0.0, -0.0, 1.5, -3.0, 1e300, float("inf"), -float("inf"), 7.0, 0.1])
TIME = st.sampled_from(
    [
        dt.datetime(2013, 1, 7),
        dt.datetime(2013, 1, 6, 23, 59, 59, 999_999),
        dt.datetime(1969, 7, 20, 20, 17, 40),
        dt.datetime(2030, 1, 1, 3, 4, 5),
        dt.datetime(1700, 1, 1),
        dt.datetime(2261, 1, 1),
    ]
)
NEAR = st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2050, 1, 1))
TEXT = st.sampled_from(["A", "B", "", "ä", "AB"])
ROW = st.tuples(
    st.integers(0, 9),
    WIDE | st.integers(-9, 2000),
    st.none() | WIDE,
    st.none() | REAL,
    REAL | st.floats(-9, 9),
    TIME | NEAR,
    st.none() | NEAR,
    TEXT,
    st.none() | TEXT,
    st.booleans(),
    st.none() | st.booleans(),
    st.booleans(),
)
KINDS = (
    *((name, pa.int64()) for name in NUMBERS[:3]),
    *((name, pa.float64()) for name in NUMBERS[3:]),
    ("at", pa.timestamp("us")),
    ("due", pa.timestamp("us")),
    ("origin", pa.string()),
    ("dest", pa.string()),
    ("ready", pa.bool_()),
    ("paid", pa.bool_()),
    ("late", pa.bool_()),
)


def batch_of(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    cells = zip(*rows, strict=True)
    arrays = [pa.array(list(each), kind) for each, (_, kind) in zip(cells, KINDS, strict=True)]
    return pa.record_batch(arrays, names=[name for name, _ in KINDS])


def in_pandas(contract: Contract, rule: Rule, batch: pa.RecordBatch) -> np.ndarray:
    alone = replace(contract, frame_rules=(replace(rule, on_arrays=False, rowwise=False),))
    broken = check_rows(alone, batch).broken
    return ~broken.get(rule.name, np.zeros(batch.num_rows, dtype=bool))


GOOD = (
    0, 5, 4, 1.5, 2.5, dt.datetime(2013, 1, 8, 1, 2), dt.datetime(2013, 1, 9), "A", "B", True, None,
    True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ('rows["origin"] != rows["dest"]', True),
        ('rows["origin"] == TEXT', True),
        ('rows["wind"].isna() | (rows["wind"] <= rows["gust"] + LIMIT)', True),
        ('(rows["at"] - MONDAY) // MINUTE % (24 * 60) == 62', True),
        ('(rows["at"] - MONDAY) // DAY % 7 == 2', False),
        ('(rows["at"] - MONDAY) % DAY < MINUTE', False),
        ('(rows["at"] < LATER) & (rows["due"] >= rows["at"])', True),
        ('rows["ready"] ^ (-rows["gust"].abs() / 2 == -1.25)', False),
        ('rows["count_"].between(4, 6) & ~(1 - rows["count_"] * 2 > 0)', True),
        ('rows["count_"] // 2 == 2', True),
        ('rows["gust"] % 2 == 0.5', True),
        ('rows["ready"] == True', True),
    ],
)
def test_what_is_answered_on_arrays(expression: str, answer: bool) -> None:
    contract, batch = contract_of(expression), batch_of([GOOD])
    rule = contract.frame_rules[0]
    assert rule.on_arrays
    found = evaluate_on_arrays(rule, Columns(contract, batch))
    assert found is not None
    assert found.tolist() == [answer] == in_pandas(contract, rule, batch).tolist()


@pytest.mark.parametrize(
    "expression",
    [
        'rows["count_"] > SERIES',
        'rows["at"] > MONDAY + FINE',
        'rows["at"].dt.hour > 3',
        'rows["count_"] // 0 == 1',
        'rows["count_"] % rows["id"] == 0',
        'rows["ready"] + rows["ready"] > 0',
        'rows["ready"] & True',
        'rows["origin"] + "x" == "Ax"',
        'rows["origin"] < rows["dest"]',
        'rows["paid"] == True',
        'rows["count_"] > 2**64',
        'rows["count_"] + 1',  # no bools
        'rows["count_"].isin([1])',
    ],
)
def test_what_is_left_to_pandas(expression: str) -> None:
    contract, batch = contract_of(expression), batch_of([GOOD])
    (rule,) = contract.frame_rules
    assert evaluate_on_arrays(rule, Columns(contract, batch)) is None


@pytest.mark.parametrize(
    "expression",
    [
        'rows["count_"] > len(rows["count_"])',
        '(rows["count_"] > 0) if rows["ready"].all() else rows["ready"]',
        'pd.isna(rows["wind"])',
        "rows.isna().any(axis=1)",
        # What stands on the left decides what the operator does with the other side.
        'rows["origin"] != FORMAT % rows["id"]',
        "ODD < rows['count_']",
        "(ODD * rows['count_']) > 0",
        "SERIES < rows['count_']",
        'rows["count_"] > 1 + ODD * rows["id"]',
    ],
)
def test_what_is_no_expression_is_not_tried(expression: str) -> None:
    assert not contract_of(expression).frame_rules[0].on_arrays


def quoted(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f'rows["{name}"]' for name in names])


def sensible_rules() -> st.SearchStrategy[str]:
    """Expressions of columns and constants whose types fit each other, mostly."""
    number = st.recursive(
        quoted(*NUMBERS),
        lambda part: (
            st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part | NUMBER)
            | st.builds("({} {} {})".format, NUMBER, st.sampled_from("+-*"), part)
            | st.builds("({} {} {})".format, part, st.sampled_from(["//", "%"]), NUMBER)
            | st.builds("(-{})".format, part)
            | st.builds("{}.abs()".format, part)
        ),
        max_leaves=4,
    )
    time = quoted("at", "due")
    span = st.builds("({} - {})".format, time, time | INSTANT)
    whole = st.builds("({} // {})".format, span, SPAN)
    rest = st.builds("({} % {})".format, span, SPAN)
    test = (
        st.builds("({} {} {})".format, number | whole, COMPARED, number | whole | NUMBER)
        | st.builds("({} {} {})".format, NUMBER, COMPARED, number | whole)
        | st.builds("({} {} {})".format, time, COMPARED, time | INSTANT)
        | st.builds("({} {} {})".format, span | rest, COMPARED, rest | SPAN)
        | st.builds("({} {} {})".format, quoted("origin"), EQUAL, quoted("origin", "dest") | WORD)
        | st.builds("{}.{}()".format, number | time, st.sampled_from(["isna", "notna"]))
        | st.builds("{}.between({}, {})".format, number, NUMBER, NUMBER)
        | quoted("ready")
    )
    return st.recursive(
        test,
        lambda part: (
            st.builds("({} {} {})".format, part, st.sampled_from("&|^") | EQUAL, part)
            | st.builds("(~{})".format, part)
        ),
        max_leaves=3,
    )


NUMBER = st.sampled_from(["0", "1", "-3", "7", "2**40", "1.5", "LIMIT", "1440 * 60", "1e300"])
INSTANT = st.sampled_from(["MONDAY", "LATER"])
SPAN = st.sampled_from(["DAY", "MINUTE"])
WORD = st.sampled_from(["'A'", "TEXT", "'none of them'"])
EQUAL = st.sampled_from(["==", "!="])
COMPARED = EQUAL | st.sampled_from(["<", "<=", ">", ">="])


def any_rules() -> st.SearchStrategy[str]:
    """Expressions of columns and constants of any types."""
    names = [*NUMBERS, "at", "due", "origin", "dest", "ready", "paid"]
    constant = NUMBER | INSTANT | SPAN | WORD | st.sampled_from(["True", "FINE", "SERIES"])
    operation = st.sampled_from(["+", "-", "*", "/", "//", "%", "&", "|", "^"]) | COMPARED
    return st.recursive(
        quoted(*names),
        lambda part: (
            st.builds("({} {} {})".format, part, operation, part | constant)
            | st.builds("({} {} {})".format, constant, operation, part)
            | st.builds("({}{})".format, st.sampled_from("~-"), part)
        ),
        max_leaves=4,
    )


@settings(deadline=None, max_examples=200)
@given(sensible_rules() | any_rules(), st.lists(ROW, min_size=1, max_size=12))
def test_arrays_answer_as_pandas_does(expression: str, rows: list[tuple[Any, ...]]) -> None:
    try:
        contract = contract_of(expression)
    except ContractFileError:  # it fails on an empty table, so no contract can have it
        return
    batch, (rule,) = batch_of(rows), contract.frame_rules
    found = evaluate_on_arrays(rule, Columns(contract, batch)) if rule.on_arrays else None
    if found is not None:
        assert found.tolist() == in_pandas(contract, rule, batch).tolist()
