"""Tables that a query gives: SQLite by itself, PostgreSQL where there is a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from assay.errors import SourceError, UsageError
from assay.formats.files.records import query_batches
from assay.formats.reader import read
from assay.formats.understand import understand
from assay.sources import read_sql
from tests import postgres


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = tmp_path / "my shop?.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table sales (id integer, at text, amount real, who text, x blob)")
        database.executemany(
            "insert into sales values (?, ?, ?, ?, ?)",
            [(1, "2024-03-01 10:00:00", 2.5, "Ann", b"\x01"), (2, "2024-03-02", None, None, None)],
        )
        database.commit()
    return f"sqlite:///{path}"


def query(folder: Path, text: str) -> Path:
    path = folder / "query.sql"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_query_gives_a_table(tmp_path: Path, shop: str) -> None:
    file = query(tmp_path, "-- all of them\nselect *, id as id, 1 = 1 as ok from sales;\n")
    found = understand(file, connection=shop)
    kinds = {each.name: each.kind for each in found.facts}
    assert kinds == {
        "id": "integer", "at": "timestamp", "amount": "float", "who": "string", "x": "string",
        "id_2": "integer", "ok": "integer",
    }  # fmt: skip
    (table,) = read(file, found.table)
    assert table.column("at").to_pylist() == [datetime(2024, 3, 1, 10), datetime(2024, 3, 2)]
    (again,) = read_sql(file, shop, columns={"amount": "float", "who": "text"})
    assert again.to_pylist() == [{"amount": 2.5, "who": "Ann"}, {"amount": None, "who": None}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select hat from sales", "no such column: hat"),
        ("delete from sales", "readonly database"),
        ("select 1; select 2", "one statement"),
        ("  \n", "there is no query"),
        ("select * from sales where id > 9", "has no row with a value"),
    ],
)
def test_a_query_that_gives_no_table_is_one_line(
    tmp_path: Path, shop: str, text: str, words: str
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        understand(query(tmp_path, text), connection=shop)
    assert "\n" not in caught.value.line()
    assert list(query_batches(query(tmp_path, "select 1 as a"), shop)) == [[{"a": 1}]]


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ("sqlite:///nowhere.db", "there is no such database"),
        ("mysql://host/db", "is no connection"),
        ("postgresql://ann:secret@host/db", "names a user or a password"),
        ("postgresql://host/db?password=secret", "names a user or a password"),
        ("postgresql://127.0.0.1:1/db?connect_timeout=1", "the query cannot be read"),
    ],
)
def test_a_connection_that_does_not_work_is_one_line(
    tmp_path: Path, connection: str, words: str
) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        understand(query(tmp_path, "select 1"), connection=connection)
    assert "secret" not in caught.value.line() and "\n" not in caught.value.line()


def test_a_query_without_a_connection_and_a_database_as_a_table_say_how(
    tmp_path: Path, shop: str
) -> None:
    with pytest.raises(UsageError, match="where it is asked"):
        understand(query(tmp_path, "select 1"))
    with pytest.raises(SourceError, match="--connection sqlite"):
        understand(Path(shop.removeprefix("sqlite:///")))


@pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "it is there")
def test_postgres_gives_a_table(tmp_path: Path, server: postgres.Server) -> None:
    import psycopg

    with psycopg.connect(server.url) as connection:
        connection.execute(
            "create table sales as select g as id, timestamptz '2024-03-01 12:00+02' as at,"
            " date '2024-03-02' as day, g * 1.5::numeric as amount, 'a%b' as who,"
            " array[1, 2] as many, g > 1 as ok from generate_series(1, 3) g"
        )
    file = query(tmp_path, "select * from sales where who like 'a%'")
    found = understand(file, connection=server.address)
    assert {each.name: each.kind for each in found.facts} == {
        "id": "integer", "at": "timestamp", "day": "timestamp", "amount": "float",
        "who": "string", "ok": "boolean",
    }  # fmt: skip
    assert "many" in found.left_out
    (table,) = read(file, found.table)
    assert table.slice(0, 1).to_pylist() == [
        {"id": 1, "at": datetime(2024, 3, 1, 10), "day": datetime(2024, 3, 2), "amount": 1.5,
         "who": "a%b", "ok": False}
    ]  # fmt: skip
    with pytest.raises(SourceError, match="syntax error"):
        understand(query(tmp_path, "insert into sales select * from sales returning 1"),
                   connection=server.address)  # fmt: skip
    with pytest.raises(SourceError, match=r"infinity|too large"):
        understand(query(tmp_path, "select 'infinity'::timestamp as at"), connection=server.address)
