"""Rows of a partitioned table, written in another order without holding the table.

A wide table does not fit memory several times over. So a few columns decide which rows are written,
and in which order. Then the rows are gathered and written a piece at a time. Rows that are sorted
by time come from few files a piece, so each file is read about once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]

CELLS = 4_000_000
"""Cells that are held at a time: 32 MB of numbers."""

ROW = "\0row"
"""A column of row numbers; no column of a contract can have this name."""


class RowGather:
    """The rows of a data set, numbered from 0 in the order of its files.

    Parameters
    ----------
    data
        Its files must not change meanwhile.
    cells
        How many cells are held at a time.
    """

    def __init__(self, data: ds.Dataset, cells: int = CELLS) -> None:
        self.schema = data.schema
        self._files = [*data.get_fragments()]
        self._starts = np.cumsum([0, *(file.count_rows() for file in self._files)])
        self._size = max(1, cells // max(1, len(self.schema)))

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Some columns of all rows, with the number of each row in the column `ROW`."""
        wanted = [*dict.fromkeys(names)]
        parts = [file.to_table(schema=self.schema, columns=wanted) for file in self._files]
        numbers = pa.array(np.arange(self._starts[-1], dtype=np.int64))
        return pa.concat_tables(parts).append_column(ROW, numbers)

    def write(self, rows: Ints, path: Path) -> None:
        """Write the rows of these numbers, in this order, to a Parquet file."""
        with pq.ParquetWriter(path, self.schema) as writer:
            for start in range(0, len(rows), self._size):
                writer.write_table(self._gathered(rows[start : start + self._size]))

    def _gathered(self, rows: Ints) -> pa.Table:
        order = np.argsort(rows, kind="stable")
        found = pa.Table.from_batches(self._taken(rows[order]), self.schema)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return found.take(pa.array(back))

    def _taken(self, rows: Ints) -> Iterator[pa.RecordBatch]:
        """The rows of these increasing numbers."""
        cuts = np.searchsorted(rows, self._starts)
        for file, start, begin, end in zip(self._files, self._starts, cuts, cuts[1:], strict=False):
            if begin == end:
                continue
            at, mine = 0, rows[begin:end] - start
            # One batch ahead and no more: Arrow would read sixteen large ones.
            for batch in file.to_batches(
                schema=self.schema, batch_size=self._size, batch_readahead=1
            ):
                low, high = np.searchsorted(mine, (at, at + batch.num_rows))
                if low < high:
                    yield batch.take(pa.array(mine[low:high] - at))
                at += batch.num_rows
