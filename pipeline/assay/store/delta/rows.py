"""Reading and writing rows: append to the small tables, stream the rows of data files."""

from __future__ import annotations

import functools
import operator
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from assay.errors import StoreError
from assay.project.text import counted
from assay.store.delta import commits, log
from assay.store.delta.location import (
    StagedFile,
    StoreLocation,
    checked_parquet,
    filesystem,
    partition_folder,
    reading,
)
from assay.store.delta.tables import (
    APPENDED,
    LATER,
    PREDICTIONS,
    QUARANTINE,
    Staged,
    small_schema,
    texts,
    to_delta_schema,
)
from assay.store.delta.writer import write_part

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset, ParquetFileFragment

BATCH_ROWS = 65_536

KEPT_ROWS = 500_000
"""Columns of more rows are not kept: such a table is read anew each time."""


def append(
    place: StoreLocation,
    table: str,
    rows: pa.Table | Iterable[Mapping[str, Any]],
    only_if: Callable[[], bool] | None = None,
) -> bool:
    """Add rows to a small table in one commit; creates the table if it is missing.

    Now and then the table's small files are merged afterwards: see `assay.store.delta.upkeep`.

    Parameters
    ----------
    only_if
        Asked of the table's newest version. The commit is the next version, or it is asked again;
        after False nothing is added, and so says what is returned.
    """
    if not isinstance(rows, pa.Table):
        rows = pa.Table.from_pylist(list(rows), small_schema(table, place.column))
    target = commits.CommitTarget(place, table, rows.schema, ())
    written: list[StagedFile] = []

    def plan(_: object) -> commits.CommitChange | None:
        if only_if is not None and not only_if():
            return None
        written.extend(() if written else _written(target, rows))
        return commits.CommitChange(written, (), blind=only_if is None)

    return commits.commit(target, plan, merge=True)


def _written(target: commits.CommitTarget, rows: pa.Table) -> Iterator[StagedFile]:
    """One new file of all rows, or one for each partition, with the rows in their order."""
    name = f"part-{uuid.uuid4().hex}.parquet"
    if not target.partition_by:
        yield write_part(target.uri, name, rows)
        return
    ordered = rows.take(pc.sort_indices(rows.column(target.column)))  # is stable
    counts = ordered.column(target.column).value_counts().flatten()
    start = 0
    for value, many in zip(*(each.to_pylist() for each in counts), strict=True):
        some = ordered.slice(start, many).drop_columns([target.column])
        yield write_part(target.uri, f"{partition_folder(target.column, value)}/{name}", some)
        start += many


def select(
    place: StoreLocation,
    table: str,
    filters: Mapping[str, str | Sequence[str]],
    columns: Sequence[str] | None = None,
    schema: pa.Schema | None = None,
) -> pa.Table:
    """Rows of a small table whose columns equal, or are among, the values in ``filters``.

    No rows if the table does not exist yet.

    Parameters
    ----------
    columns
        The columns to read, all if None.
    schema
        The types to read the columns as, if not those of `small_schema`.
    """
    if schema is None:
        schema = small_schema(table, place.column)
    names = list(schema.names if columns is None else columns)

    def read(files: Sequence[StagedFile], names: list[str]) -> pa.Table:
        # Not as a dataset of Arrow, which would import pandas: that takes longer than these files.
        wanted = pa.schema([schema.field(name) for name in names])
        found = batches(place, table, files, names)
        return pa.Table.from_batches((batch.cast(wanted) for batch in found), wanted)

    uri = place.table_uri(table)
    opened = log.open_table(uri)
    if opened is None:
        return read([], names)
    needed = list(dict.fromkeys([*names, *filters]))
    if APPENDED[table].partitioned:
        # The log tells which of its files can hold such rows.
        files = log.partition_files(opened, place.column, filters.get(place.column))
        found = read(files, needed)
    else:
        kept = log.kept_facts(uri, opened).setdefault("columns", {})
        missing = [name for name in needed if name not in kept]
        if missing:  # its few files are read once a command
            every = read(log.active_files(opened), missing)
            if every.num_rows > KEPT_ROWS:
                kept = {}  # of so many rows nothing was kept before, so all columns were read
            kept.update(zip(missing, every.columns, strict=True))
        found = pa.table({name: kept[name] for name in needed})
    for name, value in filters.items():
        values = texts([value] if isinstance(value, str) else value)
        found = found.filter(pc.is_in(found.column(name), values))
    return found.select(names)


def batches(
    place: StoreLocation,
    table: str,
    files: Sequence[StagedFile],
    columns: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of some files of a table, file by file, at most a row group at a time.

    Parameters
    ----------
    files
        Active or not; of any partitions.
    columns
        The columns to read, in this order; if None all, the partition column first. Of files from
        before a table got some of `LATER`, these are null.
    groups
        The row groups to read of each file, by path; all if None.

    Raises
    ------
    StoreError
        If a file is missing or changed.
    """
    uri = place.table_uri(table)
    if columns is None and table in (PREDICTIONS, QUARANTINE):
        columns = log.schema_of(uri).names
    for file in files:
        where = f"{uri}/{file.path}"
        with _opened(where, file.size) as source:
            some = None if groups is None else list(groups[file.path])
            yield from _of_file(source, file, place.column, columns, where, some)


def _opened(where: str, expected: int) -> Any:
    """A file of a table, open to be read, after checking that it has the expected size."""
    with reading(where):
        system, path = filesystem(where)
        source = system.open_input_file(path)
    # Opening knew it: in a bucket this asks nothing more.
    if (size := source.size()) != expected:
        source.close()
        raise StoreError(
            f"has {counted(size, 'byte')}, not {expected}", where=where, fix="See assay fsck."
        )
    return source


class _Files(pafs.FSSpecHandler):  # type: ignore[misc]
    """Opens the files of a dataset with `_opened`. Reading one asks a file system nothing else."""

    def __init__(self, uri: str, files: Sequence[StagedFile]) -> None:
        super().__init__(uri)
        self.sizes = {file.path: file.size for file in files}

    def get_type_name(self) -> str:
        return "assay"

    def open_input_file(self, path: str) -> Any:
        return _opened(f"{self.fs}/{path}", self.sizes[path])


def dataset(place: StoreLocation, table: Staged, files: Sequence[StagedFile]) -> Dataset:
    """The rows of some files of a table as a dataset of Arrow: nothing is read before it is asked.

    Its columns are those of the table's newest version; a file that lacks one has nulls there.
    Reading a file that is missing or has another size raises StoreError.

    Raises
    ------
    StoreError
        If the table does not exist.
    """
    from pyarrow import dataset as datasets

    uri = place.table_uri(table)
    column = datasets.field(place.column)
    return datasets.FileSystemDataset.from_paths(
        [file.path for file in files],
        schema=log.schema_of(uri),
        format=checked_parquet(),
        filesystem=pafs.PyFileSystem(_Files(uri, files)),
        partitions=[column == file.partition for file in files],
    )


def groups_with(data: Dataset, values: Mapping[str, Any]) -> Iterator[ParquetFileFragment]:
    """The row groups of Parquet files that hold a row with some values, by column.

    Statistics exclude groups, all but one where rows are sorted by these values. Of the others
    the columns of ``values`` are read.

    Raises
    ------
    KeyError
        The files lack a column.
    """
    for file in data.get_fragments():
        schema = file.physical_schema
        wanted = functools.reduce(
            operator.and_,
            (
                pc.field(name) == pa.scalar(each, _plain(schema.field(name).type))
                for name, each in values.items()
            ),
        )
        for group in file.split_by_row_group(wanted):
            if group.count_rows(filter=wanted):
                yield group


def find_groups(
    place: StoreLocation, table: Staged, files: Sequence[StagedFile], values: Mapping[str, Any]
) -> dict[str, list[int]]:
    """The row groups of some files of a table that hold a row with some values, by path.

    Raises
    ------
    StoreError
        If a file is missing, changed or damaged.
    """
    groups = {}
    for file in files:
        with reading(f"{place.table_uri(table)}/{file.path}"):
            data = dataset(place, table, [file])
            groups[file.path] = [part.row_groups[0].id for part in groups_with(data, values)]
    return groups


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def row_group_sizes(place: StoreLocation, table: Staged, file: StagedFile) -> list[int]:
    """The number of rows of each row group of a file; reads only the file's footer.

    Raises
    ------
    StoreError
        If the file is missing or not Parquet.
    """
    where = f"{place.table_uri(table)}/{file.path}"
    with reading(where):
        system, path = filesystem(where)
        with system.open_input_file(path) as source:
            return _group_rows(pq.read_metadata(source))


RUN = "run_id"

SMALL = 1 << 20
"""Bytes of a file of which nothing is gained by reading it in parts."""


def verify_file(where: str) -> tuple[int, frozenset[str]]:
    """The number of rows of a file, and the run ids in it; reads and verifies every page.

    Raises
    ------
    StoreError
        If it is not a Parquet file, or a page's checksum is wrong.
    """
    rows, runs = 0, set[str]()
    with reading(where):
        system, path = filesystem(where)
        with system.open_input_file(path) as opened:
            # Of a small file each part would take longer to ask for than to read, and a dictionary
            # longer to make than its rows.
            small = opened.size() <= SMALL
            source = pa.BufferReader(opened.read_buffer()) if small else opened
            footer = pq.read_metadata(source)
            named = RUN in footer.schema.names  # files of labels have no such column
            parquet = pq.ParquetFile(
                source,
                metadata=footer,
                read_dictionary=[RUN] if named and not small else None,
                page_checksum_verification=True,
            )
            for batch in parquet.iter_batches(BATCH_ROWS, use_threads=False):
                rows += batch.num_rows
                if named:
                    runs.update(map(str, batch.column(RUN).unique().to_pylist()))
    return rows, frozenset(runs)


def _group_rows(metadata: Any) -> list[int]:
    return [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]


def _of_file(
    source: Any,
    file: StagedFile,
    column: str,
    columns: Sequence[str] | None,
    where: str,
    groups: list[int] | None,
) -> Iterator[pa.RecordBatch]:
    expected = file.rows
    with reading(where):
        parquet = pq.ParquetFile(source, page_checksum_verification=True)
        if groups is not None:
            held = _group_rows(parquet.metadata)
            expected = sum(held[number] for number in groups)
        schema = to_delta_schema(parquet.schema_arrow)
        names = [column, *schema.names] if columns is None else list(columns)
        missing = [name for name in names if name not in (column, *schema.names, *LATER)]
        if missing:
            raise StoreError(
                "has no such column",
                where=where,
                found=", ".join(missing),
                expected=", ".join([column, *schema.names]),
            )
        stored = [name for name in names if name in schema.names]
        read = parquet.iter_batches(BATCH_ROWS, row_groups=groups, columns=stored)
    rows = 0
    while True:
        with reading(where):
            batch = next(read, None)
            if batch is None:
                break
            rows += batch.num_rows
            batch = _with_partition(batch, names, column, file.partition, schema)
        yield batch
    if rows != expected:
        raise StoreError(
            "holds other rows than the log says",
            where=where,
            expected=f"{expected}",
            found=f"{rows}",
        )


def _with_partition(
    batch: pa.RecordBatch, names: Sequence[str], column: str, value: str, schema: pa.Schema
) -> pa.RecordBatch:
    arrays = [
        batch.column(name).cast(schema.field(name).type)
        if name in schema.names
        else pa.repeat(texts([value])[0], batch.num_rows)
        if name == column
        else pa.nulls(batch.num_rows, LATER[name])
        for name in names
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
