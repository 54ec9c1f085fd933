"""A check that hangs, crashes or breaks says so, and ends no other."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from assay.errors import UsageError
from assay.monitor.doctor import command, probe_process, probes
from assay.monitor.doctor.finding import Finding
from assay.monitor.doctor.probe_process import ProbeProcesses
from assay.monitor.doctor.probes import Project

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProbeProcesses:
    monkeypatch.setattr(probe_process, "MODULE", "tests.monitor.doctor.misbehaving")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PIDS", str(tmp_path / "pids"))
    return ProbeProcesses(tmp_path)


def gone(pid: int) -> bool:
    """Whether a process has ended; its parent may not have noticed yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def test_a_check_without_an_answer_is_killed_with_its_children(
    processes: ProbeProcesses, tmp_path: Path
) -> None:
    # Long enough for the process to start on a busy machine.
    found = processes.run("hangs", 10)
    assert (found.status, found.found) == ("failed", "no answer within 10 s")
    assert "--only hangs --seconds 50" in (found.mend or "")
    pids = [int(pid) for pid in (tmp_path / "pids").read_text(encoding="utf-8").split()]
    assert len(pids) == 2
    # Nobody waits for the child of a killed process: the machine ends it in its own time.
    until = time.monotonic() + 30
    while not all(gone(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crashes", "the check itself ended with exit code -6"),
        ("complains", "the check itself ended with exit code 1: last words"),
        ("lies", "the check itself ended with exit code 0"),
        ("says nothing", "the check itself ended with exit code 0"),
    ],
)
def test_a_check_that_breaks_says_so(processes: ProbeProcesses, name: str, words: str) -> None:
    found = processes.run(name, 60)
    assert (found.status, found.found) == ("broken", words)


def test_after_an_interrupt_no_check_starts(processes: ProbeProcesses) -> None:
    processes.end()
    with pytest.raises(InterruptedError):
        processes.run("crashes", 60)


def test_an_error_that_nobody_foresaw_is_a_broken_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(project: Project) -> Finding:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(probes, "CHECKS", {"disk": broken})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_DEBUG", raising=False)
    probe_process.main("disk", tmp_path / "found.json")
    told = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert told["status"] == "broken"
    assert told["found"] == "the check itself broke: ZeroDivisionError: no"
    monkeypatch.setenv("ASSAY_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        probe_process.main("disk", tmp_path / "found.json")


def test_a_file_of_the_project_is_not_taken_for_a_library(tmp_path: Path) -> None:
    for name in ("json", "pydantic", "git"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken')\n", encoding="utf-8")
    assert ProbeProcesses(tmp_path).run("disk", 60).status != "broken"


def test_a_check_that_does_not_exist_is_refused_before_any_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"some of params, git, .*found mars, venus"):
        command.run(tmp_path, ["venus", "git", "mars"])
    with pytest.raises(UsageError, match="no such folder"):
        command.run(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
