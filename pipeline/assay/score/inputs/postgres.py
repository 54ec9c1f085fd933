"""A night that is a query in PostgreSQL, read in one transaction as Arrow batches."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pyarrow as pa

from assay.contract.definition import Contract
from assay.contract.schema import TYPES, check_schema
from assay.contract.text_parser import is_text
from assay.errors import SourceError
from assay.project.params.inputs import Postgres, bind_night
from assay.score.inputs.format import Format
from assay.score.inputs.landing import write_batches
from assay.score.inputs.postgres_query import QueryColumn, columns, quote_literal
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
    found = _SAID.search(line)
    return (found[1] if found else _WRAPPED.sub("", line))[:LONGEST]


class PostgresFormat(Format[Postgres]):
    """A query in PostgreSQL; see `assay.score.inputs.format.Format`."""

    lists_nights: ClassVar[bool] = False

    def find(self, value: str, contract: Contract) -> NightInput:
        """A night of which nothing is known before the database is asked."""
        shown = urlsplit(self.spec.url)._replace(query="").geturl()
        return NightInput(value, self.column, shown, source=DatabaseRows(self.spec, shown, value))
