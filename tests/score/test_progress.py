"""How long a command still takes: told from what has passed, seldom where nobody watches."""

from __future__ import annotations

import logging
import sys

import pytest

from assay.cli.terminal import end_progress_lines, log_to_stderr, make_progress_line
from assay.score.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_follows_from_the_nights_done(capsys: pytest.CaptureFixture[str]):
    clock = Clock()
    progress = Progress(4, clock=clock)
    with log_to_stderr():
        progress.step("night 1")
        clock.now = 30.0
        progress.done()
        progress.step("night 2")
        clock.now = 9000.0
        progress.done()
        progress.step("night 3")
    assert capsys.readouterr().err.splitlines() == [
        "night 1",
        "night 2, about 1 min 30 s left",
        "night 3, about 2 h 30 min left",
    ]


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]):
    assert make_progress_line() is None
    clock = Clock()
    show = Progress(1, clock=clock).task_callback("night 1")
    with log_to_stderr():
        for second in range(25):
            clock.now = float(second)
            show(second, 50)
    assert capsys.readouterr().err.splitlines() == [
        "night 1: 10 of 50 tasks, about 40 s left",
        "night 1: 20 of 50 tasks, about 30 s left",
    ]


def test_on_a_terminal_one_line_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress(1, make_progress_line(), Clock())
    show = progress.task_callback("night 1")
    show(1, 2)
    show(2, 2)
    progress.say("held")
    progress.say("done")
    clear = "\r\x1b[K"
    told = f"{clear}night 1: 1 of 2 tasks{clear}night 1: 2 of 2 tasks{clear}held\ndone\n"
    assert capsys.readouterr() == ("", told)


def test_a_result_does_not_go_on_in_a_line_of_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    Progress(1, make_progress_line(), Clock()).task_callback("night 1")(1, 1)
    end_progress_lines()
    end_progress_lines()
    assert capsys.readouterr().err == "\r\x1b[Knight 1: 1 of 1 tasks\r\x1b[K"


def test_whoever_calls_it_from_a_program_gets_records_and_no_text(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    with log_to_stderr():
        pass  # what the command line hung on the logger is gone again
    with caplog.at_level(logging.INFO, logger="assay"):
        Progress(1).step("night 1")
    assert caplog.messages == ["night 1"]
    assert capsys.readouterr() == ("", "")
