"""Laws of what the checks are built from."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from assay.contract.definition import MASK, Contract, Field, Role
from assay.training.leakage import predictive_power, shift, table_pair
from assay.training.leakage.predictive_power import BinnedFeature
from assay.training.leakage.table_pair import ColumnPair, evenly_spaced
from tests.training.leakage.tables import in_memory

CELLS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.string(), st.sampled_from(["", "a", "b", "a\0", "é", None])),
    "integer": (pa.int64(), st.sampled_from([0, 1, -1, 2**53, 2**53 + 1, 2**63 - 1, None])),
    "float": (
        pa.float64(),
        st.sampled_from([0.0, -0.0, 1.5, -1.5, math.inf, -math.inf, math.nan, None, 5e-324]),
    ),
    "truth": (pa.bool_(), st.sampled_from([True, False, None])),
}


def chunked(values: list[Any], kind: pa.DataType, cut: int) -> pa.ChunkedArray:
    cut = min(cut, len(values))
    return pa.chunked_array([pa.array(part, kind) for part in (values[:cut], values[cut:])], kind)


def same(a: Any, b: Any) -> bool:
    gone = [each is None or (isinstance(each, float) and math.isnan(each)) for each in (a, b)]
    return all(gone) if any(gone) else a == b


@given(st.data(), st.sampled_from(sorted(CELLS)), st.integers(0, 5))
def test_codes_are_equal_if_the_values_are(data: st.DataObject, kind: str, cut: int):
    arrow, values = CELLS[kind]
    left, right = (data.draw(st.lists(values, max_size=8)) for _ in range(2))
    pair = ColumnPair(chunked(left, arrow, cut), chunked(right, arrow, cut))
    found = table_pair.encode_column(pair)
    assert (len(found.train), len(found.holdout)) == (len(left), len(right))
    everything = list(zip([*left, *right], [*found.train, *found.holdout], strict=True))
    for value, code in everything:
        assert (code == 0) == same(value, None)
        assert all((code == other) == same(value, each) for each, other in everything)
    rows, held = found.counts()
    assert (rows.sum(), held.sum()) == (len(left), len(right))
    assert len(rows) == len(held) == found.size
    hashes = [*table_pair.hash_column(pair.train), *table_pair.hash_column(pair.holdout)]
    codes = [code for _, code in everything]
    assert [hashes.index(each) for each in hashes] == [codes.index(each) for each in codes]
    assert table_pair.count_distinct(pair.train) == len({*found.train} - {0})
    if kind != "float":
        counts = shift.count_values(pair)
        said = dict(zip(counts.values.to_pylist(), counts.train, strict=True))
        assert {value: rows for value, rows in said.items() if rows} == Counter(left)


@example(9.499999999999999e129, 1)
@example(9.5e21, 1)
@example(-4.4999999999e-310, 3)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(1, 8),
)
def test_a_rounded_number_is_near_and_stays_as_it_is(value: float, digits: int):
    once = table_pair.round_significant(np.array([value]), digits)
    assert abs(once[0] - value) <= abs(value) * 10.0 ** (1 - digits)
    np.testing.assert_array_equal(table_pair.round_significant(once, digits), once)


@pytest.mark.parametrize("value", [0.0, math.inf, -math.inf, 5e-324, 1.7976931348623157e308])
def test_a_number_without_digits_to_spare_stays(value: float):
    assert table_pair.round_significant(np.array([value]), 17)[0] == pytest.approx(value, rel=1e-15)


def test_numbers_that_differ_in_later_digits_are_one():
    values = np.array([123456.0, 123456.4, 0.00123456, 0.001234564])
    first, second, third, fourth = table_pair.round_significant(values, 6)
    assert (first == second, third == fourth, first != third) == (True, True, True)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=40))
def test_hashes_of_rows_are_equal_if_the_rows_are(rows: list[tuple[int, int]]):
    columns = [chunked([row[place] for row in rows], pa.int64(), 3) for place in (0, 1)]
    none = chunked([], pa.int64(), 0)
    hashes, empty = table_pair.hash_rows(ColumnPair(column, none) for column in columns)
    assert len(set(hashes.tolist())) == len(set(rows))
    assert [list(hashes).index(each) for each in hashes] == [rows.index(each) for each in rows]
    assert len(empty) == 0


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_equal_ones_are_counted(some: list[int], every: list[int]):
    found = table_pair.count_among(np.array(some, np.uint64), np.array(every, np.uint64))
    assert found.tolist() == [every.count(each) for each in some]


@given(st.integers(0, 500), st.integers(1, 500))
def test_a_sample_has_each_row_once_in_order(rows: int, wanted: int):
    places = evenly_spaced(rows, wanted)
    assert len(places) == min(rows, wanted)
    assert (np.diff(places) > 0).all()
    assert set(places.tolist()) <= set(range(rows))
    if rows:
        assert places[0] == 0


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60))
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, bool]]):
    yes = np.array([late for _, late in rows], dtype=np.float64)
    assume(0 < yes.sum() < len(yes))
    bins = np.array([place for place, _ in rows], dtype=np.int64)
    rates = np.array([5, 1, 1, 4, 0, 3, 2]) / 10  # by bin; two of them are ties
    train_bins = np.repeat(np.arange(7), 10)
    train = np.concatenate([np.arange(10) < rate * 10 for rate in rates]).astype(np.float64)
    found = predictive_power.auc(
        predictive_power.said_by_bins(BinnedFeature(train_bins, bins, 7), train), yes
    )
    score = rates[bins]
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a in score[yes == 1] for b in score[yes == 0]
    ]
    assert found == pytest.approx(np.mean(pairs))


COUNTS = st.lists(st.integers(0, 1000), min_size=3, max_size=3).filter(any)


@given(COUNTS, COUNTS)
def test_a_shift_is_a_distance(left: list[int], right: list[int]):
    a, b = np.array(left), np.array(right)
    there, back = shift.measure_shift("x", a, b), shift.measure_shift("x", b, a)
    assert 0 <= there.distance <= 1 + 1e-12
    assert there.distance == pytest.approx(back.distance)
    assert there.by_chance == pytest.approx(back.by_chance)
    assert 0 <= there.beyond <= there.distance
    assert shift.measure_shift("x", a, a * 3).distance == pytest.approx(0, abs=1e-12)


def test_two_samples_of_one_population_are_apart_by_chance_only():
    random = np.random.default_rng(5)
    wrong = 0
    for categories in (2, 30, 400):
        shares = random.dirichlet(np.ones(categories))
        for _ in range(200):
            rows, held = random.multinomial(3000, shares), random.multinomial(500, shares)
            wrong += shift.measure_shift("x", rows, held).beyond > 0
    assert wrong <= 6  # 1 in 100 of 600


def test_disjoint_sides_are_all_apart():
    found = shift.measure_shift("x", np.array([10_000, 0]), np.array([0, 10_000]))
    assert found.distance == 1.0
    assert found.beyond > 0.97


def test_cells_that_are_shown_are_masked_if_sensitive() -> None:
    fields = (
        Field("id", (Role.KEY,), "integer", False, 1),
        Field("sex", (Role.SENSITIVE, Role.FEATURE), "string", True, 2),
    )
    table = pa.table({"id": [1, 2], "sex": ["f", None]})
    sides = in_memory(Contract("Row", "c.py", "", fields, (), "late"), table, table)
    shown = sides.cells(sides.train, ["id", "sex"], np.arange(2))
    assert shown == [{"id": 1, "sex": MASK}, {"id": 2, "sex": None}]
