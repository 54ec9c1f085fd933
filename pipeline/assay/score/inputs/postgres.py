"""A night that is a query in PostgreSQL, read in one transaction as Arrow batches.

The driver reads an infinite time as a date far in the past, and some types as bytes or numbers of
another meaning. So only types that it reads exactly are selected unchanged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pyarrow as pa
import pyarrow.types as t

from assay.contract.definition import Contract
from assay.contract.schema import TYPES, check_schema
from assay.contract.text_parser import is_text
from assay.errors import SourceError
from assay.project.params.inputs import Postgres, bind_night
from assay.score.inputs.format import Format
from assay.score.inputs.landing import write_batches
from assay.score.inputs.types import NightInput, Session

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor


SECONDS = 10
"""Timeout to connect and log in, so that a wrong host is reported soon."""
LONGEST = 300
_SAID = re.compile(r"(?:ERROR|FATAL|PANIC): +(.+)")
_WRAPPED = re.compile(r"^[A-Z_]+: (?:\[libpq\] )?")

_SETTINGS = """\
SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true)"""
"""For this transaction: times as text in UTC and ISO 8601."""


@dataclass(frozen=True)
class PostgresSource:
    """A database with its login.

    Parameters
    ----------
    where
        Its name in errors.
    address
        For libpq, with user and password.
    fix
        What to check if it cannot be read.
    """

    where: str
    address: str = field(repr=False)
    fix: str


def resolve_source(spec: Postgres, where: str) -> PostgresSource:
    """The database of ``spec``, with user and password from the environment.

    Raises
    ------
    SourceError
        A variable for one of them is not set.
    """
    given = {name for name, _ in parse_qsl(urlsplit(spec.url).query, keep_blank_values=True)}
    usual = {"connect_timeout": str(SECONDS), "application_name": "assay"}
    more = {name: value for name, value in usual.items() if name not in given}
    for option, name, default in (
        ("user", spec.user_env, "PGUSER"),
        ("password", spec.password_env, "PGPASSWORD"),
    ):
        value = os.environ.get(name)
        if value is not None:
            more[option] = value
        elif name != default:
            raise SourceError(
                f"the environment has no {name}",
                where=f"params.yaml: score.input.{option}_env",
                fix=f"Set it to the {option} of {spec.url}.",
            )
    # Text arrives as bytes in this encoding, and Arrow expects UTF-8.
    more["client_encoding"] = "UTF8"
    joined = "&" if "?" in spec.url else "?"
    address = f"{spec.url}{joined}{urlencode(more, quote_via=quote)}"
    fix = f"Check score.input in params.yaml, {spec.user_env} and {spec.password_env}."
    return PostgresSource(where, address, fix)


@contextmanager
def transaction(source: PostgresSource) -> Iterator[Cursor]:
    """A cursor in a read-only transaction on one snapshot of the database.

    Raises
    ------
    SourceError
        The database cannot be reached, a statement in the block fails, or the driver is missing.
    """
    with _told(source):
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(source.address) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(_SETTINGS).fetchall()
            yield cursor


@dataclass(frozen=True)
class DatabaseRows:
    """The result of a night's query; see `assay.score.inputs.types.Source`."""

    spec: Postgres
    where: str
    night: str
    size: ClassVar = 0
    by_spark: ClassVar = False
    text: ClassVar = True

    def land(self, folder: str, contract: Contract, session: Session) -> None:
        """Write the rows as the server sends them; see `assay.score.inputs.types.Source`.

        The contract's times and times without a zone are text.
        """
        source = resolve_source(self.spec, self.where)
        query = bind_night(self.spec.query.strip().rstrip(";"), quote_literal(self.night))
        table = f"({query}\n) AS night"  # the query may end in a comment
        times = [field.name for field in contract.fields if field.kind == "timestamp"]
        with transaction(source) as cursor:
            answer = columns(cursor.adbc_execute_schema(f"SELECT * FROM {table}"), times)
            _check(answer, contract, self.where)
            cells = ", ".join(column.cell for column in answer)
            cursor.execute(f"SELECT {cells} FROM {table}")
            write_batches(_sent(cursor, source), f"{folder}/rows.parquet")


def _sent(cursor: Cursor, source: PostgresSource) -> Iterator[pa.RecordBatch]:
    """The batches of an answer; what fails after the first one is an error of Arrow."""
    try:
        yield from cursor.fetch_record_batch()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(source, error) from None


def _check(answer: Sequence[QueryColumn], contract: Contract, where: str) -> None:
    times = {field.name for field in contract.fields if field.kind == "timestamp"}
    fields = [
        pa.field(
            column.name,
            TYPES["timestamp"] if column.name in times and is_text(column.meant) else column.meant,
        )
        for column in answer
    ]
    check_schema(contract, pa.schema(fields), where)


@contextmanager
def _told(source: PostgresSource) -> Iterator[None]:
    try:
        import adbc_driver_manager
        import adbc_driver_postgresql  # noqa: F401
    except ImportError:
        raise SourceError(
            "the PostgreSQL driver for Arrow is missing",
            where=source.where,
            fix="Run pip install 'assay[postgres]'.",
        ) from None
    try:
        yield
    except adbc_driver_manager.Error as error:
        raise _unreadable(source, error) from None


def _unreadable(source: PostgresSource, error: Exception) -> SourceError:
    return SourceError(
        "PostgreSQL cannot be read",
        where=source.where,
        found=error_message(str(error)),
        fix=source.fix,
    )


def error_message(text: str) -> str:
    """The error message of the server or the client, without the statement."""
    line = text.strip().partition("\n")[0]
    match = _SAID.search(line)
    return (match[1] if match else _WRAPPED.sub("", line))[:LONGEST]


class PostgresFormat(Format[Postgres]):
    """A query in PostgreSQL; see `assay.score.inputs.format.Format`."""

    lists_nights = False

    def find(self, value: str, contract: Contract) -> NightInput:
        """A night of which nothing is known before the database is asked."""
        shown = urlsplit(self.spec.url)._replace(query="").geturl()
        return NightInput(value, self.column, shown, source=DatabaseRows(self.spec, shown, value))


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
