"""Splits Parquet files into tasks of about equal size, and reads a task's rows.

Tasks end at row groups where that is about equal, and elsewhere within one: Arrow can not begin to
read within a row group, so a task also decodes the rows before its own, but does no more with them.

A task reads only the columns of the contract, with text as the file's dictionaries.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.contract.text_parser import LINE, parse_rows
from assay.errors import SourceError
from assay.formats.files.opened_table import open_parquet
from assay.model.batch import InputBatch
from assay.store.delta.location import filesystem

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.score.inputs.types import InputFile

TASK_ROWS = 1_000_000
"""Maximum rows per task, but for `NEAR`."""
SMALL = 100_000
"""Number of rows up to which a second task does not pay."""
OPEN = 64
"""Small files at most that are read into one batch, which stay open for so long."""
NEAR = 8
"""A task ends with a row group if that moves its end by at most its size divided by this."""


@dataclass(frozen=True)
class RowGroups:
    """Some rows of one file, from some of its row groups.

    Attributes
    ----------
    groups
        The row groups that hold them, in their order.
    rows
        Their number.
    start, stop
        The first row, and the row after the last, counted from the first row of ``groups``.
        ``stop`` is None for all that there are, as the file says when it is read.
    text
        As in `assay.score.inputs.types.InputFile`.
    """

    path: str
    groups: tuple[int, ...]
    rows: int
    start: int = 0
    stop: int | None = None
    text: bool = False


def planned_tasks(rows: int, cores: int) -> int:
    """How many tasks so many rows are split into: a multiple of ``cores``, unless they are few."""
    if rows <= SMALL:
        return 1
    return min(-(-rows // (TASK_ROWS * cores)) * cores, -(-rows // max(SMALL, 1)))


def split_tasks(files: Sequence[InputFile], cores: int) -> list[tuple[RowGroups, ...]]:
    """Tasks with about equal numbers of rows, in the order of the files; none is empty."""
    groups = [
        RowGroups(file.path, (number,), rows, text=file.text)
        for file in files
        for number, rows in enumerate(file.row_groups)
        if rows
    ]
    ends = list(accumulate(group.rows for group in groups))
    if not groups:
        return []
    cuts = _cuts(ends, planned_tasks(ends[-1], cores))
    tasks, place = [], 0
    for start, stop in pairwise(cuts):
        parts = []
        while place < len(groups) and ends[place] - groups[place].rows < stop:
            parts.append(_within(groups[place], ends[place], start, stop))
            if ends[place] > stop:
                break  # the next task begins within this row group
            place += 1
        tasks.append(_joined(parts))
    return tasks


def _cuts(ends: Sequence[int], tasks: int) -> list[int]:
    """Where tasks begin and end, counted over the rows of all files; ``ends`` are row groups'."""
    total = ends[-1]
    cuts = [0]
    for number in range(1, tasks):
        even = total * number // tasks
        place = bisect_left(ends, even)
        near = min(ends[max(place - 1, 0) : place + 1], key=lambda end: abs(end - even))
        cuts.append(near if abs(near - even) * NEAR * tasks <= total else even)
    return [*cuts, total]


def _within(group: RowGroups, end: int, start: int, stop: int) -> RowGroups:
    """The rows of a row group, which ends at ``end``, that lie between ``start`` and ``stop``."""
    begin = end - group.rows
    first, last = max(start, begin) - begin, min(stop, end) - begin
    until = None if last == group.rows else last
    return replace(group, rows=last - first, start=first, stop=until)


def _joined(groups: list[RowGroups]) -> tuple[RowGroups, ...]:
    joined: list[RowGroups] = []
    for group in groups:
        if joined and joined[-1].path == group.path:
            last = joined.pop()
            rows = last.rows + group.rows
            stop = None if group.stop is None else last.start + rows
            groups_of_both = (*last.groups, *group.groups)
            group = replace(last, groups=groups_of_both, rows=rows, stop=stop)
        joined.append(group)
    return tuple(joined)


def input_batches(
    parts: Sequence[RowGroups], contract: Contract, batch_rows: int
) -> Iterator[InputBatch]:
    """The rows of a task, batch by batch; a batch holds rows of several files if they are small.

    Raises
    ------
    SourceError
        A file cannot be read, or changed since the night was found.
    """
    texts = [field.name for field in contract.fields if field.kind == "string"]
    for together in _together(parts, batch_rows):
        with ExitStack() as opened:
            if len(together) == 1:
                yield from (
                    piece for _, piece in _pieces(together, texts, contract, batch_rows, opened)
                )
                continue
            found = list(_pieces(together, texts, contract, batch_rows, opened))
            for _, alike in groupby(found, lambda each: each[0]):
                yield join_batches([piece for _, piece in alike])


def _together(parts: Sequence[RowGroups], batch_rows: int) -> Iterator[list[RowGroups]]:
    """Parts that are read at once: small ones that follow each other, as far as a batch holds."""
    held: list[RowGroups] = []
    for part in parts:
        if held and (len(held) == OPEN or sum(each.rows for each in held) + part.rows > batch_rows):
            yield held
            held = []
        held.append(part)
    if held:
        yield held


def _pieces(
    parts: Sequence[RowGroups],
    texts: Sequence[str],
    contract: Contract,
    batch_rows: int,
    opened: ExitStack,
) -> Iterator[tuple[pa.Schema, InputBatch]]:
    """Batches of each part and the schema of its file."""
    for part in parts:
        file = opened.enter_context(_opened(part, texts))
        schema = file.schema_arrow.remove_metadata()
        for batch in _batches(file, part, contract.columns, batch_rows):
            yield schema, read_as(contract, batch, part.text)


def read_as(contract: Contract, batch: pa.RecordBatch, text: bool) -> InputBatch:
    """A batch as a contract reads it: what is text is parsed, and what cannot be is told.

    Parameters
    ----------
    text
        As in `assay.score.inputs.types.InputFile`.
    """
    if not text:
        return InputBatch(batch)
    rows, unread = parse_rows(contract, batch)
    return InputBatch(rows, batch, unread)


def join_batches(pieces: Sequence[InputBatch]) -> InputBatch:
    """One batch of the rows of several that have the same columns, also as they were read."""
    if len(pieces) == 1:
        return pieces[0]
    rows = pa.concat_tables(
        piece.rows if isinstance(piece.rows, pa.Table) else pa.Table.from_batches([piece.rows])
        for piece in pieces
    ).unify_dictionaries()
    starts = np.cumsum([0, *(piece.rows.num_rows for piece in pieces)])
    texts = [piece.text for piece in pieces if piece.text is not None]
    broken = {rule: np.zeros(rows.num_rows, dtype=bool) for each in pieces for rule in each.unread}
    for piece, start in zip(pieces, starts, strict=False):
        for rule, mask in piece.unread.items():
            broken[rule][start : start + len(mask)] = mask
    text = pa.Table.from_batches(texts).combine_chunks().to_batches()[0] if texts else None
    return InputBatch(rows.combine_chunks().to_batches()[0], text, broken)


def batches(
    parts: Sequence[RowGroups], columns: Sequence[str], texts: Sequence[str], batch_rows: int
) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """The given columns of a task that its files have, and whether their cells may be text.

    Otherwise ``texts`` are dictionaries.

    Raises
    ------
    SourceError
        As for `input_batches`.
    """
    for part in parts:
        with _opened(part, texts) as file:
            for batch in _batches(file, part, columns, batch_rows):
                yield batch, part.text


@contextmanager
def _opened(part: RowGroups, texts: Sequence[str]) -> Iterator[Any]:
    try:
        system, path = filesystem(part.path)
        with (
            system.open_input_file(path) as source,
            open_parquet(source, texts=() if part.text else texts) as file,
        ):
            yield file
    except (OSError, pa.ArrowException, IndexError) as error:
        raise SourceError(
            "cannot be read as Parquet",
            where=part.path,
            found=str(error).partition("\n")[0][:160],
            fix="Nothing was published. Write the file again at its source.",
        ) from None


def _batches(
    file: Any, part: RowGroups, columns: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """The rows of a part; those before and after it are not given to anybody."""
    columns = [*columns, LINE] if part.text else columns
    behind = 0
    for batch in file.iter_batches(
        batch_rows, row_groups=list(part.groups), columns=list(columns), use_threads=False
    ):
        first, behind = behind, behind + batch.num_rows
        if behind <= part.start:
            continue
        own = batch.slice(max(part.start - first, 0))
        if part.stop is not None and behind >= part.stop:
            yield own.slice(0, own.num_rows - (behind - part.stop))
            return
        yield own
