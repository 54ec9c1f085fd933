"""A column of more values than are counted still tells whether one of them repeats."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.formats import facts
from assay.formats.definition import ColumnFacts, ColumnFormat, Kind
from assay.formats.facts import ColumnCounter, RepeatFinder

numbers = st.lists(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9), max_size=9))
texts = st.lists(st.lists(st.text(max_size=3), max_size=9))


@given(numbers.map(lambda each: (each, pa.int64())) | texts.map(lambda each: (each, pa.string())))
def test_a_repeat_is_found_wherever_it_is(given: tuple[list[list[Any]], pa.DataType]) -> None:
    batches, kind = given
    finder = RepeatFinder()
    for batch in batches:
        finder.add(pa.array(batch, kind))
    every = [value for batch in batches for value in batch]
    assert finder.all_differ() == (len(set(every)) == len(every))


def test_nobody_can_tell_of_more_rows_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MOST_ROWS", 5)
    finder = RepeatFinder()
    finder.add(pa.array(range(5)))
    assert finder.all_differ()
    finder.add(pa.array([9]))
    assert not finder.all_differ()


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
    assert whole.many and whole.unique and whole.distinct < 500
    assert not counted(kind, *many, [value(3)]).unique
    assert not counted(kind, [value(3), value(3)], *many[1:]).unique
    assert counted(kind, [None, *many[0]], *many[1:]).unique


def test_a_measured_number_names_nothing() -> None:
    assert not counted("float", *([float(each) for each in range(60)],)).unique
