"""Rows that a project's own code gives, as Arrow tables; its mistakes are errors of one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pandas as pd
import pyarrow as pa

from assay.errors import AssayError, SourceError
from assay.project import source_code

ROWS = "a pandas DataFrame, a pyarrow Table or an iterable of them"


def tables(source: Callable[[], object], where: str) -> Iterator[pa.Table]:
    """What ``source`` gives: a pandas DataFrame, rows of Arrow, or an iterable of either.

    Parameters
    ----------
    where
        The key of params.yaml that names the code, and its name.

    Raises
    ------
    SourceError
        The code failed, or gave something else than rows. Other errors of Assay pass.
    """
    try:
        given = source()
        pieces = [given] if isinstance(given, pd.DataFrame | pa.Table | pa.RecordBatch) else given
        if not isinstance(pieces, Iterable):
            raise _no_rows(given, where)
        for piece in pieces:
            yield _table(piece, where)
    except (AssayError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        place = source_code.raised_at(error)
        raise SourceError(
            f"the source failed with {type(error).__name__}: {error}",
            where=f"{where}{place}",
            fix=None if place else "Call the function in a Python shell to see where.",
        ) from None


def _no_rows(given: object, where: str) -> SourceError:
    return SourceError(
        "the source returned something else than rows",
        where=where,
        expected=ROWS,
        found=type(given).__name__,
    )


def _table(piece: object, where: str) -> pa.Table:
    if isinstance(piece, pd.DataFrame):
        piece = pa.Table.from_pandas(piece, preserve_index=False)
    if isinstance(piece, pa.RecordBatch):
        piece = pa.Table.from_batches([piece])
    if not isinstance(piece, pa.Table):
        raise _no_rows(piece, where)
    # Spark cannot read Parquet timestamps in nanoseconds.
    schema = pa.schema(
        pa.field(
            field.name,
            pa.timestamp("us", field.type.tz) if pa.types.is_timestamp(field.type) else field.type,
        )
        for field in piece.schema
    )
    return piece.cast(schema, safe=False)
