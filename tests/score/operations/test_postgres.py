"""A real PostgreSQL server: predictions go in whole, nights come out whole, errors in one line."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from assay.cli.show.store import export_lines
from assay.contract.loader import load_contract_text
from assay.contract.text.text_parser import parse_rows
from assay.errors import ExportFailed, SchemaMismatch, SourceError, StoreError
from assay.project import params
from assay.project.params import Params
from assay.project.params.inputs import Input
from assay.score.inputs.discovery import find_night
from assay.score.inputs.frame import open_frame
from assay.score.inputs.postgres_query import quote_literal
from assay.score.operations import export
from assay.store import Store, open_store
from tests import postgres, predictions
from tests.postgres import Server
from tests.projects import PARCELS
from tests.s3 import free_port

psycopg = pytest.importorskip("psycopg", reason="needs psycopg, the extra 'postgres'")
if postgres.missing():
    pytest.skip(postgres.missing(), allow_module_level=True)

NIGHT = "2024-03-01"
ROWS = [
    {"parcel": 1, "name": 'say "a, b"\nand é \\N', "prediction": True, "probability": 0.1},
    {"parcel": 2, "name": "", "prediction": None, "probability": None},
    {"parcel": 3, "name": None, "prediction": False, "probability": 1 / 3},
]

Publish = Callable[..., None]
Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def ask(server: Server) -> Ask:
    def answered(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(server.url) as connection:
            done = connection.execute(statement, values or None)
            return done.fetchall() if done.description else []

    return answered


# ------------------------------------------------------------------------------------ export


@pytest.fixture
def values() -> Params:
    return params.load(PARCELS)


@pytest.fixture
def store(tmp_path: Path, values: Params) -> Store:
    return open_store(tmp_path, values)


@pytest.fixture
def publish(store: Store) -> Publish:
    return partial(predictions.publish, store)


@pytest.fixture
def out(tmp_path: Path, values: Params, server: Server) -> Callable[..., export.ExportReport]:
    def exported(night: str = NIGHT, to: str = server.url + "?table=scores") -> export.ExportReport:
        return export.run(tmp_path, values, night, to)

    return exported


COLUMNS = "parcel, name, prediction, probability, run_id, scored_at"


def test_a_night_is_put_in_place_of_the_one_that_was_there(
    publish: Publish, out: Any, ask: Ask
) -> None:
    publish(NIGHT, ROWS)
    publish("2024-03-02", ROWS[:1])
    out()
    out("2024-03-02")
    found = ask(f"SELECT {COLUMNS} FROM scores WHERE day = %s ORDER BY parcel", NIGHT)
    expected = [(*row.values(), "r1", predictions.NOON) for row in ROWS]
    assert found == expected
    publish(NIGHT, ROWS[1:], "r2")
    done = out()
    assert (done.rows, done.run_id) == (2, "r2")
    assert ask("SELECT day, count(*) FROM scores GROUP BY day ORDER BY day") == [
        (NIGHT, 2),
        ("2024-03-02", 1),
    ]
    said = [*export_lines(done), str(done.plain())]
    assert all(postgres.PASSWORD not in text for text in said)


def test_lists_and_schemas_and_odd_names(publish: Publish, out: Any, ask: Ask, server) -> None:
    many = {"parcel": 1, "name": "a", "prediction": "a", "probability": 0.7}
    publish(NIGHT, [{**many, "probabilities": [0.7, 0.3]}, many], task="multiclass")
    ask('CREATE SCHEMA "Odd"')
    out(to=f'{server.url}?table=Odd.my%20"scores"')
    rows = ask('SELECT probabilities FROM "Odd"."my ""scores""" ORDER BY probabilities')
    assert rows == [([0.7, 0.3],), (None,)]


def test_a_night_without_scores_leaves_none(publish: Publish, out: Any, ask: Ask) -> None:
    publish(NIGHT, ROWS)
    out()
    publish(NIGHT, [], "r2")
    assert out().rows == 0
    assert ask("SELECT count(*) FROM scores") == [(0,)]


def test_many_batches(publish: Publish, out: Any, ask: Ask) -> None:
    publish(NIGHT, [{"parcel": n, "prediction": True, "probability": 0.5} for n in range(70_000)])
    out()
    assert ask("SELECT count(*), sum(parcel) FROM scores") == [(70_000, sum(range(70_000)))]


def test_a_table_that_somebody_made_is_used_if_it_fits(
    publish: Publish, out: Any, ask: Ask
) -> None:
    publish(NIGHT, ROWS)
    made = (
        "parcel bigint, name varchar, prediction boolean, probability {}, model_version text, "
        "bundle text, run_id text, scored_at timestamptz, note text DEFAULT 'new'"
    )
    ask(f"CREATE TABLE scores (day date, {made.format('double precision')})")
    out()
    assert ask("SELECT DISTINCT day, note FROM scores") == [(dt.date(2024, 3, 1), "new")]
    ask(f"DROP TABLE scores; CREATE TABLE scores ({made.format('real')})")
    with pytest.raises(
        ExportFailed, match=r"day is missing; probability is real, not double precision"
    ):
        out()


@pytest.mark.parametrize("what", ["a check", "a trigger", "the store", "another run"])
def test_what_goes_wrong_in_the_middle_changes_nothing(
    publish: Publish, out: Any, ask: Ask, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(NIGHT, ROWS)
    out()
    before = ask("SELECT * FROM scores ORDER BY parcel")
    publish(NIGHT, ROWS, "r2")
    real = Store.prediction_batches
    error: type[Exception] = ExportFailed
    if what == "a check":
        ask("ALTER TABLE scores ADD CHECK (parcel < 3 OR run_id = 'r1')")
    elif what == "a trigger":
        ask(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
            "CREATE TRIGGER lose BEFORE INSERT ON scores FOR EACH ROW EXECUTE FUNCTION lose()"
        )
    else:

        def breaks(self: Store, partition: str, columns: Any = None) -> Any:
            yield from real(self, partition, columns)
            if what == "the store":
                raise StoreError("a file is gone")
            publish(NIGHT, ROWS, "r3")

        error = StoreError if what == "the store" else ExportFailed
        monkeypatch.setattr(Store, "prediction_batches", breaks)
    with pytest.raises(error) as caught:
        out()
    assert "\n" not in str(caught.value)
    assert ask("SELECT * FROM scores ORDER BY parcel") == before


def test_exports_to_one_table_take_turns_and_readers_do_not_wait(
    publish: Publish, out: Any, ask: Ask, server: Server
) -> None:
    publish(NIGHT, ROWS)
    out()
    failed: list[BaseException] = []

    def again() -> None:
        try:
            out()
        except BaseException as error:
            failed.append(error)

    with psycopg.connect(server.url) as holding:
        holding.execute("SELECT pg_advisory_xact_lock(hashtextextended('scores', 0))")
        holding.execute("LOCK TABLE scores IN SHARE ROW EXCLUSIVE MODE")
        threads = [threading.Thread(target=again) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert ask("SELECT count(*) FROM scores") == [(3,)]
        threads[0].join(1.0)
        assert threads[0].is_alive()
        holding.rollback()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert ask("SELECT count(*) FROM scores") == [(3,)]


def test_who_waits_too_long_is_told(
    publish: Publish, out: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(NIGHT, ROWS)
    monkeypatch.setattr("assay.score.operations.postgres.PATIENCE", "100ms")
    with psycopg.connect(server.url) as holding:
        holding.execute("SELECT pg_advisory_xact_lock(hashtextextended('scores', 0))")
        with pytest.raises(ExportFailed, match="lock timeout"):
            out()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: {"PGPASSWORD": "wrong"}, "password authentication failed"),
        (lambda s: {"url": s.url.replace(str(s.port), str(free_port()))}, "Connection refused"),
        (lambda s: {"url": s.url.replace("127.0.0.1", "no-such-host.invalid")}, "no-such-host"),
        (lambda s: {"url": s.url + "s"}, 'database "postgress" does not exist'),
        (lambda s: {"url": s.url + "?sslmod=require"}, "sslmod"),
        (lambda s: {"url": s.url + "?table=nowhere.scores"}, 'schema "nowhere" does not exist'),
    ],
)
def test_a_server_that_does_not_answer_is_told_in_one_line(
    publish: Publish, out: Any, server, change, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(NIGHT, ROWS)
    changed = change(server)
    if "PGPASSWORD" in changed:
        monkeypatch.setenv("PGPASSWORD", changed["PGPASSWORD"])
    with pytest.raises(ExportFailed, match=expected) as caught:
        out(to=changed.get("url", server.url))
    line = caught.value.line()
    assert "\n" not in line and postgres.PASSWORD not in line and "wrong" not in line


# -------------------------------------------------------------------------------------- input

CONTRACT = load_contract_text(
    """\
import datetime
import pandera.pandas as pa
class Row(pa.DataFrameModel):
    id: int = pa.Field(metadata={"role": "key"})
    at: datetime.datetime = pa.Field(metadata={"role": "time"})
    name: str = pa.Field(nullable=True, metadata={"role": "feature"})
    size: float = pa.Field(nullable=True, metadata={"role": "feature"})
    late: bool = pa.Field(metadata={"role": "label"})
""",
    "c.py",
).without_label()
AT = dt.datetime(2024, 3, 1, 10)


@pytest.fixture
def read(
    spark: Any, server: Server, values: Params, tmp_path: Path
) -> Iterator[Callable[..., Any]]:
    """The night's DataFrame for a query and whatever else params.yaml may say."""
    reading = ExitStack()

    def of(query: str, value: str = NIGHT, **more: Any) -> Any:
        spec = {"format": "postgres", "url": server.address, "query": query, **more}
        score = values.score.model_copy(update={"input": TypeAdapter(Input).validate_python(spec)})
        given = values.model_copy(update={"score": score})
        night = find_night(tmp_path, given, CONTRACT, value)
        return reading.enter_context(open_frame(spark, given, night, CONTRACT))

    with reading:
        yield of


@pytest.fixture
def departures(ask: Ask) -> None:
    ask(
        "CREATE TABLE departures (day date, id bigint, at timestamp, seen timestamptz, name text, "
        "size double precision, price numeric, code uuid DEFAULT gen_random_uuid())"
    )
    ask(
        "INSERT INTO departures (day, id, at, seen, name, size, price) "
        "SELECT date '2024-03-01' + n / 1000, n, "
        "timestamp '2024-03-01 10:00' + n * interval '1 second', '2024-03-01 10:00+05', "
        "CASE WHEN n % 7 = 0 THEN NULL ELSE 'n' || n END, n / 4.0, n "
        "FROM generate_series(0, 2499) AS n"
    )


QUERY = "SELECT id, at, name, size, seen FROM departures WHERE day = :night -- a comment"


def test_a_night_is_read_as_the_query_gives_it(read: Any, departures: None, ask: Ask) -> None:
    ask("UPDATE departures SET at = 'infinity' WHERE id = 9")
    batch = read(QUERY).toArrow()
    assert batch["seen"].to_pylist() == [dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC)] * 1000
    found, broken = parse_rows(CONTRACT, batch)
    assert {rule: mask.sum() for rule, mask in broken.items()} == {"at: readable as timestamp": 1}
    assert sorted(found["id"].to_pylist()) == list(range(1000))
    first = next(row for row in found.to_pylist() if row["id"] == 1)
    assert first == {
        "id": 1,
        "at": AT + dt.timedelta(seconds=1),
        "name": "n1",
        "size": 0.25,
    }
    assert found["name"].null_count == 143


def test_a_time_that_a_zone_skips_stays_what_it_is(
    read: Any, departures: None, ask: Ask, spark: Any
) -> None:
    # On March 10 at 2:00 the clocks of New York were put forward.
    ask("UPDATE departures SET at = '2024-03-10 02:30' WHERE id = 1")
    zones = spark.sparkContext._jvm.java.util.TimeZone
    before = zones.getDefault()
    zones.setDefault(zones.getTimeZone("America/New_York"))
    try:
        found, _ = parse_rows(CONTRACT, read(QUERY + "\nAND id = 1", split_on="at").toArrow())
    finally:
        zones.setDefault(before)
    assert found["at"].to_pylist() == [dt.datetime(2024, 3, 10, 2, 30)]


@pytest.mark.parametrize(
    ("column", "splits"), [("id", 7), ("at", 3), ("day", 2), ("size", 4), ("price", 4), ("id", 1)]
)
def test_ranges_read_side_by_side_lose_and_double_nothing(
    read: Any, departures: None, column: str, splits: int
) -> None:
    more = f", {column}" if column in ("day", "price") else ""
    query = QUERY.replace(" FROM", f"{more} FROM")
    found = read(query, split_on=column, splits=splits)
    assert found.rdd.getNumPartitions() <= splits
    assert (found.rdd.getNumPartitions() > 1) == (splits > 1 and column != "day")
    assert sorted(found.toArrow()["id"].to_pylist()) == list(range(1000))


def test_a_null_in_the_column_to_split_on_is_read_too(
    read: Any, departures: None, ask: Ask
) -> None:
    ask("UPDATE departures SET size = NULL WHERE id < 3")
    found = read(QUERY, split_on="size", splits=4).toArrow()
    assert found.num_rows == 1000 and found["size"].null_count == 3


def test_no_rows_are_no_rows(read: Any, departures: None) -> None:
    assert read(QUERY, "2031-01-01", split_on="id").toArrow().num_rows == 0
    assert read(QUERY, "2031-01-01").toArrow().num_rows == 0


def test_a_value_is_a_text_whatever_it_holds(read: Any, departures: None, ask: Ask) -> None:
    query = "SELECT id, at, :night AS name, size FROM departures WHERE day::text <> :night"
    for value in ("x'; DROP TABLE departures; --", "a\\'b", "é"):
        found = read(query, value).toArrow()
        assert set(found["name"].to_pylist()) == {value}
    assert ask("SELECT count(*) FROM departures") == [(2500,)]
    assert quote_literal("2024-03-01") == "'2024-03-01'"


@pytest.mark.parametrize(
    ("query", "more", "error", "expected"),
    [
        (QUERY.replace("departures", "nowhere"), {}, SourceError, 'relation "nowhere" does not'),
        (QUERY.replace("SELECT", "SELCT"), {}, SourceError, "syntax error"),
        (QUERY.replace("name,", ""), {}, SchemaMismatch, "'name' is missing"),
        (
            QUERY.replace(" size,", " price AS size,"),
            {},
            SchemaMismatch,
            "'size' has another type.*decimal",
        ),
        (QUERY, {"split_on": "name"}, SourceError, "split_on: name: rows cannot be split by it"),
        (QUERY, {"split_on": "nothing"}, SourceError, 'column "nothing" does not exist'),
        (QUERY, {"user_env": "NOBODY_SET_IT"}, SourceError, "the environment has no NOBODY"),
    ],
)
def test_a_query_that_fails_says_why(
    read: Any, departures: None, query: str, more: Any, error: type[Exception], expected: str
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
    read: Any, server: Server, change: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "password" in change:
        monkeypatch.setenv("PGPASSWORD", change["password"])
    host, port = change.get("host", "127.0.0.1"), server.port if "port" not in change else 1
    url = f"postgresql://{host}:{port}/{change.get('database', 'postgres')}"
    began = dt.datetime.now()
    with pytest.raises(SourceError, match=expected) as caught:
        read(QUERY, url=url)
    assert dt.datetime.now() - began < dt.timedelta(seconds=15)
    line = caught.value.line()
    assert "\n" not in line and postgres.PASSWORD not in line and url in line
