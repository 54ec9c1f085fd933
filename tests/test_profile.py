"""Counts that add up, distances that agree with others' implementations."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from pipeline.distance import js_distance, psi
from pipeline.errors import BundleChanged, SchemaMismatch, StoreError
from pipeline.profile import (
    MAX_CATEGORIES,
    SCORE,
    SCORE_GRID,
    CategoryGrid,
    NumberGrid,
    Profile,
    column_from_json,
    column_to_json,
    empty,
    grid_of,
    merge,
    profile_of,
)
from pipeline.reference import Reference, reference_of

GRID = {
    "x": NumberGrid((-1.0, 0.0, 2.5)),
    "c": CategoryGrid(("a", "b")),
    SCORE: SCORE_GRID,
}
NUMBERS = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([math.inf, -math.inf, math.nan])
ROWS = st.lists(
    st.tuples(NUMBERS, st.none() | st.sampled_from(["a", "b", "new"]), st.floats(0, 1)),
    max_size=30,
)


def frame(rows: list[tuple[float | None, str | None, float]]) -> pd.DataFrame:
    x, c, p = ([row[i] for row in rows] for i in range(3))
    return pd.DataFrame(
        {
            "x": pd.Series(x, dtype="float64"),
            "c": pd.Series(c, dtype="object"),
            SCORE: pd.Series(p, dtype="float64"),
        }
    )


def same(a: Profile, b: Profile) -> bool:
    for name in a:
        left, right = a[name], b[name]
        exact = (left.rows, left.nulls, left.counts, left.low, left.high)
        if exact != (right.rows, right.nulls, right.counts, right.low, right.high):
            return False
        for x, y in ((left.total, right.total), (left.total_squares, right.total_squares)):
            if not math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-6):
                return False
    return a.keys() == b.keys()


@given(ROWS, ROWS, ROWS)
def test_merging_is_counting_the_union(a: list, b: list, c: list) -> None:
    pa, pb, pc = (profile_of(frame(rows), GRID) for rows in (a, b, c))
    assert same(merge(merge(pa, pb), pc), merge(pa, merge(pb, pc)))
    assert same(merge(pa, pb), merge(pb, pa))
    assert same(merge(pa, pb), profile_of(frame(a + b), GRID))
    assert merge(pa, empty(GRID)) == pa


@given(ROWS)
def test_every_row_is_in_one_cell_and_survives_json(rows: list) -> None:
    for column in profile_of(frame(rows), GRID).values():
        assert column.rows == len(rows) == column.nulls + sum(column.counts)
        text = column_to_json(column)
        assert column_from_json(text) == column
        assert column_to_json(column_from_json(text)) == text


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200), st.integers(2, 20))
def test_the_last_cell_is_empty_in_the_reference(values: list[float], bins: int) -> None:
    table = pd.DataFrame({"x": values})
    grid = grid_of(table, ["x"], [], bins=bins)
    counts = profile_of(table, grid)["x"].counts
    assert counts[0] == counts[-1] == 0


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([True] * 3 + [False] * 97, 2),
        ([7.0] * 100, 1),
        ([0.0] * 950 + list(np.linspace(0.1, 3, 30)), 2),
    ],
    ids=["rare true", "constant", "mostly zero"],
)
def test_values_that_differ_do_not_share_a_cell(values: list[float], cells: int) -> None:
    table = pd.DataFrame({"x": values})
    counts = profile_of(table, grid_of(table, ["x"], []))["x"].counts
    assert sum(count > 0 for count in counts) == cells
    assert max(counts) == pd.Series(values).value_counts().max()


def test_a_constant_column_sees_change_on_both_sides() -> None:
    grid = grid_of(pd.DataFrame({"x": [7.0] * 5}), ["x"], [])
    assert profile_of(pd.DataFrame({"x": [6.0, 7.0, 8.0, 8.5]}), grid)["x"].counts == (1, 1, 2)


def test_cells_of_equal_share() -> None:
    table = pd.DataFrame({"x": np.random.default_rng(0).normal(size=10_000)})
    counts = profile_of(table, grid_of(table, ["x"], []))["x"].counts
    assert len(counts) == 12
    assert all(990 <= count <= 1010 for count in counts[1:-1])


def test_categories_by_frequency_then_name_and_no_more_than_the_most() -> None:
    table = pd.DataFrame({"c": ["b", "a", "b", "c", "a", None]})
    assert grid_of(table, [], ["c"])["c"] == CategoryGrid(("a", "b", "c"))
    many = pd.DataFrame({"c": [f"v{i:03}" for i in range(MAX_CATEGORIES + 5)]})
    grid = grid_of(many, [], ["c"])
    assert profile_of(many, grid)["c"].counts[-1] == 5


@pytest.mark.parametrize("dtype", ["object", "Int64", "Float64", "float64"])
def test_every_kind_of_null_is_a_null(dtype: str) -> None:
    table = pd.DataFrame({"x": pd.Series([1, None, 3], dtype=dtype)})
    column = profile_of(table, {"x": NumberGrid((2.0,))})["x"]
    assert (column.nulls, column.counts, column.total) == (1, (1, 1), 4.0)


def test_infinities_are_counted_and_stay_out_of_the_moments() -> None:
    table = pd.DataFrame({"x": [math.inf, -math.inf, 1.0]})
    column = profile_of(table, {"x": NumberGrid((0.0, 2.0))})["x"]
    assert column.counts == (1, 1, 1)
    assert (column.total, column.total_squares, column.low, column.high) == (1.0, 1.0, 1.0, 1.0)


def test_the_score_grid_holds_both_ends() -> None:
    table = pd.DataFrame({SCORE: [0.0, 0.05, 1.0, 1.1, -0.1]})
    counts = profile_of(table, {SCORE: SCORE_GRID})[SCORE].counts
    assert len(counts) == 22
    assert (counts[0], counts[1], counts[2], counts[20], counts[21]) == (1, 1, 1, 1, 1)


def test_refusals() -> None:
    with pytest.raises(KeyError):
        profile_of(pd.DataFrame({"y": [1]}), GRID)
    with pytest.raises(SchemaMismatch, match="x: expected numbers"):
        profile_of(pd.DataFrame({"x": ["word"]}), {"x": NumberGrid((0.0,))})
    with pytest.raises(ValueError, match="cells"):
        merge(empty({"x": NumberGrid((0.0,))}), empty({"x": NumberGrid((0.0, 1.0))}))
    for edges in ((1.0, 1.0), (2.0, 1.0), (math.nan,)):
        with pytest.raises(ValueError, match="edges"):
            NumberGrid(edges)


@pytest.mark.parametrize(
    "change",
    [{"rows": 7}, {"nulls": -1}, {"counts": [1.5]}, {"total": math.inf}, {"more": 1}],
    ids=str,
)
def test_a_damaged_profile_is_refused(change: dict) -> None:
    good = json.loads(column_to_json(profile_of(pd.DataFrame({"x": [1.0]}), {"x": GRID["x"]})["x"]))
    with pytest.raises(StoreError, match="here"):
        column_from_json(json.dumps(good | change), "here")


COUNTS = st.lists(st.integers(0, 10_000), min_size=2, max_size=12)


@given(COUNTS, st.data())
def test_distance_agrees_with_scipy(p: list[int], data: st.DataObject) -> None:
    q = data.draw(st.lists(st.integers(0, 10_000), min_size=len(p), max_size=len(p)))
    ours = float(js_distance(p, q))
    if not sum(p) or not sum(q):
        assert math.isnan(ours)
        return
    # scipy takes the root of what may round to just under zero.
    theirs = np.nan_to_num(jensenshannon(p, q, base=2))
    assert ours == pytest.approx(theirs, abs=2e-8)
    assert ours == pytest.approx(float(js_distance(q, p)), abs=2e-8)
    assert 0 <= ours <= 1


def test_psi_by_hand_with_half_a_row_in_each_cell() -> None:
    p, q = np.array([50.5, 50.5]) / 101, np.array([90.5, 10.5]) / 101
    assert psi([50, 50], [90, 10]) == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert psi([50, 50], [50, 50]) == 0
    assert math.isnan(psi([0, 0], [1, 1]))


def nights(rows: int, count: int, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "x": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "c": rng.choice(["a", "b", "c"], rows),
            SCORE: rng.random(rows),
        }
    )
    return table, pd.Series(rng.integers(0, count, rows)).astype(str)


def test_leave_one_out_is_what_brute_force_finds() -> None:
    table, night = nights(600, 7)
    table.loc[night == "3", "x"] = np.nan
    reference = reference_of(table, night, ["x"], ["c"])
    for name in ("x", "c", SCORE):
        distances, changes = [], []
        for value in sorted(night.unique()):
            one = profile_of(table[night == value], reference.grid)[name]
            rest = profile_of(table[night != value], reference.grid)[name]
            distances.append(float(js_distance(one.counts, rest.counts)))
            changes.append(abs(one.nulls / one.rows - rest.nulls / rest.rows))
        known = sorted(d for d in distances if math.isfinite(d))
        assert len(known) == (6 if name == "x" else 7)
        assert reference.distances[name] == pytest.approx(known, abs=1e-12)
        assert reference.null_changes[name] == pytest.approx(sorted(changes), abs=1e-12)


def test_a_reference_survives_json_and_is_the_same_each_time() -> None:
    table, night = nights(400, 5)
    reference = reference_of(table, night, ["x"], ["c"])
    text = reference.to_json()
    assert Reference.from_json(text, "reference.json") == reference
    assert reference_of(table, night, ["x"], ["c"]).to_json() == text


def test_one_night_teaches_no_distance() -> None:
    table, _ = nights(50, 1)
    reference = reference_of(table, pd.Series(["n"] * 50), ["x"], ["c"])
    assert reference.nights == 1
    assert set(reference.distances.values()) == {()}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": 2}', '{"schema": 1, "nights": 3, "columns": {}}']
)
def test_a_damaged_reference_is_refused(text: str) -> None:
    with pytest.raises(BundleChanged, match=r"reference\.json"):
        Reference.from_json(text, "reference.json")


def test_a_row_without_a_night_or_a_feature_called_like_the_score_is_refused() -> None:
    table, night = nights(20, 2)
    with pytest.raises(ValueError, match="partition value"):
        reference_of(table, night.where(night != "1", None), ["x"], ["c"])
    with pytest.raises(ValueError, match="probability"):
        reference_of(table, night, ["x", SCORE], ["c"])


def test_many_nights_take_seconds() -> None:
    rng = np.random.default_rng(0)
    rows = 150_000
    numeric = [f"n{i}" for i in range(16)]
    categorical = [f"c{i}" for i in range(8)]
    table = pd.DataFrame(
        {name: rng.normal(size=rows) for name in numeric}
        | {name: rng.choice(list("abcdefgh"), rows) for name in categorical}
        | {SCORE: rng.random(rows)}
    )
    started = time.perf_counter()
    reference = reference_of(table, pd.Series(np.arange(rows) // 1000), numeric, categorical)
    assert time.perf_counter() - started < 3
    assert reference.nights == 150
