"""What moves scores: sums that merge, and how far a night is from all the others."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assay.columns import moved_scores
from assay.columns.grid import SCORE_GRID
from assay.columns.moved_scores import ReferenceReasons
from assay.columns.profile import column_from_json, column_to_json, merge_profiles
from assay.columns.reference import Reference, build_reference
from assay.errors import BundleChanged

NAMES = ("age", "debt")


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(0, 9), st.just(2)), elements=st.floats(0, 9)),
    st.integers(0, 9),
)
def test_the_counts_of_parts_are_those_of_the_whole(values: np.ndarray, at: int) -> None:
    whole = moved_scores.profile_of(NAMES, values)
    parts = merge_profiles(
        moved_scores.profile_of(NAMES, values[:at]), moved_scores.profile_of(NAMES, values[at:])
    )
    for name, each in whole.items():
        assert column_from_json(column_to_json(each)).rows == each.rows == parts[name].rows
        assert parts[name].total == pytest.approx(each.total)
        assert parts[name].total_squares == pytest.approx(each.total_squares)
    means = moved_scores.means_of(parts)
    want = dict(zip(NAMES, values.mean(axis=0), strict=True)) if len(values) else {}
    assert means == pytest.approx(want)


def test_each_night_is_compared_with_all_the_others() -> None:
    draw = np.random.default_rng(1)
    nights = [draw.gamma(2, 1, (rows, 2)) for rows in (30, 80, 50)]
    sums, rows = np.array([each.sum(axis=0) for each in nights]), np.array([30.0, 80.0, 50.0])
    # A night without a row is none.
    found = moved_scores.learn(NAMES, np.vstack([sums, [[0, 0]]]), np.append(rows, 0))
    assert found is not None
    means = np.concatenate(nights).mean(axis=0)
    assert dict(found.means) == pytest.approx(dict(zip(NAMES, means, strict=True)))
    for place, distance in enumerate(found.distances):
        others = np.concatenate(nights[:place] + nights[place + 1 :]).mean(axis=0)
        gap = np.abs(nights[place].mean(axis=0) - others).sum() / others.sum()
        assert distance == pytest.approx(gap)


def test_there_is_nothing_to_compare_with() -> None:
    assert moved_scores.learn(NAMES, np.ones((1, 2)), np.ones(1)) is None
    assert moved_scores.learn(NAMES, np.zeros((3, 2)), np.ones(3)) is None  # a constant model
    assert math.isnan(moved_scores.distance({"age": 1.0}, {"age": 0.0}))


def test_the_reference_holds_them_and_older_ones_do_not() -> None:
    table = pd.DataFrame({"x": np.arange(40.0), "probability": np.arange(40) / 40})
    nights = pd.Series(np.arange(40) // 10).astype(str)
    grids = {"probability": SCORE_GRID}
    held = ReferenceReasons({"x": 0.25}, (0.1, 0.3))
    made = build_reference(table, nights, ["x"], [], grids, reasons=held)
    text = made.to_json()
    assert Reference.from_json(text, "here").reasons == held
    bare = dataclasses.replace(made, reasons=None).to_json()
    assert Reference.from_json(bare, "here").reasons is None
    assert Reference.from_json(bare.replace('"reasons": null,', ""), "here").reasons is None
    with pytest.raises(BundleChanged, match="at least 0"):
        Reference.from_json(text.replace('"x": 0.25', '"x": -0.25'), "here")
