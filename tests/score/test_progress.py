"""How long a command still takes: told from what has passed, seldom where nobody watches."""

from __future__ import annotations

import pytest

from assay.score.progress import Progress


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_follows_from_the_nights_done(capsys: pytest.CaptureFixture[str]):
    clock = Clock()
    progress = Progress(4, clock)
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
    show = Progress(1, clock).within("night 1")
    for second in range(25):
        clock.now = float(second)
        show(second, 50)
    assert capsys.readouterr().err.splitlines() == [
        "night 1: 10 of 50 tasks, about 40 s left",
        "night 1: 20 of 50 tasks, about 30 s left",
    ]
