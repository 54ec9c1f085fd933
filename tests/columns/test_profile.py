"""Counts that add up, distances that agree with others' implementations."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from assay.columns.categories import Categories
from assay.columns.distance import js_distance, psi
from assay.columns.features import CategoryColumn, FrameFeatures, SliceField
from assay.columns.grid import SCORE_GRID, CategoryGrid, CellCounts, Grid, NumberGrid
from assay.columns.grid_builder import assign_cells
from assay.columns.night_effects import NightEffects
from assay.columns.profile import (
    ColumnProfile,
    Profile,
    column_from_json,
    column_to_json,
    merge_profiles,
)
from assay.columns.profile_counter import compute_profile, empty_profile
from assay.columns.reference import Reference, build_reference
from assay.errors import BundleChanged, BundleIncompatible, SchemaMismatch, StoreError
from assay.metrics.slices import MISSING, slice_names

SCORE = "probability"
SCORES = {SCORE: SCORE_GRID}
GRID = {
    "x": NumberGrid(
        (-1.0, 0.0, 2.5), (-1.0, -0.5, 0.0, 1.0, 2.0, 2.5, 700.0), (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    ),
    "c": CategoryGrid(("a", "b")),
    **SCORES,
}
NUMBERS = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([math.inf, -math.inf, math.nan])
WORDS = st.none() | st.sampled_from(["a", "b", "new", "n" * 200, "n" * 201])
ROWS = st.lists(st.tuples(NUMBERS | st.integers(-2, 3), WORDS, st.floats(0, 1)), max_size=30)
SLICES = (SliceField("c", ("a", "new"), False, "(missing)"), SliceField("x", ("1", "0"), True))


def frame(rows: list[tuple[float | None, str | None, float]]) -> pd.DataFrame:
    x, c, p = ([row[i] for row in rows] for i in range(3))
    return pd.DataFrame(
        {
            "x": pd.Series(x, dtype="float64"),
            "c": pd.Series(c, dtype="object"),
            SCORE: pd.Series(p, dtype="float64"),
        }
    )


def profiled(table: pd.DataFrame, grid: Grid = GRID) -> Profile:
    return compute_profile(FrameFeatures(table), grid)


def sliced(table: pd.DataFrame) -> Profile:
    said = {SCORE: table[SCORE].to_numpy()}
    return compute_profile(FrameFeatures(table), GRID, said, SLICES)


def exact(column: ColumnProfile) -> ColumnProfile:
    """All but the sums, which depend on the order of adding."""
    counts = column.fine.counts
    return replace(column, total=0.0, total_squares=0.0, fine=CellCounts(counts, 0.0 * counts))


def same(a: Profile, b: Profile) -> bool:
    for name in a:
        left, right = a[name], b[name]
        if exact(left) != exact(right):
            return False
        if not np.allclose(left.fine.sums, right.fine.sums, rtol=1e-9, atol=1e-6):
            return False
        for x, y in ((left.total, right.total), (left.total_squares, right.total_squares)):
            if not math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-6):
                return False
    return a.keys() == b.keys()


@settings(deadline=None)
@given(ROWS, ROWS, ROWS)
def test_merging_is_counting_the_union(a: list, b: list, c: list) -> None:
    pa, pb, pc = (sliced(frame(rows)) for rows in (a, b, c))
    assert same(
        merge_profiles(merge_profiles(pa, pb), pc), merge_profiles(pa, merge_profiles(pb, pc))
    )
    assert same(merge_profiles(pa, pb), merge_profiles(pb, pa))
    assert same(merge_profiles(pa, pb), sliced(frame(a + b)))
    nothing = empty_profile(GRID, [SCORE], SLICES)
    assert merge_profiles(pa, nothing) == pa == merge_profiles(nothing, pa)
    assert sliced(frame([])) == nothing


@settings(deadline=None)
@given(ROWS)
def test_the_counts_are_those_of_the_rows_cells(rows: list) -> None:
    table = frame(rows)
    for name, column in profiled(table).items():
        cells = assign_cells(table[name], GRID[name])
        assert column.nulls == (cells < 0).sum()
        assert (
            list(column.counts)
            == np.bincount(cells[cells >= 0], minlength=GRID[name].cells).tolist()
        )
        values = table[name].to_numpy() if name != "c" else np.empty(0)
        known = values[np.isfinite(values)]
        assert column.total == pytest.approx(known.sum(), abs=1e-6)
        assert column.total_squares == pytest.approx((known * known).sum(), rel=1e-12, abs=1e-6)
        assert (column.low, column.high) == (
            (known.min(), known.max()) if len(known) else (None, None)
        )


def test_scores_are_counted_beside_the_features_or_instead_of_them() -> None:
    table = FrameFeatures(pd.DataFrame({"x": [0.0, 1.0, 2.0], "c": ["a", "b", None]}))
    said = CategoryColumn(np.array([1, 1, -1], dtype=np.int32), Categories(["no", "yes"]))
    grid = {"x": NumberGrid((1.0,)), "said": CategoryGrid(("yes",)), "c": CategoryGrid(("a",))}
    both = np.array([[0.0, 5.0], [0.0, 6.0], [0.0, math.nan]])
    counted = compute_profile(table, grid, {"said": said, "x": both[:, 1]})
    assert (counted["x"].counts, counted["x"].nulls) == ((0, 2), 1)
    assert (counted["said"].counts, counted["said"].nulls) == ((2, 0), 1)
    assert counted["c"].counts == (1, 1)


def test_what_is_no_column_of_its_grid_is_refused() -> None:
    table = FrameFeatures(pd.DataFrame({"x": [0.0]}))
    names = Categories(["a"])
    for codes in ([1], [-2]):
        beyond = {"c": CategoryColumn(np.array(codes, dtype=np.int32), names)}
        with pytest.raises(ValueError, match="beyond the 1 categories"):
            compute_profile(table, {"c": GRID["c"]}, beyond)
    with pytest.raises(SchemaMismatch, match="c: expected categories"):
        compute_profile(table, {"c": GRID["c"]}, {"c": np.zeros(1)})
    with pytest.raises(SchemaMismatch, match="x: expected numbers"):
        compute_profile(
            table, {"x": GRID["x"]}, {"x": CategoryColumn(np.zeros(1, np.int32), names)}
        )


@settings(deadline=None)
@given(ROWS)
def test_every_row_is_in_one_cell_and_survives_json(rows: list) -> None:
    for name, column in sliced(frame(rows)).items():
        assert column.rows == column.nulls + sum(column.counts)
        assert column.rows == len(rows) or "@" in name
        assert column.fine.counts.sum() in (sum(column.counts), 0)
        text = column_to_json(column)
        assert column_from_json(text) == column
        assert column_to_json(column_from_json(text)) == text


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "float64"])
def test_every_kind_of_null_is_a_null(dtype: str) -> None:
    table = pd.DataFrame({"x": pd.Series([1, None, 3], dtype=dtype)})
    column = profiled(table, {"x": NumberGrid((2.0,))})["x"]
    assert (column.nulls, column.counts, column.total) == (1, (1, 1), 4.0)


def test_infinities_are_counted_and_stay_out_of_the_moments() -> None:
    table = pd.DataFrame({"x": [math.inf, -math.inf, 1.0]})
    column = profiled(table, {"x": NumberGrid((0.0, 2.0))})["x"]
    assert column.counts == (1, 1, 1)
    assert (column.total, column.total_squares, column.low, column.high) == (1.0, 1.0, 1.0, 1.0)


def test_the_score_grid_holds_both_ends() -> None:
    table = pd.DataFrame({SCORE: [0.0, 0.05, 1.0, 1.1, -0.1]})
    counts = profiled(table, {SCORE: SCORE_GRID})[SCORE].counts
    assert len(counts) == 22
    assert (counts[0], counts[1], counts[2], counts[20], counts[21]) == (1, 1, 1, 1, 1)


def test_refusals() -> None:
    with pytest.raises(KeyError):
        profiled(pd.DataFrame({"y": [1]}), GRID)
    with pytest.raises(SchemaMismatch, match="x: expected numbers"):
        profiled(pd.DataFrame({"x": ["word"]}), {"x": NumberGrid((0.0,))})
    with pytest.raises(ValueError, match="cells"):
        merge_profiles(
            empty_profile({"x": NumberGrid((0.0,))}), empty_profile({"x": NumberGrid((0.0, 1.0))})
        )
    for edges in ((1.0, 1.0), (2.0, 1.0), (math.nan,)):
        with pytest.raises(ValueError, match="edges"):
            NumberGrid(edges)
    with pytest.raises(ValueError, match="among"):
        NumberGrid((1.0,), (0.0, 2.0))
    with pytest.raises(ValueError, match="at most 255"):
        NumberGrid((1.0,), tuple(map(float, range(256))))


@pytest.mark.parametrize(
    "change",
    [
        *({"rows": 7}, {"nulls": -1}, {"counts": [1.5]}, {"total": math.inf}, {"more": 1}),
        *({"fine": []}, {"fine": [0] * 8}, {"fine": [-1, 1, 1, 0, 0, 0, 0, 0]}, {"fine": "x"}),
        *({"sums": []}, {"sums": ["1"] * 8}, {"registers": "0"}, {"registers": "é"}),
        *({"new": [["a", 2]]}, {"new": [["a", 0]]}, {"new": ["a"]}),
    ],
    ids=str,
)
def test_a_damaged_profile_is_refused(change: dict) -> None:
    good = json.loads(column_to_json(profiled(pd.DataFrame({"x": [1.0]}), {"x": GRID["x"]})["x"]))
    with pytest.raises(StoreError, match="here"):
        column_from_json(json.dumps(good | change), "here")


COUNTS = st.lists(st.integers(0, 10_000), min_size=2, max_size=12)


@settings(deadline=None)
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
    reference = build_reference(table, night, ["x"], ["c"], SCORES)
    for name in ("x", "c", SCORE):
        distances, changes = [], []
        for value in sorted(night.unique()):
            one = profiled(table[night == value], reference.grid)[name]
            rest = profiled(table[night != value], reference.grid)[name]
            distances.append(float(js_distance(one.counts, rest.counts)))
            changes.append(abs(one.nulls / one.rows - rest.nulls / rest.rows))
        known = [d for d in distances if math.isfinite(d)]
        assert len(known) == (6 if name == "x" else 7)
        assert reference.distances[name] == pytest.approx(known, abs=1e-12)
        assert reference.null_changes[name] == pytest.approx(changes, abs=1e-12)


def test_a_reference_survives_json_and_is_the_same_each_time() -> None:
    table, night = nights(400, 5)
    reference = build_reference(table, night, ["x"], ["c"], SCORES)
    text = reference.to_json()
    assert Reference.from_json(text, "reference.json") == reference
    assert build_reference(table, night, ["x"], ["c"], SCORES).to_json() == text


def test_one_night_teaches_no_distance() -> None:
    table, _ = nights(50, 1)
    reference = build_reference(table, pd.Series(["n"] * 50), ["x"], ["c"], SCORES)
    assert reference.nights == 1
    assert set(reference.distances.values()) == {()}


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": 3}', '{"schema": 3, "nights": 3, "columns": {}}']
)
def test_a_damaged_reference_is_refused(text: str) -> None:
    with pytest.raises(BundleChanged, match=r"reference\.json"):
        Reference.from_json(text, "reference.json")


def test_what_another_version_wrote_says_so() -> None:
    with pytest.raises(BundleIncompatible, match=r"reference\.json.*schema 3, found 1.*promote"):
        Reference.from_json('{"schema": 1, "nights": 3, "columns": {}}', "reference.json")
    with pytest.raises(StoreError, match=r"here: .*another version.*schema 2, found 1"):
        column_from_json('{"rows": 1, "nulls": 0, "counts": [1]}', "here")


def test_slices_and_importance_survive_json() -> None:
    table, night = nights(400, 5)
    fields = [SliceField("c", ("a", "b"), False)]
    reference = build_reference(
        *(table, night, ["x"], ["c"], SCORES),
        slices=fields,
        importance={"x": 0.25, "c": 0.0},
        effects={SCORE: NightEffects(-0.5, 0.25, -0.01, 0.04, 5)},
        depends=2.5,
    )
    names = [f"{SCORE}@c=a", f"{SCORE}@c=b"]
    assert list(reference.profile) == ["x", "c", SCORE, *names]
    assert set(reference.grid) == {"x", "c", SCORE}
    for value, name in zip("ab", names, strict=True):
        own = profiled(table[table["c"] == value], SCORES)[SCORE]
        assert same({SCORE: replace(own, registers=b"")}, {SCORE: reference.profile[name]})
    text = reference.to_json()
    assert Reference.from_json(text, "reference.json") == reference
    for wrong in ({"effects": {SCORE: {"centre": 0}}}, {"depends": None}, {"effects": None}):
        with pytest.raises(BundleChanged, match=r"reference\.json"):
            Reference.from_json(json.dumps({**json.loads(text), **wrong}), "reference.json")
    tree = json.loads(text)
    tree["slices"][0]["values"] = ["a"]
    with pytest.raises(BundleChanged, match="slices"):
        Reference.from_json(json.dumps(tree), "reference.json")


def test_a_row_without_a_night_or_a_feature_called_like_the_score_is_refused() -> None:
    table, night = nights(20, 2)
    with pytest.raises(ValueError, match="partition value"):
        build_reference(table, night.where(night != "1", None), ["x"], ["c"], SCORES)
    with pytest.raises(ValueError, match="probability"):
        build_reference(table, night, ["x", SCORE], ["c"], SCORES)


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
