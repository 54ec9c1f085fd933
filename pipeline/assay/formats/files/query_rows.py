"""The rows that a query gives in SQLite or PostgreSQL, as records of plain values."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from assay.errors import SourceError
from assay.formats.files.csv_text import column_names
from assay.formats.files.opened import ROWS
from assay.formats.files.records import Record

SQLITE = "sqlite:///"
POSTGRES = "postgresql://"
SECONDS = 10
"""Timeout to connect and log in, so that a wrong host is reported soon."""
_LONGEST = 300
EXPECTED = f"{SQLITE}PATH/OF/FILE.db, or {POSTGRES}HOST/DATABASE"


def query_batches(file: Path, connection: str) -> Iterator[list[Record]]:
    """The rows of the query in ``file``, at most `opened.ROWS` at a time; nothing is written.

    Parameters
    ----------
    file
        The text of one query.
    connection
        `EXPECTED`. User and password of PostgreSQL are from the environment: PGUSER, PGPASSWORD.

    Raises
    ------
    SourceError
        The database cannot be reached, or the query fails or gives no table.
    ExtraMissing
        The driver of PostgreSQL is not installed.
    """
    check_connection(connection)
    query = _query(file)
    rows = _sqlite if connection.startswith(SQLITE) else _postgres
    with _told(file, connection), rows(query, connection) as (names, fetch):
        columns = column_names(names)
        while found := fetch(ROWS):
            yield [dict(zip(columns, map(_plain, row), strict=True)) for row in found]


def check_connection(connection: str) -> None:
    """Refuse an address that is neither, or that holds a secret.

    Raises
    ------
    SourceError
        With what was expected.
    """
    parts = urlsplit(connection)
    given = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if "@" in parts.netloc or given & {"user", "password", "sslpassword"}:
        raise SourceError(
            "the connection names a user or a password, and it is written into data/source.py",
            where=f"{parts.scheme}://",
            expected=f"{POSTGRES}HOST/DATABASE",
            fix="Set PGUSER and PGPASSWORD in the environment instead.",
        )
    if not (connection.startswith(POSTGRES) or connection.removeprefix(SQLITE) != connection):
        raise SourceError("is no connection", where=connection, expected=EXPECTED)


def _query(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8-sig").strip().rstrip(";").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            "the query cannot be read as UTF-8 text", where=str(file), found=str(error)
        ) from None
    if not text:
        raise SourceError("there is no query in it", where=str(file), expected="SELECT ...")
    return text


Rows = tuple[list[str], Callable[[int], list[tuple[Any, ...]]]]


@contextmanager
def _sqlite(query: str, connection: str) -> Iterator[Rows]:
    path = Path(connection.removeprefix(SQLITE))
    if not path.is_file():
        raise SourceError("there is no such database", where=str(path), fix="Check the path.")
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=SECONDS)) as database:
        cursor = database.execute(query)
        yield [each[0] for each in cursor.description or ()], cursor.fetchmany


@contextmanager
def _postgres(query: str, connection: str) -> Iterator[Rows]:
    import psycopg

    usual = {"connect_timeout": SECONDS, "application_name": "assay", "client_encoding": "UTF8"}
    with psycopg.connect(connection, **usual) as database:  # type: ignore[arg-type]
        database.read_only = True
        database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # A cursor on the server: only some of the rows are in memory.
        with database.cursor(name="assay") as cursor:
            cursor.execute(query.encode())
            yield [each.name for each in cursor.description or ()], cursor.fetchmany


@contextmanager
def _told(file: Path, connection: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        found = str(error)
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "psycopg":
            raise
        found = str(error)
    else:
        return
    raise SourceError(
        "the query cannot be read",
        where=f"{file}, {connection}",
        found=" ".join(found.split())[:_LONGEST],
        fix="Check the query and the connection."
        + (" User and password are PGUSER and PGPASSWORD." * connection.startswith(POSTGRES)),
    )


def _plain(value: Any) -> Any:
    """A value as JSON has it; times are text in ISO 8601, in UTC where they have a zone."""
    if value is None or type(value) in (bool, int, str, list, dict):
        return value
    if isinstance(value, float):
        return None if isnan(value) else value
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and not value % 1 else _plain(float(value))
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return moment.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
