"""The rows that a run leaves: scored or refused, each stamped with its origin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from pipeline.contract.model import Contract
from pipeline.store.tables import INSTANT


@dataclass(frozen=True)
class Stamp:
    """What each row of a run carries, so that it can be explained later."""

    run_id: str
    version: str
    bundle: str
    at: datetime


def key_schema(contract: Contract, found: pa.Schema) -> pa.Schema:
    """Key columns in the types that they keep from night to night, however they arrive."""
    fields = []
    for name in contract.keys:
        kind = next(field.kind for field in contract.fields if field.name == name)
        zone = getattr(found.field(name).type, "tz", None)
        types = {
            "integer": pa.int64(),
            "float": pa.float64(),
            "string": pa.string(),
            "boolean": pa.bool_(),
            "timestamp": pa.timestamp("us", zone),
        }
        fields.append(pa.field(name, types[kind]))
    return pa.schema(fields)


def stamped(rows: pa.Table, schema: pa.Schema, stamp: Stamp) -> pa.Table:
    """``rows`` with the stamp on each, in exactly the columns and types of ``schema``."""
    values = {
        "model_version": pa.scalar(stamp.version),
        "bundle": pa.scalar(stamp.bundle),
        "run_id": pa.scalar(stamp.run_id),
        "scored_at": pa.scalar(stamp.at, INSTANT),
        "quarantined_at": pa.scalar(stamp.at, INSTANT),
    }
    for name, value in values.items():
        if name in schema.names:
            rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    return rows.select(schema.names).cast(schema)
