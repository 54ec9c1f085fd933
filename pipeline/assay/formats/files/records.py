"""Records of plain values, which JSON, workbooks and queries give, as columns of Arrow.

And those of a JSON file: an object on each line, or one array of objects, which is read as a whole.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import islice
from math import isnan
from pathlib import Path
from types import NoneType
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pyarrow as pa

from assay.errors import SourceError
from assay.formats.files.csv_text import column_names
from assay.formats.files.opened import ROWS, file_lines
from assay.project.document import reject_duplicate_keys
from assay.project.text import quote_value

Record = dict[str, Any]
TOGETHER = 1_000


def json_batches(path: Path, encoding: str) -> Iterator[list[Record]]:
    """The objects of the file, at most `ROWS` at a time.

    Raises
    ------
    SourceError
        A line is no JSON object, has a key twice, or the array is not closed.
    """
    found = _objects(path, encoding)
    while batch := list(islice(found, ROWS)):
        yield batch


def _objects(path: Path, encoding: str) -> Iterator[Record]:
    begin = next((line.lstrip() for line in file_lines(path, encoding) if line.strip()), "")
    if begin.startswith("["):
        yield from _array(path, "".join(file_lines(path, encoding)))
        return
    lines = ((n, line) for n, line in enumerate(file_lines(path, encoding), 1))
    full = (each for each in lines if each[1].strip())
    while some := list(islice(full, TOGETHER)):
        yield from _lines(path, some)


def _lines(path: Path, lines: list[tuple[int, str]]) -> list[Record]:
    """The objects of some lines. Parsed together they are quick, and one by one they are named."""
    try:
        found = _DECODER.decode(f"[{','.join(line for _, line in lines)}]")
    except (ValueError, RecursionError):
        found = []
    if len(found) == len(lines) and set(map(type, found)) == {dict}:
        return list(found)
    return [_object(path, f"line {number}", line) for number, line in lines]


def _object(path: Path, where: str, text: str) -> Record:
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _no_object(path, where, str(error)) from None
    if not isinstance(found, dict):
        raise _no_object(path, where, quote_value(text[:40]))
    return found


def _no_object(path: Path, where: str, found: str) -> SourceError:
    return SourceError(
        "is no JSON object with each key once",
        where=f"{path}, {where}",
        found=found,
        fix="Write one object on each line, or one array of objects.",
    )


def _constant(word: str) -> float | None:
    # NaN is how pandas and others write that there is no value.
    return None if word == "NaN" else float(word)


_DECODER = json.JSONDecoder(object_pairs_hook=reject_duplicate_keys, parse_constant=_constant)


def _array(path: Path, text: str) -> list[Record]:
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _no_object(path, "an array", str(error)) from None
    for number, each in enumerate(found, 1):
        if not isinstance(each, dict):
            raise _no_object(path, f"object {number}", quote_value(str(each)[:40]))
    return list(found)


def record_columns(
    batches: Iterable[list[Record]], mixed: set[str]
) -> Iterator[dict[str, pa.Array]]:
    """The columns of each batch; a key that a record lacks is null there.

    A column is of integers, floats, booleans or strings if all of its values are, else of strings;
    of bytes if one is a list or an object. A key of an earlier batch is in all later ones.

    Parameters
    ----------
    mixed
        Gets the names of columns that have values of different types.
    """
    names: dict[str, None] = {}
    for batch in batches:
        names |= dict.fromkeys(key for record in batch for key in record)
        columns = {name: [record.get(name) for record in batch] for name in names}
        kinds = {name: {*map(type, values)} - {NoneType} for name, values in columns.items()}
        mixed |= {name for name, each in kinds.items() if len(each) > 1 and each != {int, float}}
        yield {name: _column(values, kinds[name]) for name, values in columns.items()}


def _column(values: list[Any], kinds: set[type]) -> pa.Array:
    if not kinds or kinds in ({int}, {float}, {bool}, {int, float}):
        try:
            if float in kinds:
                return pa.array(None if value is None else float(value) for value in values)
            return pa.array(values)
        except OverflowError:  # whole numbers beyond 64 bits
            pass
    texts = [_as_text(value) for value in values]
    if kinds & {list, dict}:
        return pa.array([text and text.encode(errors="replace") for text in texts], pa.binary())
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair, which only JSON can write
        return pa.array([text and text.encode(errors="replace").decode() for text in texts])


def _as_text(value: Any) -> str | None:
    """A value as the text of a cell: a string as it is, anything else as JSON."""
    if value is None or type(value) is str:
        return value
    # As JSON writes them, but quicker; infinity is a word that numbers may be.
    if type(value) in (int, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


# ------------------ the rows that a query gives in SQLite or PostgreSQL, as records of plain values

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
