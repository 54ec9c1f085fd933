"""Tallies add up in any order, and the books are checked against the input's own footers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import RowCountMismatch
from assay.score.scoring_job import Tally, check_row_counts, total
from assay.store import StagedFile

days = st.dates(date(2024, 1, 1), date(2024, 12, 31))
files = st.lists(
    st.builds(StagedFile, st.just("p"), st.integers(0, 9), st.integers(0, 99), st.just("d")),
    max_size=3,
).map(tuple)
counts = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9))
tallies = st.builds(
    Tally,
    rows=st.integers(0, 99),
    predictions=files,
    quarantine=files,
    null_scores=st.integers(0, 9),
    broken=counts,
    nulls=counts,
    newest=st.none() | days,
)


def facts(tally: Tally) -> object:
    return (
        tally.rows,
        tally.scored,
        tally.quarantined,
        tally.null_scores,
        dict(tally.broken),
        dict(tally.nulls),
        tally.newest,
    )


@given(tallies, tallies, tallies)
def test_adding_is_associative_and_commutative(a: Tally, b: Tally, c: Tally):
    assert facts((a + b) + c) == facts(a + (b + c))
    assert facts(a + b) == facts(b + a)
    assert facts(total([a])) == facts(a)


def of(rows: int, scored: int, refused: int) -> Tally:
    return Tally(
        rows=rows,
        predictions=(StagedFile("p", 1, scored, "d"),),
        quarantine=(StagedFile("q", 1, refused, "d"),),
    )


@pytest.mark.parametrize(
    ("tally", "in_files"),
    [(of(10, 9, 0), 10), (of(10, 10, 1), 10), (of(10, 9, 1), 11), (of(9, 9, 1), 10)],
)
def test_books_that_do_not_balance_stop_the_run(tally: Tally, in_files: int):
    with pytest.raises(RowCountMismatch, match="do not balance"):
        check_row_counts(tally, in_files)


def test_books_that_balance_pass():
    check_row_counts(of(10, 9, 1), 10)
