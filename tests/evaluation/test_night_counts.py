"""Counts of pieces add up to those of the whole, whatever the pieces are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.contract.loader import load_contract
from assay.evaluation.night_work import FlipCounts, count_flips
from assay.model import bundle
from assay.model.batch import ScoredBatch, score_batch
from assay.project import layout

counts = st.integers(0, 1000)
slices = st.dictionaries(
    st.tuples(st.sampled_from(["depot", "size"]), st.sampled_from(["x", "y", None])),
    st.integers(1, 50),
).map(Counter)
why = st.none() | st.sampled_from(["no", "nay"])
nights = st.builds(FlipCounts, counts, counts, counts, slices, slices, why)


@given(nights, nights, nights)
def test_adding_up_is_associative_and_has_a_zero(
    one: FlipCounts, two: FlipCounts, three: FlipCounts
) -> None:
    assert (one + two) + three == one + (two + three)
    assert one + FlipCounts() == one == FlipCounts() + one


@given(nights, nights)
def test_but_for_which_failure_is_told_the_order_does_not_matter(
    one: FlipCounts, two: FlipCounts
) -> None:
    left, right = one + two, two + one
    assert replace(left, failure=None) == replace(right, failure=None)
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


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=4))
def test_a_night_in_pieces_counts_as_the_whole(scored: Any, cuts: list[int]) -> None:
    score, fields = scored
    ends = [0, *sorted(cuts), 60]
    parts = [count_flips("binary", fields, *score(start, end)) for start, end in pairwise(ends)]
    found = sum(parts, FlipCounts())
    assert found == count_flips("binary", fields, *score(0, 60))
    assert (found.read, found.rows) == (60, 40) and found.flipped > 0
    for field in {name for name, _ in found.slice_rows}:
        mine = {key: n for key, n in found.slice_rows.items() if key[0] == field}
        flips = sum(n for key, n in found.slice_flipped.items() if key[0] == field)
        assert (sum(mine.values()), flips) == (found.rows, found.flipped)
