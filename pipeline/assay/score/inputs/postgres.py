"""PostgreSQL as a source of Arrow batches: connection, snapshot, and error messages.

All connections of a night read one snapshot of the database. The first connection exports it, and
keeps it alive while it is open; the others import it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pyarrow as pa

from assay.errors import SourceError
from assay.project.params.inputs import Postgres

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

SECONDS = 10
"""Timeout to connect and log in, so that a wrong host is reported soon."""
LONGEST = 300
_SAID = re.compile(r"(?:ERROR|FATAL|PANIC): +(.+)")
_WRAPPED = re.compile(r"^[A-Z_]+: (?:\[libpq\] )?")

_SETTINGS = """\
SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
set_config('idle_in_transaction_session_timeout', '0', true)"""
"""For this transaction: times as text in UTC and ISO 8601, and no timeout while it holds a
snapshot."""


@dataclass(frozen=True)
class PostgresSource:
    """A database with its login; pickled and sent to the executors with a job.

    Parameters
    ----------
    where
        Its name in errors.
    address
        For libpq, with user and password.
    mend
        What to check if it cannot be read.
    """

    where: str
    address: str = field(repr=False)
    mend: str


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
                mend=f"Set it to the {option} of {spec.url}.",
            )
    # Text arrives as bytes in this encoding, and Arrow expects UTF-8.
    more["client_encoding"] = "UTF8"
    joined = "&" if "?" in spec.url else "?"
    address = f"{spec.url}{joined}{urlencode(more, quote_via=quote)}"
    mend = f"Check score.input in params.yaml, {spec.user_env} and {spec.password_env}."
    return PostgresSource(where, address, mend)


@contextmanager
def transaction(source: PostgresSource, snapshot: str | None = None) -> Iterator[Cursor]:
    """A cursor in a read-only transaction on one snapshot of the database.

    Parameters
    ----------
    snapshot
        A snapshot's name from `export_snapshot`; None for the current state.

    Raises
    ------
    SourceError
        The database cannot be reached, a statement in the block fails, or the driver is missing.
    """
    with _told(source):
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(source.address) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if snapshot is not None:
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            cursor.execute(_SETTINGS).fetchall()
            yield cursor


def export_snapshot(cursor: Cursor) -> str:
    """Export this transaction's snapshot under a name, valid while the transaction is open."""
    found = cursor.execute("SELECT pg_export_snapshot()").fetchone()
    assert found is not None, "a function gives a row"
    return str(found[0])


def batches(source: PostgresSource, snapshot: str, statement: str) -> Iterator[pa.RecordBatch]:
    """The rows of a statement as the server sends them; only one batch is in memory."""
    with transaction(source, snapshot) as cursor:
        cursor.execute(statement)
        yield from cursor.fetch_record_batch()


@contextmanager
def _told(source: PostgresSource) -> Iterator[None]:
    try:
        import adbc_driver_manager
        import adbc_driver_postgresql  # noqa: F401
    except ImportError:
        raise SourceError(
            "the PostgreSQL driver for Arrow is missing",
            where=source.where,
            mend="Run pip install 'assay[postgres]'.",
        ) from None
    try:
        yield
    except adbc_driver_manager.Error as error:
        raise SourceError(
            "PostgreSQL cannot be read",
            where=source.where,
            found=error_message(str(error)),
            mend=source.mend,
        ) from None


def error_message(text: str) -> str:
    """The error message of the server or the client, without the statement."""
    line = text.strip().partition("\n")[0]
    found = _SAID.search(line)
    return (found[1] if found else _WRAPPED.sub("", line))[:LONGEST]
