"""Which challenger on its holdout the gate takes a bundle for, and what that changes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.gate import explain, holdout_history
from assay.gate.holdout_history import EXPERIMENT, PROJECT
from assay.model.bundle_files import verified_digest
from assay.project import digests, layout
from assay.reports.verdict import HoldoutUse, Outcome, Verdict
from tests.gate import build
from tests.gate.test_stage_alone import Stand

PASS, INCONCLUSIVE = Outcome.PASS, Outcome.INCONCLUSIVE
CLOSE = {"value": 0.8, "low": 0.71, "high": 0.87}
"""The AUC of at least 0.7 that the policy asks for is met with a p-value of 0.016."""


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch, tiny: Any) -> Stand:
    monkeypatch.delenv(EXPERIMENT, raising=False)
    tiny.policy("name: ranks, metric: auc, min: 0.7")
    tiny.evaluation(metrics={"auc": CLOSE})
    git(tiny.root, "init", "--quiet")
    return Stand(monkeypatch, tiny)


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return done.stdout.decode().strip()


def asked(root: Path, data: str, *bundles: str) -> None:
    """Verdicts on these bundles in the history of ``root``, and none in its work tree."""
    path = root / layout.VERDICT
    path.parent.mkdir(parents=True, exist_ok=True)
    for bundle in bundles:
        path.write_text(json.dumps({"bundle": bundle, "data": data}))
        git(root, "add", "--force", str(path))
        git(root, "commit", "--quiet", "--message", bundle)
    path.unlink()


def test_the_first_passes_by_the_interval(stand: Stand, tiny: Any) -> None:
    found = stand.judged()
    assert found.holdout == HoldoutUse(challenger=1, confidence=0.95)
    assert found.outcome is PASS
    assert stand.judged() == found  # asked again it is no other challenger


def test_the_second_needs_to_be_more_certain(stand: Stand, tiny: Any) -> None:
    asked(tiny.root, digests.data(tiny.root), "sha256:other")
    found = stand.judged()
    assert (found.holdout.challenger, found.outcome) == (2, INCONCLUSIVE)
    (told,) = found.blocking
    assert "of the 2nd challenger on this holdout a PASS takes 98.75 %, not 97.5 %" in told.detail
    for name in ("verdict.md", "index.html"):
        page = (tiny.root / layout.GATE_REPORT / name).read_text(encoding="utf-8")
        assert "It is the 2nd challenger on this holdout: a PASS takes 98.75 %" in page
        assert "Of the 5 % chance that any of them passes falsely, 1.25 are left" in page
        assert "assay window" in page
    # Whoever looks at the rule sees the same.
    shown = explain.run(tiny.root, tiny.params, "ranks")
    assert shown.findings == tuple(each for each in found.findings if each.rule == "ranks")


def test_another_holdout_and_the_champion_do_not_count(stand: Stand, tiny: Any) -> None:
    tiny.comparison(build.comparison(build.difference(0.0)))  # with the champion sha256:a
    asked(tiny.root, "sha256:before", "sha256:x", "sha256:y")
    asked(tiny.root, digests.data(tiny.root), "sha256:a")
    found = stand.judged()
    assert (found.holdout.challenger, found.outcome) == (1, PASS)


def test_an_experiment_of_a_queue_asks_its_project(
    stand: Stand, tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, data = tmp_path / "project", digests.data(tiny.root)
    project.mkdir()
    git(project, "init", "--quiet")
    asked(project, data, "sha256:other", "sha256:third")
    monkeypatch.setenv(PROJECT, str(project))
    assert stand.judged().holdout.challenger == 1  # no experiment
    monkeypatch.setenv(EXPERIMENT, "bold-name")
    assert stand.judged().holdout.challenger == 3
    # An experiment in the work tree itself: its project is no other repository.
    monkeypatch.setenv(PROJECT, str(tiny.root))
    assert stand.judged().holdout.challenger == 1


def test_a_shallow_clone_cannot_pass(stand: Stand, tiny: Any, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch=main")
    asked(origin, digests.data(tiny.root), "sha256:other", "sha256:third")
    git(tiny.root, "fetch", "--quiet", "--depth=1", f"file://{origin}", "main:refs/remotes/o/main")
    found = stand.judged()
    told = next(each for each in found.blocking if "can be counted" in each.rule)
    assert told.outcome is INCONCLUSIVE and "lacks older commits" in told.detail
    assert told.fix is not None and "git fetch --unshallow" in told.fix


def test_where_no_report_can_be_read_a_rule_is_asked_as_the_first(tmp_path: Path) -> None:
    assert holdout_history.place_of_reports(tmp_path) == 1


def test_the_place_of_a_verdict_is_at_least_what_its_commit_shows(stand: Stand, tiny: Any) -> None:
    asked(tiny.root, digests.data(tiny.root), "sha256:other", "sha256:third")
    recorded: Verdict = stand.judged()
    assert recorded.bundle == verified_digest(tiny.root / layout.BUNDLE)
    assert holdout_history.least_place(tiny.root, recorded) == 3
    # What only another branch has is for the gate to count, not for who reads this commit.
    git(tiny.root, "checkout", "--quiet", "-b", "other")
    asked(tiny.root, digests.data(tiny.root), "sha256:fourth")
    git(tiny.root, "checkout", "--quiet", "-")
    assert holdout_history.least_place(tiny.root, recorded) == 3
    assert stand.judged().holdout.challenger == 4
