"""What changed since a target got something last: each change once, whatever is killed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import ExportFailed, NothingScored, RunUnknown, UsageError
from assay.project.params import Params
from assay.score.operations import export, export_changes
from assay.score.operations.export_changes import ChangesReport
from assay.store import Run, Store, open_store
from assay.store.exports import Exported
from tests import predictions

FIRST, SECOND, THIRD = "2024-03-01", "2024-03-02", "2024-03-03"

Export = Callable[..., ChangesReport]


class Killed(BaseException):
    """Stands for a process that was killed: nothing catches it."""


def scores(**probabilities: float | None) -> list[dict[str, Any]]:
    return [
        {
            "parcel": ord(name),
            "name": name,
            "prediction": None if value is None else value >= 0.5,
            "probability": value,
        }
        for name, value in probabilities.items()
    ]


@pytest.fixture
def publish(store: Store) -> Callable[..., None]:
    return partial(predictions.publish, store)


@pytest.fixture
def send(tmp_path: Path, values: Params) -> Export:
    def exported(night: str, by: float | None = None, to: str = "csv:exports/crm") -> ChangesReport:
        kind, _, folder = to.partition(":")
        place = f"{kind}:{tmp_path / folder}" if kind in {"csv", "parquet"} else to
        return export_changes.run(tmp_path, values, night, place, by)

    return exported


def files(tmp_path: Path) -> list[str]:
    """Of the target, hidden or not, as far as exports write them."""
    folder = tmp_path / "exports" / "crm"
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


def sent(tmp_path: Path, name: str) -> dict[str, str]:
    found = pacsv.read_csv(tmp_path / "exports" / "crm" / name)
    return dict(zip(found["name"].to_pylist(), found["change"].to_pylist(), strict=True))


def test_a_target_gets_all_rows_first_and_then_what_changed(
    publish: Any, send: Export, tmp_path: Path
) -> None:
    publish(FIRST, scores(a=0.1, b=0.9, c=0.2, d=0.3), "r1")
    done = send(FIRST)
    assert (done.since, done.rows, done.changes) == (None, 4, {"new": 4})
    publish(SECOND, scores(a=0.7, b=0.2, c=0.25, e=0.1), "r2")
    done = send(SECOND)
    assert done.since == f"{FIRST}, run r1"
    assert done.changes == {"up": 1, "down": 1, "gone": 1, "new": 1}
    assert done.file == str(tmp_path / "exports" / "crm" / f"000002-{SECOND}-r2.csv")
    assert files(tmp_path) == [f"000001-{FIRST}-r1.csv", f"000002-{SECOND}-r2.csv"]
    assert sent(tmp_path, files(tmp_path)[1]) == {"a": "up", "b": "down", "d": "gone", "e": "new"}


def test_rows_carry_night_run_key_and_both_answers(
    publish: Any, send: Export, tmp_path: Path
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    send(FIRST, to="parquet:out")
    publish(SECOND, scores(a=0.75), "r2")
    send(SECOND, to="parquet:out")
    found = pq.read_table(tmp_path / "out" / f"000002-{SECOND}-r2.parquet").to_pylist()
    assert found == [
        {
            "day": SECOND, "parcel": 97, "name": "a", "old_prediction": False,
            "old_probability": 0.1, "new_prediction": True, "new_probability": 0.75,
            "change": "up", "score_change": 0.65, "run_id": "r2",
        }
    ]  # fmt: skip


def test_a_row_that_moved_is_sent_if_asked_for(publish: Any, send: Export, tmp_path: Path) -> None:
    publish(FIRST, scores(a=0.1, b=0.1, c=0.4), "r1")
    send(FIRST, by=0.2)
    publish(SECOND, scores(a=0.15, b=0.35, c=0.55), "r2")
    assert send(SECOND, by=0.2).changes == {"moved": 1, "up": 1}
    assert sent(tmp_path, f"000002-{SECOND}-r2.csv") == {"b": "moved", "c": "up"}


def test_a_night_that_was_published_anew_is_compared_with_what_the_target_got_of_it(
    publish: Any, send: Export, tmp_path: Path
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    publish(SECOND, scores(a=0.9), "r2")
    send(FIRST), send(SECOND)
    publish(FIRST, scores(a=0.6), "r3")
    done = send(FIRST)
    assert (done.since, done.changes) == (f"{FIRST}, run r1", {"up": 1})
    publish(THIRD, scores(a=0.1), "r4")
    assert send(THIRD).since == f"{SECOND}, run r2"


def test_a_night_before_all_that_a_target_got_is_all_new(publish: Any, send: Export) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    publish(SECOND, scores(a=0.1), "r2")
    send(SECOND)
    done = send(FIRST)
    assert (done.since, done.changes) == (None, {"new": 1})


def test_the_same_again_sends_nothing_even_if_the_file_was_taken(
    publish: Any, send: Export, tmp_path: Path
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    send(FIRST)
    (tmp_path / "exports" / "crm" / f"000001-{FIRST}-r1.csv").unlink()
    done = send(FIRST)
    assert (done.rows, done.file, files(tmp_path)) == (0, None, [])


def test_a_night_without_changes_is_a_file_without_rows(
    publish: Any, send: Export, tmp_path: Path
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    publish(SECOND, scores(a=0.2), "r2")
    send(FIRST)
    assert send(SECOND).rows == 0
    assert (
        (tmp_path / "exports" / "crm" / f"000002-{SECOND}-r2.csv").read_text().startswith('"day"')
    )


def test_a_run_that_came_back_is_sent_again_under_another_name(
    publish: Any, send: Export, store: Store, tmp_path: Path
) -> None:
    for run_id, probability in (("r1", 0.1), ("r2", 0.9)):
        publish(FIRST, scores(a=probability), run_id)
        run = Run(run_id=run_id, event="published", partition=FIRST, at=predictions.NOON)
        store.append_run_events(replace(run, rows_scored=1))
        send(FIRST)
    store.retract("r2", "me", "the wrong model")
    done = send(FIRST)
    assert (done.since, done.changes) == (f"{FIRST}, run r2", {"down": 1})
    assert files(tmp_path) == [
        f"000001-{FIRST}-r1.csv",
        f"000002-{FIRST}-r2.csv",
        f"000003-{FIRST}-r1.csv",
    ]


@pytest.mark.parametrize("to", ["csv:exports/crm", "csv:exports/erp", "parquet:exports/crm"])
def test_each_target_has_its_own_changes(publish: Any, send: Export, to: str) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    send(FIRST)
    publish(SECOND, scores(a=0.9), "r2")
    assert send(SECOND, to=to).changes == ({"up": 1} if to == "csv:exports/crm" else {"new": 1})


# --------------------------------------------------------------------------- kills and races

POINTS = ("before record", "after record", "after name")


def kill_at(patch: pytest.MonkeyPatch, point: str) -> None:
    record, show = Store.append_export, export_changes._show

    def recorded(self: Store, target: str, made: Exported) -> bool:
        if point == "before record":
            raise Killed
        done = record(self, target, made)
        if point == "after record":
            raise Killed
        return done

    def shown(folder: Path, kind: str, made: Exported) -> Path:
        there = (folder / made.staged).exists()
        file = show(folder, kind, made)
        if point == "after name" and there:
            raise Killed
        return file

    patch.setattr(Store, "append_export", recorded)
    patch.setattr(export_changes, "_show", shown)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("anew", [False, True])
def test_a_kill_neither_loses_nor_doubles_a_row(
    publish: Any, send: Export, tmp_path: Path, point: str, anew: bool
) -> None:
    publish(FIRST, scores(a=0.1, b=0.1), "r1")
    send(FIRST)
    publish(SECOND, scores(a=0.9, b=0.1), "r2")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, point)
        send(SECOND)
    seen = [name for name in files(tmp_path) if not name.startswith(".")]
    assert len(seen) == (2 if point == "after name" else 1)
    if anew:
        publish(SECOND, scores(a=0.9, b=0.9), "r3")
    send(SECOND)
    got = [sent(tmp_path, name) for name in files(tmp_path) if not name.startswith(".")][1:]
    if anew and point != "before record":
        assert got == [{"a": "up"}, {"b": "up"}]
    else:
        assert got == [{"a": "up", "b": "up"} if anew else {"a": "up"}]


def test_what_a_kill_left_that_nobody_recorded_is_deleted_a_day_later(
    publish: Any, send: Export, tmp_path: Path
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_at(patch, "before record")
        send(FIRST)
    (left,) = (tmp_path / "exports" / "crm").glob(".*")
    # Where it is killed while it writes, a folder is left in the place of the file.
    half = left.with_name(f".{left.name}-abc")
    half.mkdir()
    (half / left.name).touch()
    send(FIRST)
    assert left.exists() and half.exists()
    for each in (left, half):
        then = each.stat().st_mtime - 100_000
        os.utime(each, (then, then))
    send(FIRST)  # there is nothing to send
    assert files(tmp_path) == [f"000001-{FIRST}-r1.csv"]


def test_what_a_killed_export_of_a_night_left_is_deleted_a_day_later(tmp_path: Path) -> None:
    schema, batches = pa.schema([("a", pa.int64())]), [pa.record_batch({"a": [1]})]
    left = tmp_path / ".night.csv-abc"
    left.mkdir()
    (left / "night.csv").touch()
    for then, there in ((time.time(), True), (time.time() - 100_000, False)):
        os.utime(left, (then, then))
        export.write_rows("csv", tmp_path / "night.csv", schema, batches, lambda _: None)
        assert left.exists() is there


OPERATIONS = st.lists(
    st.tuples(
        st.booleans(),
        st.dictionaries(st.sampled_from("abc"), st.sampled_from([None, 0.2, 0.8]), min_size=1),
        st.sampled_from([None, *POINTS]),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@given(OPERATIONS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_who_applies_all_changes_has_what_is_published(
    tmp_path_factory: pytest.TempPathFactory, values: Params, operations: list[Any]
) -> None:
    """A receiver that takes files as they come, and deletes them, ends with the last night."""
    root = tmp_path_factory.mktemp("crm")
    store = open_store(root, values)
    held: dict[str, Any] = {}
    night = 0

    def take() -> None:
        for file in sorted((root / "exports" / "crm").glob("[0-9]*.csv")):
            for row in pacsv.read_csv(file).to_pylist():
                name, change = row["name"], row["change"]
                assert (name in held) == (change != "new")
                if change == "gone":
                    del held[name]
                else:
                    assert change == "new" or held[name] != row["new_prediction"]
                    held[name] = row["new_prediction"]
            file.unlink()

    for number, (again, rows, point, takes) in enumerate(operations):
        night += not (again and night)
        day = f"2024-03-{night:02}"
        predictions.publish(store, day, scores(**rows), f"r{number}")
        run = partial(export_changes.run, root, values, day, f"csv:{root}/exports/crm")
        if point is None:
            run()
        else:
            with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
                kill_at(patch, point)
                run()
        if takes:
            take()
    run()
    take()
    assert held == {row["name"]: row["prediction"] for row in scores(**rows)}


def test_two_exports_at_once_send_each_change_once(
    publish: Any, send: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    send(FIRST)
    publish(SECOND, scores(a=0.9), "r2")
    together = threading.Barrier(2)
    record = Store.append_export

    def at_once(self: Store, target: str, made: Exported) -> bool:
        together.wait(10)
        return record(self, target, made)

    monkeypatch.setattr(Store, "append_export", at_once)
    ends: list[object] = []

    def one() -> None:
        try:
            ends.append(send(SECOND).rows)
        except ExportFailed as error:
            ends.append(error.what)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(map(str, ends)) == ["1", "another export to it came first"]
    assert files(tmp_path) == [f"000001-{FIRST}-r1.csv", f"000002-{SECOND}-r2.csv"]


# --------------------------------------------------------------------------------- functions


def test_a_function_gets_what_changed(
    publish: Any, send: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[tuple[str, list[str]]] = []

    def sink(night: str, batches: Iterator[pa.RecordBatch]) -> None:
        got.append((night, [name for each in batches for name in each["name"].to_pylist()]))

    monkeypatch.setattr("assay.score.operations.export.load_sink", lambda name, root: sink)
    publish(FIRST, scores(a=0.1, b=0.1), "r1")
    publish(SECOND, scores(a=0.1, b=0.9), "r2")
    for night in (FIRST, SECOND, SECOND):
        send(night, to="function:data.sinks.send")
    assert got == [(FIRST, ["a", "b"]), (SECOND, ["b"])]


# ------------------------------------------------------------------------------------ errors


def test_what_cannot_be_sent_is_said(publish: Any, send: Export, tmp_path: Path) -> None:
    with pytest.raises(NothingScored, match="no run has published"):
        send(FIRST)
    rows = [{"parcel": 1, "name": "a", "prediction": 2.5}]
    publish(FIRST, rows, "r1", task="regression")
    with pytest.raises(UsageError, match=r"no decision that could change.*--by X"):
        send(FIRST)
    assert send(FIRST, by=0.5).rows == 1
    publish(SECOND, [{**rows[0], "prediction": 3.5}], "r2", task="regression")
    assert send(SECOND, by=0.5).changes == {"moved": 1}
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="a folder, which gets a new file"):
        send(FIRST, by=0.5, to="csv:file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_that_is_gone_is_not_compared_with(
    publish: Any, send: Export, store: Store, tmp_path: Path
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    send(FIRST)
    publish(FIRST, scores(a=0.9), "r2")
    (lost,) = (tmp_path / "store" / "predictions").rglob("r1-*.parquet")
    lost.unlink()
    with pytest.raises(RunUnknown, match=r"run r1: what the target got last.*another folder"):
        send(FIRST)


def test_a_night_that_changes_meanwhile_is_not_sent(
    publish: Any, send: Export, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(FIRST, scores(a=0.1), "r1")
    real = export_changes.paired

    def overtaken(*given: Any) -> Iterator[pa.Table]:
        yield from real(*given)
        publish(FIRST, scores(a=0.9), "r2")

    monkeypatch.setattr(export_changes, "paired", overtaken)
    with pytest.raises(ExportFailed, match=r"changed while it was copied.*run r1.*r2 visible now"):
        send(FIRST)
    assert files(tmp_path) == []
    assert store.exports("csv:exports/crm") == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_at_most_the_last_folder_is_made(
    publish: Callable[..., None], send: Export, tmp_path: Path, kind: str
) -> None:
    publish(FIRST, scores(A=0.1))
    with pytest.raises(UsageError, match=f"there is no folder {tmp_path / 'new'} "):
        send(FIRST, to=f"{kind}:new/crm")
    assert not (tmp_path / "new").exists()
    assert send(FIRST, to=f"{kind}:crm").rows == 1
