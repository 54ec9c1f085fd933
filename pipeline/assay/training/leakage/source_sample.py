"""Samples the scoring source: columns and first rows of its newest nights.

This neither runs Spark nor queries a database. What only a query can tell stays unknown, with a
reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assay.contract.text_parser import LINE
from assay.errors import SchemaMismatch, SourceError
from assay.project.params.inputs import Csv, Delta, Input, Json, Parquet
from assay.project.partitions import NightNames
from assay.score.inputs import flat_file
from assay.score.inputs.files import ListedFile, list_night, list_values, resolve_uri
from assay.score.inputs.text_format import text_rows
from assay.store.delta.external_table import read_snapshot
from assay.store.delta.location import filesystem

NIGHTS = 7
"""Newest nights that are sampled, since a column can be late in one night only."""

PIECE = 4096
"""Rows of a Parquet file that are held at a time."""


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
    base = flat_file.nights_uri(root, spec)
    nights = list_values(base, column)
    if not nights:
        expected = NightNames.of(base, column).expected
        return UnsampledSource(f"{spec.path}: holds no {'rows' if spec.night_by else expected}")
    found = []
    for night in nights[-NIGHTS:]:
        where, listed = list_night(base, column, night)
        if isinstance(spec, Parquet):
            counts = _beginning([file.path for file in listed], rows)
        else:
            counts = _text(spec, listed, rows)
        found.append((unquote(where.rpartition("/")[2]), counts))
    return _together(spec.path, found, typed=isinstance(spec, Parquet))


def _delta(uri: str, shown: str, column: str, rows: int) -> SourceSample | UnsampledSource:
    shot = read_snapshot(uri)
    by = shot.partitioned_by
    nights: dict[str, list[str]] = {}
    # The newest nights if each file holds one night, else the files written last.
    place = by.index(column) if column in by else None
    for file in sorted(shot.files, key=lambda file: file.written):
        night = file.path if place is None else f"{column}={file.values[place]}"
        nights.setdefault(night, []).append(f"{uri}/{file.path}")
    newest = list(nights)[-NIGHTS:] if place is None else sorted(nights)[-NIGHTS:]
    found = [(night, _beginning(nights[night], rows)) for night in newest]
    seen = _together(shown, found, typed=True)
    if isinstance(seen, UnsampledSource):
        return seen
    # Columns added later are null in older files; partition columns are never null.
    types = {field.name: field.type for field in shot.schema}
    nulls = {name: 0 if name in by else seen.nulls.get(name, seen.rows) for name in types}
    return SourceSample(seen.where, seen.rows, types, nulls)


def _beginning(files: Sequence[str], rows: int) -> NullCounts | None:
    """The first rows of the first Parquet file that is not empty."""
    counts = (_parquet(path, rows) for path in files)
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


def _parquet(path: str, rows: int) -> NullCounts:
    system, place = filesystem(path)
    with system.open_input_file(place) as source:
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


def _text(spec: Csv | Json, listed: Sequence[ListedFile], rows: int) -> NullCounts | None:
    """The first rows of the first file that is not empty."""
    whole = text_rows(spec, listed)
    batches = _first(replace(whole, files=whole.files[:1]).batches(), rows)
    if isinstance(spec, Json):
        pieces = [_objects([line for batch in batches for line in batch.column(LINE).to_pylist()])]
    else:
        pieces = [
            batch.filter(pc.is_null(batch.column(LINE))).drop_columns([LINE]) for batch in batches
        ]
    found = [piece for piece in pieces if piece.num_rows]
    return NullCounts.of(found[0].schema, found) if found else None


def _objects(lines: Sequence[str]) -> pa.Table:
    """Whether each object has a value, by its keys.

    Raises
    ------
    ValueError
        A line is not an object.
    """
    records = [json.loads(line) for line in lines]
    if not all(isinstance(record, dict) for record in records):
        raise ValueError("expected one JSON object a line")
    names = dict.fromkeys(name for record in records for name in record)
    return pa.table(
        {
            name: pa.array([record.get(name) is not None or None for record in records], pa.bool_())
            for name in names
        }
    )
