"""The tasks of a night whose files Assay reads itself, in threads, processes or executors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from assay.score.inputs.split import RowGroups, split_tasks
from assay.score.inputs.text_rows import TextPart, split_text
from assay.score.work import Outcome, Work

if TYPE_CHECKING:
    from assay.score.inputs.types import InputFile, InputTable


@dataclass(frozen=True)
class FilesTask:
    """Some rows of Parquet files."""

    parts: tuple[RowGroups, ...]

    def process(self, work: Work[Outcome], name: str) -> Outcome:
        return work.process_files(self.parts, name)


@dataclass(frozen=True)
class TextTask:
    """Some lines of files of text."""

    part: TextPart

    def process(self, work: Work[Outcome], name: str) -> tuple[Outcome, int]:
        """The outcome, and how many rows were read."""
        rows: list[int] = []

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in self.part.batches(work.batch_rows):
                rows.append(batch.num_rows)
                yield batch

        return work.process_batches(batches(), True, name), sum(rows)


Task: TypeAlias = FilesTask | TextTask


def files_tasks(files: Sequence[InputFile], cores: int) -> list[FilesTask]:
    """Tasks for Parquet files, in the order of the files; ``cores`` as for `split_tasks`."""
    return [FilesTask(parts) for parts in split_tasks(files, cores)]


def text_tasks(table: InputTable) -> list[TextTask]:
    """Tasks for a table of `assay.score.inputs.text_rows.text_table`, in the order of the files."""
    return [TextTask(part) for part in split_text(table)]


def text_outcomes(found: Sequence[tuple[Any, int]]) -> tuple[Iterator[Any], int]:
    """The outcomes of text tasks, and how many rows they read in all."""
    return (outcome for outcome, _ in found), sum(rows for _, rows in found)
