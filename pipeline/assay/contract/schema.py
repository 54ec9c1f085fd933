"""Checks that a table has the contract's columns, each with a compatible Arrow type."""

from __future__ import annotations

import difflib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as t

from assay.contract.definition import Contract, Field, Kind, Role
from assay.errors import SchemaMismatch
from assay.formats.definition import floored_to_microseconds, kind_of
from assay.project.text import counted, mark_message_blanks, quote_value

TYPES: dict[Kind, pa.DataType] = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
"""The canonical Arrow type of each kind."""

EXPECTED: dict[Kind, str] = {
    "integer": "an integer type",
    "float": "a type of floats, decimals or integers",
    "string": "a string type",
    "boolean": "bool",
    "timestamp": "a timestamp or date type",
}


def check_schema(contract: Contract, schema: pa.Schema, where: str, *, empty: bool = False) -> None:
    """Compare columns and types; columns outside the contract are allowed.

    Parameters
    ----------
    empty
        There is no row: pandas then writes columns of type null, which is no mistake of theirs.

    Raises
    ------
    SchemaMismatch
        With one line for every column that is missing, duplicated or of another type.
    """
    # The first row of a file that has no header is somebody's cells.
    named = () if contract.private else schema.names
    unclaimed = [name for name in named if name not in contract.columns]
    mistakes = []
    for field in contract.fields:
        places = schema.get_all_field_indices(field.name)
        if not places:
            mistakes.append(
                f"{where}: column {quote_value(field.name)} is missing{_near(field, unclaimed)}"
            )
        elif len(places) > 1:
            mistakes.append(
                f"{where}: column {quote_value(field.name)} is there {counted(len(places), 'time')}"
            )
        elif empty and t.is_null(schema.field(places[0]).type):
            continue
        elif not is_compatible_type(field, schema.field(places[0]).type):
            found = schema.field(places[0]).type
            mistakes.append(
                f"{where}: column {quote_value(field.name)} has another type "
                f"(expected {field.kind}: "
                f"{EXPECTED[field.kind]}, found {found})"
            )
    if mistakes:
        raise SchemaMismatch(mistakes)


def is_compatible_type(field: Field, found: pa.DataType) -> bool:
    """Whether an Arrow type can be converted to the field's kind without losing meaning."""
    if t.is_null(found):
        return field.nullable
    plain = found.value_type if t.is_dictionary(found) else found
    integer, floating = t.is_integer(found), t.is_float32(found) or t.is_float64(found)
    by_kind: dict[Kind, bool] = {
        # pandas writes integers as float64 on a night on which one is null. Keys are never null.
        "integer": integer or (floating and Role.KEY not in field.roles),
        "float": integer or floating or t.is_float16(found) or t.is_decimal(found),
        # Whole numbers that no int64 holds are text to `assay.formats`.
        "string": kind_of(plain) == "string" or t.is_uint64(found),
        "boolean": t.is_boolean(found),
        "timestamp": t.is_timestamp(found) or t.is_date(found),
    }
    return by_kind[field.kind]


def canonical_schema(contract: Contract) -> pa.Schema:
    """The Arrow schema of the contract: its columns in order, in their canonical types."""
    return pa.schema([(field.name, TYPES[field.kind]) for field in contract.fields])


def conform(contract: Contract, table: pa.Table) -> pa.Table:
    """A table of only the contract's columns, in order and canonical types. Row order is kept."""
    columns = [cast_column(field, table) for field in contract.fields]
    return pa.table(columns, schema=canonical_schema(contract))


def cast_column(field: Field, batch: pa.RecordBatch | pa.Table) -> pa.Array | pa.ChunkedArray:
    """One column in the canonical type of its field; times in UTC, truncated to microseconds.

    Raises
    ------
    SchemaMismatch
        If the column is missing, or a value does not fit the type.
    """
    places = batch.schema.get_all_field_indices(field.name)
    if len(places) != 1:
        raise SchemaMismatch(
            [f"column {quote_value(field.name)} is there {counted(len(places), 'time')}, not once"]
        )
    column = batch.column(places[0])
    target = TYPES[field.kind]
    if column.type == target:
        return column
    # An integer beyond 2**53, or a decimal of more digits, is rounded if the contract says float.
    rounded = field.kind == "float"
    options = pc.CastOptions(
        target,
        allow_time_truncate=True,
        allow_float_truncate=rounded,
        allow_decimal_truncate=rounded,
    )
    try:
        if field.kind == "integer" and t.is_floating(column.type):
            column = _exact(column)
        if t.is_timestamp(column.type) and column.type.unit == "ns":
            column = floored_to_microseconds(column)
        return pc.cast(column, options=options)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SchemaMismatch(
            [
                f"column {quote_value(field.name)} cannot be read as {field.kind} "
                f"(expected {EXPECTED[field.kind]}, found {column.type}: "
                f"{mark_message_blanks(str(error))})"
            ]
        ) from None


def _exact(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Integers that were written as floats, NaN as null.

    Raises
    ------
    pyarrow.ArrowInvalid
        One may not be the number that was meant: floats that large are no longer exact.
    """
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    most = 1 << (24 if t.is_float32(column.type) else 53)
    found = pc.min_max(column)
    for value in (found["min"].as_py(), found["max"].as_py()):
        if value is not None and abs(value) > most:
            raise pa.ArrowInvalid(f"{value:.17g} is beyond {most}, where floats are not exact")
    return column


def _near(field: Field, unclaimed: list[str]) -> str:
    folded = {name.casefold(): name for name in unclaimed}
    near = difflib.get_close_matches(field.name.casefold(), folded, n=1, cutoff=0.5)
    facts = f" (expected {field.kind}"
    return f"{facts}, found {quote_value(folded[near[0]])}: renamed?)" if near else f"{facts})"
