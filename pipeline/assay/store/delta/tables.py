"""The columns of the store's tables, and the types that a Delta table can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from assay.errors import StoreError
from assay.project.tasks import Task

if TYPE_CHECKING:
    from deltalake import DeltaTable

Staged: TypeAlias = Literal["predictions", "quarantine"]
PREDICTIONS: Staged = "predictions"
QUARANTINE: Staged = "quarantine"
PROFILES = "profiles"
RUNS = "runs"
LABELS = "labels"
PERFORMANCE = "performance"
DECISIONS = "decisions"
EXPORTS = "exports"
PLANS = "plans"
COUNTS = "counts"
FORGOTTEN = "forgotten"
DISCLOSED = "disclosed"

INSTANT = pa.timestamp("us", "UTC")
TEXT, WHOLE, NUMBER, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_ANSWERS: Mapping[Task, Mapping[str, pa.DataType]] = {
    "binary": {"prediction": FLAG, "probability": NUMBER},
    "multiclass": {"prediction": TEXT, "probability": NUMBER, "probabilities": pa.list_(NUMBER)},
    "regression": {"prediction": NUMBER},
}
_LINEAGE = {"model_version": TEXT, "bundle": TEXT, "run_id": TEXT}
STAMPED = {**_LINEAGE, "scored_at": INSTANT}
_REASON = pa.struct(
    [
        *((name, TEXT) for name in ("feature", "reason", "code", "value")),
        *((name, NUMBER) for name in ("contribution", "share")),
    ]
)
REASONS: Mapping[str, pa.DataType] = {"reasons": pa.list_(_REASON), "reasons_against": TEXT}
"""Columns of predictions for why a row got its score."""

PRIVATE = "private"
"""The column of quarantine with what is masked in its ``row``, as JSON."""

LATER = {**REASONS, PRIVATE: TEXT}
"""Columns that a table gets with its first night that has them, and keeps."""

_REFUSED = {"broken_rules": pa.list_(TEXT), "row": TEXT, **_LINEAGE, "quarantined_at": INSTANT}
_TRUTH: Mapping[Task, pa.DataType] = {"binary": FLAG, "multiclass": TEXT, "regression": NUMBER}


_TYPES = {"": TEXT, "whole": WHOLE, "number": NUMBER, "flag": FLAG, "time": INSTANT}
_TYPES["texts"] = pa.list_(TEXT)


@dataclass(frozen=True)
class SmallTable:
    """A table to which rows are only added.

    Attributes
    ----------
    stated
        Its columns, each with its type if it is no text; of labels those beside keys and truth.
    lost
        What follows if its newest commit cannot be read and is set aside.
    by_night
        Whether the partition column is before them.
    partitioned
        Whether it is read by partition, and stored so.
    """

    stated: str
    lost: str
    by_night: bool = True
    partitioned: bool = False

    @property
    def columns(self) -> dict[str, pa.DataType]:
        each = (column.strip().partition(" ") for column in self.stated.split(","))
        return {name: _TYPES[kind] for name, _, kind in each}


APPENDED: Mapping[str, SmallTable] = {
    # A row for each column of each run.
    PROFILES: SmallTable(
        "run_id, model_version, bundle, column, profile",
        lost="a night whose counts it held is then scored again by assay score --force",
        partitioned=True,
    ),
    # For each event of a run.
    RUNS: SmallTable(
        "run_id, event, at time, partition, name, version, bundle, contract, input, carrier, "
        "scorer, base whole, rows_read whole, rows_scored whole, rows_quarantined whole, "
        "seconds number, detail, by, because, files",
        lost="what it told of published nights is then told again from predictions",
        by_night=False,
    ),
    # For each key and arrival of a label.
    LABELS: SmallTable(
        "arrived_at time, source, by",
        lost="labels that it added are gone: bring them again with assay labels",
        partitioned=True,
    ),
    # For each value of a metric of a run.
    PERFORMANCE: SmallTable(
        "run_id, model_version, bundle, maturity_days whole, slice, metric, value number, "
        "low number, high number, rows whole, labelled_share number, estimated flag, at time, "
        "trusted flag, why",
        lost="what it measured is measured again by assay labels of those nights",
    ),
    # For each time that a night's run was judged otherwise than before, as JSON; null if the night
    # has no published run any more.
    DECISIONS: SmallTable(
        "run_id, bundle, at time, decision",
        lost="what it decided is decided again by assay monitor of those nights",
    ),
    # For each time that a target got what had changed.
    EXPORTS: SmallTable(
        "run_id, target, number whole, staged, rows whole, at time",
        lost="what its target got is sent once more, by the next export to it",
    ),
    # For each run that was planned, as JSON.
    PLANS: SmallTable(
        "run_id, bundle, plan, at time, planned",
        lost="what it planned can be planned again: assay plan",
    ),
    # For all that a server counted, as JSON.
    COUNTS: SmallTable(
        "source, sequence whole, model_version, bundle, rows whole, at time, counts",
        lost="what it counted is gone: its days cannot be counted again",
        partitioned=True,
    ),
    # For each act of forgetting that began, and that is done.
    FORGOTTEN: SmallTable(
        "act, at time, salt, keys texts, by, because, done",
        lost="what it told of an act is gone: rows that were forgotten stay so",
        by_night=False,
    ),
    # For each time that somebody asked to see what is private.
    DISCLOSED: SmallTable(
        "at time, by, because, what, partition",
        lost="who asked to see what is private is not known any more",
        by_night=False,
    ),
}
TABLES = (PREDICTIONS, QUARANTINE, *APPENDED)

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


def predictions_schema(
    column: str, keys: pa.Schema, task: Task, reasons: bool = False
) -> pa.Schema:
    """The predictions table: partition column, key columns, then what a run adds to each row.

    A multiclass model's ``probability`` is that of the predicted class. ``probabilities`` are those
    of all classes, in the order of the bundle's ``classes``. A row without a score has nulls in the
    model's columns.

    Parameters
    ----------
    column
        The partition column (``ingest.partition_by``); text.
    keys
        The key columns with the input's types; a partition column among them is not repeated.
    task
        The kind of model.
    reasons
        Whether the rows have `REASONS`.

    Raises
    ------
    StoreError
        If a key column has the name of one of the table's own.
    """
    own = {**_ANSWERS[task], **STAMPED, **(REASONS if reasons else {})}
    return _with_keys(PREDICTIONS, column, keys, own)


def quarantine_schema(column: str, keys: pa.Schema, private: bool = False) -> pa.Schema:
    """The quarantine table, perhaps with `PRIVATE`; the rest as for `predictions_schema`."""
    own = {**_REFUSED, **({PRIVATE: LATER[PRIVATE]} if private else {})}
    return _with_keys(QUARANTINE, column, keys, own)


def small_schema(table: str, column: str) -> pa.Schema:
    """One of `APPENDED` whose columns do not depend on the project's: all but the labels."""
    found = APPENDED[table]
    if not found.by_night:
        return pa.schema(list(found.columns.items()))
    return _with_keys(table, column, None, found.columns)


def labels_schema(column: str, keys: pa.Schema, task: Task) -> pa.Schema:
    """The labels table: one row per key and arrival of a label."""
    return _with_keys(LABELS, column, keys, {"truth": _TRUTH[task], **APPENDED[LABELS].columns})


def infer_keys_and_task(predictions: pa.Schema, column: str) -> tuple[pa.Schema, Task]:
    """The key columns of a predictions table, and the task of the model that filled it.

    Parameters
    ----------
    predictions
        All columns of the table.
    """
    tasks: Mapping[pa.DataType, Task] = {
        kinds["prediction"]: task for task, kinds in _ANSWERS.items()
    }
    task = tasks[predictions.field("prediction").type]
    own = {column, *_ANSWERS[task], *STAMPED, *REASONS}
    return pa.schema([field for field in predictions if field.name not in own]), task


def _with_keys(
    table: str, column: str, keys: pa.Schema | None, own: Mapping[str, pa.DataType]
) -> pa.Schema:
    keys = pa.schema([]) if keys is None else keys
    taken = [name for name in (column, *keys.names) if name in own]
    if taken:
        raise StoreError(
            f"the {table} table has columns of its own called {', '.join(taken)}",
            expected="other names for the partition column and the keys",
            fix="Rename them where the data is ingested.",
        )
    fields = [pa.field(column, pa.string())]
    fields += [field for field in to_delta_schema(keys) if field.name != column]
    fields += [pa.field(name, kind) for name, kind in own.items()]
    return pa.schema(fields)


def to_delta_schema(schema: pa.Schema) -> pa.Schema:
    """The same columns in types that Delta has: signed, plain text, microseconds in UTC or no zone.

    Raises
    ------
    StoreError
        Naming every column whose type has no counterpart in Delta.
    """
    kinds = {field.name: _storable(field.type) for field in schema}
    homeless = [f"{name} ({schema.field(name).type})" for name, kind in kinds.items() if not kind]
    if homeless:
        raise StoreError(
            f"a Delta table cannot hold {', '.join(homeless)}",
            expected="numbers, text, booleans, dates or timestamps",
            fix="Convert where the data is ingested.",
        )
    return pa.schema([pa.field(name, kind) for name, kind in kinds.items()])


def _storable(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_dictionary(kind):
        return _storable(kind.value_type)
    if pa.types.is_timestamp(kind):
        # Spark rejects nanoseconds, and Delta stores whether there is a time zone, not which.
        return pa.timestamp("us", None if kind.tz is None else "UTC")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _storable(kind.value_type)
        return None if inner is None else pa.list_(inner)
    if pa.types.is_struct(kind):
        parts = {part.name: _storable(part.type) for part in kind}
        return pa.struct(parts) if all(parts.values()) else None
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


def check_schema(table: DeltaTable, schema: pa.Schema, by: list[str]) -> list[pa.Field]:
    """Check that a table has the same columns as the rows that a run is about to add.

    Returns
    -------
    list of Field
        Those of `LATER` that the table lacks, for it to get; rows that lack them have nulls.

    Raises
    ------
    StoreError
        Naming every column that differs, or the partition columns if they are not ``by``.
    """
    where = table.table_uri
    if (has_by := table.metadata().partition_columns) != by:
        raise StoreError(
            "is partitioned otherwise",
            where=where,
            expected=f"by {', '.join(by) or 'nothing'}",
            found=f"by {', '.join(has_by) or 'nothing'}",
            fix="Keep ingest.partition_by, or give the new one a store of its own.",
        )
    has = _types(pa.schema(table.schema().to_arrow()))
    wants = _types(schema)
    lacks = [name for name in LATER if name in wants and name not in has]
    wrong = [f"{name}: missing in the table" for name in wants.keys() - has.keys() - {*lacks}]
    wrong += [f"{name}: missing in the run" for name in has.keys() - wants.keys() - {*LATER}]
    wrong += [
        f"{name}: {kind} in the table, {wants[name]} in the run"
        for name, kind in has.items()
        if name in wants and wants[name] != kind
    ]
    if wrong:
        raise StoreError(
            f"its columns are not those of the run: {'; '.join(sorted(wrong))}",
            where=where,
            fix="Keep the contract's keys and the kind of model, or give the new one a store "
            "of its own.",
        )
    return [pa.field(name, LATER[name]) for name in lacks]


def texts(values: Iterable[str]) -> pa.Array:
    """Texts as a column. `pa.array` would import pandas, which takes longer than most commands."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def to_rows(table: pa.Table) -> list[dict[str, Any]]:
    """As its `to_pylist`, which imports pandas to look at an `INSTANT`."""
    columns = [
        [each and each.replace(tzinfo=UTC) for each in column.cast(pa.timestamp("us")).to_pylist()]
        if column.type == INSTANT
        else column.to_pylist()
        for column in table.columns
    ]
    names = table.column_names  # made anew each time that it is asked for
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _types(schema: pa.Schema) -> dict[str, str]:
    # In Delta's types, of which a nested one does not state which of its parts may be null.
    return {field.name: str(field.type) for field in to_delta_schema(schema)}
