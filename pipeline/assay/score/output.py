"""The rows that a run leaves: scored or refused, each stamped with its origin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from assay.contract.model import Contract
from assay.store.delta.tables import INSTANT


@dataclass(frozen=True)
class Stamp:
    """What each row of a run carries, so that it can be explained later."""

    run_id: str
    version: str
    bundle: str
    at: datetime


KEY_TYPES = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
}


def key_schema(contract: Contract, found: pa.Schema | None) -> pa.Schema:
    """Key columns in the types that they keep from night to night, however they arrive.

    Parameters
    ----------
    found
        The input's schema, which knows whether its times have a zone; None if it has none.
    """
    fields = []
    for name in contract.keys:
        kind = contract.field(name).kind
        zone = None if found is None else getattr(found.field(name).type, "tz", None)
        fields.append(pa.field(name, KEY_TYPES.get(kind, pa.timestamp("us", zone))))
    return pa.schema(fields)


def stamped(rows: pa.Table, schema: pa.Schema, stamp: Stamp) -> pa.Table:
    """``rows`` with the stamp on each, in exactly the columns of ``schema``.

    Texts are dictionary-encoded: what is the same in every row is written once a file.
    """
    values = {
        "model_version": stamp.version,
        "bundle": stamp.bundle,
        "run_id": stamp.run_id,
    }
    columns = []
    for field in schema:
        if field.name in values:
            columns.append(_same(values[field.name], rows.num_rows))
        elif field.name in ("scored_at", "quarantined_at"):
            columns.append(pa.repeat(pa.scalar(stamp.at, INSTANT), rows.num_rows))
        else:
            columns.append(_typed(rows.column(field.name), field.type))
    return pa.table(columns, names=schema.names)


def _same(value: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int32), [value])


def _typed(column: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.dictionary(pa.int32(), target))
    return column.cast(target)
