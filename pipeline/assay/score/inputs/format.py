"""An input format: one class answers all that is asked of ``score.input``.

What finds, lands, lists, compares or shows a night asks the format (`formats.open_input`), and does
not know which one it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import AssayError, NightNotFound, SchemaMismatch, SourceError
from assay.project.params import Params
from assay.project.params.inputs import DailyFiles
from assay.score.inputs import files
from assay.score.inputs.files import ListedFile
from assay.score.inputs.types import NightInput
from assay.store.delta.rows import groups_with

if TYPE_CHECKING:
    import pyarrow.dataset as ds

Spec = TypeVar("Spec", bound=Any)
FileSpec = TypeVar("FileSpec", bound=DailyFiles)


class InputUnreadable(Exception):
    """Why no rows can be read again, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class NearbyRows:
    """Which rows of a night to read first, and when to stop.

    Attributes
    ----------
    spans
        Row ranges, each (first row, row after the last), over all rows of the files sorted by name.
    most
        Number of rows after which no more row groups are opened.
    """

    spans: Sequence[tuple[int, int]]
    most: int

    def distance(self, start: int, end: int) -> int:
        """Distance in rows between a row group and the nearest span; 0 if they overlap."""
        return min(
            (max(0, start - behind + 1, first - end + 1) for first, behind in self.spans), default=0
        )


@dataclass(frozen=True)
class RowsWith:
    """The rows of a night with some values, by column; where files state types, their row groups.

    ``most`` is as for `NearbyRows`: there is no such limit.
    """

    values: Mapping[str, Any]
    most: int = sys.maxsize


class Format(Generic[Spec]):
    """The input of a project, in one format.

    Attributes
    ----------
    typed
        Whether its files state columns and types.
    by_spark
        Whether only Spark can read it.
    """

    typed: ClassVar[bool] = False
    by_spark: ClassVar[bool] = False

    def __init__(self, root: Path, params: Params, spec: Spec) -> None:
        self.root, self.params, self.spec = root, params, spec
        self.column = params.ingest.partition_by

    @property
    def lists_nights(self) -> bool:
        """Whether its nights can be listed; a query has to be asked for a night by name."""
        return True

    def find(self, value: str, contract: Contract) -> NightInput:
        """A night, without a look at its rows; errors as for `formats.find_night`."""
        raise NotImplementedError

    def fingerprint(self, value: str) -> str:
        """The fingerprint that `find` gives a night, without a look at its columns.

        Empty if changes of the input cannot be detected.
        """
        return ""

    def content(self, value: str) -> str:
        """Digest of a night's bytes, whenever they were written; empty if it is no files."""
        return ""

    def nights(self) -> tuple[str, ...]:
        """The partition values that the input holds, sorted as text; they need not be days.

        Raises
        ------
        SourceError
            The input cannot be accessed, or is a query.
        """
        raise SourceError(
            "nobody can tell which nights a query has rows for",
            where="params.yaml: score.input",
            expected="files with a folder or a name for each night, or a table partitioned by it",
            found=self.spec.format,
            fix="Name the nights instead: assay score --from DAY --to DAY; those that are "
            "published already are skipped where the input can be told to be the same.",
        )

    def rows(
        self, value: str, columns: Sequence[str], near: NearbyRows | RowsWith | None = None
    ) -> Iterator[pa.RecordBatch]:
        """A night's rows again, to show some of them, with those of ``columns`` that there are.

        Parameters
        ----------
        near
            Read row groups in order of their distance to its spans, and only some of them, or those
            that hold a row with its values; where there are none, rows from the first on. None for
            all, in the order of the files.

        Raises
        ------
        InputUnreadable
            It no longer exists, or is a query, which is not asked again for a chart.
        """
        try:
            yield from self._read(value, columns, near)
        except FileNotFoundError as error:
            raise InputUnreadable(f"there is no {error.filename or error}") from None
        except (OSError, pa.ArrowException, SourceError, SchemaMismatch, NightNotFound) as error:
            first = str(error).strip().splitlines()[0]
            raise InputUnreadable(f"its input cannot be read any more ({first})") from None

    def _read(
        self, value: str, columns: Sequence[str], near: NearbyRows | RowsWith | None
    ) -> Iterator[pa.RecordBatch]:
        raise InputUnreadable(f"an input in {self.spec.format} is not read again")

    def _contract(self, columns: Sequence[str]) -> Contract:
        """The contract of some columns, those of them that it has."""
        file = self.params.contract.file
        try:
            whole = load_contract(self.root / file, file, root=self.root)
        except AssayError as error:
            raise InputUnreadable(f"its contract cannot be read ({error.line()})") from None
        return replace(whole, fields=tuple(each for each in whole.fields if each.name in columns))

    def first_rows(self, value: str, most: int) -> pa.Table:
        """Some rows of a night, to see which columns have values: the first ones, at most ``most``.

        They have all columns. Where the files do not state types, a cell is any value or null.
        A query has none, since its nights cannot be listed.
        """
        raise NotImplementedError

    def unparsed_rows(self, value: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The same with values as they are there: cells of text are not parsed by the contract.

        Raises
        ------
        InputUnreadable
            There is no such night, or as for `rows`.
        SourceError
            A line of text cannot be read.
        """
        return self.rows(value, columns)


class FilesFormat(Format[FileSpec]):
    """Files with one folder or file a night."""

    def find(self, value: str, contract: Contract) -> NightInput:
        where, listed = self.listed(value)
        return self._look(NightInput(value, self.column, where), listed, contract)

    def fingerprint(self, value: str) -> str:
        _, listed = self.listed(value)
        return files.fingerprint(self._kind, listed, self._facts(listed))

    def content(self, value: str) -> str:
        _, listed = self.listed(value)
        facts = files.parallel_map(files.content_digest, listed)
        return files.fingerprint(self._kind, listed, facts, times=False)

    def nights(self) -> tuple[str, ...]:
        return files.list_values(files.resolve_uri(self.root, self.spec.path), self.column)

    def listed(self, value: str) -> tuple[str, tuple[ListedFile, ...]]:
        """The folder or file of one night, and its files sorted by name; errors as for `find`."""
        base = files.resolve_uri(self.root, self.spec.path)
        return files.list_night(base, self.column, value)

    @property
    def _kind(self) -> str:
        """A part of the fingerprint: the settings by which files are read."""
        return self.spec.settings

    def _facts(self, listed: Sequence[ListedFile]) -> list[str]:
        """For each file what changes with its content."""
        return files.parallel_map(files.content_digest, listed)

    def _look(
        self, night: NightInput, listed: Sequence[ListedFile], contract: Contract
    ) -> NightInput:
        raise NotImplementedError

    def _marked(
        self, night: NightInput, listed: Sequence[ListedFile], facts: Sequence[str]
    ) -> NightInput:
        mark = files.fingerprint(self._kind, listed, facts)
        content = files.fingerprint(self._kind, listed, facts, times=False)
        return replace(night, fingerprint=mark, content=content, replaceable=mark)


def read_dataset(
    data: ds.Dataset,
    columns: Sequence[str],
    near: NearbyRows | RowsWith | None,
) -> Iterator[pa.RecordBatch]:
    """The rows of Parquet files, with those of ``columns`` that they have; see `Format.rows`."""
    there = [name for name in dict.fromkeys(columns) if name in data.schema.names]
    if near is None:
        # Of a whole dataset Arrow would hold sixteen batches of four files.
        for group in _row_groups(data):
            yield from group.to_batches(schema=data.schema, columns=there, batch_readahead=1)
        return
    if isinstance(near, RowsWith):
        if set(near.values) <= set(there):
            for group in groups_with(data, near.values):
                yield from group.to_batches(schema=data.schema, columns=there)
        return
    groups = list(_row_groups(data))
    held = [group.row_groups[0].num_rows for group in groups]
    ends = list(accumulate(held))
    away = [near.distance(end - count, end) for end, count in zip(ends, held, strict=True)]
    looked_at = 0
    for at in sorted(range(len(groups)), key=lambda at: away[at]):
        if looked_at >= near.most:
            return
        yield from groups[at].to_batches(schema=data.schema, columns=there)
        looked_at += held[at]


def _row_groups(data: ds.Dataset) -> Iterator[ds.Fragment]:
    return (part for file in data.get_fragments() for part in file.split_by_row_group())


def first_of(data: ds.Dataset, most: int) -> pa.Table:
    """The first rows of Parquet files, with little read ahead of them."""
    return data.head(most, batch_size=4096, batch_readahead=0, fragment_readahead=0)


def check_all(check: Any, items: Iterable[Any]) -> None:
    """Check every item and raise all mistakes at once.

    Raises
    ------
    SchemaMismatch
        With the lines of every item.
    """
    mistakes: list[str] = []
    for item in items:
        try:
            check(item)
        except SchemaMismatch as error:
            mistakes += error.lines()
    if mistakes:
        raise SchemaMismatch(mistakes)
