"""The columns of the store's tables, and which types a Delta table can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import pyarrow as pa

from pipeline.errors import StoreError

Staged: TypeAlias = Literal["predictions", "quarantine"]
PREDICTIONS: Staged = "predictions"
QUARANTINE: Staged = "quarantine"
PROFILES = "profiles"
RUNS = "runs"

INSTANT = pa.timestamp("us", "UTC")

RUNS_SCHEMA = pa.schema(
    [
        ("run_id", pa.string()),
        ("event", pa.string()),
        ("at", INSTANT),
        ("partition", pa.string()),
        ("name", pa.string()),
        ("version", pa.string()),
        ("bundle", pa.string()),
        ("contract", pa.string()),
        ("rows_read", pa.int64()),
        ("rows_scored", pa.int64()),
        ("rows_quarantined", pa.int64()),
        ("seconds", pa.float64()),
        ("detail", pa.string()),
    ]
)

_PREDICTED = {
    "prediction": pa.bool_(),
    "probability": pa.float64(),
    "model_version": pa.string(),
    "bundle": pa.string(),
    "run_id": pa.string(),
    "scored_at": INSTANT,
}
_REFUSED = {
    "broken_rules": pa.list_(pa.string()),
    "row": pa.string(),
    "model_version": pa.string(),
    "bundle": pa.string(),
    "run_id": pa.string(),
    "quarantined_at": INSTANT,
}
_PROFILED = {
    "run_id": pa.string(),
    "model_version": pa.string(),
    "bundle": pa.string(),
    "column": pa.string(),
    "profile": pa.string(),
}

_WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float32(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
}


def predictions_schema(column: str, keys: pa.Schema) -> pa.Schema:
    """The predictions table: partition column, key columns, then what a run says of each row.

    Parameters
    ----------
    column
        The partition column (``ingest.partition_by``); text.
    keys
        The key columns as the input types them; a partition column among them is not repeated.

    Raises
    ------
    StoreError
        If a key column has the name of one of the table's own, or a type Delta cannot hold.
    """
    return _with_keys(PREDICTIONS, column, keys, _PREDICTED)


def quarantine_schema(column: str, keys: pa.Schema) -> pa.Schema:
    """The quarantine table; parameters and errors as for `predictions_schema`."""
    return _with_keys(QUARANTINE, column, keys, _REFUSED)


def profiles_schema(column: str) -> pa.Schema:
    """The profiles table: one row is one column of one run."""
    return _with_keys(PROFILES, column, pa.schema([]), _PROFILED)


def _with_keys(
    table: str, column: str, keys: pa.Schema, own: Mapping[str, pa.DataType]
) -> pa.Schema:
    taken = [name for name in (column, *keys.names) if name in own]
    if taken:
        raise StoreError(
            f"the {table} table has columns of its own called {', '.join(taken)}",
            expected="other names for the partition column and the keys",
            mend="Rename them where the data is ingested.",
        )
    fields = [pa.field(column, pa.string())]
    fields += [field for field in storable(keys) if field.name != column]
    fields += [pa.field(name, kind) for name, kind in own.items()]
    return pa.schema(fields)


def storable(schema: pa.Schema) -> pa.Schema:
    """The same columns in types that Delta has: signed, plain text, microseconds in UTC or none.

    Raises
    ------
    StoreError
        Naming every column for whose type Delta has no counterpart.
    """
    kinds = {field.name: _storable(field.type) for field in schema}
    homeless = [f"{name} ({schema.field(name).type})" for name, kind in kinds.items() if not kind]
    if homeless:
        raise StoreError(
            f"a Delta table cannot hold {', '.join(homeless)}",
            expected="numbers, text, booleans, dates or timestamps",
            mend="Convert where the data is ingested.",
        )
    return pa.schema([pa.field(name, kind) for name, kind in kinds.items()])


def _storable(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_dictionary(kind):
        return _storable(kind.value_type)
    if pa.types.is_timestamp(kind):
        # Spark refuses nanoseconds, and Delta knows a zone or none, not which.
        return pa.timestamp("us", None if kind.tz is None else "UTC")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _storable(kind.value_type)
        return None if inner is None else pa.list_(inner)
    kind = _WIDER.get(kind, kind)
    plain = (
        pa.types.is_signed_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_date32(kind)
        or pa.types.is_decimal128(kind)
    )
    return kind if plain else None
