"""A column of more values than are kept still tells how many rows repeat one of them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.formats import facts
from assay.formats.definition import ColumnFacts, ColumnFormat, Kind
from assay.formats.facts import ColumnCounter, NameCounter

numbers = st.lists(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9), max_size=9))
texts = st.lists(st.lists(st.text(max_size=3), max_size=9))


@given(numbers.map(lambda each: (each, pa.int64())) | texts.map(lambda each: (each, pa.string())))
def test_a_repeat_is_counted_wherever_it_is(given: tuple[list[list[Any]], pa.DataType]) -> None:
    batches, kind = given
    counter = NameCounter()
    every: list[Any] = []
    few = True
    for batch in batches:
        counter.add(pa.array(batch, kind))
        every += batch
        few = few and 2 * len(set(every)) >= len(every)
    told = counter.distinct()
    if few:  # at every moment, so that it was never given up
        assert told == len(set(every))
    assert told in (None, len(set(every)))


def test_nobody_can_tell_of_more_values_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MOST_TOLD_APART", 5)
    counter = NameCounter()
    counter.add(pa.array([*range(5), 0, 1]))
    assert counter.distinct() == 5
    counter.add(pa.array([9]))
    assert counter.distinct() is None


def test_values_that_repeat_in_most_rows_name_nothing_and_are_not_counted_to_the_end() -> None:
    counter = NameCounter(rows=100)
    counter.add(pa.array(range(60)))
    assert counter.distinct() is None


def counted(kind: Kind, *batches: list[Any]) -> ColumnFacts:
    counter = ColumnCounter(ColumnFormat("c", kind), most_distinct=20)
    for batch in batches:
        counter.add(pa.array(batch))
    return counter.facts()


@pytest.mark.parametrize("kind", ["integer", "string"])
def test_what_names_rows_is_unique_beyond_what_is_counted(kind: Kind) -> None:
    def value(number: int) -> Any:
        return number if kind == "integer" else f"order {number}"

    many = [[value(number) for number in range(start, start + 50)] for start in range(0, 500, 50)]
    whole = counted(kind, *many)
    assert whole.many and whole.unique and (whole.exact, whole.distinct) == (True, 500)
    assert counted(kind, *many, [value(3)]).repeated == 1
    twice = counted(kind, [*many[0], value(3), value(3)], *many[1:])
    assert (twice.repeated, twice.values[0]) == (2, (value(3), 3))
    assert counted(kind, [None, *many[0]], *many[1:]).unique
    often = counted(kind, *many, *many, *many)
    assert not often.exact and often.repeated is None and not often.unique


def test_a_measured_number_names_nothing() -> None:
    measured = counted("float", *([float(each) for each in range(60)],))
    assert not measured.unique and not measured.exact
