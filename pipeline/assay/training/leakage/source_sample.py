"""Samples the scoring source: columns and first rows of its newest nights.

This neither runs Spark nor queries a database. What only a query can tell stays unknown, with a
reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import AssayError
from assay.errors.base import describe_error
from assay.project.params import Params
from assay.score.inputs.formats import open_input

NIGHTS = 7
"""Newest nights that are sampled, since a column can be late in one night only."""


@dataclass(frozen=True)
class SourceSample:
    """The first rows of each of the newest nights.

    Parameters
    ----------
    where
        Which nights.
    types
        Arrow types by column of the newest night; None where the source does not state them.
    nulls
        Rows without a value by column, out of ``rows`` rows of all these nights.
    """

    where: str
    rows: int
    types: Mapping[str, pa.DataType | None]
    nulls: Mapping[str, int]


@dataclass(frozen=True)
class UnsampledSource:
    """The source could not be sampled, for the reason ``why``."""

    why: str


def sample_source(root: Path, params: Params, rows: int) -> SourceSample | UnsampledSource:
    """The columns of the newest nights of ``score.input``, and how often each is null.

    Parameters
    ----------
    rows
        Number of rows to read of a night.
    """
    source, column = open_input(root, params), params.ingest.partition_by
    shown = ", ".join(params.score.input.paths().values()) or params.score.input.format
    try:
        if not source.lists_nights:
            why = "its nights cannot be listed, and its columns are known when it runs"
            return UnsampledSource(f"score.input ({params.score.input.format}): {why}")
        nights = source.nights()[-NIGHTS:]
        found = [(night, source.first_rows(night, rows)) for night in nights]
    except AssayError as error:
        return UnsampledSource(f"{shown}: {error.what}")
    except (OSError, ValueError, pa.ArrowException) as error:
        gist = describe_error(error, root).partition(": ")[2][:160]
        return UnsampledSource(f"{shown}: cannot be read ({gist})")
    if not nights:
        return UnsampledSource(f"{shown}: holds no nights {column}=...")
    known = [(night, table) for night, table in found if table.num_rows]
    if not known:
        return UnsampledSource(f"{shown}: the newest nights hold no rows")
    (first, _), (last, newest) = known[0], known[-1]
    # A column that a night lacks is null in all of its rows.
    nulls = {
        name: sum(
            _nulls(table.column(name)) if name in table.column_names else table.num_rows
            for _, table in known
        )
        for name in newest.column_names
    }
    span = f"{column}={last}" if first == last else f"{column}={first} to {column}={last}"
    return SourceSample(
        f"{shown}, {span}",
        sum(table.num_rows for _, table in known),
        {field.name: field.type if source.typed else None for field in newest.schema},
        nulls,
    )


def _nulls(column: pa.ChunkedArray) -> int:
    nulls: int = pc.sum(pc.is_null(column, nan_is_null=True)).as_py() or 0
    return nulls
