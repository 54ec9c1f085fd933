"""Parts of a change add up to it, and go where the change came from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.grid import CategoryGrid, NumberGrid
from assay.monitor.explain import decomposition as moved

GROUPS = {"x": ("x",), "y": ("y",), "2 other columns": ("u", "v")}


def night(seed: int, rows: int, *, x: float = 0.0, a: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(0, 1, (rows, 4)), columns=["x", "y", "u", "v"])
    return frame.assign(x=frame["x"] + x, s=np.where(random.random(rows) < a, "a", "b"))


def old(rows: pd.DataFrame) -> np.ndarray:
    score = 1 / (1 + np.exp(-(rows["x"] + 0.5 * rows["y"] * rows["u"] + (rows["s"] == "a"))))
    return np.column_stack([score, score >= 0.5]).astype(float)


def new(rows: pd.DataFrame) -> np.ndarray:
    score = 1 / (1 + np.exp(-(0.5 * rows["x"] + rows["v"] + 0.3)))
    return np.column_stack([score, score >= 0.4]).astype(float)


def explained(
    before: pd.DataFrame, after: pd.DataFrame, versions: list[moved.OutcomesOf]
) -> moved.Decomposition:
    slices = (before["s"].to_numpy(dtype=object), after["s"].to_numpy(dtype=object))
    return moved.decompose(before, after, slices, versions, GROUPS, seed=1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rows=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    a=st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.6, 1.0])),
    two=st.booleans(),
)
def test_the_parts_add_up_whatever_the_nights(
    seed: int, rows: tuple[int, int], a: tuple[float, float], two: bool
) -> None:
    before, after = night(seed, rows[0], a=a[0]), night(seed + 1, rows[1], x=1.0, a=a[1])
    found = explained(before, after, [old, new] if two else [old])
    assert found.before == pytest.approx(old(before).mean(axis=0))
    assert found.after == pytest.approx((new if two else old)(after).mean(axis=0))
    total = found.model + found.mix + sum(found.columns.values())
    assert total == pytest.approx(found.after - found.before, abs=1e-12)
    assert sum(one.mix for one in found.slices) == pytest.approx(found.mix, abs=1e-12)
    if not two:
        assert not found.model.any()


def test_a_night_against_itself_has_not_moved() -> None:
    rows = night(3, 500)
    found = explained(rows, rows, [old])
    for part in (found.model, found.mix):
        assert part == pytest.approx(np.zeros(2), abs=1e-12)
    assert sum(found.columns.values()) == pytest.approx(np.zeros(2), abs=1e-12)


def test_the_same_rows_under_another_version_moved_by_the_model_alone() -> None:
    rows = night(3, 500)
    found = explained(rows, rows, [old, new])
    assert found.model == pytest.approx((new(rows) - old(rows)).mean(axis=0), abs=1e-12)


def test_a_column_that_shifted_has_nearly_all_of_it() -> None:
    found = explained(night(3, 4000), night(4, 4000, x=1.0), [old])
    change = (found.after - found.before)[0]
    assert change > 0.1
    assert found.columns["x"][0] == pytest.approx(change, rel=0.1)
    assert all(abs(found.columns[name][0]) < 0.01 for name in ("y", "2 other columns"))


def test_another_mix_of_the_same_kinds_of_rows() -> None:
    found = explained(night(3, 4000, a=0.2), night(4, 4000, a=0.8), [old])
    change = (found.after - found.before)[0]
    assert found.mix[0] == pytest.approx(change, abs=0.02)
    by_slice = {one.title: one for one in found.slices}
    assert by_slice["a"].before == pytest.approx(0.2, abs=0.02)
    assert by_slice["a"].mix[0] == pytest.approx(by_slice["b"].mix[0], rel=0.2)


def test_a_slice_that_came_is_mix() -> None:
    before = night(3, 300).assign(s="a")
    rows = night(4, 300)
    after = pd.concat([before, rows.assign(s="c")], ignore_index=True)
    found = explained(before, after, [new])
    assert found.mix == pytest.approx(found.after - found.before, abs=1e-12)


def test_nights_without_a_slice_in_common_are_all_mix() -> None:
    found = explained(night(3, 50).assign(s="a"), night(4, 50, x=1).assign(s="b"), [old])
    assert found.mix == pytest.approx(found.after - found.before)
    assert not any(part.any() for part in found.columns.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc"), min_size=1))
def test_in_pairs_every_row_of_a_slice_weighs_the_same(one: list[str], two: list[str]) -> None:
    slices = (np.array(one, dtype=object), np.array(two, dtype=object))
    shares = [moved._shares(each) for each in slices]
    *sides, weight = moved._pairs(slices, shares, np.random.default_rng(0))
    assert (slices[0][sides[0]] == slices[1][sides[1]]).all()
    common = set(one) & set(two)
    for side, of in zip(sides, slices, strict=True):
        for title in common:
            rows = np.flatnonzero(of == title)
            each = (shares[0][title] + shares[1][title]) / 2 / len(rows)
            weights = np.bincount(side, weight, len(of))[rows]
            assert weights == pytest.approx(np.full(len(rows), each))


def test_what_drifted_furthest_is_swapped_alone() -> None:
    names = [f"n{place}" for place in range(9)]
    random = np.random.default_rng(1)
    before, after = (
        pd.DataFrame(random.normal(0, 1, (200, 9)), columns=names).assign(c=c) for c in "ab"
    )
    after = after.assign(n4=after["n4"] + 3, n7=np.nan)
    grid = {name: NumberGrid((-1.0, 0.0, 1.0)) for name in names} | {"c": CategoryGrid(("a", "b"))}
    groups = moved.groups_of(before, after, [*names, "c", "unheard"], grid)
    assert len(groups) == moved.GROUPS
    assert set(list(groups)[:3]) == {"c", "n7", "n4"}
    assert list(groups)[-1] == "5 other columns" and "unheard" in groups["5 other columns"]
    assert sorted(n for group in groups.values() for n in group) == sorted([*names, "c", "unheard"])
    assert list(moved.groups_of(before, after, names[:2], grid)) in (["n0", "n1"], ["n1", "n0"])
