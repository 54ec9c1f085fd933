"""A check that hangs or breaks says so, and ends no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assay.errors import ChecksFailed, UsageError
from assay.errors.base import attached_report
from assay.ops.doctor import command
from assay.ops.doctor.finding import Answer, Diagnosis, Project, ok


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three checks: one that never answers, one that breaks, and one that prints and is well."""
    over = threading.Event()

    def hangs(_: Project) -> Answer:
        over.wait()
        return ok("over")

    def breaks(_: Project) -> Answer:
        raise ZeroDivisionError("no")

    def fine(_: Project) -> Answer:
        print("a library's own words")
        return ok("well")

    known: dict[str, Callable[[Project], Answer]] = {"hangs": hangs, "breaks": breaks}
    monkeypatch.setattr(command, "CHECKS", {**known, "fine": fine})
    monkeypatch.delenv("ASSAY_DEBUG", raising=False)
    yield
    over.set()


def test_each_check_answers_whatever_becomes_of_the_others(
    three: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ChecksFailed, match="2 of 3 checks failed: hangs, breaks") as caught:
        command.run(tmp_path, seconds=0.2)
    found = attached_report(caught.value)
    assert isinstance(found, Diagnosis)
    hung, broken, fine = found.checks
    assert (hung.status, hung.found) == ("failed", "no answer within 0.2 s")
    assert "--only hangs --seconds 1" in (hung.fix or "")
    assert (broken.status, broken.found) == (
        "broken",
        "the check itself broke: ZeroDivisionError: no",
    )
    assert fine.status == "ok"
    assert capfd.readouterr() == ("", "")


def test_what_breaks_a_check_can_be_seen(
    three: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        command.run(tmp_path, ["breaks"])


def test_a_check_that_does_not_exist_is_refused_before_any_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"some of params, git, .*found mars, venus"):
        command.run(tmp_path, ["venus", "git", "mars"])
    with pytest.raises(UsageError, match="no such folder"):
        command.run(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
