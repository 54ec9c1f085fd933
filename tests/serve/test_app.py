"""Who may ask how much, and which version answers."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from assay.errors import BundleChanged
from assay.project import layout, params
from assay.score.table import TableScorer
from assay.serve import app, current
from assay.serve.app import Service
from assay.serve.current import CurrentVersion

TOKEN = "0123456789abcdef"
OPEN = (None, 1_000_000, None)
STAGES = (
    *("code", "train prior", "train logistic", "select", "evaluate", "champion", "compare"),
    *("nights", "rehearse", "gate"),
)


class Told(NamedTuple):
    status: int
    headers: Mapping[bytes, bytes]
    body: bytes
    read: int

    @property
    def tree(self) -> Any:
        return json.loads(self.body)


async def ask(
    service: Service,
    chunks: Sequence[bytes] = (),
    *,
    path: str = "/score",
    query: str = "",
    client: str = "10.0.0.1",
    **headers: str,
) -> Told:
    """One request; ``read`` is how many chunks of its body were asked for."""
    given = {"content_type": "application/json"} | headers
    left, told, done = list(chunks), [], asyncio.Event()

    async def receive() -> Mapping[str, Any]:
        if not left:
            await done.wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Mapping[str, Any]) -> None:
        told.append(message)

    scope = {
        "type": "http",
        "method": "POST" if path == "/score" else "GET",
        "path": path,
        "query_string": query.encode(),
        "client": (client, 1),
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in given.items()],
    }
    await service(scope, receive, send)
    start, body = told
    return Told(start["status"], dict(start["headers"]), body["body"], len(chunks) - len(left))


class Fixed:
    """A version that stays."""

    behind = None

    def __init__(self, scorer: TableScorer) -> None:
        self.scorer = scorer
        self.identity = (scorer.pinned.version.version, scorer.pinned.bundle.digest)


def run(service: Service, asking: Coroutine[Any, Any, Any], workers: int = 1) -> Any:
    async def go() -> Any:
        tasks = [asyncio.create_task(service.work()) for _ in range(workers)]
        try:
            return await asyncio.wait_for(asking, 60)
        finally:
            for task in tasks:
                task.cancel()

    return asyncio.run(go())


@pytest.fixture
def serve(scorer: TableScorer) -> Callable[[Any], Service]:
    return lambda limits: Service(Fixed(scorer), *limits)  # type: ignore[arg-type]


@pytest.fixture
def row(records: Any) -> bytes:
    return json.dumps(records[0]).encode()


def test_an_answer_carries_version_and_digest(serve: Any, scorer: TableScorer, row: bytes) -> None:
    told = run(service := serve(OPEN), ask(service, [row[:9], row[9:]], query="reasons=2"))
    lineage = (scorer.pinned.version.version, scorer.pinned.bundle.digest)
    assert told.status == 200 and len(told.tree["rows"][0]["reasons"]) == 2
    assert (told.tree["version"], told.tree["bundle"]) == lineage
    stamped = (told.headers[b"assay-version"], told.headers[b"assay-bundle"])
    assert tuple(each.decode() for each in stamped) == lineage


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"authorization": f"Bearer {TOKEN}"}, 200),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": "Bearer ü"}, 401),
        ({}, 401),
    ],
)
def test_a_token_is_asked_for(serve: Any, row: bytes, given: dict[str, str], status: int) -> None:
    service = serve((TOKEN, 1000, None))
    told = run(service, ask(service, [row], **given))
    assert (told.status, told.read) == (status, int(status == 200))


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"content_type": "text/plain"}, "", 415),
        ({"content_type": "application/json; charset=utf-8"}, "", 200),
        ({"content_type": "APPLICATION/JSON"}, "", 200),
        ({"content_encoding": "gzip"}, "", 415),
        ({"content_length": "1000000000"}, "", 413),
        ({}, "reasons=many", 400),
        ({}, "reason=2", 400),
    ],
)
def test_what_is_refused_is_not_read(
    serve: Any, row: bytes, headers: dict[str, str], query: str, status: int
) -> None:
    told = run(service := serve(OPEN), ask(service, [row], query=query, **headers))
    assert (told.status, told.read) == (status, int(status == 200))
    assert (told.headers.get(b"connection") == b"close") == (status != 200)


def test_a_body_of_unknown_length_is_read_as_far_as_it_may_be(serve: Any) -> None:
    service = serve((None, 1000, None))
    told = run(service, ask(service, [b" " * 400] * 1000))
    assert (told.status, told.read) == (413, 3)


def test_a_body_that_does_not_come_is_not_waited_for(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SLOWEST", 0.01)
    service = serve(OPEN)

    async def late() -> Told:
        return await ask(service, [], content_length="9")

    assert run(service, late()).status == 408


def test_without_room_a_request_is_refused_and_later_taken(serve: Any, row: bytes) -> None:
    service = serve((None, 1000, None))

    async def all_at_once() -> list[Told]:
        told = await asyncio.gather(*(ask(service, [row]) for _ in range(50)))
        assert (await ask(service, [row])).status == 200
        return told

    told = run(service, all_at_once())
    refused = [each for each in told if each.status == 503]
    assert len(told) - len(refused) == app.BODIES  # as large as may be: no length was said
    assert all((each.read, each.headers[b"retry-after"]) == (0, b"1") for each in refused)
    assert {each.status for each in told} == {200, 503}


def test_a_client_asks_so_often_and_others_do_not_wait_for_it(
    serve: Any, row: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, clock = serve((None, 1000, 3)), [0.0]
    monkeypatch.setattr(app, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    async def often() -> list[int]:
        told = [await ask(service, [row], content_length="200") for _ in range(5)]
        told.append(await ask(service, [row], client="10.0.0.2"))
        clock[0] += 0.4
        told.append(await ask(service, [row]))
        return [each.status for each in (*told, await ask(service, [row]))]

    assert run(service, often()) == [200, 200, 200, 429, 429, 200, 200, 429]


def test_what_was_served_is_counted(serve: Any, records: Any) -> None:
    rows = json.dumps(records[:7]).encode()
    service = serve(OPEN)

    async def measured() -> str:
        await ask(service, [rows])
        await asyncio.sleep(0)
        return (await ask(service, path="/metrics")).body.decode()

    text = run(service, measured())
    refused = sum(each["weight"] <= 0 for each in records[:7])
    for line in (
        f'assay_rows_total{{outcome="scored"}} {7.0 - refused}',
        f'assay_rows_total{{outcome="refused"}} {float(refused)}',
        f'assay_broken_rules_total{{rule="weight: greater_than(0)"}} {float(refused)}',
        'assay_requests_total{status="200"} 1.0',
        "assay_request_seconds_count 1.0",
        "assay_waiting_requests 0.0",
        "assay_behind 0.0",
    ):
        assert line in text.splitlines(), line


def test_metrics_are_openmetrics_to_whom_accepts_them(serve: Any) -> None:
    service = serve(OPEN)

    async def asked(accept: str) -> Told:
        return await ask(service, path="/metrics", accept=accept)

    openmetrics = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"
    new, old = run(service, asked(openmetrics)), run(service, asked("text/plain, */*"))
    assert new.headers[b"content-type"].startswith(b"application/openmetrics-text; version=1.")
    assert new.body.endswith(b"# EOF\n") and b"# EOF" not in old.body
    assert old.headers[b"content-type"] == b"text/plain; version=0.0.4; charset=utf-8"


# ---------------------------------------------------------------------------- another version


@pytest.fixture(scope="module")
def improved(
    promoted: Path, tmp_path_factory: pytest.TempPathFactory, call: Callable[..., str]
) -> Path:
    """The project with a second model that may be promoted."""
    root = tmp_path_factory.mktemp("served") / "live"
    shutil.copytree(promoted, root, symlinks=True)
    text = (root / layout.PARAMS).read_text()
    (root / layout.PARAMS).write_text(text.replace("folds: 4", "folds: 3"))
    for stage in STAGES:
        call(root, "assay", "stage", *stage.split())
    from tests import projects

    projects.dvc(root, "commit", "--quiet", "--force")
    call(root, "git", "commit", "--all", "--quiet", "--message", "Three folds")
    return root


@pytest.fixture
def project(improved: Path, tmp_path: Path) -> Iterator[Path]:
    yield Path(shutil.copytree(improved, tmp_path / "live", symlinks=True))


def test_a_promotion_under_load_mixes_nothing(
    project: Path, call: Callable[..., str], records: Any
) -> None:
    versions = CurrentVersion(project, params.load(project), None)
    service = Service(versions, *OPEN)
    rows = [json.dumps(each).encode() for each in records]

    async def each_row(service: Service) -> list[Told]:
        return await asyncio.gather(
            *(ask(service, [row], content_length=str(len(row))) for row in rows)
        )

    async def load(told: list[Any], stop: asyncio.Event) -> None:
        while not stop.is_set():
            told += await each_row(service)

    async def promoted_meanwhile() -> list[Told]:
        told: list[Told] = []
        stop = asyncio.Event()
        loading = asyncio.create_task(load(told, stop))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(call, project, "assay", "promote", "--because", "better")
        await asyncio.to_thread(versions.look)
        await asyncio.sleep(0.2)
        stop.set()
        await loading
        return told

    before = versions.scorer
    told = run(service, promoted_meanwhile(), workers=2)
    after = versions.scorer
    expected = {}
    for scorer in (before, after):
        one = Service(Fixed(scorer), *OPEN)  # type: ignore[arg-type]
        alone = run(one, each_row(one))
        expected |= {(each.tree["version"], each.body): each.status for each in alone}
    assert {version for version, _ in expected} == {"v0.1.0", "v0.2.0"}
    assert len(expected) == 2 * len(rows)
    found = {(each.headers[b"assay-version"].decode(), each.body) for each in told}
    assert found == expected.keys()  # each whole, by the version that it names, and both were seen
    assert all(expected[each.tree["version"], each.body] == each.status for each in told)


def health_of(versions: CurrentVersion) -> Any:
    service = Service(versions, *OPEN)
    return run(service, ask(service, path="/health")).tree


def test_a_version_that_cannot_serve_leaves_the_old_one(
    project: Path,
    call: Callable[..., str],
    row: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    versions = CurrentVersion(project, params.load(project), None)
    service, tries = Service(versions, *OPEN), []
    call(project, "assay", "promote", "--because", "better")
    load = current.pin_named

    def broken(*given: Any) -> None:
        tries.append(given)
        raise BundleChanged("the bundle is not the registered one")

    monkeypatch.setattr(current, "pin_named", broken)
    versions.look()
    versions.look()  # tried again only after a while, and said once
    assert len(tries) == 1 and len(caplog.records) == 1
    assert "v0.1.0 still answers: the bundle is not" in caplog.text
    health = health_of(versions)
    assert (health["status"], health["version"]) == ("behind", "v0.1.0")
    assert "the bundle is not the registered one" in health["behind"]
    assert run(service, ask(service, [row])).tree["version"] == "v0.1.0"
    monkeypatch.setattr(current, "pin_named", load)
    monkeypatch.setattr(versions, "_again", 0.0)
    versions.look()
    health = health_of(versions)
    assert (health["status"], health["version"]) == ("ok", "v0.2.0")
    call(project, "assay", "rollback", "--because", "no better")
    versions.look()
    assert versions.identity[0] == "v0.1.0"


def test_a_version_that_was_named_is_kept(project: Path, call: Callable[..., str]) -> None:
    versions = CurrentVersion(project, params.load(project), "v0.1.0")
    call(project, "assay", "promote", "--because", "better")
    versions.look()
    assert versions.identity[0] == "v0.1.0"
