"""One table's file as batches of Arrow columns by name, whichever format it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import SourceError
from assay.formats.definition import TableFormat
from assay.formats.files.csv_rows import text_batches
from assay.formats.files.csv_text import Dialect, layout, lines_of
from assay.formats.files.excel_rows import excel_batches, open_sheet
from assay.formats.files.json_rows import json_batches
from assay.formats.files.opened import Tick
from assay.formats.files.parquet_rows import parquet_batches
from assay.formats.files.query_rows import query_batches
from assay.formats.files.record_rows import record_columns
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

    def batches(self, tick: Tick | None = None) -> Iterator[Batch]:
        """Columns by name, at most `csv_rows.ROWS` rows at a time.

        Cells of CSV are text, never null; the values of other formats have types.

        Raises
        ------
        SourceError
            The file cannot be read, or a row is ragged.
        """
        path, table = self.path, self.table
        if table.format == "csv":
            return self._csv(tick)
        if table.format == "parquet":
            return parquet_batches(path, {each.name for each in table.columns} or None, tick)
        if table.format == "json":
            return record_columns(json_batches(path, table.encoding, tick), self.mixed)
        if table.format == "sql":
            return record_columns(query_batches(path, table.connection), self.mixed)
        sheet = open_sheet(path, table.sheet or None)
        self._place = sheet.place
        return record_columns(excel_batches(sheet), self.mixed)

    def place(self, row: int) -> str:
        """Where a row that was read lies, as people know it; rows count from 0."""
        return self._place(row)

    def _csv(self, tick: Tick | None) -> Iterator[Batch]:
        path, table = self.path, self.table
        dialect = Dialect(table.encoding, table.separator, table.quote, table.header)
        where = layout(path, dialect)
        names = where.names
        stated = tuple(each.name for each in table.columns)
        if stated and not table.header:
            if len(stated) != len(names) - (where.spare and len(stated) < len(names)):
                raise SourceError(
                    "has another number of columns than are stated",
                    where=str(path),
                    expected=str(len(stated)),
                    found=str(len(names)),
                    fix="State every column, as there is no header to find them by.",
                )
            names = (*stated, *names[len(stated) :])

        def place(row: int) -> str:
            return f"line {lines_of(path, dialect, len(names), [row]).get(row)}"

        self._place = place
        spare = names[-1] if stated and where.spare and names[-1] not in stated else None
        row = 0
        for cells in text_batches(path, dialect, where, tick):
            batch = dict(zip(names, cells, strict=True))
            if spare is not None:
                self._refuse_spare(batch[spare], row, len(names))
            row += len(cells[0])
            yield batch

    def _refuse_spare(self, cells: pa.Array, row: int, width: int) -> None:
        filled = pc.index(pc.equal(pc.utf8_trim_whitespace(cells), ""), False).as_py()
        if filled >= 0:
            raise SourceError(
                "a row has a cell beyond the last column",
                where=f"{self.path}, {self.place(row + filled)}",
                expected=f"{width - 1} cells",
                found=quote_value(cells[filled].as_py()[:80]),
                fix="Name the column in the header, or fix the line.",
            )


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
