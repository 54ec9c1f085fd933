"""Export of a night's predictions to PostgreSQL, in one transaction.

Readers see the old rows until all new ones are written. Concurrent exports to one table wait for
each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pyarrow as pa
import pyarrow.types as t

from assay.errors import ExportFailed, UsageError
from assay.project.text import counted
from assay.score.operations.export_targets import ExportData, lists_as_text, write_csv
from assay.store.exports import Exported

if TYPE_CHECKING:
    from psycopg import Connection, Cursor
    from psycopg.sql import Identifier

EXPECTED = "postgresql://USER@HOST:PORT/DATABASE?table=NAME"
ESCAPE = "Write @, / and # in a name as %40, %2F and %23; the password goes to PGPASSWORD."
USUAL = "predictions"
"""The default table."""
SECONDS = 10
"""Timeout to connect."""
PATIENCE = "10min"
"""How long to wait for another export."""


@dataclass(frozen=True)
class Address:
    """The address of a table.

    Parameters
    ----------
    url
        For libpq, without the table; the password comes from PGPASSWORD.
    table
        Its name, optionally with its schema.
    shown
        Its name in messages.
    """

    url: str
    table: tuple[str, ...]
    shown: str


def parse(to: str) -> Address:
    """Parse the address of a table.

    Raises
    ------
    UsageError
        It is invalid, or contains a password.
    """
    try:
        parts = urlsplit(to)
        user, host, port = parts.username, parts.hostname, parts.port
        given = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
    except ValueError:
        # Errors do not show the input, here and below: any part of it may be a password.
        raise UsageError("no address", where="--to", expected=EXPECTED, fix=ESCAPE) from None
    if parts.password is not None or {"password", "sslpassword"} & set(given):
        raise UsageError(
            "a password on the command line can be read by others",
            where="--to",
            expected=EXPECTED,
            fix="Give it in the environment variable PGPASSWORD.",
        )
    if parts.fragment or "@" in parts.path + parts.query:
        raise UsageError("no address", where="--to", expected=EXPECTED, fix=ESCAPE)
    table = tuple(given.pop("table", USUAL).split("."))
    if len(table) > 2 or not all(table):
        raise UsageError(
            "no name of a table", where="--to", expected="?table=NAME or ?table=SCHEMA.NAME"
        )
    url = parts._replace(scheme="postgresql", query=urlencode(given)).geturl()
    at = f"{user}@" if user else ""
    where = f"{at}{host or ''}{f':{port}' if port else ''}"
    return Address(url, table, f"postgresql://{where}{parts.path}?table={'.'.join(table)}")


def write(address: Address, night: ExportData) -> None:
    """Replace a night in the table; creates the table if it is missing.

    Raises
    ------
    ExportFailed
        The database cannot be reached, the table has other columns, or a row does not fit. The
        table keeps what it had.
    """
    with _locked(address, night) as (cursor, table):
        night.check(_replace(cursor, address, table, night))


LEDGER = "{}_exports"
"""The table that says which run of which night another one got."""


def append_changes(
    address: Address,
    night: ExportData,
    rows: Callable[[list[Exported]], tuple[Exported, ExportData] | None],
) -> Exported | None:
    """Add rows to the table, and to its ledger that it got them, in one transaction.

    Parameters
    ----------
    night
        Has the columns of the rows, which come from ``rows``.
    rows
        Takes what the table got so far, in order; returns what it gets now, None for nothing.

    Raises
    ------
    ExportFailed
        As for `write`.
    """
    from psycopg.sql import SQL, Identifier

    with _locked(address, night) as (cursor, table):
        *schema, name = address.table
        ledger = Identifier(*schema, LEDGER.format(name))
        cursor.execute(
            SQL(
                "CREATE TABLE IF NOT EXISTS {} (night text, run_id text, number bigint, "
                "rows bigint, at timestamptz DEFAULT now())"
            ).format(ledger)
        )
        cursor.execute(SQL("SELECT night, run_id, number FROM {} ORDER BY number").format(ledger))
        changed = rows([Exported(*row) for row in cursor.fetchall()])
        if changed is None:
            return None
        export, data = changed
        count = _copy(cursor, address, table, data)
        data.check(count)
        cursor.execute(
            SQL("INSERT INTO {} (night, run_id, number, rows) VALUES (%s, %s, %s, %s)").format(
                ledger
            ),
            [export.partition, export.run_id, export.number, count],
        )
        return export


@contextmanager
def _locked(address: Address, night: ExportData) -> Iterator[tuple[Cursor, Identifier]]:
    """A transaction in which nobody else writes to the table, which fits the night's columns."""
    with _told(address):
        import psycopg
        from psycopg.sql import Identifier

        table = Identifier(*address.table)
        with (
            psycopg.connect(
                address.url, connect_timeout=SECONDS, application_name="assay export"
            ) as connection,
            connection.cursor() as cursor,
        ):
            _lock(connection, cursor, address, table, night)
            _check_columns(connection, cursor, address, table, night)
            yield cursor, table


@contextmanager
def _told(address: Address) -> Iterator[None]:
    try:
        import psycopg
    except ImportError:
        raise ExportFailed(
            "the PostgreSQL driver for Python is missing",
            where=address.shown,
            fix="Run pip install 'assay[postgres]'.",
        ) from None
    try:
        yield
    except psycopg.Error as error:
        raise ExportFailed(
            "PostgreSQL did not take the night",
            where=address.shown,
            found=str(error).strip().partition("\n")[0][:200] or type(error).__name__,
            fix="The table keeps what it had.",
        ) from None


def _lock(
    connection: Connection, cursor: Cursor, address: Address, table: Identifier, night: ExportData
) -> None:
    """Create the table if it is missing, and lock it against writers; readers continue."""
    from psycopg.sql import SQL, Identifier, Literal

    cursor.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(PATIENCE)))
    # If two exports find no table, the second waits here until the first has created it.
    name = ".".join(address.table)
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    cursor.execute("SELECT to_regclass(%s)", [table.as_string(connection)])
    row = cursor.fetchone()
    if row is None or row[0] is None:
        columns = SQL(", ").join(
            SQL("{} {}").format(Identifier(field.name), SQL(sql_type(field.type)))
            for field in night.schema
        )
        cursor.execute(SQL("CREATE TABLE {} ({})").format(table, columns))
        cursor.execute(SQL("CREATE INDEX ON {} ({})").format(table, Identifier(night.column)))
    cursor.execute(SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(table))


def _check_columns(
    connection: Connection, cursor: Cursor, address: Address, table: Identifier, night: ExportData
) -> None:
    cursor.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
        [table.as_string(connection)],
    )
    has: dict[str, str] = dict(cursor.fetchall())
    wrong = []
    for field in night.schema:
        wanted, kind = sql_type(field.type), has.get(field.name)
        allowed = {wanted} | ({"date"} if field.name == night.column else set())
        allowed |= {"character varying"} if wanted == "text" else set()
        if kind is None:
            wrong.append(f"{field.name} is missing")
        elif kind not in allowed:
            wrong.append(f"{field.name} is {kind}, not {wanted}")
    if wrong:
        raise ExportFailed(
            f"the table has other columns: {'; '.join(wrong)}",
            where=address.shown,
            fix="Name another table (?table=NAME), or alter this one.",
        )


def _replace(cursor: Cursor, address: Address, table: Identifier, night: ExportData) -> int:
    """Replace the night's rows; returns how many there are. Not visible before the commit."""
    from psycopg.sql import SQL, Identifier

    column = Identifier(night.column)
    cursor.execute(SQL("DELETE FROM {} WHERE {} = %s").format(table, column), [night.partition])
    rows = _copy(cursor, address, table, night)
    cursor.execute(
        SQL("SELECT count(*) FROM {} WHERE {} = %s").format(table, column), [night.partition]
    )
    _check_count(address, rows, _first(cursor.fetchone()))
    return rows


def _copy(cursor: Cursor, address: Address, table: Identifier, night: ExportData) -> int:
    """Add the rows; returns how many there are. Not visible before the commit."""
    from psycopg.sql import SQL, Identifier

    names = SQL(", ").join(map(Identifier, night.schema.names))
    rows = 0
    statement = SQL("COPY {} ({}) FROM STDIN (FORMAT csv, ENCODING 'UTF8')").format(table, names)
    with cursor.copy(statement) as copy:
        for batch in night.batches:
            copy.write(write_csv(lists_as_text(batch, "{", "}"), header=False))
            rows += batch.num_rows
    _check_count(address, rows, cursor.rowcount)
    return rows


def _check_count(address: Address, rows: int, held: int) -> None:
    if held != rows:
        raise ExportFailed(
            "the table does not hold what was sent",
            where=address.shown,
            expected=counted(rows, "row"),
            found=f"{held}",
            fix="The table keeps what it had. Is there a trigger or rule on it?",
        )


def _first(row: Sequence[Any] | None) -> Any:
    return None if row is None else row[0]


def sql_type(kind: pa.DataType) -> str:
    """The PostgreSQL type for an Arrow type.

    Raises
    ------
    ExportFailed
        There is none.
    """
    if t.is_list(kind) and t.is_struct(kind.value_type):
        return "jsonb"
    if t.is_list(kind):
        return f"{sql_type(kind.value_type)}[]"
    if t.is_timestamp(kind):
        return f"timestamp {'without' if kind.tz is None else 'with'} time zone"
    known = {
        pa.bool_(): "boolean",
        pa.int8(): "smallint",
        pa.int16(): "smallint",
        pa.int32(): "integer",
        pa.int64(): "bigint",
        pa.float32(): "real",
        pa.float64(): "double precision",
        pa.string(): "text",
        pa.date32(): "date",
    }
    if kind not in known:
        raise ExportFailed("PostgreSQL has no such type", found=str(kind))
    return known[kind]
