"""Reads the input of a scored night again, to show some of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.errors import AssayError, NightNotFound, SchemaMismatch, SourceError
from assay.project.night_names import NightNames
from assay.project.params import Params
from assay.project.params.inputs import Csv, Delta, Input, Json, Parquet
from assay.score.inputs.flat import flat_file
from assay.score.inputs.text_night import typed_batches
from assay.store.delta.external_table import read_snapshot
from assay.store.delta.location import filesystem


class InputUnreadable(Exception):
    """Why no rows can be read, as the end of a sentence."""


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


class _Opened(NamedTuple):
    data: ds.Dataset
    columns: list[str]
    condition: pc.Expression | None


def batches(
    root: Path,
    params: Params,
    partition: str,
    columns: Sequence[str],
    given: Input | None = None,
    near: NearbyRows | None = None,
) -> Iterator[pa.RecordBatch]:
    """A night's rows, with those of ``columns`` that its files have.

    CSV and JSON have the types of the contract here, and no column that it lacks. An input that
    needs Spark is not read, as Spark is not started for a chart.

    Parameters
    ----------
    given
        Another input than ``score.input``.
    near
        Read row groups in order of their distance to its spans, and only some of them; of text,
        which has none, rows from the first on. None for all, in the order of the files.

    Raises
    ------
    InputUnreadable
        The input is of another kind, or no longer exists.
    """
    given, column = given or params.score.input, params.ingest.partition_by
    if not isinstance(given, Parquet | Delta | Csv | Json):
        raise InputUnreadable(f"an input in {given.format} is not read again")
    try:
        if isinstance(given, Csv | Json):
            contract = _some(_contract(root, params), columns)
            read = typed_batches(root, given, column, partition, contract)
            yield from read if near is None else _first(read, near.most)
            return
        opened = _folder if isinstance(given, Parquet) else _table
        uri = flat_file.nights_uri(root, given, partition)
        found = opened(uri, column, partition, columns)
        yield from _all(found) if near is None else _nearest(found, near)
    except FileNotFoundError as error:
        raise InputUnreadable(f"there is no {error.filename or error}") from None
    except (OSError, pa.ArrowException, SourceError, SchemaMismatch, NightNotFound) as error:
        first = str(error).strip().splitlines()[0]
        raise InputUnreadable(f"its input cannot be read any more ({first})") from None


def _contract(root: Path, params: Params) -> Contract:
    try:
        return load_contract(root / params.contract.file, params.contract.file, root=root)
    except AssayError as error:
        raise InputUnreadable(f"its contract cannot be read ({error.line()})") from None


def _some(contract: Contract, columns: Sequence[str]) -> Contract:
    """The contract of some columns, those of them that it has."""
    fields = tuple(field for field in contract.fields if field.name in columns)
    return replace(contract, fields=fields)


def _first(read: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    looked_at = 0
    for batch in read:
        yield batch
        looked_at += batch.num_rows
        if looked_at >= most:
            return


def _all(found: _Opened) -> Iterator[pa.RecordBatch]:
    scanner = found.data.scanner(columns=found.columns, filter=found.condition)
    yield from scanner.to_batches()


def _nearest(found: _Opened, near: NearbyRows) -> Iterator[pa.RecordBatch]:
    groups = [part for file in found.data.get_fragments() for part in file.split_by_row_group()]
    held = [group.row_groups[0].num_rows for group in groups]
    ends = list(accumulate(held))
    away = [near.distance(end - count, end) for end, count in zip(ends, held, strict=True)]
    looked_at = 0
    for at in sorted(range(len(groups)), key=lambda at: away[at]):
        if looked_at >= near.most:
            return
        yield from groups[at].to_batches(
            schema=found.data.schema, columns=found.columns, filter=found.condition
        )
        looked_at += held[at]


def _folder(uri: str, column: str, partition: str, columns: Sequence[str]) -> _Opened:
    names = NightNames.of(uri, column)
    system, base = filesystem(names.folder)
    data = ds.dataset(f"{base}/{names.name(partition)}", filesystem=system, format="parquet")
    return _Opened(data, _there(columns, data.schema), None)


def _table(uri: str, column: str, partition: str, columns: Sequence[str]) -> _Opened:
    shot = read_snapshot(uri, column)
    system, base = filesystem(uri)
    files, condition = list(shot.files), None
    if column in shot.partitioned_by:
        place = shot.partitioned_by.index(column)
        files = [file for file in files if file.values[place] == partition]
    else:
        condition = pc.field(column).cast(pa.string()) == partition
    # Files lack the partition columns; older files lack columns that were added later.
    stored = pa.schema([field for field in shot.schema if field.name not in shot.partitioned_by])
    data = ds.dataset(
        [f"{base}/{file.path}" for file in files],
        filesystem=system,
        format="parquet",
        schema=stored,
    )
    return _Opened(data, _there(columns, stored), condition)


def _there(columns: Sequence[str], schema: pa.Schema) -> list[str]:
    return [name for name in dict.fromkeys(columns) if name in schema.names]
