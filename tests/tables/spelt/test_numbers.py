from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.tables.definition import ColumnFormat
from assay.tables.spelt.numbers import Marks, number_shape, to_numbers
from assay.tables.spelt.shapes import shapes

CELL = st.text("0123456789.,-+eE xnaif%()$", max_size=9)


def shape_of(cell: str) -> str:
    return str(shapes(pa.array([cell]))[0].as_py())


@given(CELL)
def test_a_cell_with_the_shape_of_a_number_reads_as_one(cell: str) -> None:
    found = number_shape(shape_of(cell))
    for marks in found.marks if found else ():
        column = ColumnFormat("a", "float", **asdict(marks))
        assert to_numbers(pa.array([cell]), column)[0].as_py() is not None, (cell, marks)


@given(CELL)
def test_a_cell_is_read_as_python_reads_it_or_not_at_all(cell: str) -> None:
    value = to_numbers(pa.array([cell]), ColumnFormat("a", "float"))[0].as_py()
    assert value is None or value == float(cell)
    whole = to_numbers(pa.array([cell]), ColumnFormat("a", "integer"))[0].as_py()
    assert whole is None or whole == float(cell)


@pytest.mark.parametrize("cell", ["", ".", "-", "1.2.3", "12,34,56", "1,23", "--1", "1e", "1 2"])
def test_no_number_as_written_in_english(cell: str) -> None:
    found = number_shape(shape_of(cell))
    assert found is None or Marks(".", ",") not in found.marks
