"""Tallies add up in any order, and the books are checked against the input's own footers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.errors import BooksUnbalanced
from pipeline.score import hold
from pipeline.score.tally import Tally, check_books, total
from pipeline.store import StagedFile

days = st.dates(date(2024, 1, 1), date(2024, 12, 31))
files = st.lists(
    st.builds(StagedFile, st.just("p"), st.integers(0, 9), st.integers(0, 99), st.just("d")),
    max_size=3,
).map(tuple)
counts = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9))
tallies = st.builds(
    Tally, st.integers(0, 99), files, files, counts, counts, st.none() | days, st.none()
)


def facts(tally: Tally) -> object:
    return (
        tally.rows,
        tally.scored,
        tally.quarantined,
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
        rows,
        (StagedFile("p", 1, scored, "d"),),
        (StagedFile("q", 1, refused, "d"),),
        {"weight: greater_than(0)": refused} if refused else {},
        {"weight": 0},
        date(2024, 3, 1),
    )


@pytest.mark.parametrize(
    ("tally", "in_files"),
    [(of(10, 9, 0), 10), (of(10, 10, 1), 10), (of(10, 9, 1), 11), (of(9, 9, 1), 10)],
)
def test_books_that_do_not_balance_stop_the_run(tally: Tally, in_files: int):
    with pytest.raises(BooksUnbalanced, match="do not balance"):
        check_books(tally, in_files)


def test_books_that_balance_pass():
    check_books(of(10, 9, 1), 10)


RULES = params.parse(
    (params.Path(__file__).parents[1] / "parcels" / "params.yaml").read_text(), "p"
).contract.night


def held(tally: Tally, share: float = 0.2, duplicates: int | None = 0) -> tuple[str, ...]:
    return hold.reasons(tally, RULES, share, duplicates, date(2024, 3, 1))


def test_a_night_within_its_rules_is_published():
    assert held(of(50, 47, 3)) == ()


def test_each_broken_rule_is_a_reason_with_numbers():
    assert held(of(3, 3, 0))[0].startswith("row_count: expected at least 5")
    assert "found 4" in held(of(50, 50, 0), duplicates=4)[0]
    (reason,) = held(of(50, 30, 20))
    assert "at most 20.00%" in reason
    assert "40.00% (20 of 50; most broke 'weight: greater_than(0)')" in reason


def test_what_nobody_counted_does_not_pass():
    assert held(of(50, 50, 0), duplicates=None)
    assert held(Tally())
