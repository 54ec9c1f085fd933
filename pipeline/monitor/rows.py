"""The input of a night that was scored, opened once more to look at some of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipeline.errors import SourceError
from pipeline.params import Params
from pipeline.params_inputs import Delta, Parquet
from pipeline.store.lake import snapshot
from pipeline.store.place import filesystem


class NotRead(Exception):
    """Why there are no rows to look at, in words that end a sentence."""


def batches(
    root: Path, params: Params, partition: str, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """A night's rows, those of ``columns`` that its files have.

    Parquet files and Delta tables can be read where monitoring runs. Other inputs are for
    Spark to read, which is not started for the sake of a picture.

    Raises
    ------
    NotRead
        The input is of another kind, or is not there any more.
    """
    given, column = params.score.input, params.ingest.partition_by
    if not isinstance(given, Parquet | Delta):
        raise NotRead(f"an input in {given.format} is not read again")
    path = given.path.rstrip("/")
    uri = path if "://" in path else str((root / path).resolve())
    opened = _folder if isinstance(given, Parquet) else _table
    try:
        yield from opened(uri, column, partition, columns).to_batches()
    except (OSError, pa.ArrowException, SourceError) as error:
        first = str(error).strip().splitlines()[0]
        raise NotRead(f"its input cannot be read any more ({first})") from None


def _folder(uri: str, column: str, partition: str, columns: Sequence[str]) -> ds.Scanner:
    system, base = filesystem(uri)
    data = ds.dataset(
        f"{base}/{column}={quote(partition, safe=' ')}", filesystem=system, format="parquet"
    )
    return data.scanner(columns=_there(columns, data.schema))


def _table(uri: str, column: str, partition: str, columns: Sequence[str]) -> ds.Scanner:
    shot = snapshot(uri, column)
    system, base = filesystem(uri)
    files, condition = list(shot.files), None
    if column in shot.partitioned_by:
        place = shot.partitioned_by.index(column)
        files = [file for file in files if file.values[place] == partition]
    else:
        condition = pc.field(column).cast(pa.string()) == partition
    # Files lack the columns that a table is partitioned by; older ones those it got later.
    stored = pa.schema([field for field in shot.schema if field.name not in shot.partitioned_by])
    data = ds.dataset(
        [f"{base}/{file.path}" for file in files],
        filesystem=system,
        format="parquet",
        schema=stored,
    )
    return data.scanner(columns=_there(columns, stored), filter=condition)


def _there(columns: Sequence[str], schema: pa.Schema) -> list[str]:
    return [name for name in dict.fromkeys(columns) if name in schema.names]
