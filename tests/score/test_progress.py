"""How long a command still takes: told from what has passed, seldom where nobody watches."""

from __future__ import annotations

import logging

import pytest

from assay.cli.terminal import log_to_stderr
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


def test_whoever_calls_it_from_a_program_gets_records_and_no_text(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    with log_to_stderr():
        pass  # what the command line hung on the logger is gone again
    with caplog.at_level(logging.INFO, logger="assay"):
        Progress(1).step("night 1")
    assert caplog.messages == ["night 1"]
    assert capsys.readouterr() == ("", "")
