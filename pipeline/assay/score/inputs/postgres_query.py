"""SQL for a night's query: the columns in types that Arrow can hold, and the ranges to read.

The driver reads an infinite time as a date far in the past, and some types as bytes or numbers of
another meaning. So only types that it reads exactly are selected unchanged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import pyarrow as pa
import pyarrow.types as t

from assay.errors import SourceError

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
    kind
        PostgreSQL's name of its type; empty if the driver does not give it.
    """

    name: str
    cell: str
    sent: pa.DataType
    meant: pa.DataType
    kind: str


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
        return QueryColumn(field.name, name, field.type, field.type, kind)
    if kind in ("date", "timestamptz") and not is_time:
        cell = (
            f"CASE WHEN {name} < '{_FIRST}' THEN '{_FIRST}' "
            f"WHEN {name} > '{_LAST}' THEN '{_LAST}' ELSE {name} END AS {name}"
        )
        return QueryColumn(field.name, cell, field.type, field.type, kind)
    meant = text
    if kind == "numeric":
        meant = pa.decimal128(38, 18)
    elif kind in ("date", "timestamptz") or t.is_list(field.type) or t.is_time(field.type):
        meant = field.type
    return QueryColumn(field.name, f"{name}::text AS {name}", text, meant, kind)


class _Axis(NamedTuple):
    """SQL to split a column: its value as a number, a filter for finite values, a number as cut."""

    number: str
    among: str
    cut: str


_WHOLE = _Axis("{}::int8", "", "{}")
_REAL = _Axis("{}::float8", "{}::float8 NOT IN ('NaN', 'Infinity', '-Infinity')", "'{}'")
_MICROS = "(extract(epoch FROM {}) * 1000000)::int8"
_AXES: Mapping[str, _Axis] = {
    **dict.fromkeys(("int2", "int4", "int8"), _WHOLE),
    **dict.fromkeys(("float4", "float8", "numeric"), _REAL),
    "date": _Axis("({} - date 'epoch')::int8", "isfinite({})", "date 'epoch' + {}"),
    **{
        kind: _Axis(_MICROS, "isfinite({})", f"{kind} 'epoch' + {{}} * interval '1 microsecond'")
        for kind in ("timestamp", "timestamptz")
    },
}


class Split:
    """The column whose ranges are read in parallel.

    Parameters
    ----------
    name
        Of the column.
    answer
        All columns of the result.

    Raises
    ------
    SourceError
        There is no such column, or it holds neither numbers, dates nor times.
    """

    def __init__(self, name: str, answer: Sequence[QueryColumn]) -> None:
        where = f"params.yaml: score.input.split_on: {name}"
        kinds = {column.name: column.kind for column in answer}
        if name not in kinds:
            raise SourceError(
                f'column "{name}" does not exist',
                where=where,
                expected="a column of the query's answer",
                found=", ".join(kinds),
            )
        if kinds[name] not in _AXES:
            raise SourceError(
                "rows cannot be split by it",
                where=where,
                expected="a column of numbers, days or times",
                found=kinds[name] or "another type",
                mend="Name another column, or leave split_on out.",
            )
        self._axis, self._name = _AXES[kinds[name]], quote_identifier(name)

    def ends(self, table: str) -> str:
        """A query for the minimum and maximum, both as one kind of number."""
        among = self._axis.among.format(self._name)
        some = f" FILTER (WHERE {among})" if among else ""
        least, most = (
            self._axis.number.format(f"({each}({self._name}){some})") for each in ("min", "max")
        )
        return f"SELECT {least}, {most} FROM {table}"

    def ranges(self, low: float | None, high: float | None, splits: int) -> list[str]:
        """Conditions that partition the rows: each row meets exactly one, also null or infinite.

        Parameters
        ----------
        low, high
            The result of `ends`; None if there is no value.
        splits
            The maximum number of conditions.
        """
        if low is None or high is None:
            return ["TRUE"]
        name = self._name
        cuts = [self._axis.cut.format(cut) for cut in _cuts(low, high, splits)]
        if not cuts:
            return ["TRUE"]
        inner = [f"{name} >= {one} AND {name} < {two}" for one, two in pairwise(cuts)]
        return [f"{name} < {cuts[0]} OR {name} IS NULL", *inner, f"{name} >= {cuts[-1]}"]


def _cuts(low: float, high: float, splits: int) -> list[float]:
    """Evenly spaced cuts between both ends, ascending, without duplicates."""
    places = range(1, splits)
    cuts: list[float]
    if isinstance(low, int) and isinstance(high, int):
        cuts = [low + (high - low) * place // splits for place in places]
    else:
        # The difference of the ends may overflow a double.
        cuts = [low * (1 - place / splits) + high * (place / splits) for place in places]
    return sorted({cut for cut in cuts if low < cut <= high})


def quote_literal(value: str) -> str:
    """``value`` as a text literal in SQL, whatever characters it has."""
    doubled = value.replace("'", "''")
    # With a backslash, only E'' has the same meaning under every server setting.
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in value else f"'{doubled}'"


def quote_identifier(name: str) -> str:
    """``name`` as an identifier in SQL."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
