from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import NothingScored, StoreError
from pipeline.params import load
from pipeline.profile import ColumnProfile, Profile
from pipeline.store import (
    PartWriter,
    RunEvent,
    StagedFile,
    Store,
    log,
    open_store,
    predictions_schema,
    quarantine_schema,
    write_part,
)
from pipeline.store.files import run_of
from pipeline.store.runs import EVENTS, Event, fold
from pipeline.store.tables import Staged, storable

ROOT = Path(__file__).resolve().parents[1]
KEYS = pa.schema([("id", pa.int64())])
NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
ODD = "2013/07 é%2F=1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "a store"), "date")


def rows(run_id: str, ids: list[int]) -> pa.Table:
    schema = predictions_schema("date", KEYS)
    whole = pa.Table.from_pylist(
        [
            {
                "id": i, "prediction": i > 1, "probability": i / 100, "model_version": "v1.0.0",
                "bundle": "sha256:ab", "run_id": run_id, "scored_at": NOON,
            }
            for i in ids
        ],
        schema,
    )  # fmt: skip
    return whole.drop_columns(["date"])


def refused(run_id: str, ids: list[int]) -> pa.Table:
    schema = quarantine_schema("date", KEYS)
    whole = pa.Table.from_pylist(
        [
            {
                "id": i, "broken_rules": ["a", "b"], "row": "{}", "model_version": "v1.0.0",
                "bundle": "sha256:ab", "run_id": run_id, "quarantined_at": NOON,
            }
            for i in ids
        ],
        schema,
    )  # fmt: skip
    return whole.drop_columns(["date"])


def stage(store: Store, table: Staged, partition: str, run_id: str, ids: list[int]) -> list[Any]:
    """Write the rows as two files (one if there is one row), none for no rows."""
    make = rows if table == "predictions" else refused
    return [
        write_part(
            store.table_uri(table),
            store.new_file(table, partition, run_id, f"0.{number}"),
            make(run_id, some),
        )
        for number, some in enumerate((ids[:1], ids[1:]))
        if some
    ]


def facts(run_id: str) -> dict[str, str]:
    return {
        "run_id": run_id, "name": "n", "version": "v1.0.0", "bundle": "sha256:ab", "contract": "c",
    }  # fmt: skip


def publish(store: Store, table: Staged, partition: str, run_id: str, ids: list[int]) -> None:
    schema = {"predictions": predictions_schema, "quarantine": quarantine_schema}[table]
    files = stage(store, table, partition, run_id, ids)
    store.publish(table, schema("date", KEYS), partition, files, facts(run_id))


def run(store: Store, partition: str, run_id: str, good: list[int], bad: list[int]) -> None:
    publish(store, "quarantine", partition, run_id, bad)
    publish(store, "predictions", partition, run_id, good)


def ids(table: pa.Table) -> list[int]:
    return sorted(table.column("id").to_pylist())


def event(run_id: str, kind: Event, minutes: int, **more: Any) -> RunEvent:
    known = {
        "partition": "p", "name": "n", "version": "v1.0.0", "bundle": "sha256:ab", "contract": "c",
    }  # fmt: skip
    at = NOON + timedelta(minutes=minutes)
    return RunEvent(run_id=run_id, event=kind, at=at, **{**known, **more})


# ------------------------------------------------------------------------------- parts


def test_a_part_is_written_whole_under_its_name(store: Store) -> None:
    relative = store.new_file("predictions", ODD, "r-1", "00.1")
    assert relative == "date=2013%2F07%20%C3%A9%252F%3D1/r-1-00.1.parquet"
    staged = write_part(store.table_uri("predictions"), relative, rows("r-1", [1, 2, 3]))
    path = Path(store.table_uri("predictions"), relative)
    assert staged == StagedFile(relative, path.stat().st_size, 3, ODD)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert "date" not in pq.read_schema(path).names
    assert run_of(relative) == "r-1"


def test_a_part_may_grow_batch_by_batch(store: Store) -> None:
    relative = store.new_file("predictions", "p", "r1", "0")
    with PartWriter(store.table_uri("predictions"), relative) as part:
        part.write(rows("r1", [1]))
        part.write(rows("r1", []))
        part.write(rows("r1", [2, 3]))
    assert part.staged.rows == 3


def test_an_error_while_writing_leaves_no_file(store: Store) -> None:
    relative = store.new_file("predictions", "p", "r1", "0")
    with pytest.raises(RuntimeError), PartWriter(store.table_uri("predictions"), relative) as part:
        part.write(rows("r1", [1]))
        raise RuntimeError
    assert not [path for path in Path(store.uri).rglob("*") if path.is_file()]
    with pytest.raises(ValueError, match="not written yet"):
        _ = part.staged


def test_what_cannot_be_told_apart_again_is_refused(store: Store) -> None:
    for partition, run_id, part in [
        ("", "r", "0"), ("p", "", "0"), ("p", "a/b", "0"), ("p", "r", "1-2"), ("p", ".r", "0"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=r"partition|run id|part"):
            store.new_file("predictions", partition, run_id, part)


def test_the_partition_column_does_not_belong_in_the_file(store: Store) -> None:
    table = rows("r1", [1]).append_column("date", pa.array(["p"]))
    with pytest.raises(StoreError, match="partition column date is in the rows"):
        write_part(store.uri, store.new_file("predictions", "p", "r1", "0"), table)


def test_types_that_delta_lacks_are_widened_or_named() -> None:
    given = {
        "a": pa.timestamp("ns"), "b": pa.timestamp("s", "Europe/Paris"), "c": pa.uint32(),
        "d": pa.dictionary(pa.int8(), pa.large_string()), "e": pa.large_list(pa.uint8()),
    }  # fmt: skip
    assert storable(pa.schema(given)).types == [
        pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.int64(), pa.string(),
        pa.list_(pa.int16()),
    ]  # fmt: skip
    with pytest.raises(StoreError, match=r"cannot hold x \(time64\[us\]\), y \(null\)"):
        storable(pa.schema([("x", pa.time64("us")), ("y", pa.null()), ("z", pa.int8())]))


def test_a_key_cannot_have_the_name_of_a_column_of_the_table() -> None:
    with pytest.raises(StoreError, match="probability"):
        predictions_schema("date", pa.schema([("probability", pa.int64())]))
    assert predictions_schema("id", KEYS).names[:2] == ["id", "prediction"]


def test_where_the_store_is(tmp_path: Path) -> None:
    params = load(ROOT)
    assert open_store(tmp_path, params).uri == str(tmp_path.resolve() / "store")
    far = params.model_copy(update={"store": "s3://bucket/x/"})
    assert open_store(tmp_path, far).table_uri("runs") == "s3://bucket/x/runs"
    ingest = params.ingest.model_copy(update={"partition_by": "column"})
    with pytest.raises(StoreError, match="column"):
        open_store(tmp_path, params.model_copy(update={"ingest": ingest}))
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------- publication


@pytest.mark.parametrize("partition", ["2013-07-01", ODD])
def test_what_was_published_is_read_back(store: Store, partition: str) -> None:
    run(store, partition, "r1", [1, 2, 3], [8, 9])
    read = store.predictions(partition)
    assert read.schema.equals(predictions_schema("date", KEYS))
    assert ids(read) == [1, 2, 3] and set(read.column("date").to_pylist()) == {partition}
    assert store.quarantine(partition).schema.equals(quarantine_schema("date", KEYS))
    assert ids(store.quarantine(partition)) == [8, 9]
    assert store.partitions() == [partition]
    assert pickle.loads(pickle.dumps(store)).partitions() == [partition]


def test_a_rerun_replaces_its_partition_and_no_other(store: Store) -> None:
    from deltalake import DeltaTable

    run(store, "p", "r1", [1, 2, 3], [9])
    run(store, "q", "r2", [4], [])
    before = DeltaTable(store.table_uri("predictions")).version()
    run(store, "p", "r3", [5, 6], [])
    assert ids(store.predictions("p")) == [5, 6] and ids(store.quarantine("p")) == []
    assert ids(store.predictions("q")) == [4]
    table = DeltaTable(store.table_uri("predictions"))
    assert table.version() == before + 1
    commit = table.history(1)[0]
    kept = [commit[name] for name in ("run_id", "name", "model_version", "bundle", "contract")]
    assert kept == list(facts("r3").values())
    table.load_as_version(before)
    assert ids(table.to_pyarrow_table(filters=[("date", "=", "p")])) == [1, 2, 3]


def test_publishing_the_same_files_again_changes_nothing(store: Store) -> None:
    from deltalake import DeltaTable

    schema = predictions_schema("date", KEYS)
    files = stage(store, "predictions", "p", "r1", [1, 2])
    for _ in range(2):
        store.publish("predictions", schema, "p", files, facts("r1"))
    assert ids(store.predictions("p")) == [1, 2]
    assert DeltaTable(store.table_uri("predictions")).version() == 0


def test_a_run_that_ends_before_its_predictions_are_committed_is_invisible(store: Store) -> None:
    run(store, "p", "r1", [1, 2], [9])
    store.write_profile("r1", "p", "v1.0.0", "sha256:ab", PROFILE)
    for crashed in ("r2", "r3"):
        store.append_run_event(event(crashed, "started", 1))
        stage(store, "predictions", "p", crashed, [5, 6, 7])
        publish(store, "quarantine", "p", crashed, [8])
        store.write_profile(crashed, "p", "v1.0.0", "sha256:ab", PROFILE)
    assert ids(store.predictions("p")) == [1, 2] and ids(store.quarantine("p")) == [9]
    found = store.published_run("p")
    assert found is not None and found.run_id == "r1"
    assert store.profile("r1", "p") == PROFILE
    with pytest.raises(NothingScored, match="r2"):
        store.profile("r2", "p")
    run(store, "p", "r4", [5], [6])
    assert ids(store.predictions("p")) == [5] and ids(store.quarantine("p")) == [6]


def test_a_first_run_that_ends_early_leaves_nothing_to_read(store: Store) -> None:
    publish(store, "quarantine", "p", "r1", [8])
    stage(store, "predictions", "p", "r1", [1])
    for look in (store.predictions, store.quarantine):
        with pytest.raises(NothingScored, match="no run has published date=p"):
            look("p")
    assert store.partitions() == [] and store.published_run("p") is None and store.runs() == []


def test_no_files_leave_the_partition_empty(store: Store) -> None:
    publish(store, "predictions", "p", "r1", [])
    assert store.partitions() == []
    publish(store, "predictions", "p", "r2", [1])
    publish(store, "predictions", "p", "r3", [])
    assert store.partitions() == []


def test_a_night_of_which_every_row_was_refused_is_published(store: Store) -> None:
    publish(store, "quarantine", "p", "r1", [1])
    path = store.new_file("predictions", "p", "r1", "none")
    empty = write_part(store.table_uri("predictions"), path, rows("r1", []))
    schema = predictions_schema("date", KEYS)
    store.publish("predictions", schema, "p", [empty], facts("r1"))
    found = store.published_run("p")
    assert found is not None and (found.rows_scored, found.rows_quarantined) == (0, 1)
    assert store.predictions("p").num_rows == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", ODD]),
            st.lists(st.integers(0, 99), max_size=4),
            st.lists(st.integers(0, 99), max_size=3),
            st.booleans(),
        ),
        min_size=1,
        max_size=7,
    )
)
def test_any_sequence_of_runs_equals_a_dictionary(
    sequence: list[tuple[str, list[int], list[int], bool]],
) -> None:
    model: dict[str, tuple[str, list[int], list[int]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder, "date")
        for number, (partition, good, bad, crashes) in enumerate(sequence):
            run_id = f"r-{number}"
            publish(store, "quarantine", partition, run_id, bad)
            if crashes:
                stage(store, "predictions", partition, run_id, good)
                continue
            publish(store, "predictions", partition, run_id, good)
            model.pop(partition, None)
            if good:
                model[partition] = (run_id, sorted(good), sorted(bad))
        assert store.partitions() == sorted(model)
        for partition, (run_id, good, bad) in model.items():
            found = store.published_run(partition)
            assert found is not None
            assert (found.run_id, found.rows_scored, found.rows_quarantined) == (
                run_id, len(good), len(bad),
            )  # fmt: skip
            assert ids(store.predictions(partition)) == good
            assert ids(store.quarantine(partition)) == bad


# ------------------------------------------------------------------------- concurrency


def test_runs_that_race_for_a_partition_leave_one_copy(store: Store) -> None:
    publish(store, "predictions", "other", "r0", [7])
    at_once(lambda n: publish(store, "predictions", "p", f"r{n}", [1, 2, n]), 4)
    found = store.published_run("p")
    assert found is not None
    assert ids(store.predictions("p")) == sorted([1, 2, int(found.run_id[1:])])
    assert ids(store.predictions("other")) == [7]


def test_runs_that_race_to_make_the_tables_all_succeed(store: Store) -> None:
    def whole_run(n: int) -> None:
        store.append_run_event(event(f"r{n}", "started", n, partition=f"p{n}"))
        run(store, f"p{n}", f"r{n}", [n], [])
        store.write_profile(f"r{n}", f"p{n}", "v1.0.0", "sha256:ab", PROFILE)

    at_once(whole_run, 4)
    assert store.partitions() == ["p1", "p2", "p3", "p4"]
    assert [record.run_id for record in store.runs()] == ["r1", "r2", "r3", "r4"]
    assert store.profile("r3", "p3") == PROFILE


def test_runs_that_begin_at_once_in_a_new_store_are_all_recorded(tmp_path: Path) -> None:
    for attempt in range(8):
        store = Store(str(tmp_path / str(attempt)), "date")
        at_once(partial(begin, store), 6)
        assert len(store.runs()) == 6


def begin(store: Store, n: int) -> None:
    store.append_run_event(event(f"r{n}", "started", n))


def at_once(work: Callable[[int], None], times: int) -> None:
    gate, errors = threading.Barrier(times), []

    def one(number: int) -> None:
        gate.wait()
        try:
            work(number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(1, times + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_commit_planned_on_an_old_version_is_planned_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, "predictions", "p", "r1", [1])
    looked = log.active

    def then_someone_commits(*given: Any) -> list[StagedFile]:
        found = looked(*given)
        monkeypatch.setattr(log, "active", looked)
        publish(store, "predictions", "p", "r2", [2, 3])
        return found

    files = stage(store, "predictions", "p", "r3", [4])
    monkeypatch.setattr(log, "active", then_someone_commits)
    store.publish("predictions", predictions_schema("date", KEYS), "p", files, facts("r3"))
    assert ids(store.predictions("p")) == [4]


def test_a_table_that_someone_else_made_first_is_joined(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, "predictions", "p", "r1", [1])
    opened = log.open_table

    def not_there_yet(uri: str) -> None:
        monkeypatch.setattr(log, "open_table", opened)

    files = stage(store, "predictions", "q", "r2", [2])
    # Looked at directly, so that the first look of all is the one of the commit.
    monkeypatch.setattr(log, "open_table", not_there_yet)
    store.publish("predictions", predictions_schema("date", KEYS), "q", files, facts("r2"))
    assert store.partitions() == ["p", "q"]


def test_a_killed_process_leaves_readers_what_they_had(store: Store) -> None:
    run(store, "p", "r1", [1, 2], [9])
    script = (
        "import os, sys, pyarrow as pa\n"
        "from pipeline.store import Store, PartWriter\n"
        "store = Store(sys.argv[1], 'date')\n"
        "path = store.new_file('predictions', 'p', 'r2', '0')\n"
        "part = PartWriter(store.table_uri('predictions'), path)\n"
        "part.write(pa.table({'id': list(range(100_000))}))\n"
        "os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, store.uri], cwd=ROOT, check=False)
    assert done.returncode == 9
    assert ids(store.predictions("p")) == [1, 2] and ids(store.quarantine("p")) == [9]
    run(store, "p", "r3", [3], [])
    assert ids(store.predictions("p")) == [3]


# -------------------------------------------------------------------------------- runs

PROFILE: Profile = {
    "b": ColumnProfile(3, 1, (1, 1), 3.0, 5.0, 1.0, 2.0),
    "a": ColumnProfile(3, 0, (2, 1), 0.0, 0.0, None, None),
}


def test_a_record_is_the_sum_of_its_events(store: Store) -> None:
    store.append_run_event(event("r1", "started", 0))
    store.append_run_event(event("r1", "failed", 2, seconds=120.0, detail="no disk"))
    store.append_run_event(event("r2", "started", 1, partition="q"))
    store.append_run_event(event("r2", "held", 3, partition="q", rows_read=5, rows_scored=4))
    first, second = store.runs()
    assert (first.run_id, first.event, first.detail) == ("r1", "failed", "no disk")
    assert (first.started_at, first.at) == (NOON, NOON + timedelta(minutes=2))
    assert (second.event, second.rows_read, second.rows_quarantined) == ("held", 5, None)
    assert [record.run_id for record in store.runs("q")] == ["r2"]


@given(st.permutations([0, 1, 2, 3, 4]), st.integers(-5, 5))
def test_the_order_in_which_events_are_read_makes_no_difference(
    order: list[int], minutes: int
) -> None:
    events = [
        event("r1", "started", 0), event("r1", "published", minutes, rows_read=3),
        event("r2", "started", 1), event("r3", "started", 2), event("r3", "held", 4),
    ]  # fmt: skip
    records = fold(events[index] for index in order)
    assert [(r.run_id, r.event) for r in records] == [
        ("r1", "published"), ("r2", "started"), ("r3", "held"),
    ]  # fmt: skip


def test_no_event_of_an_unknown_kind_or_without_a_zone() -> None:
    with pytest.raises(ValueError, match=", ".join(EVENTS)):
        event("r1", "finished", 0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="zone"):
        RunEvent(
            run_id="r", event="started", at=NOON.replace(tzinfo=None), partition="p", name="n",
            version="v", bundle="b", contract="c",
        )  # fmt: skip


def test_the_record_of_a_published_run_is_what_it_wrote_down(store: Store) -> None:
    store.append_run_event(event("r1", "started", 0))
    run(store, "p", "r1", [1, 2], [9])
    counts = {"rows_read": 3, "rows_scored": 2, "rows_quarantined": 1, "seconds": 60.0}
    store.append_run_event(event("r1", "published", 1, **counts))
    found = store.published_run("p")
    assert found is not None
    assert (found.rows_read, found.seconds) == (3, 60.0)
    assert [found] == store.runs("p")


@pytest.mark.parametrize("told", ["started", "failed", None])
def test_a_run_that_died_after_its_commit_is_published_all_the_same(
    store: Store, told: Event | None
) -> None:
    if told is not None:
        store.append_run_event(event("r1", told, 0))
    run(store, "p", "r1", [1, 2], [9])
    store.append_run_event(event("r2", "started", 5))
    found = store.published_run("p")
    assert found is not None
    assert (found.run_id, found.event, found.version, found.bundle, found.contract) == (
        "r1", "published", "v1.0.0", "sha256:ab", "c",
    )  # fmt: skip
    assert (found.rows_read, found.rows_scored, found.rows_quarantined) == (3, 2, 1)
    assert found.started_at == (None if told is None else NOON)
    states = {record.run_id: record.event for record in store.runs()}
    assert states.pop("r2") == "started"
    assert states == ({} if told is None else {"r1": "published"})


def test_the_profile_of_a_run_that_was_replaced_can_still_be_read(store: Store) -> None:
    store.write_profile("r1", "p", "v1.0.0", "sha256:ab", PROFILE)
    run(store, "p", "r1", [1], [])
    store.append_run_event(event("r1", "published", 0))
    run(store, "p", "r2", [2], [])
    assert list(store.profile("r1", "p").items()) == list(PROFILE.items())
    with pytest.raises(StoreError, match="run r2 in p: no profile was kept"):
        store.profile("r2", "p")


# ------------------------------------------------------------------------------ damage


def told_in_one_line(caught: pytest.ExceptionInfo[StoreError]) -> str:
    line = caught.value.line()
    assert "\n" not in line and "\x1b" not in line and len(line) < 600
    return line


def test_files_that_are_not_as_described_are_not_published(store: Store) -> None:
    schema = predictions_schema("date", KEYS)
    one, two = stage(store, "predictions", "p", "r1", [1, 2])
    Path(store.table_uri("predictions"), two.path).write_bytes(b"half")
    for files, words in [
        ([one, two], "1 of 2 files are not there as they were written"),
        ([one, one], "a file more than once"),
        (stage(store, "predictions", "q", "r1", [1]), "run r1, each file once"),
        (stage(store, "predictions", "p", "r2", [1]), "run r1, each file once"),
    ]:
        with pytest.raises(StoreError, match=words):
            store.publish("predictions", schema, "p", files, facts("r1"))
    assert store.partitions() == []


def test_other_columns_than_the_table_has_are_named(store: Store) -> None:
    publish(store, "predictions", "p", "r1", [1])
    keys = pa.schema([("id", pa.string()), ("more", pa.int64())])
    with pytest.raises(StoreError) as caught:
        store.publish("predictions", predictions_schema("date", keys), "p", [], facts("r2"))
    line = told_in_one_line(caught)
    assert "id: long in the table, string in the run; more: missing in the table" in line
    with pytest.raises(StoreError, match="expected by day, found by date"):
        Store(store.uri, "day").publish("predictions", KEYS, "p", [], facts("r2"))
    assert ids(store.predictions("p")) == [1]


def test_a_file_in_the_store_s_place_is_one_line(store: Store) -> None:
    Path(store.uri).write_text("not a folder", encoding="utf-8")
    for use in (
        lambda: store.partitions(),
        lambda: store.runs(),
        lambda: store.append_run_event(event("r1", "started", 0)),
        lambda: store.write_profile("r1", "p", "v", "b", PROFILE),
        lambda: publish(store, "predictions", "p", "r1", [1]),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert store.uri in told_in_one_line(caught)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "no beginning"])
def test_a_damaged_log_is_an_error_and_not_an_empty_store(store: Store, damage: str) -> None:
    run(store, "p", "r1", [1], [])
    run(store, "p", "r2", [1], [])
    first, last = sorted(Path(store.table_uri("predictions"), "_delta_log").glob("*.json"))
    if damage == "no beginning":
        first.unlink()
    else:
        text = last.read_text(encoding="utf-8")
        last.write_text(text[:100] if damage == "truncated" else "garbage", encoding="utf-8")
    for use in (
        lambda: store.partitions(),
        lambda: store.predictions("p"),
        lambda: store.published_run("p"),
        lambda: publish(store, "predictions", "p", "r3", [1]),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert "predictions" in told_in_one_line(caught)


def test_a_lost_data_file_is_one_line(store: Store) -> None:
    publish(store, "predictions", "p", "r1", [1])
    for path in Path(store.uri).rglob("*.parquet"):
        path.unlink()
    with pytest.raises(StoreError) as caught:
        store.predictions("p")
    told_in_one_line(caught)


def test_files_of_two_runs_in_a_partition_are_an_error_that_a_rerun_mends(store: Store) -> None:
    publish(store, "predictions", "p", "r1", [1])
    files = stage(store, "predictions", "p", "r2", [2])
    schema = predictions_schema("date", KEYS)
    log.commit(store.table_uri("predictions"), schema, "date", lambda _: log.Change(files, ()), {})
    with pytest.raises(StoreError, match="not those of one run"):
        store.predictions("p")
    run(store, "p", "r3", [3], [4])
    assert ids(store.predictions("p")) == [3] and ids(store.quarantine("p")) == [4]
