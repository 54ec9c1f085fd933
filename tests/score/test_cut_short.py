"""Nights that were scored before one that failed, or before an interrupt, are shown too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import INTERRUPTED, NightNotFound
from assay.score import stage
from assay.score.run import Attempt
from tests.scorer import Shared

NIGHTS = ("2024-03-04", "2024-03-05", "2024-03-06")
"""The parcels end with the second."""


@pytest.fixture
def score(live: Path, spark: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``assay score`` of three nights, by the suite's Spark."""
    monkeypatch.setattr(stage, "BackgroundSession", lambda params, root: Shared(spark))
    argv = ["score", "--from", NIGHTS[0], "--to", NIGHTS[-1], "--root", str(live)]
    return lambda *options: main([*argv, *options])


def test_nights_around_one_that_failed(score: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert score() == NightNotFound.exit_code
    told = capsys.readouterr()
    assert "2 nights" in told.out and told.out.splitlines()[-1] == "failed: 2024-03-06"
    assert told.err.splitlines()[-1].startswith("assay: ")
    assert score("--json") == NightNotFound.exit_code
    nights = json.loads(capsys.readouterr().out)
    assert [each["outcome"] for each in nights] == ["skipped", "skipped", "failed"]


def test_nights_before_an_interrupt(
    score: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = Attempt.score

    def interrupted(attempt: Attempt, *given: Any) -> None:
        if attempt.run.partition == NIGHTS[1]:
            raise KeyboardInterrupt
        real(attempt, *given)

    monkeypatch.setattr(Attempt, "score", interrupted)
    assert score("--json") == INTERRUPTED
    told = capfd.readouterr()
    assert [each["partition"] for each in json.loads(told.out)] == [NIGHTS[0]]
    assert told.err.splitlines()[-1] == "assay: interrupted"
