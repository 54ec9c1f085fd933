"""One table's file as batches of Arrow columns by name, whichever format it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.errors import SourceError
from assay.formats.definition import TableFormat
from assay.formats.files.csv_text import column_names, layout, line_of, text_batches
from assay.formats.files.opened import ROWS
from assay.formats.files.records import json_batches, record_columns
from assay.project.text import quote_value

Batch = dict[str, pa.Array]


class OpenedTable:
    """The rows of a file, which may be read again and again.

    Parameters
    ----------
    table
        How it is written. If columns are stated, others need not be read; of CSV without a header
        they name the cells of a row.
    """

    def __init__(self, path: Path, table: TableFormat) -> None:
        self.path, self.table = path, table
        self.mixed: set[str] = set()
        """Columns that had values of different types, as far as rows were read."""
        self._place: Callable[[int], str] = lambda row: f"row {row + 1}"

    def batches(self) -> Iterator[Batch]:
        """Columns by name, at most `opened.ROWS` rows at a time.

        Cells of CSV are text, never null; the values of other formats have types.

        Raises
        ------
        SourceError
            The file cannot be read, or a row is ragged.
        """
        path, table = self.path, self.table
        if table.format == "csv":
            return self._csv()
        if table.format == "parquet":
            return parquet_batches(path, {each.name for each in table.columns} or None)
        return record_columns(json_batches(path, table.encoding), self.mixed)

    def place(self, row: int) -> str:
        """Where a row that was read lies, as people know it; rows count from 0."""
        return self._place(row)

    def _csv(self) -> Iterator[Batch]:
        path, table = self.path, self.table
        where = layout(path, table)
        names = where.names
        if table.columns and not table.header:
            names = tuple(each.name for each in table.columns)
            if len(names) != len(where.names):
                raise SourceError(
                    "has another number of columns than are stated",
                    where=str(path),
                    expected=str(len(names)),
                    found=str(len(where.names)),
                    fix="State every column, as there is no header to find them by.",
                )
        self._place = lambda row: f"line {line_of(path, table, len(names), row)}"
        for cells in text_batches(path, table, where):
            yield dict(zip(names, cells, strict=True))


def missing_columns(path: Path, wanted: Collection[str], there: Collection[Any]) -> SourceError:
    """The error for columns that are stated and not in the file."""
    lost = [name for name in wanted if name not in there]
    some = ", ".join(map(quote_value, [*there][:20])) + (" and others" * (len(there) > 20))
    return SourceError(
        f"has no column {', '.join(map(quote_value, lost[:5]))}",
        where=str(path),
        found=some,
        fix="Check the names of the columns, the separator and the header.",
    )


# ----------------------------------------------------------------------------------- Parquet


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """The file; what is wrong with it becomes a SourceError."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(
            "is no whole Parquet file",
            where=str(path),
            found=str(error),
            fix="Copy or write it again.",
        ) from None


def parquet_types(path: Path) -> tuple[int, dict[str, pa.DataType], dict[str, tuple[str, ...]]]:
    """The number of rows, the type of each column, and the order of ordered categories.

    pandas writes such categories; each row group has all of them, in their order.
    """
    orders = {}
    with _parquet(path) as file:
        schema = file.schema_arrow
        types = dict(zip(column_names(schema.names), schema.types, strict=True))
        for place, (name, found) in enumerate(types.items()):
            ordered = t.is_dictionary(found) and found.ordered and file.num_row_groups
            if ordered and t.is_string(found.value_type):
                first = file.read_row_group(0, columns=[schema.names[place]]).column(0)
                if first.num_chunks:
                    orders[name] = tuple(map(str, first.chunk(0).dictionary.to_pylist()))
        return file.metadata.num_rows, types, orders


def parquet_batches(
    path: Path, wanted: Collection[str] | None = None
) -> Iterator[dict[str, pa.Array]]:
    """The columns by name, at most `opened.ROWS` rows at a time.

    Parameters
    ----------
    wanted
        Columns to read; all if None.
    """
    with _parquet(path) as file:
        given = file.schema_arrow.names
        names = column_names(given)
        places = [n for n, name in enumerate(names) if wanted is None or name in wanted]
        apart = len({*given}) == len(given)
        some = [given[place] for place in places] if apart else None
        for batch in file.iter_batches(batch_size=ROWS, columns=some):
            columns = batch.columns if apart else [batch.columns[place] for place in places]
            yield dict(zip((names[place] for place in places), columns, strict=True))
