from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.formats.definition import ColumnFormat
from assay.formats.spelt.cells import shapes
from assay.formats.spelt.numbers import is_number, number_formats, to_numbers

CELL = st.text("0123456789.,-+eE xnaif%()$", max_size=9)


def shape_of(cell: str) -> str:
    return str(shapes(pa.array([cell]))[0].as_py())


@given(CELL)
def test_a_cell_with_the_shape_of_a_number_reads_as_one(cell: str) -> None:
    for column in number_formats(frozenset({shape_of(cell)})):
        assert to_numbers(pa.array([cell]), column)[0].as_py() is not None, (cell, column)


@given(CELL)
def test_a_cell_is_read_as_python_reads_it_or_not_at_all(cell: str) -> None:
    value = to_numbers(pa.array([cell]), ColumnFormat("a", "float"))[0].as_py()
    assert value is None or value == float(cell)
    whole = to_numbers(pa.array([cell]), ColumnFormat("a", "integer"))[0].as_py()
    assert whole is None or whole == float(cell)


@pytest.mark.parametrize(
    ("cells", "marks"),
    [
        (["1.234,50"], [(",", ".")]),
        (["1,234"], [(",", ""), (".", ",")]),
        (["1.234"], [(".", ""), (",", ".")]),
        (["1 234", "7"], [(".", " ")]),
        (["1,234", "1.5"], [(".", ",")]),
        (["12", "7.5"], [(".", "")]),
        (["1.234,5", "1,234.5"], []),
    ],
)
def test_the_ways_that_cells_leave_open(cells: list[str], marks: list[tuple[str, str]]) -> None:
    found = number_formats(frozenset(map(shape_of, cells)))
    assert [(each.decimal, each.thousands) for each in found] == marks


@pytest.mark.parametrize("cell", ["", ".", "-", "1.2.3", "12,34,56", "--1", "1e", "1 2", "0x1F"])
def test_no_number(cell: str) -> None:
    assert not is_number(cell)
