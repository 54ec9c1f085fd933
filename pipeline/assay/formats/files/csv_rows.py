"""The rows of a CSV file as batches of text cells, read by pyarrow without any conversion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pv

from assay.errors import SourceError
from assay.formats.files.csv_text import Dialect, Layout, ragged_error
from assay.formats.files.opened import Tick, Utf8Stream, in_encoding, open_text

BLOCK = 8 << 20
BLOCK_A_COLUMN = 16 << 10
"""Bytes that are read at once: of wide tables more, so that a batch has many rows."""
ROWS = 100_000
"""Rows of a batch, at most."""


def text_batches(
    path: Path,
    dialect: Dialect,
    where: Layout,
    tick: Tick | None = None,
) -> Iterator[list[pa.Array]]:
    """One array of text for each column, at most `ROWS` rows at a time, never null.

    Raises
    ------
    SourceError
        A row has more or fewer cells than there are columns, or a quote is never closed.
    """
    ragged: list[int] = []
    # pyarrow must have names that differ, and never sees the header.
    names = [str(place) for place in range(len(where.names))]

    def note(row: pv.InvalidRow) -> str:
        if row.text.strip():
            ragged.append(row.actual_columns)
        return "skip"

    block = max(BLOCK, BLOCK_A_COLUMN * len(names))
    try:
        with (
            in_encoding(path, dialect.encoding),
            open_text(path, dialect.encoding, tick=tick) as file,
        ):
            file.read(where.start)
            reader = pv.open_csv(
                pa.PythonFile(Utf8Stream(file), mode="r"),
                read_options=pv.ReadOptions(column_names=names, block_size=block),
                parse_options=pv.ParseOptions(
                    delimiter=dialect.separator,
                    quote_char=dialect.quote or False,
                    newlines_in_values=True,
                    invalid_row_handler=note,
                ),
                convert_options=pv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[],
                    strings_can_be_null=False,
                ),
            )
            for batch in reader:
                if ragged:
                    break
                for start in range(0, batch.num_rows, ROWS):
                    yield batch.slice(start, ROWS).columns
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise SourceError(
                "cannot be cut into rows",
                where=str(path),
                found=str(error),
                fix="A quote that is never closed is the usual cause.",
            ) from None
    if ragged:
        raise ragged_error(path, dialect, len(names))
