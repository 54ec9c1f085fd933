"""Samples the scoring source: columns and first rows of its newest nights.

This neither runs Spark nor queries a database. What only a query can tell stays unknown, with a
reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from assay.errors import SchemaMismatch, SourceError
from assay.project.night_names import NightNames
from assay.project.params.inputs import Csv, CsvOptions, Delta, Input, Json, Parquet
from assay.score.inputs.files import resolve_uri
from assay.score.inputs.flat import flat_file
from assay.store.delta.external_table import read_snapshot
from assay.store.delta.location import filesystem

BLOCK = 1 << 22
"""Bytes of a text file that are read."""

NIGHTS = 7
"""Newest nights that are sampled, since a column can be late in one night only."""

PIECE = 4096
"""Rows of a Parquet file that are held at a time."""

Reader = Callable[[pafs.FileSystem, str, int], "NullCounts"]


@dataclass(frozen=True)
class SourceSample:
    """The first rows of each of the newest nights.

    Parameters
    ----------
    where
        Which nights.
    types
        Arrow types by column of the newest night; None for text files.
    nulls
        Rows without a value by column, out of ``rows`` rows of all these nights.
    """

    where: str
    rows: int
    types: Mapping[str, pa.DataType | None]
    nulls: Mapping[str, int]


@dataclass(frozen=True)
class NullCounts:
    """The schema of some rows, their number, and how many of them lack a value in each column."""

    schema: pa.Schema
    rows: int
    nulls: Mapping[str, int]

    @classmethod
    def of(cls, schema: pa.Schema, pieces: Iterable[pa.Table | pa.RecordBatch]) -> NullCounts:
        """The counts of all pieces; each may be forgotten once it is counted."""
        rows, nulls = 0, dict.fromkeys(schema.names, 0)
        for piece in pieces:
            rows += piece.num_rows
            for name, column in zip(piece.schema.names, piece.columns, strict=True):
                nulls[name] += _nulls(column)
        return cls(schema, rows, nulls)


@dataclass(frozen=True)
class UnsampledSource:
    """The source could not be sampled, for the reason ``why``."""

    why: str


def sample_source(
    root: Path, spec: Input, column: str, rows: int
) -> SourceSample | UnsampledSource:
    """The columns of the newest nights, and how often each is null.

    Parameters
    ----------
    column
        The column by which the input is partitioned.
    rows
        Number of rows to read of a night.
    """
    if not isinstance(spec, Parquet | Csv | Json | Delta):
        return UnsampledSource(
            f"score.input is a query ({spec.format}): its columns are known when it runs"
        )
    uri = resolve_uri(root, spec.path)
    try:
        if isinstance(spec, Delta):
            return _delta(uri, spec.path, column, rows)
        return _folder(root, spec, column, rows)
    except (SourceError, SchemaMismatch) as error:
        return UnsampledSource(f"{spec.path}: {error.what}")
    except (OSError, ValueError, pa.ArrowException) as error:
        gist = " ".join(str(error).replace(uri, spec.path).split())[:160]
        return UnsampledSource(f"{spec.path}: cannot be read ({gist})")


def _folder(
    root: Path, spec: Parquet | Csv | Json, column: str, rows: int
) -> SourceSample | UnsampledSource:
    names = NightNames.of(flat_file.nights_uri(root, spec), column)
    system, base = filesystem(names.folder)
    there = system.get_file_info(pafs.FileSelector(base, allow_not_found=True))
    kinds = {each.base_name: each.type for each in there}
    nights = names.values(kinds)
    if not nights:
        return UnsampledSource(
            f"{spec.path}: holds no {'rows' if spec.night_by else names.expected}"
        )
    reader = _reader(spec)
    found = []
    for name in [names.name(night) for night in nights[-NIGHTS:]]:
        files = [f"{base}/{name}"]
        if kinds[name] == pafs.FileType.Directory:
            files = sorted(
                each.path
                for each in system.get_file_info(pafs.FileSelector(f"{base}/{name}"))
                if each.type == pafs.FileType.File and each.base_name[0] not in "._"
            )
        found.append((unquote(name), _beginning(system, files, reader, rows)))
    return _together(spec.path, found, typed=isinstance(spec, Parquet))


def _delta(uri: str, shown: str, column: str, rows: int) -> SourceSample | UnsampledSource:
    shot = read_snapshot(uri, column)
    by = shot.partitioned_by
    system, base = filesystem(uri)
    nights: dict[str, list[str]] = {}
    # The newest nights if each file holds one night, else the files written last.
    place = by.index(column) if column in by else None
    for file in sorted(shot.files, key=lambda file: file.written):
        night = file.path if place is None else f"{column}={file.values[place]}"
        nights.setdefault(night, []).append(f"{base}/{file.path}")
    newest = list(nights)[-NIGHTS:] if place is None else sorted(nights)[-NIGHTS:]
    found = [(night, _beginning(system, nights[night], _parquet, rows)) for night in newest]
    seen = _together(shown, found, typed=True)
    if isinstance(seen, UnsampledSource):
        return seen
    # Columns added later are null in older files; partition columns are never null.
    types = {field.name: field.type for field in shot.schema}
    nulls = {name: 0 if name in by else seen.nulls.get(name, seen.rows) for name in types}
    return SourceSample(seen.where, seen.rows, types, nulls)


def _beginning(
    system: pafs.FileSystem, files: Sequence[str], reader: Reader, rows: int
) -> NullCounts | None:
    """The first rows of the first file that is not empty."""
    counts = (reader(system, path, rows) for path in files)
    return next((each for each in counts if each.rows), None)


def _together(
    shown: str, found: Sequence[tuple[str, NullCounts | None]], *, typed: bool
) -> SourceSample | UnsampledSource:
    """Combines the samples of several nights, oldest first."""
    known = [(night, counts) for night, counts in found if counts is not None]
    if not known:
        return UnsampledSource(f"{shown}: the newest nights hold no rows")
    newest = known[-1][1]
    rows = sum(counts.rows for _, counts in known)
    # A column that a night lacks is null in all of its rows.
    nulls = {
        name: sum(counts.nulls.get(name, counts.rows) for _, counts in known)
        for name in newest.schema.names
    }
    first, last = known[0][0], known[-1][0]
    return SourceSample(
        f"{shown}, {last}" if first == last else f"{shown}, {first} to {last}",
        rows,
        {field.name: field.type if typed else None for field in newest.schema},
        nulls,
    )


def _nulls(column: pa.ChunkedArray | pa.Array) -> int:
    nulls: int = pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0
    return nulls


def _reader(spec: Parquet | Csv | Json) -> Reader:
    if isinstance(spec, Parquet):
        return _parquet
    if isinstance(spec, Json):
        return _json
    return partial(_csv, spec.options, spec.columns)


def _parquet(system: pafs.FileSystem, path: str, rows: int) -> NullCounts:
    with system.open_input_file(path) as source:
        file = pq.ParquetFile(source)
        return NullCounts.of(file.schema_arrow, _first(file.iter_batches(batch_size=PIECE), rows))


def _first(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The first ``rows`` rows."""
    left = rows
    for batch in batches:
        yield batch.slice(0, left)
        left -= batch.num_rows
        if left <= 0:
            return


def _csv(
    options: CsvOptions, columns: tuple[str, ...], system: pafs.FileSystem, path: str, rows: int
) -> NullCounts:
    if options.comment is not None:
        raise ValueError("which lines are comments is known to Spark only")
    with system.open_input_stream(path) as source:
        names = list(columns) or None
        batches = pacsv.open_csv(
            source,
            read_options=pacsv.ReadOptions(
                block_size=BLOCK,
                column_names=names,
                encoding="utf8" if options.encoding == "UTF-8" else "latin1",
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=options.sep,
                quote_char=options.quote,
                double_quote=options.escape == options.quote,
                escape_char=False if options.escape == options.quote else options.escape,
                newlines_in_values=options.multi_line,
            ),
            convert_options=pacsv.ConvertOptions(
                null_values=[options.null_value, ""], strings_can_be_null=True
            ),
        )
        first = next(iter(batches), None)
        return _counted(pa.table({}) if first is None else first.slice(0, rows))


def _counted(rows: pa.Table | pa.RecordBatch) -> NullCounts:
    return NullCounts.of(rows.schema, [rows])


def _json(system: pafs.FileSystem, path: str, rows: int) -> NullCounts:
    with system.open_input_stream(path) as source:
        block = source.read(BLOCK)
        more = bool(source.read(1))
    lines = block.decode("utf-8-sig", errors="replace").splitlines()
    whole = lines[:-1] if more else lines  # the last one was cut
    records = [json.loads(line) for line in whole[:rows] if line.strip()]
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("expected one JSON object a line")
    names = dict.fromkeys(name for record in records for name in record)
    return _counted(
        pa.table(
            {
                name: pa.array(
                    [record.get(name) is not None or None for record in records], pa.bool_()
                )
                for name in names
            }
        )
    )
