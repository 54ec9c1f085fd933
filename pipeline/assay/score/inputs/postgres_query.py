"""SQL for a night's query: the columns in types that Arrow can hold.

The driver reads an infinite time as a date far in the past, and some types as bytes or numbers of
another meaning. So only types that it reads exactly are selected unchanged.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as t

KIND = b"POSTGRESQL:type"
"""Metadata key under which the driver gives the PostgreSQL name of a column's type."""

_EXACT = frozenset(
    {
        *("bool", "int2", "int4", "int8", "float4", "float8"),
        *("text", "varchar", "bpchar", "name", "char", "bytea"),
    }
)
_FIRST, _LAST = "0001-01-01", "9999-12-31 23:59:59.999999+00"
"""The first and last date that Python and Spark support."""


@dataclass(frozen=True)
class QueryColumn:
    """A column of the query's result.

    Attributes
    ----------
    cell
        Its SELECT expression, under its own name.
    sent
        The type of its batches.
    meant
        The type to compare with the contract.
    """

    name: str
    cell: str
    sent: pa.DataType
    meant: pa.DataType


def columns(answer: pa.Schema, times: Collection[str]) -> list[QueryColumn]:
    """The columns of a query's result, from the schema that the driver gives.

    Parameters
    ----------
    times
        Columns that the contract reads as times. They are selected as text, so that a value that is
        no calendar time, such as ``infinity``, is quarantined with its text. Other times are kept
        for people to read, with such values clipped to the first or last possible time.
    """
    return [_column(field, field.name in times) for field in answer]


def _column(field: pa.Field, is_time: bool) -> QueryColumn:
    kind = (field.metadata or {}).get(KIND, b"").decode()
    name, text = quote_identifier(field.name), pa.string()
    if kind in _EXACT:
        return QueryColumn(field.name, name, field.type, field.type)
    if kind in ("date", "timestamptz") and not is_time:
        cell = (
            f"CASE WHEN {name} < '{_FIRST}' THEN '{_FIRST}' "
            f"WHEN {name} > '{_LAST}' THEN '{_LAST}' ELSE {name} END AS {name}"
        )
        return QueryColumn(field.name, cell, field.type, field.type)
    meant = text
    if kind == "numeric":
        meant = pa.decimal128(38, 18)
    elif kind in ("date", "timestamptz") or t.is_list(field.type) or t.is_time(field.type):
        meant = field.type
    return QueryColumn(field.name, f"{name}::text AS {name}", text, meant)


def quote_literal(value: str) -> str:
    """``value`` as a text literal in SQL, whatever characters it has."""
    doubled = value.replace("'", "''")
    # With a backslash, only E'' has the same meaning under every server setting.
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in value else f"'{doubled}'"


def quote_identifier(name: str) -> str:
    """``name`` as an identifier in SQL."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
