"""How pytest is called: nothing from outside may steer it, and a broken end is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import assay
from assay.gate.pytest_run import run as session
from assay.gate.pytest_run.record import PytestRecord
from assay.gate.pytest_run.run import PytestRun, pytest_command, pytest_environment, run_pytest
from assay.project import processes

HOME = Path(assay.__file__).resolve().parents[1]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [SimpleNamespace(name=name) for name in ("mock", "assay", "aio", "faker", "mock")]
    groups = {"pytest11": installed}
    monkeypatch.setattr(session, "entry_points", lambda *, group: groups[group])
    target = tmp_path / "scratch/seen.json"
    start = [
        *(sys.executable, "-P", "--check-hash-based-pycs", "always", "-m", "pytest"),
        *("-p", "no:assay", "-p", "assay.gate.pytest_run.plugin"),
        *("-p", "no:cacheprovider", "--disable-plugin-autoload", "-p", "aio", "-p", "mock"),
        *("-c", str(tmp_path / "scratch/pytest.ini")),
        *(f"--rootdir={tmp_path}", "-q", "--tb=short", "--no-header", "--color=no"),
        f"--junitxml={tmp_path / 'reports/gate/junit.xml'}",
        *(f"--assay-findings={target}", f"--assay-decided={tmp_path / 'scratch/decided.json'}"),
        f"--basetemp={tmp_path / 'scratch/tmp'}",
        *("--continue-on-collection-errors", "params.yaml"),
    ]
    assert pytest_command(tmp_path, "tests/model", target) == start
    (tmp_path / "tests/model").mkdir(parents=True)
    assert pytest_command(tmp_path, "tests/model", target) == [
        *start,
        "tests/model",
        f"--confcutdir={tmp_path / 'tests/model'}",
    ]
    # Of what comes with DVC and Evidently only that which a test names.
    (tmp_path / "tests/model/test_it.py").write_text("def test_it(faker): ...")
    there = start.index("mock")
    assert pytest_command(tmp_path, "tests/model", target)[: there + 3] == [
        *start[: there - 1],
        *("-p", "faker", "-p", "mock"),
    ]


def test_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a .pth file leaves it: behind what is installed.
    monkeypatch.setattr(sys, "path", ["/usr/lib/site-packages", str(HOME)])
    outer = {"PYTEST_ADDOPTS": "-k x", "PYTEST_PLUGINS": "y", "HOME": "/h", "MYPYTEST_": "z"}
    outer |= {"PYTHONPATH": "/p", "PYTHONSTARTUP": "/s", "PYTHONNOUSERSITE": "1"}
    assert pytest_environment(outer, tmp_path) == {
        "HOME": "/h",
        "MYPYTEST_": "z",
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis"),
    }
    assert outer["PYTEST_PLUGINS"] == "y"


LINGERS = """
import os, pathlib, signal, subprocess, sys, time

def linger(escape):
    begun = pathlib.Path(f"{escape}.pid").resolve()
    if os.fork():
        while not begun.exists():
            time.sleep(0.01)
        return
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if "session" in escape:
        os.setsid()
    if "orphan" in escape and os.fork():
        os._exit(0)
    part = begun.with_suffix(".part")
    part.write_text(str(os.getpid()))
    part.rename(begun)
    while True:
        time.sleep(0.05)
        pathlib.Path("forged").write_text("PASS")

def test_it():
    for escape in ("child", "orphan", "session", "session-orphan"):
        linger(escape)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only the session is ended")
def test_no_process_that_a_test_starts_outlives_it(tiny: Any) -> None:
    tiny.write("tests/model/test_it.py", LINGERS)
    mine = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = {}
    try:
        assert run_pytest(tiny.root, "tests/model", ()).crash is None
        found = {path.stem: int(path.read_text()) for path in tiny.root.glob("*.pid")}
        assert len(found) == 4
        assert [name for name, pid in found.items() if alive(pid)] == []
        assert mine.poll() is None  # what is not of the tests goes on
    finally:
        for pid in (pid for pid in found.values() if alive(pid)):
            os.kill(pid, signal.SIGKILL)
        mine.communicate(b"\n")


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_an_assay_that_is_not_installed_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(HOME), *sys.path])
    assert pytest_environment({"PYTHONPATH": "/a"}, tmp_path)["PYTHONPATH"] == str(HOME)


def test_an_installed_package_needs_no_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes.sysconfig, "get_path", lambda name: str(HOME))
    monkeypatch.setattr(sys, "path", [str(HOME), *sys.path])
    assert "PYTHONPATH" not in pytest_environment({"PYTHONPATH": "/a"}, tmp_path)


def test_plugins_of_other_packages_are_there_and_only_their_own_code_is_rewritten(
    tmp_path: Path,
) -> None:
    told = """
        import sys
        import _hypothesis_pytestplugin, hypothesis

        def test_it(anyio_backend_name, request):
            assert request.config.pluginmanager.hasplugin("hypothesispytest")
            assert "pytest" not in type(hypothesis.__loader__).__module__
            assert "pytest" in type(sys.modules[__name__].__loader__).__module__
    """
    (tmp_path / "params.yaml").write_text("")
    (tmp_path / "tests/model").mkdir(parents=True)
    (tmp_path / "tests/model/test_it.py").write_text(textwrap.dedent(told))
    found = run_pytest(tmp_path, "tests/model", ())
    assert (found.code, found.crash) == (0, None), found.output


class Fake:
    """In place of pytest: leaves a record, or does not, and ends with some code."""

    def __init__(self, code: int, output: str, *, record: bool) -> None:
        self.code = code
        self.output = output
        self.record = record
        self.asked: dict[str, Any] = {}

    def __call__(self, command: list[str], **asked: Any) -> Any:
        self.asked = asked
        (target,) = [each for each in command if each.startswith("--assay-findings=")]
        if self.record:
            PytestRecord(collected=["a"]).write(Path(target.partition("=")[2]))
        asked["stdout"].write(self.output.encode())
        return self.code


def ran(
    monkeypatch: pytest.MonkeyPatch, code: int, output: str = "", *, record: bool = True
) -> tuple[PytestRun, Fake]:
    fake = Fake(code, output, record=record)
    monkeypatch.setattr(session, "run_and_end_all", fake)
    return run_pytest(Path("/p"), "tests/model", ()), fake


@pytest.mark.parametrize("code", [0, 1])
def test_a_session_that_came_to_its_end(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    found, fake = ran(monkeypatch, code, "1 passed")
    assert found == PytestRun(PytestRecord(collected=["a"]), code, "1 passed", None)
    assert fake.asked["cwd"] == Path("/p")
    assert (fake.asked["stdin"], fake.asked["stderr"]) == (subprocess.DEVNULL, subprocess.STDOUT)
    assert fake.asked["env"]["PYTHONDONTWRITEBYTECODE"] == "1"


@pytest.mark.parametrize("code", [2, 3, 4, 5, -9])
def test_any_other_end_is_a_crash(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    found, _ = ran(monkeypatch, code, "all\nis lost\n")
    assert found.crash == f"pytest ended with exit code {code}: is lost"
    assert (found.seen, found.code) == (PytestRecord(collected=["a"]), code)


@pytest.mark.parametrize("code", [0, 1])
def test_without_a_record_it_is_a_crash_too(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    found, _ = ran(monkeypatch, code, "bye", record=False)
    assert found.crash == f"pytest ended with exit code {code}: bye"
    assert found.seen == PytestRecord()


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("", "no output"),
        (" \n", "no output"),
        ("one\n two \n\n", "two"),
        ("E   first\nE   ImportError: no x\nlast", "ImportError: no x"),
        ("ERROR: file not found\nlast", "ERROR: file not found"),
        ("INTERNALERROR> boom\nlast", "INTERNALERROR> boom"),
        ("Ending\nlast", "last"),
        ("E  in /p/tests/a.py", "in tests/a.py"),
    ],
)
def test_the_line_that_tells_most(monkeypatch: pytest.MonkeyPatch, output: str, line: str) -> None:
    found, _ = ran(monkeypatch, 3, output)
    assert found.crash == f"pytest ended with exit code 3: {line}"


def test_scratch_is_gone_afterwards_and_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _, fake = ran(monkeypatch, 0)
    scratch = Path(fake.asked["env"]["HYPOTHESIS_STORAGE_DIRECTORY"]).parent
    assert not scratch.exists()
    assert scratch.name.startswith("assay-gate-")
