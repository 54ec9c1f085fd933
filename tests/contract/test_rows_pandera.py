"""Each rule alone, on generated columns: the rows that break it are those that pandera names."""

from __future__ import annotations

import datetime as dt
import math
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, get_args

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from assay.contract.checks.builtin_checks import (
    builtin_check_name,
    is_of_pandera,
    numeric_check,
    string_check,
)
from assay.contract.checks.row_checks import check_rows
from assay.contract.definition import Kind, Rule
from assay.errors import ContractFileError
from tests.contract.tables import BIG, VALUES, batches, contract, field, series

Checks: TypeAlias = Callable[[Kind, list[Any]], st.SearchStrategy[pandera.Check]]
Case: TypeAlias = tuple[Kind, pandera.Check, list[Any], Any]

NANOSECOND = pd.Timedelta(1, "ns")
KINDS: tuple[Kind, ...] = get_args(Kind)
STRANGE = st.sampled_from(
    [
        2**63,
        -(2**70),
        True,
        math.nan,
        "A",
        np.int64(3),
        np.float32(0.1),
        0.1,
        1e300,
        dt.date(1970, 1, 1),
    ]
)
"""Limits of other types than the column's: what pandera makes of them is its own affair."""

FINE = st.integers(-5000, 5000).map(lambda ns: pd.Timestamp(ns, unit="ns"))
TIMES = st.sampled_from(["1970-01-01", pd.Timestamp("1970-01-01", tz="UTC")])
LIMITS: dict[Kind, st.SearchStrategy[Any]] = {
    "integer": VALUES["integer"] | st.floats(-4, 10) | st.sampled_from([float(2**53), math.inf]),
    "float": VALUES["float"] | VALUES["integer"],
    "string": VALUES["string"],
    "boolean": VALUES["boolean"],
    "timestamp": VALUES["timestamp"] | VALUES["timestamp"].map(pd.Timestamp) | FINE | TIMES,
}
OPTIONS = st.sampled_from([{}, {}, {}, {"name": "isin"}, {"ignore_na": False}])
PATTERNS = st.sampled_from(
    ["^[A-Z0-9]{2}$", "A", "", "b$", "(A)(B)", "^é", re.compile("ab", re.IGNORECASE), r"\d"]
)


def limits(kind: Kind, known: list[Any]) -> st.SearchStrategy[Any]:
    """Mostly values of the column itself: there a rule holds for some rows and not for others."""
    near = st.sampled_from(known) if known else LIMITS[kind]
    if kind == "timestamp" and known:
        near |= near.map(pd.Timestamp) | near.map(lambda each: pd.Timestamp(each) + NANOSECOND)
    return st.one_of(near, near, near, near, LIMITS[kind], STRANGE)


NUMBERS = ["eq", "ne", "gt", "ge", "lt", "le", "in_range", "isin", "notin"]
TEXTS = ["str_matches", "str_contains", "str_startswith", "str_endswith", "str_length"]
SHIPPED = [
    *((kind, name) for kind in KINDS for name in NUMBERS),
    *(("string", name) for name in TEXTS),
]


def arguments(name: str, kind: Kind, known: list[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    limit = limits(kind, known)
    if name == "in_range":
        return st.tuples(limit, limit, st.booleans(), st.booleans())
    if name in ("isin", "notin"):
        return st.tuples(st.lists(limit, max_size=4))
    if name in ("str_matches", "str_contains"):
        return st.tuples(PATTERNS)
    if name == "str_length":
        exact = st.tuples(st.integers(0, 4))
        return exact | st.tuples(st.integers(0, 2), st.none() | st.integers(2, 4))
    if name.startswith("str_"):
        return st.tuples(VALUES["string"])
    return st.tuples(limit)


@st.composite
def shipped(draw: st.DrawFn, name: str, kind: Kind, known: list[Any]) -> pandera.Check:
    """A check of pandera's own."""
    given, options = draw(arguments(name, kind, known)), draw(OPTIONS)
    try:
        return getattr(pandera.Check, name)(*given, **options)
    except (TypeError, ValueError, OverflowError, RuntimeWarning):
        reject()  # limits that pandera refuses when the contract is read


@st.composite
def own(draw: st.DrawFn, kind: Kind, known: list[Any]) -> pandera.Check:
    """A user's own check, about a value or about a column."""
    some = draw(limits(kind, known))
    options: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "ignore_na": st.just(False),
                "determined_by_unique": st.just(True),
                "name": st.just("greater_than"),
            },
        )
    )
    if draw(st.booleans()):
        return pandera.Check(lambda value: value != some, element_wise=True, **options)
    return pandera.Check(lambda column: column != some, **options)


def expected(
    check: pandera.Check, kind: Kind, values: list[Any], nullable: bool
) -> list[bool] | Exception:
    """What pandera says of each row: whether it holds. It does of a null that was left out."""
    holds = np.ones(len(values), dtype=bool)
    if check.ignore_na or not nullable:
        rows = [place for place, each in enumerate(values) if each is not None]
        given = series(kind, [values[place] for place in rows])
    else:
        rows = list(range(len(values)))
        given = gappy(kind, values)
    if not len(given):
        return holds.tolist()
    try:
        answer = check(given).check_output
        holds[rows] = [each is not pd.NA and bool(each) for each in answer]
    except Exception as error:
        return error
    return holds.tolist()


def gappy(kind: Kind, values: list[Any]) -> pd.Series:
    if kind in ("integer", "float"):
        return pd.Series([math.nan if each is None else each for each in values], dtype="float64")
    if kind == "timestamp":
        return pd.Series(np.array(values, dtype="datetime64[us]"))
    return pd.Series(values, dtype="object")


@st.composite
def cases(draw: st.DrawFn, kind: Kind, checks: Checks) -> Case:
    few = draw(st.lists(VALUES[kind] | st.none(), min_size=1, max_size=6))
    values = draw(st.lists(st.sampled_from(few), max_size=25))
    batch = draw(batches(kind, values))
    if kind == "float":
        values = [None if each is None or math.isnan(each) else each for each in values]
    known = [each for each in values if each is not None]
    return kind, draw(checks(kind, known)), values, batch


def agree(case: Case, nullable: bool) -> None:
    kind, check, values, batch = case
    alone = bool(check.element_wise or check.determined_by_unique)
    rules = () if nullable else (Rule("not null", "not null", ("x",), "x", 1),)
    rules += (Rule("rule", "check", ("x",), "x", 1, check, ("x",), alone),)
    given = contract(field(kind, nullable, rules))
    judged = values if nullable else [each for each in values if each is not None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of a pattern with groups, and so on
        oracle = expected(check, kind, judged, nullable)
        if isinstance(oracle, Exception) and alone and not is_of_pandera(check):
            one_by_one = [expected(check, kind, [each], nullable) for each in judged]
            oracle = [not isinstance(each, Exception) and each[0] for each in one_by_one]
        if isinstance(oracle, Exception):
            with pytest.raises(ContractFileError, match="rule 'rule'"):
                check_rows(given, batch)
            return
        found = check_rows(given, batch)
    there = np.array([each is not None for each in values], dtype=bool)
    broken = np.zeros(len(values), dtype=bool)
    broken[there | nullable] = ~np.array(oracle, dtype=bool)
    assert found.broken.get("rule", np.zeros(len(values), bool)).tolist() == broken.tolist()
    assert found.bad.tolist() == (broken | ~(there | nullable)).tolist()
    assert all(mask.any() for mask in found.broken.values())


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
# Of two limits drawn by chance, pandera refuses those in the wrong order.
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data(), nullable=st.booleans())
def test_a_check_that_pandera_ships(
    kind: Kind, name: str, data: st.DataObject, nullable: bool
) -> None:
    agree(data.draw(cases(kind, partial(shipped, name))), nullable)


@pytest.mark.parametrize(
    "pattern", ["b$", "A", "(A)(B)", "^é", "", r"[A-Z]{2}$", re.compile("B", re.I)]
)
@pytest.mark.parametrize("name", ["str_matches", "str_contains"])
def test_patterns_are_pythons(name: str, pattern: str | re.Pattern[str]) -> None:
    values = ["", "A", "AB", "AB\n", "ab", "éAB", None, "bé"]
    batch = pa.table({"x": values})
    agree(("string", getattr(pandera.Check, name)(pattern), values, batch), nullable=True)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=50)
@given(data=st.data(), nullable=st.booleans())
def test_a_check_of_the_users(kind: Kind, data: st.DataObject, nullable: bool) -> None:
    agree(data.draw(cases(kind, own)), nullable)


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("integer", pandera.Check.ge(0)),
        ("integer", pandera.Check.lt(2.5)),
        ("integer", pandera.Check.isin([1, 2])),
        ("float", pandera.Check.in_range(0, 1)),
        ("float", pandera.Check.ne(0)),
        ("timestamp", pandera.Check.ge(pd.Timestamp("2013-01-01"))),
        ("timestamp", pandera.Check.lt(dt.datetime(2013, 1, 1), name="mine")),
        *[
            ("string", check)
            for check in (
                pandera.Check.isin(["a"]),
                pandera.Check.str_matches("^a"),
                pandera.Check.str_length(1, 3),
            )
        ],
    ],
)
def test_the_common_checks_need_no_pandas(kind: Kind, check: pandera.Check) -> None:
    assert builtin_check_name(check) is not None
    assert (string_check(check) if kind == "string" else numeric_check(check, kind)) is not None


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("integer", pandera.Check(lambda column: column > 0, name="greater_than")),
        ("integer", pandera.Check.ge(0, ignore_na=False)),
        ("integer", pandera.Check.ge(0, element_wise=True)),
        ("integer", pandera.Check.ge(True)),
        ("integer", pandera.Check.ge(max(BIG) + 1)),
        ("integer", pandera.Check.isin([1, 2.5])),
        ("float", pandera.Check.isin([1.0])),
        ("float", pandera.Check.eq(math.nan)),
        ("boolean", pandera.Check.eq(True)),
        ("timestamp", pandera.Check.ge("2013-01-01")),
        ("timestamp", pandera.Check.eq(pd.Timestamp(1, unit="ns"))),
        ("string", pandera.Check.isin(["a", 1])),
        ("string", pandera.Check.ge(1)),
        ("string", pandera.Check.str_matches(b"a")),
    ],
)
def test_whatever_is_unusual_is_left_to_pandera(kind: Kind, check: pandera.Check) -> None:
    assert (string_check(check) if kind == "string" else numeric_check(check, kind)) is None
