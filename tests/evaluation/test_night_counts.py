"""Counts of pieces add up to those of the whole, whatever the pieces are."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.columns.grid import NumberGrid
from assay.contract.loader import load_contract
from assay.evaluation.night_work import (
    ModelCounts,
    NightCounts,
    PairCounts,
    count_pair,
    total,
)
from assay.model import bundle
from assay.model.batch import ScoredBatch, score_batch
from assay.project import layout
from assay.score.tally import Tally

counts = st.integers(0, 1000)
# Whole numbers: sums of other floats depend on the order by their last digits.
sums = st.integers(-1000, 1000).map(float)
rules = st.dictionaries(st.sampled_from("abc"), st.integers(1, 50)).map(Counter)
cells = st.dictionaries(st.integers(0, 5), st.integers(1, 50)).map(Counter)
slices = st.dictionaries(
    st.tuples(st.sampled_from(["depot", "size"]), st.sampled_from(["x", "y", None])),
    st.integers(1, 50),
).map(Counter)
pairs = st.builds(
    PairCounts,
    *(counts, counts, rules, counts, counts, sums, sums, sums, cells, cells, slices, slices),
)
models = st.builds(
    ModelCounts,
    st.builds(Tally, rows=counts, null_scores=counts, broken=rules),
    *(counts, counts, sums),
)
nights = st.builds(NightCounts, models, models, pairs, st.none() | st.sampled_from(["no", "nay"]))


@given(nights, nights, nights)
def test_adding_up_is_associative_and_has_a_zero(
    one: NightCounts, two: NightCounts, three: NightCounts
) -> None:
    assert (one + two) + three == one + (two + three) == total([one, two, three])
    assert one + NightCounts() == one == NightCounts() + one


@given(nights, nights)
def test_but_for_which_failure_is_told_the_order_does_not_matter(
    one: NightCounts, two: NightCounts
) -> None:
    left, right = one + two, two + one
    assert (left.challenger, left.champion, left.pair) == (
        *(right.challenger, right.champion, right.pair),
    )
    assert (left.failure is None) is (right.failure is None)


# ----------------------------------------------------------------------- pieces of real rows


@pytest.fixture(scope="module")
def scored(trained: Any) -> Any:
    """Scores any slice of some rows with two models; a third of the rows break the contract."""
    contract = load_contract(trained / "data/contract.py", root=trained).without_label()
    loaded = [
        bundle.load(trained / layout.CANDIDATES / name, expected=None, allow_types=())
        for name in ("logistic", "prior")
    ]
    rows = 60
    table = pa.table(
        {
            "parcel": pa.array(range(rows), pa.int64()),
            "sent": pa.array([0] * rows, pa.timestamp("us")),
            "depot": ["north", "south", "west", "moon", None, "north"] * 10,
            "weight": [float(n % 40 + 1) for n in range(rows)],
            "distance": [None if n % 9 == 0 else n * 20.0 for n in range(rows)],
            "express": [n % 4 == 0 for n in range(rows)],
        }
    )

    def score(start: int, end: int) -> tuple[ScoredBatch, ScoredBatch]:
        piece = table.slice(start, end - start).combine_chunks()
        one, two = (score_batch(each, contract, piece) for each in loaded)
        return one, two

    return score, loaded[0].reference.slices


GRID = NumberGrid((0.25, 0.5, 0.75))


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=4))
def test_a_night_in_pieces_counts_as_the_whole(scored: Any, cuts: list[int]) -> None:
    score, fields = scored
    ends = [0, *sorted(cuts), 60]
    parts = [
        count_pair("binary", GRID, fields, *score(start, end)) for start, end in pairwise(ends)
    ]
    whole = count_pair("binary", GRID, fields, *score(0, 60))
    found = sum(parts, PairCounts())
    assert found.challenger_sum == pytest.approx(whole.challenger_sum)
    exact = {"challenger_sum": 0.0, "champion_sum": 0.0, "absolute_change": 0.0}
    assert {**vars(found), **exact} == {**vars(whole), **exact}
    assert whole.rows == 40 and whole.flipped > 0
    assert sum(found.challenger_cells.values()) == sum(found.champion_cells.values()) == found.rows
    for field in {name for name, _ in found.slice_rows}:
        mine = {key: n for key, n in found.slice_rows.items() if key[0] == field}
        flips = sum(n for key, n in found.slice_flipped.items() if key[0] == field)
        assert (sum(mine.values()), flips) == (found.rows, found.flipped)
