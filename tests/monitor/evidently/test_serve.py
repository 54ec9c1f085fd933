"""`assay ui`: on loopback, by its own names, without a word to anybody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from assay.cli import __main__ as cli
from assay.errors import UsageError
from assay.monitor.evidently import serve, workspace

ROOT = Path(__file__).resolve().parents[3]
NIGHT = "2013-02-01"


@pytest.fixture
def shown(project: Any) -> Any:
    project.set("monitor", workspace="work/evidently")
    return project


def get(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_it_serves_the_nights_until_it_is_ended(
    shown: Any, params_text: str, tmp_path: Path
) -> None:
    shown.score(NIGHT, "run-1")
    shown.monitor(NIGHT, evidently=True)
    text = params_text.replace("workspace: null", "workspace: work/evidently")
    (shown.root / "params.yaml").write_text(text)
    command = [sys.executable, "-m", "assay.cli.__main__", "ui", "--port", "0", "--json", "--root"]
    # Whatever it might want to call is not there: a socket to anywhere but here is an error.
    guard = tmp_path / "sitecustomize.py"
    guard.write_text(GUARD)
    served = subprocess.Popen(
        [*command, str(shown.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )
    assert served.stdout is not None and served.stderr is not None
    try:
        lines = []
        while not lines or lines[-1].rstrip() != "}":
            lines.append(served.stdout.readline())
            assert lines[-1], served.stderr.read()
        told = json.loads("".join(lines))
        assert told["nights"] == 1 and told["url"].startswith("http://127.0.0.1:")
        project = workspace.project_id("late-flights")
        status, body = _patiently(f"{told['url']}/api/projects/{project}/snapshots")
        assert status == 200 and [each["name"] for each in json.loads(body)] == [NIGHT]
        status, body = get(f"{told['url']}/api/v2/dashboards/{project}")
        assert status == 200 and b"Nothing is decided here" in body
        status, page = get(told["url"])
        assert status == 200 and b"<html" in page
        assert get(f"{told['url']}/api/projects", Host="evil.example")[0] == 421
        served.send_signal(signal.SIGINT)
        assert served.wait(30) == 0
        assert served.stdout.read() == "" and served.stderr.read() == ""
    finally:
        served.kill()
        served.communicate()


GUARD = """
import socket
real = socket.socket.connect
def connect(self, address):
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
        raise SystemExit(f"a call to {address}")
    return real(self, address)
socket.socket.connect = connect
"""


def _patiently(url: str) -> tuple[int, bytes]:
    for _ in range(120):
        try:
            return get(url)
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError("it does not answer")


def test_a_port_that_is_taken_is_one_line(shown: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port}: nothing can listen there") as said:
            serve.run(shown.root, shown.params, port=port)
    assert said.value.exit_code == 2 and "assay ui --port" in said.value.line()


def test_a_host_that_is_not_here_is_one_line(shown: Any) -> None:
    with pytest.raises(UsageError, match="nothing can listen there"):
        serve.run(shown.root, shown.params, host="no such host")


def test_other_hosts_get_a_warning_and_may_change_nothing(
    shown: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, told = [], []
    monkeypatch.setattr(serve, "_serve", lambda folder, listener, alone: asked.append(alone))
    serve.run(shown.root, shown.params, host="0.0.0.0", port=0)
    assert "warning: this is not loopback" in caplog.text
    caplog.clear()
    serve.run(shown.root, shown.params, port=0, ready=told.append)
    assert not caplog.records
    assert told[0].nights == 0 and told[0].url.startswith("http://127.0.0.1:")
    assert asked == [False, True]


def test_without_a_workspace_there_is_nothing_to_serve(project: Any) -> None:
    with pytest.raises(UsageError, match=r"monitor.workspace: the workspace is switched off"):
        project.run(serve.run)


def answered(alone: bool, method: str, **given: bytes | None) -> int:
    """The status of a request with these headers."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(k.replace("_", "-").encode(), v) for k, v in given.items() if v is not None]
    scope = {"type": "http", "method": method, "headers": headers}
    asyncio.run(serve.guard(app, alone)(scope, None, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"localhost:8000", 200),
        (b"127.0.0.1", 200),
        (b"[::1]:8000", 200),
        (b"LOCALHOST", 200),
        (b"evil.example", 421),
        (b"127.0.0.1.evil.example:8000", 421),
        (b"localhost@evil.example", 421),
        (None, 421),
    ],
)
def test_alone_it_answers_to_its_own_names_only(host: bytes | None, status: int) -> None:
    assert answered(True, "GET", accept=b"*/*", host=host) == status
    assert answered(False, "GET", accept=b"*/*", host=host) == 200


@pytest.mark.parametrize(
    ("method", "origin", "site", "status"),
    [
        ("GET", b"http://evil.example", None, 200),
        ("POST", None, None, 200),  # no browser
        ("POST", b"http://localhost:8000", b"same-origin", 200),
        ("POST", b"http://evil.example", b"cross-site", 403),
        ("DELETE", b"http://localhost:9000", None, 403),
        ("PUT", b"http://localhost:8000.evil.example", None, 403),
        ("PATCH", b"null", None, 403),
        ("POST", None, b"cross-site", 403),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_changes_are_taken_from_its_own_pages_only(
    alone: bool, method: str, origin: bytes | None, site: bytes | None, status: int
) -> None:
    headers = {"host": b"localhost:8000", "origin": origin, "sec_fetch_site": site}
    assert answered(alone, method, **headers) == status


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["ui", "--help"])
    told = capsys.readouterr().out
    assert "Example: assay ui --port 8000" in told and "--host" in told
    with pytest.raises(SystemExit):
        cli.main(["ui", "--port", "70000"])
    assert "expected a port from 0 to 65535" in capsys.readouterr().err


NIGHTS = ("2013-02-01", "2013-02-02")


@pytest.fixture
def scored(shown: Any) -> Any:
    for night in NIGHTS:
        shown.score(night, f"run-{night[-2:]}")
    return shown


def runs(project: Any) -> dict[str, tuple[str, str]]:
    """Night -> file and time of its run."""
    folder: Path = workspace.runs_folder(project.root / "work/evidently", "late-flights")
    found = {path.name: json.loads(path.read_bytes()) for path in folder.glob("*")}
    return {run["name"]: (name, run["timestamp"]) for name, run in found.items()}


def test_a_night_is_one_run_however_often_it_is_monitored(scored: Any) -> None:
    for night in (*NIGHTS, NIGHTS[0]):
        scored.monitor(night, evidently=True)
    found = runs(scored)
    assert sorted(found) == list(NIGHTS)
    assert [at for _, at in found.values()] == [f"{night}T00:00:00" for night in found]


def test_evidently_finds_the_run_and_what_its_panels_plot(scored: Any) -> None:
    scored.monitor(NIGHTS[0], evidently=True)
    from evidently.ui.workspace import Workspace

    here = Workspace(str(scored.root / "work/evidently"))
    (project,) = here.search_project("late-flights")
    (name,) = here.list_runs(project.id)
    run = here.get_run(project.id, name)
    assert run is not None and run.name == NIGHTS[0]
    computed = {
        value.metric_value_location.metric.params["type"] for value in run.metric_results.values()
    }
    plotted = {each.metric for panel in project.dashboard.model().panels for each in panel.values}
    assert len(plotted) == 2 and plotted <= computed


def test_a_night_without_a_report_has_no_run(scored: Any) -> None:
    scored.monitor(NIGHTS[0])
    assert runs(scored) == {}
