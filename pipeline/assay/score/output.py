"""Output rows of a run, scored or quarantined, each with its lineage columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from assay.contract.definition import Contract
from assay.store.delta.tables import INSTANT


@dataclass(frozen=True)
class Lineage:
    """The lineage of a run's rows: which run, version and bundle, and when."""

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
    """Key columns in types that stay the same every night, whatever types the input has.

    Parameters
    ----------
    found
        The input's schema, which shows whether times have a zone; None if it has none.
    """
    fields = []
    for name in contract.keys:
        kind = contract.field(name).kind
        zone = None if found is None else getattr(found.field(name).type, "tz", None)
        fields.append(pa.field(name, KEY_TYPES.get(kind, pa.timestamp("us", zone))))
    return pa.schema(fields)


def add_lineage(rows: pa.Table, schema: pa.Schema, stamp: Lineage) -> pa.Table:
    """``rows`` with the lineage columns, in exactly the columns of ``schema``.

    Constant text is dictionary-encoded, so it is stored once per file.
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
