"""Splits Parquet files at row groups into tasks of about equal size, and reads a task's rows.

A task reads only the columns of the contract, with text as the file's dictionaries. The other
columns of a row are read only if the row is quarantined, because only quarantine keeps whole rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import SourceError
from assay.model.batch import InputBatch
from assay.store.delta.location import filesystem

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.score.inputs.types import InputFile

TASK_ROWS = 1_000_000
"""Maximum rows per task, unless one row group holds more."""
SMALL = 100_000
"""Number of rows up to which a second task does not pay."""


@dataclass(frozen=True)
class RowGroups:
    """Some row groups of one file, and their number of rows."""

    path: str
    groups: tuple[int, ...]
    rows: int


def split_tasks(files: Sequence[InputFile], cores: int) -> list[tuple[RowGroups, ...]]:
    """Tasks with about equal numbers of rows, in the order of the files.

    Their number is a multiple of ``cores`` if there are enough row groups, so that no core idles.
    """
    groups = [
        RowGroups(file.path, (number,), rows)
        for file in files
        for number, rows in enumerate(file.row_groups)
        if rows
    ]
    total = sum(group.rows for group in groups)
    if not groups:
        return []
    wanted = 1 if total <= SMALL else -(-total // (TASK_ROWS * cores)) * cores
    # A row group belongs to the task that contains its middle row.
    tasks: list[list[RowGroups]] = [[] for _ in range(wanted)]
    before = 0
    for group in groups:
        tasks[min(wanted - 1, (2 * before + group.rows) * wanted // (2 * total))].append(group)
        before += group.rows
    return [_joined(task) for task in tasks if task]


def _joined(groups: list[RowGroups]) -> tuple[RowGroups, ...]:
    joined: list[RowGroups] = []
    for group in groups:
        if joined and joined[-1].path == group.path:
            last = joined.pop()
            group = RowGroups(group.path, (*last.groups, *group.groups), last.rows + group.rows)
        joined.append(group)
    return tuple(joined)


def input_batches(
    parts: Sequence[RowGroups], contract: Contract, batch_rows: int
) -> Iterator[InputBatch]:
    """The rows of a task, batch by batch.

    Raises
    ------
    SourceError
        A file cannot be read, or changed since the night was found.
    """
    texts = [field.name for field in contract.fields if field.kind == "string"]
    for part in parts:
        with _opened(part, texts) as file:
            whole = _Whole(file, part, batch_rows)
            start = 0
            for batch in _batches(file, part, contract.columns, batch_rows):
                yield InputBatch(batch, whole.rows_from(start))
                start += batch.num_rows


def batches(
    parts: Sequence[RowGroups], columns: Sequence[str], texts: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """The given columns of a task that its files have, with ``texts`` as dictionaries.

    Raises
    ------
    SourceError
        As for `input_batches`.
    """
    for part in parts:
        with _opened(part, texts) as file:
            yield from _batches(file, part, columns, batch_rows)


@contextmanager
def _opened(part: RowGroups, texts: Sequence[str]) -> Iterator[Any]:
    try:
        system, path = filesystem(part.path)
        with system.open_input_file(path) as source:
            metadata = pq.read_metadata(source)
            # Naming a column that the file lacks is an error.
            there = [name for name in texts if name in metadata.schema.names]
            with pq.ParquetFile(source, metadata=metadata, read_dictionary=there) as file:
                yield file
    except (OSError, pa.ArrowException, IndexError) as error:
        raise SourceError(
            "cannot be read as Parquet",
            where=part.path,
            found=str(error).partition("\n")[0][:160],
            mend="Nothing was published. Write the file again at its source.",
        ) from None


def _batches(
    file: Any, part: RowGroups, columns: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    yield from file.iter_batches(
        batch_rows, row_groups=list(part.groups), columns=list(columns), use_threads=False
    )


class _Whole:
    """Reads all columns of a part next to the scoring, as far as quarantined rows need them."""

    def __init__(self, file: Any, part: RowGroups, batch_rows: int) -> None:
        self._file, self._part, self._batch_rows = file, part, batch_rows
        self._batches: Iterator[pa.RecordBatch] | None = None
        self._held: list[pa.RecordBatch] = []
        self._start = 0

    def rows_from(self, start: int) -> Any:
        """Maps positions in the batch that starts at row ``start`` of the part to whole rows."""

        def rows(places: npt.NDArray[np.int64]) -> pa.Table:
            self._advance(start, start + int(places[-1]) + 1)
            held = pa.Table.from_batches(self._held)
            return held.take(pa.array(places + (start - self._start)))

        return rows

    def _advance(self, start: int, end: int) -> None:
        if self._batches is None:
            self._batches = self._file.iter_batches(
                self._batch_rows, row_groups=list(self._part.groups), use_threads=False
            )
        while self._held and self._start + self._held[0].num_rows <= start:
            self._start += self._held.pop(0).num_rows
        while self._start + sum(batch.num_rows for batch in self._held) < end:
            batch = next(self._batches)
            if not self._held and self._start + batch.num_rows <= start:
                self._start += batch.num_rows
            else:
                self._held.append(batch)
