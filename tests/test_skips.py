"""Skipped tests are said at the end, and fail the run where CI=true."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from scripts import needs, suite
from tests import browser, postgres, skips

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest
def test_a(): pass
@pytest.mark.skip(reason="no database")
def test_b(): pass
def test_c(): pytest.skip("no database")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT)

    def go(text: str, ci: str | None) -> pytest.RunResult:
        if ci is None:
            monkeypatch.delenv("CI", raising=False)
        else:
            monkeypatch.setenv("CI", ci)
        pytester.makepyfile(test_it=text)
        return pytester.runpytest_inprocess("-p", "tests.skips", "-p", "no:assay", "-q")

    return go


@pytest.mark.parametrize("ci", ["true", "True"])
def test_where_ci_is_true_a_skipped_test_fails_the_run(run: Any, ci: str) -> None:
    result = run(TESTS, ci)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"{skips.MARK}2: no database", "Where CI=true no test may be*"])


@pytest.mark.parametrize("ci", [None, "", "false"])
def test_elsewhere_it_is_said(run: Any, ci: str | None) -> None:
    result = run(TESTS, ci)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"{skips.MARK}2: no database"])
    result.stdout.no_fnmatch_line("Where CI=true*")


def test_a_file_that_skips_itself_counts(run: Any) -> None:
    result = run("import pytest\npytest.importorskip('nowhere_at_all', reason='no x')\n", "true")
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"{skips.MARK}1: no x"])


def test_without_a_skip_nothing_is_said(run: Any) -> None:
    result = run("def test_a(): pass\n", "true")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line(f"{skips.MARK}*")


def test_a_failure_stays_one(run: Any) -> None:
    assert run(TESTS + "def test_d(): assert 0\n", "true").ret == pytest.ExitCode.TESTS_FAILED


def test_all_parts_together_say_it_last() -> None:
    lines = ["x\n", f"{skips.MARK}2: no database\n", f"{skips.MARK}1: no browser\n"]
    assert suite.skipped([*lines, f"{skips.MARK}3: no database\n"]) == [
        "5 tests skipped: no database",
        "1 test skipped: no browser",
    ]


def test_what_failed_is_said_last_and_not_what_a_test_printed() -> None:
    lines = ["ERROR of a program\n", f"=={suite.SUMMARY}==\n", "FAILED a.py::b - no\n", "x\n"]
    assert suite.failed(lines) == ["FAILED a.py::b - no"]
    assert suite.failed(lines[:1]) == []


def test_every_file_of_tests_is_in_one_part() -> None:
    named, rest = [name for part in suite.PARTS for name in part], suite.parts()[2]
    assert len({*named}) == len(named)
    assert [
        suite.ROOT / "tests" / name for name in named if not (suite.ROOT / "tests" / name).exists()
    ] == []
    assert [rest[at + 1] for at, word in enumerate(rest) if word == "--ignore"] == [
        f"tests/{name}" for name in named
    ]


def test_files_of_tests_are_in_memory_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "ROOM", 0)
    assert suite.in_memory(tmp_path) == tmp_path
    assert suite.in_memory(tmp_path / "nowhere") is None
    monkeypatch.setattr(suite, "ROOM", 1 << 60)
    assert suite.in_memory(tmp_path) is None


def test_the_suite_itself_is_watched(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("tests.skips")


def test_ci_installs_what_tests_would_skip_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "missing", lambda: "")
    monkeypatch.setattr(browser, "CHROMIUM", "/usr/bin/chromium")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert needs.missing() == []
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert needs.missing() == ["openssh-client", "gcc", "libc6-dev", "qemu-user", "systemd"]
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(postgres, "missing", lambda: "PostgreSQL is not installed")
    monkeypatch.setattr(browser, "CHROMIUM", None)
    assert needs.missing() == ["postgresql", "chromium"]
