"""PostgreSQL as a source of Arrow batches: how it is reached, and what it complains of.

All connections of a night read one state of the database: the first one exports its snapshot,
and keeps it alive as long as it is open; the others, wherever they are, take it over.
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
"""To connect and log in: a wrong host is told soon."""
LONGEST = 300
_SAID = re.compile(r"(?:ERROR|FATAL|PANIC): +(.+)")
_WRAPPED = re.compile(r"^[A-Z_]+: (?:\[libpq\] )?")

_SETTINGS = """\
SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
set_config('idle_in_transaction_session_timeout', '0', true)"""
"""For this transaction: times as text are in UTC and ISO 8601, and who holds a snapshot waits."""


@dataclass(frozen=True)
class PostgresSource:
    """A database and how to log in to it; pickled with a job, it travels to the executors.

    Parameters
    ----------
    where
        What errors call it.
    address
        For libpq, with user and password.
    mend
        What to look at when it does not answer.
    """

    where: str
    address: str = field(repr=False)
    mend: str


def reached(spec: Postgres, where: str) -> PostgresSource:
    """The database of ``spec``, with the user and the password that the environment has.

    Raises
    ------
    SourceError
        A variable that should hold one of them is not set.
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
    # Text arrives as bytes in this encoding, and Arrow's is UTF-8.
    more["client_encoding"] = "UTF8"
    joined = "&" if "?" in spec.url else "?"
    address = f"{spec.url}{joined}{urlencode(more, quote_via=quote)}"
    mend = f"Check score.input in params.yaml, {spec.user_env} and {spec.password_env}."
    return PostgresSource(where, address, mend)


@contextmanager
def transaction(source: PostgresSource, snapshot: str | None = None) -> Iterator[Cursor]:
    """A cursor that sees one state of the database, and changes nothing in it.

    Parameters
    ----------
    snapshot
        The state, as `exported` names it; None for the one that is there now.

    Raises
    ------
    SourceError
        The database cannot be reached, refuses what the block asks, or the driver is missing.
    """
    with _told(source):
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(source.address) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if snapshot is not None:
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            cursor.execute(_SETTINGS).fetchall()
            yield cursor


def exported(cursor: Cursor) -> str:
    """The name under which other transactions take over this one's state while it is open."""
    found = cursor.execute("SELECT pg_export_snapshot()").fetchone()
    assert found is not None, "a function gives a row"
    return str(found[0])


def batches(source: PostgresSource, snapshot: str, statement: str) -> Iterator[pa.RecordBatch]:
    """The rows of a statement as the server sends them; only one batch is in memory.

    Raises
    ------
    SourceError
        As `transaction`.
    """
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
            found=said(str(error)),
            mend=source.mend,
        ) from None


def said(text: str) -> str:
    """What the server or the way to it complains of, without the statement that it was asked."""
    line = text.strip().partition("\n")[0]
    found = _SAID.search(line)
    return (found[1] if found else _WRAPPED.sub("", line))[:LONGEST]
