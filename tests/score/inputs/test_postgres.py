"""A night is one state of the database, and nobody is told the password."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

import assay.score.inputs.postgres
from assay.contract.loader import load_contract_text
from assay.contract.text_parser import parse_rows
from assay.errors import SchemaMismatch, SourceError
from assay.score.inputs.landing import write_batches
from assay.score.inputs.postgres import quote_literal
from tests import postgres
from tests.landing import landed_rows
from tests.postgres import Server

if postgres.missing():
    pytest.skip(postgres.missing(), allow_module_level=True)

NIGHT = "2024-03-01"
CONTRACT = load_contract_text(
    """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    name: str = pa.Field(metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
""",
    "c.py",
).without_label()
QUERY = "SELECT id, at, name FROM seen WHERE day = :night"

Read = Callable[..., pa.Table]


@pytest.fixture
def server(server: Server) -> Server:
    """The same, with the rows of one night."""
    tell(
        server,
        "CREATE TABLE seen (day date, id bigint, at timestamp, name text, size float8)",
        "INSERT INTO seen SELECT '2024-03-01', n, timestamp '2024-03-01' + n * interval '1 h', "
        "'n' || n, n FROM generate_series(1, 100) AS n",
    )
    return server


@pytest.fixture
def read(server: Server, tmp_path: Path) -> Read:
    """A night as it is landed."""

    def of(query: str = QUERY, night: str = NIGHT, **more: Any) -> pa.Table:
        spec = {"format": "postgres", "url": server.address, "query": query, **more}
        return landed_rows(tmp_path, spec, CONTRACT, night)

    return of


def tell(server: Server, *statements: str, database: str = "postgres") -> None:
    url = server.url.rpartition("/")[0] + f"/{database}"
    with psycopg.connect(url, password=postgres.PASSWORD, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_rows_that_are_written_meanwhile_are_of_another_night(
    read: Read, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(batches: Any, target: str) -> None:
        tell(
            server,
            "DELETE FROM seen WHERE id = 90",
            "INSERT INTO seen VALUES ('2024-03-01', 199, '2024-03-01', 'late', 1)",
            "UPDATE seen SET name = 'changed'",
        )
        write_batches(batches, target)

    with monkeypatch.context() as patch:
        patch.setattr(assay.score.inputs.postgres, "write_batches", written)
        found = read()
    assert sorted(found["id"].to_pylist()) == list(range(1, 101))
    assert {name[0] for name in found["name"].to_pylist()} == {"n"}
    assert sorted(read()["id"].to_pylist()) == [*range(1, 90), *range(91, 101), 199]


def test_no_error_tells_the_password(read: Read, server: Server) -> None:
    tell(server, f"ALTER ROLE {postgres.USER} PASSWORD 'another'")
    try:
        with pytest.raises(SourceError, match="password authentication failed") as caught:
            read()
    finally:
        with psycopg.connect(server.url, password="another") as connection:
            connection.execute(f"ALTER ROLE {postgres.USER} PASSWORD '{postgres.PASSWORD}'")
    told = f"{caught.value}"
    assert postgres.PASSWORD not in told and "correct%20horse" not in told


def test_what_is_no_time_of_a_calendar_is_refused_with_its_text(read: Read, server: Server) -> None:
    for kind in ("timestamptz", "date"):
        odd = "CASE id WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE at END"
        query = (
            f"SELECT id, ({odd})::{kind} AS at, name, 'infinity'::{kind} AS last FROM "
            "(SELECT id, at::text, name FROM seen WHERE day = :night AND id < 30) AS few"
        )
        batch = read(query)
        rows, broken = parse_rows(CONTRACT, batch)
        assert {rule: mask.sum() for rule, mask in broken.items()} == {
            "at: readable as timestamp": 2
        }
        assert sorted(batch["at"].to_pylist())[:1] == ["-infinity"]
        at = {row["id"]: row["at"] for row in rows.to_pylist()}[25]
        assert at == dt.datetime(2024, 3, 2, 1 if kind == "timestamptz" else 0)
        assert {f"{value}"[:10] for value in batch["last"].to_pylist()} == {"9999-12-31"}


def test_types_that_arrow_has_none_for_are_text(read: Read, server: Server) -> None:
    tell(server, "CREATE TYPE mood AS ENUM ('fine')")
    query = (
        "SELECT id, at, 'fine'::mood AS name, interval '1 day' AS span, "
        "'00000000-0000-0000-0000-000000000007'::uuid AS code, "
        "ARRAY[1, 2] AS list, 1.50::numeric AS price, '5'::money AS sum, '{}'::jsonb AS json "
        "FROM seen WHERE day = :night AND id = 1"
    )
    (row,) = read(query).to_pylist()
    assert row == {
        "id": 1,
        "at": "2024-03-01 01:00:00",
        "name": "fine",
        "code": "00000000-0000-0000-0000-000000000007",
        "span": "1 day",
        "list": "{1,2}",
        "price": "1.50",
        "sum": "$5.00",
        "json": "{}",
    }
    for odd, found_type in (("1::money", "string"), ("1::numeric", "decimal"), ("'a'", "string")):
        with pytest.raises(SchemaMismatch, match=f"'id' has another type.*{found_type}"):
            read(f"SELECT {odd} AS id, now() AS at, :night AS name")
    with pytest.raises(SchemaMismatch, match=r"'name' has another type.*list"):
        read("SELECT 1 AS id, now() AS at, ARRAY[:night] AS name")


def test_text_is_utf_8_whatever_the_database_keeps(read: Read, server: Server) -> None:
    tell(server, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    query = "SELECT 1 AS id, now() AS at, chr(233) || substr(:night, 1, 0) AS name"
    found = read(query, url=f"{server.address.rpartition('/')[0]}/latin")
    assert found["name"].to_pylist() == ["é"]


def test_a_night_changes_nothing_in_the_database(read: Read, server: Server) -> None:
    tell(
        server,
        "CREATE FUNCTION wipe() RETURNS text LANGUAGE plpgsql AS "
        "'BEGIN DELETE FROM seen; RETURN ''x''; END'",
    )
    query = "SELECT 1 AS id, now() AS at, wipe() AS name WHERE :night <> ''"
    with pytest.raises(SourceError, match="cannot execute DELETE in a read-only transaction"):
        read(query)


def test_without_the_extra_it_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(SourceError, match=r"pip install 'assay\[postgres\]'") as caught:
        read()
    assert "\n" not in caught.value.line()


def test_a_night_is_read_as_the_query_gives_it(read: Read, server: Server) -> None:
    # On March 10 at 2:00 the clocks of New York were put forward.
    tell(
        server,
        "UPDATE seen SET at = '2024-03-10 02:30' WHERE id = 1",
        "INSERT INTO seen VALUES ('2024-03-02', 7, '2024-03-02', 'another', 1)",
        "UPDATE seen SET size = NULL WHERE id = 2",
    )
    batch = read(
        "SELECT *, '2024-03-01 10:00+05'::timestamptz AS zoned FROM seen -- a comment\n"
        "WHERE day = :night"
    )
    assert set(batch["zoned"].to_pylist()) == {dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC)}
    rows, broken = parse_rows(CONTRACT, batch)
    assert (broken, sorted(rows["id"].to_pylist())) == ({}, list(range(1, 101)))
    (first,) = [row for row in rows.to_pylist() if row["id"] == 1]
    assert first == {"id": 1, "at": dt.datetime(2024, 3, 10, 2, 30), "name": "n1"}
    assert batch["size"].null_count == 1
    with pytest.raises(pa.ArrowInvalid):  # no file is landed
        read(night="2031-01-01")


def test_a_value_is_a_text_whatever_it_holds(read: Read, server: Server) -> None:
    query = "SELECT id, at, :night AS name, size FROM seen WHERE day::text <> :night"
    for value in ("x'; DROP TABLE seen; --", "a\\'b", "é"):
        assert set(read(query, value)["name"].to_pylist()) == {value}
    assert quote_literal("2024-03-01") == "'2024-03-01'"


@pytest.mark.parametrize(
    ("query", "more", "error", "expected"),
    [
        (QUERY.replace("seen", "nowhere"), {}, SourceError, 'relation "nowhere" does not'),
        (QUERY.replace("SELECT", "SELCT"), {}, SourceError, "syntax error"),
        (QUERY.replace(", name", ""), {}, SchemaMismatch, "'name' is missing"),
        (QUERY.replace("id,", "size::numeric AS id,"), {}, SchemaMismatch, "'id' .*decimal"),
        (QUERY, {"user_env": "NOBODY_SET_IT"}, SourceError, "the environment has no NOBODY"),
    ],
)
def test_a_query_that_fails_says_why(
    read: Read, query: str, more: Any, error: type[Exception], expected: str
) -> None:
    with pytest.raises(error, match=expected) as caught:
        read(query, **more)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"port": 0}, "refused"),
        ({"host": "no-such-host.invalid"}, "no-such-host.invalid"),
        ({"database": "none"}, 'database "none" does not exist'),
    ],
)
def test_a_database_that_does_not_answer_is_told_in_one_line(
    read: Read, server: Server, change: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "password" in change:
        monkeypatch.setenv("PGPASSWORD", change["password"])
    host, port = change.get("host", "127.0.0.1"), server.port if "port" not in change else 1
    url = f"postgresql://{host}:{port}/{change.get('database', 'postgres')}"
    began = dt.datetime.now()
    with pytest.raises(SourceError, match=expected) as caught:
        read(url=url)
    assert dt.datetime.now() - began < dt.timedelta(seconds=15)
    line = caught.value.line()
    assert "\n" not in line and postgres.PASSWORD not in line and url in line
