"""An object lands in a bucket, and its night is scored once; also by the client of AWS Lambda."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from assay.errors import StoreError, UsageError
from assay.project import layout, params
from assay.serve import function
from assay.serve.function import StoredObject, objects_of
from assay.store import Store, open_store
from tests import s3
from tests.runtime_api import BUCKET, KEY, NEXT, NIGHT, Runtime, landed, put


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3.serving() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, live: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose nights lie in a bucket, which holds one; its function is started there."""
    s3.use(endpoint, BUCKET, monkeypatch)
    text = (live / layout.PARAMS).read_text()
    (live / layout.PARAMS).write_text(text.replace("input: data/raw", f"input: s3://{BUCKET}/raw"))
    monkeypatch.setenv("ASSAY_ROOT", str(live))
    function._project.cache_clear()
    put(KEY, (live / layout.RAW / KEY.removeprefix("raw/")).read_bytes())
    return live


def store_of(root: Path) -> Store:
    return open_store(root, params.load(root))


def events(root: Path, night: str = NIGHT) -> list[str]:
    return [run.event for run in store_of(root).runs(night)]


# --------------------------------------------------------------------- the runtime of a function


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with closing(Runtime()) as made:
        yield made


def test_an_object_is_scored_once_however_often_its_event_comes(
    bucket: Path, runtime: Runtime
) -> None:
    with runtime.function(bucket):
        told = []
        for event in (landed(), landed(), landed("elsewhere.csv"), {"Records": [{}]}):
            runtime.events.put(event)
            told.append(runtime.answers.get(timeout=120))
    first, again, stray, odd = told
    assert [kind for kind, _ in told] == ["response", "response", "response", "error"]
    ((one,), (two,), (three,)) = (body for _, body in told[:3])
    assert (one["outcome"], one["partition"], two["outcome"]) == ("published", NIGHT, "skipped")
    assert one["run_id"] == two["run_id"] == store_of(bucket).visible_run(NIGHT)
    assert three["outcome"] == "of no night"
    assert odd[1]["errorType"] == "UsageError" and "no event of an object" in odd[1]["errorMessage"]
    assert events(bucket) == ["published"]
    assert first and again and stray


def test_a_function_out_of_time_publishes_nothing_or_all(bucket: Path, runtime: Runtime) -> None:
    with runtime.function(bucket) as process:
        runtime.events.put(landed())
        runtime.taken.wait(60)
        while not store_of(bucket).runs(NIGHT):
            assert process.poll() is None and runtime.answers.empty()
    shown, rows = store_of(bucket).visible_run(NIGHT), 50
    assert shown is None or store_of(bucket).predictions(NIGHT).num_rows == rows
    runtime.taken.clear()
    with runtime.function(bucket):
        runtime.events.put(landed())
        kind, (told,) = runtime.answers.get(timeout=120)
    assert (kind, told["outcome"]) == ("response", "skipped" if shown else "published")
    assert store_of(bucket).predictions(NIGHT).num_rows == rows


def resident(process: subprocess.Popen[bytes], most: bool = False) -> int:
    """Kilobytes of memory that a process takes, or took at most; 0 once it has ended."""
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+)" if most else r"VmRSS:\s+(\d+)", text)
    return int(found[1]) if found else 0


def test_a_function_out_of_memory_publishes_nothing(bucket: Path, runtime: Runtime) -> None:
    """A platform kills a function that takes more than it may; here that is done from outside.

    How much it may is a share of what scoring takes beyond what the waiting function has.
    """
    put(KEY.replace(NIGHT, NEXT), (bucket / layout.RAW / KEY.removeprefix("raw/")).read_bytes())
    # Its runtime is its own: this function asks for one more event before it ends.
    with closing(Runtime()) as enough, enough.function(bucket) as process:
        assert enough.asked.wait(60)
        idle = resident(process)
        enough.events.put(landed(KEY.replace(NIGHT, NEXT)))
        assert enough.answers.get(timeout=120)[0] == "response"
        needed = resident(process, most=True) - idle
    for share in (0.5, 0.8):
        with runtime.function(bucket) as process:
            runtime.events.put(landed())
            while resident(process) < idle + share * needed:
                assert process.poll() is None and runtime.answers.empty()
        assert runtime.answers.empty()
        assert events(bucket)[-1:] == ["started"], share
        assert not list((bucket / "store").glob(f"*/day={NIGHT}/*")), share
    with runtime.function(bucket):
        told = []
        for _ in range(2):
            runtime.events.put(landed())
            told.append(runtime.answers.get(timeout=120)[1][0]["outcome"])
    assert told == ["published", "skipped"]
    assert events(bucket) == ["started", "started", "published"]
    assert store_of(bucket).predictions(NIGHT).num_rows == 50


def test_at_once_it_is_published_once(bucket: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        told = [each for (each,) in pool.map(function.handler, [landed()] * 3)]
    outcomes = sorted(each["outcome"] for each in told)
    assert outcomes.count("published") == 1 and set(outcomes) == {"published", "skipped"}
    assert {each["run_id"] for each in told} == {store_of(bucket).visible_run(NIGHT)}
    assert events(bucket).count("published") == 1


# ----------------------------------------------------------------------------- objects and events


def test_a_deleted_object_is_one_line(bucket: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert function.handler(landed(name="ObjectRemoved:Delete"))[0]["outcome"] == "deleted"
    put(KEY, None)
    assert function.handler(landed())[0]["outcome"] == "deleted"
    assert [each.getMessage() for each in caplog.records if each.name == function.__name__] == [
        f"function: {BUCKET}/{KEY}: deleted"
    ] * 2
    assert events(bucket) == []


@pytest.mark.parametrize("data", [b"", b"no table", b"PAR1" + b"\xff" * 60 + b"PAR1"])
def test_a_poison_object_is_recorded_and_not_asked_for_again(bucket: Path, data: bytes) -> None:
    put(KEY, data)
    (told,) = function.handler(landed())
    assert told["outcome"] == "failed" and KEY in told["error"]
    assert events(bucket) == ["failed"]


def test_a_night_that_is_held_stays_with_the_person(bucket: Path) -> None:
    text = (bucket / layout.PARAMS).read_text()
    change = text.replace("max_row_change: 20", "max_row_change: 0.1")
    (bucket / layout.PARAMS).write_text(change)
    function._project.cache_clear()
    assert function.handler(landed())[0]["outcome"] == "published"
    source = bucket / layout.RAW / f"day={NEXT}" / "part-00000.parquet"
    pq.write_table(pq.read_table(source).slice(0, 9), source)
    key = KEY.replace(NIGHT, NEXT)
    put(key, source.read_bytes())
    told = [function.handler(landed(key))[0] for _ in range(2)]
    assert [each["outcome"] for each in told] == ["held", "held"]
    assert events(bucket, NEXT) == ["held"]


def test_what_another_try_may_do_is_raised(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object, **__: object) -> None:
        raise StoreError("the store cannot be reached")

    monkeypatch.setattr(Store, "publish_runs", lost)
    with pytest.raises(StoreError, match="cannot be reached"):
        function.handler(landed())
    assert store_of(bucket).visible_run(NIGHT) is None
    monkeypatch.undo()


GOOGLE = {"bucket": "b", "name": "raw/day=1/x.csv", "generation": "7"}
AZURE = {"url": "https://acc.blob.core.windows.net/b/raw/day%3D1/x.csv"}
AMAZON = {"bucket": {"name": "b"}, "object": {"key": "raw/day=1/x.csv"}}


@pytest.mark.parametrize(
    ("event", "deleted"),
    [
        ({"type": "google.cloud.storage.object.v1.finalized", "data": GOOGLE}, False),
        ({"type": "google.cloud.storage.object.v1.deleted", "data": GOOGLE}, True),
        ({"type": "Microsoft.Storage.BlobCreated", "data": AZURE}, False),
        ({"type": "Microsoft.Storage.BlobDeleted", "data": AZURE}, True),
        ({"detail-type": "Object Created", "detail": AMAZON}, False),
        ({"detail-type": "Object Deleted", "detail": AMAZON}, True),
    ],
)
def test_each_cloud_says_it_its_own_way(event: Mapping[str, Any], deleted: bool) -> None:
    (found,) = objects_of(event)
    assert (*found[:2], found.deleted) == ("b", "raw/day=1/x.csv", deleted)

    class CloudEvent:
        """As the library of CloudEvents has it: attributes by name, and the data."""

        data = event.get("data")

        def __getitem__(self, name: str) -> Any:
            return event[name]

        def __contains__(self, name: str) -> bool:
            return name in event and name != "data"

    if "data" in event:
        assert objects_of(CloudEvent()) == [found]


@pytest.mark.parametrize("event", [None, {}, [], {"Records": [{}]}, {"type": "x", "data": {}}])
def test_what_is_no_event_is_told_so(event: Any) -> None:
    with pytest.raises(UsageError, match="no event of an object"):
        objects_of(event)


@pytest.mark.parametrize(
    ("path", "bucket_", "key", "night"),
    [
        ("s3://b/raw", "b", "raw/day=1/x.csv", "1"),
        ("s3://b/raw", "b", "raw/day=1/_SUCCESS", None),
        ("s3://b/raw", "b", "raw/day=1/deeper/x.csv", None),
        ("s3://b/raw", "b", "raw/other=1/x.csv", None),
        ("s3://b/raw", "b", "rawer/day=1/x.csv", None),
        ("s3://b/raw", "c", "raw/day=1/x.csv", None),
        ("gs://b", "b", "day=1/x.csv", "1"),
        ("s3://b/in/rows-{night}.csv", "b", "in/rows-1.csv", "1"),
        ("s3://b/in/rows-{night}.csv", "b", "in/rows-1.json", None),
        ("abfs://b@acc.dfs.core.windows.net/raw", "b", "raw/day=1/x.csv", "1"),
    ],
)
def test_an_object_is_of_the_night_that_its_place_names(
    path: str, bucket_: str, key: str, night: str | None
) -> None:
    names = function.FolderNames.of(path, "day")
    found, address = function._night(names, StoredObject(bucket_, key, "Created"))
    assert found == night
    if night:
        assert address == f"{re.sub('/[^/]*{night}.*', '', path)}/{key.partition('/')[2]}" or (
            address == f"{path}/{key}"
        )
