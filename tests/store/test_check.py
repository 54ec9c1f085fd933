"""Damage is said by readers in a line, found by `check`, and fixed where nothing is lost by it."""

from __future__ import annotations

import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from assay.errors import StoreError
from assay.errors.base import attached_report
from assay.project import params
from assay.score.operations import store_commands
from assay.store import Store, release
from assay.store.delta import fsync, log_files
from assay.store.delta.tables import INSTANT, LABELS, PREDICTIONS, PROFILES, QUARANTINE, RUNS
from tests.store.conftest import counts

PARCELS = Path(__file__).parents[1] / "parcels"


def newest(store: Store, table: str) -> Path:
    found = log_files.newest_commit(Path(store.table_uri(table)))
    assert found is not None
    return found


def data(store: Store, table: str) -> list[Path]:
    return sorted(Path(store.table_uri(table)).rglob("*.parquet"))


@pytest.mark.parametrize("left", ["", '{"commitInfo":{}}\n{"add', "garbage"])
def test_an_unreadable_newest_commit_hides_no_night_and_is_set_aside(
    store: Store, make: Any, left: str
) -> None:
    make.run("r1", "p", good=[1])
    make.run("r2", "q", good=[2])
    damaged = newest(store, PREDICTIONS)
    damaged.write_text(left, encoding="utf-8")
    for use in (store.partitions, lambda: store.predictions("q"), lambda: store.runs("q")):
        with pytest.raises(StoreError) as caught:
            use()
        line = caught.value.line()
        assert "predictions" in line and "\n" not in line
        assert damaged.name in line and "See assay fsck" in line
    (found,) = store.check()
    assert (found.table, found.fixed) == (PREDICTIONS, False) and damaged.name in found.what
    assert damaged.exists()
    fixed, left = store.check(fix=True)
    assert fixed.fixed and not damaged.exists() and not left.fixed
    assert store.check() == [left] and store.partitions() == ["p"]
    assert "date=q: run r2 was published, but the table shows no run" in left.what
    make.run("r3", "q", good=[3])
    assert make.seen("q") == ([3], []) and store.check() == []


def test_a_commit_with_others_after_it_is_not_touched(store: Store, make: Any) -> None:
    make.run("r1")
    damaged = newest(store, PREDICTIONS)
    make.run("r2")
    damaged.write_text("", encoding="utf-8")
    (found,) = store.check(fix=True)
    assert not found.fixed and "backup" in found.fix and damaged.exists()


@pytest.mark.parametrize("left", [None, b"cut", "same size"])
def test_a_damaged_file_of_a_small_table_is_forgotten_with_its_rows(
    store: Store, make: Any, left: Any
) -> None:
    make.run("r1")
    make.begin("r2")
    first = data(store, RUNS)
    store.publish_run(make.stage("r2"))
    make.event("r2", "published", 1)
    (lost,) = (path for path in data(store, RUNS) if path not in first)
    if left is None:
        lost.unlink()
    else:
        lost.write_bytes(left if isinstance(left, bytes) else bytes(lost.stat().st_size))
    with pytest.raises(StoreError):
        store.runs()
    (found,) = store.check()
    assert (found.table, found.fixed) == (RUNS, False) and lost.name in found.what
    forgotten, told = store.check(fix=True)
    assert forgotten.fixed and told.fixed
    assert "run r2 is published, but the table has no event that says so" in told.what
    assert {record.run_id for record in store.runs()} == {"r1", "r2"}
    assert make.seen() == ([1], [])


def test_a_table_of_refused_rows_that_is_gone_is_named_though_none_were_refused(
    store: Store, make: Any, profile: Any
) -> None:
    make.run("r1", "p", good=[1], profile=profile)
    shutil.rmtree(store.table_uri(QUARANTINE))
    (missing,) = store.check(fix=True)
    assert (missing.table, missing.what) == (QUARANTINE, "the table is missing")
    assert store.check() == [missing]
    make.run("r2", "q", good=[2], profile=profile)
    assert store.check() == [] and store.quarantine("p").num_rows == 0


@pytest.mark.parametrize("left", ["", '{"commitInfo":{}}\n{"add'])
def test_that_nights_are_published_is_told_again_after_a_lost_commit_of_runs(
    store: Store, make: Any, profile: Any, left: str
) -> None:
    make.run("r1", "p", good=[1], profile=profile)
    make.begin("r2", "q")
    staged = make.stage("r2", "q", good=[2, 3], bad=[4], profile=profile)
    store.publish_run(staged)
    make.event("r2", "published", 1, **counts(staged))
    damaged = newest(store, RUNS)
    damaged.write_text(left, encoding="utf-8")
    (found,) = store.check()
    assert "what it told of published nights is then told again" in found.fix
    aside, told = store.check(fix=True)
    assert aside.fixed and told.fixed and "date=q: run r2 is published" in told.what
    assert store.check() == store.check(fix=True) == []
    (started, published) = store.run_events("q")
    assert (started.event, published.event) == ("started", "published")
    assert (published.rows_read, published.rows_scored, published.rows_quarantined) == (3, 2, 1)
    assert published.detail == "told again by assay fsck: what the commit says"


def checkpointed(store: Store, make: Any) -> Path:
    """The log of a table of three nights, with a checkpoint after the second."""
    make.run("r1", "p", good=[1])
    make.run("r2", "q", good=[2])
    DeltaTable(store.table_uri(PREDICTIONS)).create_checkpoint()
    make.run("r3", "r", good=[3])
    assert store.check() == []
    folder = Path(store.table_uri(PREDICTIONS)) / "_delta_log"
    assert [path.name for path in folder.glob("*.parquet")] and (
        folder / "_last_checkpoint"
    ).exists()
    return folder


@pytest.mark.parametrize("left", [None, b"", b"PAR1", "cut"])
def test_a_damaged_checkpoint_is_set_aside_while_its_commits_are_there(
    store: Store, make: Any, left: Any
) -> None:
    folder = checkpointed(store, make)
    (checkpoint,) = folder.glob("*.parquet")
    before = checkpoint.read_bytes()
    checkpoint.unlink()  # so that the folder changes, and no table that is open is used again
    if left is not None:
        checkpoint.write_bytes(before[:500] if left == "cut" else left)
    with pytest.raises(StoreError):
        store.predictions("p")
    (found,) = store.check()
    assert not found.fixed and "checkpoint" in found.what and "are all there" in found.fix
    (fixed,) = store.check(fix=True)
    assert fixed.fixed and store.check() == []
    for night, rows in {"p": [1], "q": [2], "r": [3]}.items():
        assert make.seen(night) == (rows, [])
    make.run("r4", "s", good=[4])
    assert store.partitions() == ["p", "q", "r", "s"]


@pytest.mark.parametrize("gone", [0, 1])
def test_a_damaged_checkpoint_stays_where_a_commit_that_it_stands_for_is_gone(
    store: Store, make: Any, gone: int
) -> None:
    folder = checkpointed(store, make)
    (checkpoint,) = folder.glob("*.parquet")
    checkpoint.write_bytes(b"PAR1")
    log_files.commit_path(folder, gone).unlink()
    (found,) = store.check(fix=True)
    assert not found.fixed and found.fix.startswith(f"restore _delta_log/{gone:020}.json from a")
    assert checkpoint.exists() and (folder / "_last_checkpoint").exists()


def test_of_two_checkpoints_an_older_one_may_stand_for_what_is_gone(
    store: Store, make: Any
) -> None:
    folder = checkpointed(store, make)
    DeltaTable(store.table_uri(PREDICTIONS)).create_checkpoint()
    _, newer = sorted(folder.glob("*.parquet"))
    newer.write_bytes(b"")
    log_files.commit_path(folder, 0).unlink()
    (fixed,) = store.check(fix=True)
    assert fixed.fixed and newer.name in fixed.what and store.check() == []
    assert make.seen("p") == ([1], []) and make.seen("r") == ([3], [])


def test_labels_which_name_no_run_are_read_like_any_other_table(store: Store, make: Any) -> None:
    make.run("r1", "p")
    arrived = datetime(2013, 7, 2, tzinfo=UTC)
    truths = pa.table({"id": [1], "truth": [True], "arrived_at": pa.array([arrived], INSTANT)})
    store.append_labels({"p": truths}, "a.csv", "Ada")
    assert store.check() == []
    (labels,) = data(store, LABELS)
    flipped = bytearray(labels.read_bytes())
    flipped[len(b"PAR1") + 40] ^= 0xFF
    labels.write_bytes(flipped)
    (found,) = store.check()
    assert (found.table, found.fixed) == (LABELS, False) and labels.name in found.what


def test_a_lost_file_of_a_night_is_named_with_its_night(
    store: Store, make: Any, profile: Any
) -> None:
    make.run("r1", "p", good=[1, 2], bad=[3], profile=profile)
    assert store.check() == [] and not store.has_lost_data("p")
    for table in ("predictions", "quarantine"):
        path = data(store, table)[0]
        kept = path.read_bytes()
        path.unlink()
        (found,) = store.check(fix=True)
        assert not found.fixed and "date=p" in found.what and "assay score" in found.fix
        assert store.has_lost_data("p")
        path.write_bytes(kept)
    assert not store.has_lost_data("p") and not store.has_lost_data("nobody")
    data(store, PROFILES)[0].unlink()
    assert [each.table for each in store.check()] == [PROFILES]


def test_the_command_says_what_is_left_and_ends_with_52(
    store: Store, make: Any, tmp_path: Path
) -> None:
    given = params.load(PARCELS)
    given = given.model_copy(
        update={
            "name": "n",
            "store": store.uri,
            "ingest": given.ingest.model_copy(update={"partition_by": store.column}),
        }
    )
    assert store_commands.fsck(tmp_path, given) == store_commands.FsckReport(store.uri, ())
    make.run("r1")
    newest(store, PREDICTIONS).write_text("", encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        store_commands.fsck(tmp_path, given)
    assert caught.value.exit_code == 52
    assert len(caught.value.lines()) == 1 and "assay fsck --fix" in caught.value.lines()[0]
    # The commit is fixed, and the night that it published is left to be scored again.
    with pytest.raises(StoreError, match="assay score --date p scores it again") as caught:
        store_commands.fsck(tmp_path, given, fix=True)
    found = attached_report(caught.value)
    assert isinstance(found, store_commands.FsckReport)
    assert found.damages[0].fixed and found.damages[0].table == "predictions"


def test_what_a_commit_shows_is_synced_before_the_commit(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real = fsync._sync_one

    def noted(path: str) -> None:
        commits = list(Path(store.table_uri(PREDICTIONS)).glob("_delta_log/*.json"))
        synced.append((path, bool(commits)))
        real(path)

    monkeypatch.setattr(fsync, "_sync_one", noted)
    make.run("r1", good=[1, 2])
    before = {path for path, committed in synced if not committed}
    after = {path for path, committed in synced if committed}
    files = data(store, PREDICTIONS)
    assert {str(each) for each in (*files, files[0].parent, files[0].parent.parent)} <= before
    assert {str(newest(store, table)) for table in (PREDICTIONS, RUNS)} <= after | before
    assert str(newest(store, PREDICTIONS)) in after


def test_the_names_above_a_table_are_synced_once(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(fsync, "_sync_one", synced.append)
    make.run("r1", good=[1, 2])
    above = [str(Path(store.uri)), str(Path(store.uri).parent)]
    assert set(above) <= {*synced}
    synced.clear()
    make.run("r2", good=[1, 2, 3])
    assert not {*above} & {*synced}
    predictions = store.table_uri(PREDICTIONS)
    assert {predictions, f"{predictions}/_delta_log"} <= {*synced}


def test_the_name_of_a_new_log_is_synced_after_its_first_commit(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    after: list[str] = []
    table = Path(store.table_uri(PREDICTIONS))

    def noted(path: str) -> None:
        if (table / "_delta_log").exists():
            after.append(path)

    monkeypatch.setattr(fsync, "_sync_one", noted)
    make.run("r1", good=[1, 2])
    assert {str(table / "_delta_log"), str(table), store.uri} <= {*after}


def test_a_process_that_was_forked_syncs_with_threads_of_its_own(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    paths = [str(tmp_path / name) for name in "ab"]
    fsync._sync_each(paths)
    child = os.fork()
    if not child:
        fsync._sync_each(paths)
        os._exit(0)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.alarm(20)
    try:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        signal.alarm(0)


def test_a_release_whose_event_cannot_be_written_says_that_it_is_published(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1")
    make.hold("r2", good=[2])

    def full(*_: object) -> None:
        raise StoreError("cannot be written", found="No space left on device")

    monkeypatch.setattr(release, "append_events", full)
    with pytest.raises(StoreError, match=r"is published, readers see run r2.*No space left"):
        store.release("r2", "me", "why")
    assert make.seen() == ([2], [])
