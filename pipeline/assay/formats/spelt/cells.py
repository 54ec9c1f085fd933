"""Text cells as the typed values that a column's format states."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.definition import ColumnFormat
from assay.formats.spelt.numbers import to_numbers
from assay.formats.spelt.shapes import trim
from assay.formats.spelt.times import to_times
from assay.formats.spelt.words import all_missing, to_flags


def convert(
    cells: pa.Array, column: ColumnFormat, missing: tuple[str, ...]
) -> tuple[pa.Array, int | None]:
    """The values, and the place of the first cell that does not read as the column's kind.

    Parameters
    ----------
    cells
        Text; a null stays one. Blanks around a cell do not count, in texts either.
    """
    if cells.null_count:
        absent = pc.or_kleene(
            pc.is_null(cells), pc.is_in(trim(pc.fill_null(cells, "")), all_missing(missing, column))
        )
        cells = trim(pc.fill_null(cells, ""))
    else:
        cells = trim(cells)
        absent = pc.is_in(cells, all_missing(missing, column))
    cells = pc.if_else(absent, pa.scalar(None, pa.string()), cells)
    values = _values(cells, column)
    if values.null_count == cells.null_count:
        return values, None
    lost = pc.and_(pc.is_null(values), pc.is_valid(cells))
    return values, pc.index(lost, True).as_py()


def _values(cells: pa.Array, column: ColumnFormat) -> pa.Array:
    if column.kind == "string":
        return cells
    if column.kind == "boolean":
        return to_flags(cells, column)
    if column.kind == "timestamp":
        return to_times(cells, column.time_format)
    return to_numbers(cells, column)
