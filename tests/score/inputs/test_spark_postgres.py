"""All ranges of a night are one state of the database, and nobody is told the password."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest
from pydantic import TypeAdapter

from assay.contract.loader import load_contract_text
from assay.contract.text.text_parser import parse_rows
from assay.errors import SchemaMismatch, SourceError
from assay.project import params
from assay.project.params.inputs import Input
from assay.score.inputs.discovery import find_night
from assay.score.inputs.frame import open_frame
from tests import postgres
from tests.postgres import Server
from tests.projects import PARCELS

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

Read = Callable[..., AbstractContextManager[Any]]


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
def read(spark: Any, server: Server, tmp_path: Any) -> Read:
    def of(query: str = QUERY, **more: Any) -> AbstractContextManager[Any]:
        spec = {"format": "postgres", "url": server.address, "query": query, **more}
        given = params.load(PARCELS)
        score = given.score.model_copy(update={"input": TypeAdapter(Input).validate_python(spec)})
        given = given.model_copy(update={"score": score})
        return open_frame(spark, given, find_night(tmp_path, given, CONTRACT, NIGHT), CONTRACT)

    return of


def tell(server: Server, *statements: str, database: str = "postgres") -> None:
    url = server.url.rpartition("/")[0] + f"/{database}"
    with psycopg.connect(url, password=postgres.PASSWORD, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_rows_that_are_written_between_two_ranges_are_of_another_night(
    read: Read, server: Server
) -> None:
    with read(split_on="id", splits=4) as found:
        assert found.rdd.getNumPartitions() == 4
        rows = found.toLocalIterator()  # one range after the other
        ids = [next(rows).id]
        tell(
            server,
            "DELETE FROM seen WHERE id = 90",
            "INSERT INTO seen VALUES ('2024-03-01', 99, '2024-03-01', 'late', 1)",
            "UPDATE seen SET name = 'changed'",
        )
        rest = list(rows)
        assert sorted(ids + [row.id for row in rest]) == list(range(1, 101))
        assert {row.name[0] for row in rest} == {"n"}
        assert found.count() == 100  # so is whatever is read once more
    with read(split_on="id", splits=4) as found:
        assert sorted(row.id for row in found.collect()) == sorted(
            [*range(1, 90), *range(91, 101), 99]
        )


def test_no_plan_and_no_error_tells_the_password(read: Read, server: Server, spark: Any) -> None:
    with read(split_on="id", splits=2) as found:
        assert found.count() == 100
        kept = spark._jsparkSession.sharedState().statusStore().executionsList()
        # What an event log has of a query.
        told = [kept.last().physicalPlanDescription(), kept.last().details()]
        told += [found._jdf.queryExecution().toString(), str(spark.sparkContext.getConf().getAll())]
        tell(server, f"ALTER ROLE {postgres.USER} PASSWORD 'another'")
        try:
            with pytest.raises(Exception, match="password authentication failed") as caught:
                found.collect()
            told.append(str(caught.value))
        finally:
            with psycopg.connect(server.url, password="another") as connection:
                connection.execute(f"ALTER ROLE {postgres.USER} PASSWORD '{postgres.PASSWORD}'")
    assert "MapInArrow" in told[0]
    for text in told:
        assert postgres.PASSWORD not in text and "correct%20horse" not in text


def test_what_is_no_time_of_a_calendar_is_refused_with_its_text(read: Read, server: Server) -> None:
    for kind in ("timestamptz", "date"):
        odd = "CASE id WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE at END"
        query = (
            f"SELECT id, ({odd})::{kind} AS at, name, 'infinity'::{kind} AS last FROM "
            "(SELECT id, at::text, name FROM seen WHERE day = :night AND id < 30) AS few"
        )
        with read(query) as found:
            batch = found.toArrow()
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
    with read(query) as found:
        row = found.first().asDict()
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
            read(f"SELECT {odd} AS id, now() AS at, :night AS name").__enter__()
    with pytest.raises(SchemaMismatch, match=r"'name' has another type.*list"):
        read("SELECT 1 AS id, now() AS at, ARRAY[:night] AS name").__enter__()


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("size", ("'NaN'", "'Infinity'", "'-Infinity'", "NULL")),
        ("at", ("'infinity'", "'-infinity'", "NULL")),
    ],
)
def test_values_that_cannot_be_counted_with_are_in_a_range_too(
    read: Read, server: Server, column: str, values: tuple[str, ...]
) -> None:
    tell(
        server,
        *(f"UPDATE seen SET {column} = {v} WHERE id = {n + 1}" for n, v in enumerate(values)),
    )
    query = "SELECT id, at, name, size FROM seen WHERE day = :night"
    with read(query, split_on=column, splits=4) as found:
        assert found.rdd.getNumPartitions() == 4
        assert sorted(row.id for row in found.collect()) == list(range(1, 101))


def test_text_is_utf_8_whatever_the_database_keeps(read: Read, server: Server) -> None:
    tell(server, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    query = "SELECT 1 AS id, now() AS at, chr(233) || substr(:night, 1, 0) AS name"
    with read(query, url=f"{server.address.rpartition('/')[0]}/latin") as found:
        assert found.first().name == "é"


def test_a_night_changes_nothing_in_the_database(read: Read, server: Server) -> None:
    tell(
        server,
        "CREATE FUNCTION wipe() RETURNS text LANGUAGE plpgsql AS "
        "'BEGIN DELETE FROM seen; RETURN ''x''; END'",
    )
    query = "SELECT 1 AS id, now() AS at, wipe() AS name WHERE :night <> ''"
    with (
        read(query) as found,
        pytest.raises(Exception, match="cannot execute DELETE in a read-only transaction"),
    ):
        found.collect()


def test_without_the_extra_it_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(SourceError, match=r"pip install 'assay\[postgres\]'") as caught:
        read().__enter__()
    assert "\n" not in caught.value.line()
