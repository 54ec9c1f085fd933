"""The windows move with the labels, by whole days, and only where somebody wants it."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import RetrainAdvised
from assay.performance import window
from assay.project import params
from tests.projects import PARCELS


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(PARCELS, tmp_path / "parcels")
    monkeypatch.setattr(window, "newest_labels", lambda *_: date(2024, 3, 5))
    return tmp_path / "parcels"


def advice(says: bool) -> Any:
    def run(*_: object) -> Any:
        if says:
            raise RetrainAdvised("auc is not at least 0.6", where="parcels v0.1.0")
        return type("Advice", (), {"rules": (), "column": "day"})()

    return run


def test_both_move_by_as_many_days_and_the_rest_of_the_file_stays(project: Path) -> None:
    before = (project / "params.yaml").read_text()
    moved = window.run(project, params.load(project))
    assert (moved.days, moved.train, moved.holdout) == (
        5,
        ("2024-01-06", "2024-02-14"),
        ("2024-02-15", "2024-03-05"),
    )
    after = (project / "params.yaml").read_text()
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert [new.strip() for _, new in changed] == [
        'train: {from: "2024-01-06", to: "2024-02-14"}',
        'holdout: {from: "2024-02-15", to: "2024-03-05"}',
    ]
    # A second time there is nothing newer.
    again = window.run(project, params.load(project))
    assert (again.days, again.why) == (0, "no labels are newer than the holdout")
    assert (project / "params.yaml").read_text() == after


@pytest.mark.parametrize("newest", [None, date(2024, 2, 29), date(2024, 1, 1)])
def test_they_never_move_back(newest: date | None) -> None:
    assert window.shift(params.load(PARCELS), newest) == 0


@pytest.mark.parametrize("says", [True, False])
def test_if_advised_they_move_only_then_and_the_next_step_knows(
    project: Path, says: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(window.retrain, "run", advice(says))
    monkeypatch.setenv("GITHUB_OUTPUT", str(project.parent / "output"))
    before = (project / "params.yaml").read_text()
    assert main(["window", "--if-advised", "--root", str(project)]) == 0
    assert ((project / "params.yaml").read_text() != before) is says
    assert (project.parent / "output").read_text() == f"moved={str(says).lower()}\n"
    told = capsys.readouterr().out
    assert ("auc is not at least 0.6" in told) is says
    assert ("no rule says to train again" in told) is not says
