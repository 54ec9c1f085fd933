"""The same store in a bucket, over HTTP, and what a user reads when it cannot be reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pytest
from deltalake import DeltaTable

from assay.errors import PublishConflict, StoreError
from assay.store import PartWriter, Store, vacuum
from assay.store.delta import location, log
from assay.store.delta.location import filesystem, storage_options
from assay.store.exports import Exported
from assay.store.key_rows import KeyRows
from tests import s3

pytest.importorskip("moto.server", reason="needs moto[server], which pretends to be S3")

really = log._opened
WHY = {"by": "Ada", "because": "why"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3.serving() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    s3.use(endpoint, "scores", monkeypatch)
    return "scores"


@pytest.fixture
def store(bucket: str) -> Store:
    return Store(f"s3://{bucket}/some/where", "date")


def objects(store: Store) -> list[str]:
    """The data files in the bucket, without their folders."""
    system, path = filesystem(store.uri)
    found = system.get_file_info(pafs.FileSelector(path, recursive=True, allow_not_found=True))
    names = [info.path for info in found if info.type == pafs.FileType.File]
    return sorted(name.rpartition("/")[2] for name in names if "_delta_log" not in name)


@pytest.mark.parametrize("partition", ["2013-07-01", "2013/07 é%2F=1"])
def test_a_night_in_a_bucket_lives_as_one_in_a_folder(
    store: Store, make: Any, partition: str
) -> None:
    make.run("r1", partition, [1, 2], [8])
    make.run("r2", partition, [3])
    assert make.seen(partition) == ([3], [])
    assert store.retract("r2", **WHY).back_to == "r1"
    assert make.seen(partition) == ([1, 2], [8])
    make.hold("r3", partition, good=[4], bad=[9])
    assert make.seen(partition) == ([1, 2], [8])
    store.release("r3", **WHY)
    assert make.seen(partition) == ([4], [9])
    assert [record.event for record in store.runs()] == ["published", "retracted", "published"]
    done = vacuum.vacuum(store, 1, now=vacuum.datetime.now(vacuum.UTC) + 9 * vacuum.GRACE)
    assert sum(each.replaced for each in done[:2]) == 4
    assert make.seen(partition) == ([4], [9])


def test_a_log_in_a_bucket_is_replayed_only_when_it_changed(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", "p")
    make.run("r2", "q")
    opened: list[str] = []
    monkeypatch.setattr(
        log, "_opened", lambda uri, version=None: opened.append(uri) or really(uri, version)
    )
    for _ in range(3):
        assert (store.visible_run("p"), store.visible_run("q")) == ("r1", "r2")
    uri = store.table_uri("predictions")
    assert opened == [uri], "once, after the last commit"
    opened.clear()
    before = log.open_table(uri)
    elsewhere = DeltaTable(uri, storage_options=storage_options(uri))
    elsewhere.delete("date = 'p'")
    assert store.visible_run("p") is None and opened == [uri]
    assert before is not None and log.open_table(uri) is not before
    assert before.version() == elsewhere.version() - 1, "who reads a version goes on reading it"


def test_a_table_in_a_bucket_that_was_made_anew_is_not_taken_for_the_old_one(
    store: Store, make: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.run("r1", "p")
    assert store.visible_run("p") == "r1"
    s3.use(endpoint, "scores", monkeypatch)
    assert store.visible_run("p") is None
    make.run("longer", "p")
    assert store.visible_run("p") == "longer"


def test_a_part_that_fails_leaves_no_object(store: Store, make: Any) -> None:
    relative = store.part_path_for("predictions", "p", "r1", "0")
    with pytest.raises(RuntimeError), PartWriter(store.table_uri("predictions"), relative) as part:
        part.write(make.rows("r1", [1]))
        raise RuntimeError
    assert objects(store) == []


def test_two_writers_are_safe(
    store: Store, make: Any, at_once: Callable[[Any, int], list[Exception]]
) -> None:
    make.run("r0", "other")
    same = [make.stage(f"r{n}", "p", [n]) for n in range(3)]
    (error,) = at_once(lambda n: store.publish_run(same[n]), 2)
    assert isinstance(error, PublishConflict)
    assert at_once(lambda n: make.run(f"s{n}", f"own{n}", [n]), 3) == []
    assert store.partitions() == ["other", "own1", "own2", "own3", "p"]
    assert make.seen("p")[0] == [int(str(store.visible_run("p"))[1:])]


def test_an_export_is_recorded_once(
    store: Store, at_once: Callable[[Any, int], list[Exception]]
) -> None:
    for number in (1, 2):
        done: list[bool] = []

        def record(which: int, number: int = number, done: list[bool] = done) -> None:
            done.append(store.append_export("csv:a", Exported("p", f"r{which}", number)))

        assert at_once(record, 3) == []
        assert sorted(done) == [False, False, True]
    assert len(store.exports("csv:a")) == 2


def test_scratch_is_dropped(store: Store) -> None:
    system, path = filesystem(store.scratch_uri("r1"))
    with system.open_output_stream(f"{path}/0.keys") as sink:
        sink.write(b"keys")
    store.delete_scratch("r1")
    store.delete_scratch("r1")
    assert "0.keys" not in objects(store)


# ------------------------------------------------------------------------------- errors


def told_by(store: Store, make: Any) -> list[str]:
    """What is said by whatever touches the store first, and how a task's writing fails."""
    lines = []
    for use in (
        lambda: store.turn("p"),
        lambda: make.event("r1", "started"),
        lambda: make.stage("r1", base=0),
    ):
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            use()
        assert time.monotonic() - began < 15
        line = caught.value.line()
        assert "\n" not in line and "\x1b" not in line and len(line) < 600
        assert "AWS_ENDPOINT_URL" in line and store.uri in line
        lines.append(line)
    return lines


def test_a_wrong_bucket_is_named(store: Store, maker: Any) -> None:
    wrong = Store("s3://no-such-bucket/x", "date")
    for line in told_by(wrong, maker(wrong)):
        assert "The specified bucket does not exist" in line


def test_a_wrong_endpoint_is_told_soon(
    store: Store, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.free_port()}")
    for line in told_by(store, make):
        assert "Connection refused" in line or "Failed to connect to 127.0.0.1" in line


def test_a_wrong_key_is_refused(
    store: Store, make: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.ask_for_keys(endpoint, "0")
    try:
        for line in told_by(store, make):
            assert "InvalidAccessKeyId" in line or "INVALID_ACCESS_KEY_ID" in line
    finally:
        s3.ask_for_keys(endpoint, "inf")


def test_the_environment_says_how_to_get_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage_options("/a/folder") is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://far")
    assert "AWS_ALLOW_HTTP" not in (storage_options("s3://b/x") or {})
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://near")
    options = storage_options("s3://b/x") or {}
    assert (options["AWS_ENDPOINT_URL"], options["AWS_ALLOW_HTTP"]) == ("http://near", "true")
    assert options["conditional_put"] == "etag"
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    asked = []
    monkeypatch.setattr(location.pafs, "resolve_s3_region", lambda name: asked.append(name) or "eu")
    assert filesystem("s3://b/x")[0].region == "eu" and asked == ["b"]


def test_a_key_is_forgotten_in_a_bucket_too(store: Store, make: Any) -> None:
    make.run("r1", good=[1, 2], bad=[7])
    make.run("r2", good=[1, 3], bad=[7, 8])
    asked = KeyRows([{"id": "1"}, {"id": "7"}], pa.table({"id": [1, 7]}))
    done = store.forget(asked, **WHY)
    assert make.seen() == ([3], [8]) and done.known == {0, 1}
    # Each run wrote a file for its first row and one for the others.
    assert [name for name in objects(store) if name.startswith("r1")] == ["r1-0.1.parquet"]
    assert store.check() == []
