"""The columns of a Parquet file, as they lie there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as t

from assay.errors import SourceError
from assay.formats.files.csv_rows import ROWS
from assay.formats.files.csv_text import column_names
from assay.formats.files.opened import Tick


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
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
    with opened(path) as file:
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
    path: Path, wanted: Collection[str] | None = None, tick: Tick | None = None
) -> Iterator[dict[str, pa.Array]]:
    """The columns by name, at most `csv_rows.ROWS` rows at a time; ``tick`` gets rows.

    Parameters
    ----------
    wanted
        Columns to read; all if None.
    """
    with opened(path) as file:
        given = file.schema_arrow.names
        names = column_names(given)
        places = [n for n, name in enumerate(names) if wanted is None or name in wanted]
        apart = len({*given}) == len(given)
        some = [given[place] for place in places] if apart else None
        done = 0
        for batch in file.iter_batches(batch_size=ROWS, columns=some):
            columns = batch.columns if apart else [batch.columns[place] for place in places]
            done += batch.num_rows
            if tick:
                tick(done)
            yield dict(zip((names[place] for place in places), columns, strict=True))
