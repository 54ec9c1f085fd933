"""A real PostgreSQL server: predictions go in whole, errors in one line."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assay.cli.result import to_json
from assay.errors import ExportFailed, StoreError
from assay.project.params import Params
from assay.score.operations import export, export_changes
from assay.store import Store
from tests import postgres, predictions
from tests.postgres import Server
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
    said = [to_json(done), str(done)]
    assert all(postgres.PASSWORD not in text for text in said)


def test_lists_and_schemas_and_odd_names(publish: Publish, out: Any, ask: Ask, server) -> None:
    many = {"parcel": 1, "name": "a", "prediction": "a", "probability": 0.7}
    publish(NIGHT, [{**many, "probabilities": [0.7, 0.3]}, many], task="multiclass")
    ask('CREATE SCHEMA "Odd"')
    out(to=f'{server.url}?table=Odd.my%20"scores"')
    rows = ask('SELECT probabilities FROM "Odd"."my ""scores""" ORDER BY probabilities')
    assert rows == [([0.7, 0.3],), (None,)]


def test_reasons_are_json_in_the_database(publish: Publish, out: Any, ask: Ask) -> None:
    one = {"feature": 'a "b"', "reason": "é, \\n", "code": None, "value": "1", "share": 0.5}
    one["contribution"] = 0.25
    publish(NIGHT, [{**ROWS[0], "reasons": [one]}, {**ROWS[1], "reasons": []}, ROWS[2]])
    out()
    found = ask("SELECT reasons, reasons->0->>'value' FROM scores ORDER BY parcel")
    assert found == [([one], "1"), ([], None), (None, None)]


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


def changed(
    tmp_path: Path, values: Params, server: Server, night: str, to: str = "?table=crm"
) -> export_changes.ChangesReport:
    return export_changes.run(tmp_path, values, night, server.url + to)


CHANGED = "day, parcel, change, old_prediction, new_prediction, run_id"


def test_what_changed_is_added_once_with_a_record_of_it(
    publish: Publish, ask: Ask, tmp_path: Path, values: Params, server: Server
) -> None:
    ask("CREATE SCHEMA sales")
    later = "2024-03-02"
    publish(NIGHT, ROWS)
    publish(later, [{**ROWS[0], "prediction": False}, *ROWS[1:]], "r2")
    for night in (NIGHT, NIGHT, later, later):
        changed(tmp_path, values, server, night, "?table=sales.crm")
    found = ask(f"SELECT {CHANGED} FROM sales.crm ORDER BY day, parcel")
    assert found == [
        (NIGHT, 1, "new", None, True, "r1"),
        (NIGHT, 2, "new", None, None, "r1"),
        (NIGHT, 3, "new", None, False, "r1"),
        (later, 1, "down", True, False, "r2"),
    ]
    record = ask("SELECT night, run_id, number, rows FROM sales.crm_exports ORDER BY number")
    assert record == [(NIGHT, "r1", 1, 3), (later, "r2", 2, 1)]
    # The receiver takes its rows: they do not come back.
    ask("DELETE FROM sales.crm")
    assert changed(tmp_path, values, server, later, "?table=sales.crm").rows == 0
    assert ask("SELECT * FROM sales.crm") == []


def test_changes_of_a_night_that_changes_meanwhile_leave_rows_and_record_alone(
    publish: Publish,
    ask: Ask,
    tmp_path: Path,
    values: Params,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(NIGHT, ROWS)
    changed(tmp_path, values, server, NIGHT)
    publish(NIGHT, ROWS[:2], "r2")
    real = export_changes.paired

    def overtaken(*given: Any) -> Any:
        yield from real(*given)
        publish(NIGHT, ROWS[:1], "r3")

    with monkeypatch.context() as patch:
        patch.setattr(export_changes, "paired", overtaken)
        with pytest.raises(ExportFailed, match="changed while it was copied"):
            changed(tmp_path, values, server, NIGHT)
    assert ask("SELECT count(*) FROM crm") == [(3,)]
    assert ask("SELECT count(*) FROM crm_exports") == [(1,)]
    assert changed(tmp_path, values, server, NIGHT).changes == {"gone": 2}


def test_changes_that_are_sent_at_once_come_once(
    publish: Publish, ask: Ask, tmp_path: Path, values: Params, server: Server
) -> None:
    publish(NIGHT, ROWS)
    ends: list[int] = []

    def one() -> None:
        ends.append(changed(tmp_path, values, server, NIGHT).rows)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(ends) == [0, 0, 3]
    assert ask("SELECT count(*) FROM crm") == [(3,)]


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
