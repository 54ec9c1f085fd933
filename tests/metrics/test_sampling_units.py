from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import SchemaMismatch
from assay.metrics.following import NOT_SEEN
from assay.metrics.sampling_units import (
    SamplingUnits,
    format_rounded_count,
    format_unit_count,
    plural_unit,
    units_of,
)

CODES = st.lists(st.integers(0, 4), min_size=1, max_size=30)


def of(values: list[object], name: str = "store") -> SamplingUnits:
    return SamplingUnits.of(name, pd.Series(values))


@given(CODES, st.integers(0, 2**31))
def test_sums_and_sizes_are_those_of_a_group_by(codes: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=len(codes))
    grouped = pd.Series(values).groupby(codes, sort=False)
    found = of(list(codes))
    assert found.count == grouped.ngroups
    assert found.sums(values) == pytest.approx(grouped.sum().to_numpy())
    assert found.sizes().tolist() == grouped.size().tolist()


@given(CODES, st.data())
def test_what_is_chosen_are_units_of_their_own(codes: list[int], data: st.DataObject) -> None:
    places = st.lists(st.integers(0, len(codes) - 1), min_size=1, max_size=20)
    rows = np.array(data.draw(places), dtype=np.intp)
    found, alone = of(list(codes)).take(rows), [codes[row] for row in rows]
    assert (found.name, found.count) == ("store", len(set(alone)))
    assert found.codes is not None
    # The same rows are clustered, by whatever numbers.
    together = found.codes[:, None] == found.codes
    assert (together == (np.array(alone)[:, None] == np.array(alone))).all()
    assert sorted(set(found.codes.tolist())) == list(range(found.count))


def test_rows_are_units_by_themselves() -> None:
    found = SamplingUnits.rows(5)
    assert (found.name, found.count, found.codes) == ("row", 5, None)
    assert found.sums(np.arange(5.0)).tolist() == [0, 1, 2, 3, 4]
    assert found.sizes().tolist() == [1] * 5
    assert found.take(np.array([1, 3])) == SamplingUnits.rows(2)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT])
def test_rows_without_a_value_are_one_unit_together(missing: object) -> None:
    found = of(["a", missing, "b", missing, "a"])
    assert found.count == 3
    assert found.codes is not None and found.codes[1] == found.codes[3]


def test_ten_are_the_least() -> None:
    assert SamplingUnits.rows(10).few is None
    assert SamplingUnits.rows(9).few == "9 rows, fewer than 10"
    assert SamplingUnits("night", 1).few == "1 night, fewer than 10"
    assert of([1, 2, 3]).few == "3 values of store, fewer than 10"
    assert SamplingUnits.rows(0).few == "0 rows, fewer than 10"
    assert SamplingUnits.rows(9).needed == 10 == SamplingUnits.rows(0).needed


def test_units_of_unequal_size_are_fewer() -> None:
    same, half = (of([f"s{one}" for one in range(10) for _ in range(20)]) for _ in range(2))
    assert same.effective == pytest.approx(10) and half.few is None
    # One has as many rows as all others together: 2 units' worth and a half.
    unequal = of([*["big"] * 180, *[f"s{one}" for one in range(9) for _ in range(20)]])
    assert unequal.effective == pytest.approx(360**2 / (180**2 + 9 * 400))
    assert unequal.few == (
        "10 values of store of so unequal size that they are worth 3.6, fewer than 7"
    )
    assert unequal.needed == 20


def test_units_of_a_table() -> None:
    frame = pd.DataFrame({"day": [1, 1, 2, 3], "store": ["a", "b", "a", "b"]})
    night, row, store = (units_of(frame, unit, "day") for unit in ("night", "row", "store"))
    assert (night.name, night.count) == ("night", 3)
    assert (row.name, row.count) == ("row", 4)
    assert (store.name, store.count) == ("store", 2)


@pytest.mark.parametrize(("unit", "column"), [("night", "date"), ("shop", "shop")])
def test_a_column_that_is_not_there_is_named(unit: str, column: str) -> None:
    with pytest.raises(SchemaMismatch, match=f"no column '{column}'") as caught:
        units_of(pd.DataFrame({"day": [1]}), unit, "date")
    assert f"evaluate.unit in params.yaml is '{unit}'" in caught.value.line()


@pytest.mark.parametrize(
    ("count", "unit", "text"),
    [
        (1, "night", "1 night"),
        (30, "night", "30 nights"),
        (1, "row", "1 row"),
        (12_345, "row", "12,345 rows"),
        (1, "store", "1 value of store"),
        (12, "store", "12 values of store"),
        (0, "night", "0 nights"),
    ],
)
def test_so_many_in_words(count: int, unit: str, text: str) -> None:
    assert format_unit_count(count, unit) == text
    assert count == 1 or text.endswith(f" {plural_unit(unit)}")


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (1, "1 row"),
        (10, "10 rows"),
        (99, "99 rows"),
        (101, "100 rows"),
        (115, "120 rows"),
        (214, "210 rows"),
        (1849, "1,800 rows"),
        (1851, "1,900 rows"),
        (99_700, "100,000 rows"),
        (1_234_567, "1,200,000 rows"),
    ],
)
def test_about_how_many_to_two_digits(rows: int, text: str) -> None:
    assert format_rounded_count(rows, "row") == text


def test_nights_are_in_their_order_whatever_that_of_the_rows_is() -> None:
    found = of(["2024-03-02", "2024-03-01", "2024-03-03", "2024-03-01"], "night")
    assert found.codes is not None and found.codes.tolist() == [1, 0, 2, 0]
    assert found.in_order and not of(["b", "a"]).in_order and not SamplingUnits.rows(3).in_order


def slow_nights() -> tuple[SamplingUnits, np.ndarray]:
    """Forty nights of five rows, with values that follow slowly."""
    slow = np.sin(np.arange(200) / 200 * 6.0)
    return of([day for day in range(40) for _ in range(5)], "night"), slow


def test_losses_say_how_much_nights_follow_each_other_and_a_part_keeps_it() -> None:
    nights, slow = slow_nights()
    found = nights.followed(slow, slow)
    assert sum(found.following.losses[7:]) > 0.95 and nights.following == NOT_SEEN
    assert found.take(np.arange(0, 200, 2)).following == found.following
    assert of(["a", "b"] * 100).followed(slow, slow).following == NOT_SEEN


def test_scores_say_what_is_likely_of_losses_beforehand() -> None:
    nights, slow = slow_nights()
    faint = np.random.default_rng(1).normal(size=200) + 0.3 * slow
    free = np.random.default_rng(2).normal(size=200)
    alike, apart = (nights.followed(faint, one).following.losses for one in (slow, free))
    assert sum(alike[7:]) > sum(apart[7:])


@pytest.mark.parametrize("constant", [0.1, 1 / 3])
def test_what_never_changes_says_nothing_of_how_nights_follow(constant: float) -> None:
    nights, slow = slow_nights()
    found = nights.followed(slow, np.full(200, constant)).following
    assert found.beforehand == ((),) and found.losses
    assert nights.followed(np.full(200, constant), slow).following.losses == ()


def test_the_auc_may_refute_what_losses_say_and_other_metrics_may_not() -> None:
    nights, slow = slow_nights()
    found = nights.followed(slow, slow)
    auc = found.of_metric("auc").following
    assert auc.beforehand == (*found.following.beforehand, found.following.losses)
    assert auc.losses == () and found.of_metric("brier") is found
