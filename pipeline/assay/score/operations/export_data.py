"""A night's predictions for export, and their CSV format, shared by files and databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.types as t


@dataclass(frozen=True)
class ExportData:
    """A night for a target to write.

    Parameters
    ----------
    schema
        The partition column first.
    batches
        The rows; can be iterated once.
    check
        Call it with the number of rows written, before they become visible.
    """

    column: str
    partition: str
    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]
    check: Callable[[int], None]


def lists_as_text(batch: pa.RecordBatch, opened: str, closed: str) -> pa.RecordBatch:
    """The same rows with each list as text: comma-separated items between two delimiters."""
    columns = [
        _joined(column, opened, closed) if t.is_list(column.type) else column for column in batch
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _joined(lists: pa.ListArray, opened: str, closed: str) -> pa.Array:
    items = pc.fill_null(pc.cast(lists.flatten(), pa.string()), "null")
    counts = pc.fill_null(pc.list_value_length(lists), 0)
    ends = pc.cumulative_sum(pc.cast(counts, pa.int32()))
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, items), ",")
    text = pc.binary_join_element_wise(opened, joined, closed, "")
    return pc.if_else(pc.is_null(lists), pa.scalar(None, pa.string()), text)


def write_csv(batch: pa.RecordBatch, header: bool) -> bytes:
    """CSV in UTF-8: text in quotes, an empty cell for null."""
    sink = pa.BufferOutputStream()
    pacsv.write_csv(batch, sink, pacsv.WriteOptions(include_header=header))
    return bytes(sink.getvalue())
