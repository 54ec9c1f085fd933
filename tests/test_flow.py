"""The whole flow by the commands its users type, on a small project that is not the flights."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from assay.model import bundle, bundle_files
from assay.project import layout

Call = Callable[..., str]


def document(printed: str) -> list[dict[str, Any]]:
    """What ``--json`` printed, below what standard error said."""
    found: list[dict[str, Any]] = json.loads(printed[printed.index("[\n") :])
    return found


@pytest.fixture(scope="module")
def compared(promoted: Path, tmp_path_factory: pytest.TempPathFactory, call: Call) -> Path:
    """The promoted project after one more `dvc repro`, which found a champion."""
    root = tmp_path_factory.mktemp("compared") / "live"
    shutil.copytree(promoted, root, symlinks=True)
    call(root, "dvc", "repro")
    return root


@pytest.fixture
def settled(compared: Path, tmp_path: Path) -> Path:
    """A copy of it to do anything to."""
    return Path(shutil.copytree(compared, tmp_path / "settled", symlinks=True))


def test_a_second_repro_only_looks_at_assays_code_and_who_holds_the_stage(
    settled: Path, call: Call
):
    told = call(settled, "dvc", "repro")
    assert re.findall(r"Running stage '([^']+)'", told) == ["code", "champion", "nights"]


def test_changing_one_candidate_reruns_one(live: Path, call: Call):
    path = live / "params.yaml"
    text = path.read_text()
    path.write_text(text.replace("args: {strategy: prior}", "args: {strategy: most_frequent}"))
    told = call(live, "dvc", "repro", "--dry", "select")
    assert "Running stage 'train@prior'" in told
    assert "Running stage 'train@logistic'" not in told
    assert "Running stage 'prepare'" not in told


def test_metrics_plots_and_params_can_be_compared(live: Path, call: Call):
    assert "auc" in call(live, "dvc", "metrics", "show")
    text = (live / "params.yaml").read_text()
    (live / "params.yaml").write_text(text.replace("folds: 4", "folds: 5"))
    assert "train.folds" in call(live, "dvc", "params", "diff")
    call(live, "dvc", "metrics", "diff", "HEAD")
    page = call(live, "dvc", "plots", "show", "--out", "plots")
    assert "index.html" in page
    drawn = (live / "plots" / "index.html").read_text()
    for title in ("ROC curve", "Precision and recall", "Calibration", "Confusion", "Scores"):
        assert title in drawn


def test_a_rule_that_cannot_hold_fails_repro_at_the_gate_with_numbers(settled: Path, call: Call):
    path = settled / "params.yaml"
    path.write_text(path.read_text().replace("min: 0.6", "min: 0.99"))
    told = call(settled, "dvc", "repro", code=255)
    assert "failed to reproduce 'gate'" in told
    assert "exited with 3" in told
    verdict = (settled / layout.GATE_REPORT / "verdict.md").read_text(encoding="utf-8")
    assert verdict.startswith("## ❌ FAIL")
    assert "ranks late parcels first" in verdict
    assert "at least 0.99" in verdict
    call(settled, "git", "add", "--all")
    call(settled, "git", "commit", "--quiet", "--message", "Try")
    refused = call(settled, "assay", "promote", "--because", "hope", code=42)
    assert len(refused.strip().splitlines()) >= 1
    assert "PASS" in refused


def test_an_experiment_that_the_gate_refuses_is_recorded_with_its_verdict(
    settled: Path, call: Call
):
    call(settled, "git", "add", "--all")
    call(settled, "git", "commit", "--quiet", "--message", "Settle")
    path = settled / "params.yaml"
    path.write_text(path.read_text().replace("min: 0.6", "min: 0.99"))
    change = ("--name", "strict", "--set-param", "+gate.correction=none")
    told = call(settled, "dvc", "exp", "run", *change)
    assert "the verdict is FAIL" in told
    (shown,) = json.loads(call(settled, "dvc", "exp", "show", "--json"))[-1]["experiments"]
    assert shown["name"] == "strict"
    call(settled, "git", "checkout", "--quiet", "--", ".")
    call(settled, "dvc", "exp", "apply", "strict")
    assert json.loads((settled / layout.VERDICT).read_text())["outcome"] == "FAIL"
    assert "the verdict is FAIL" in call(settled, "assay", "gate", "verdict", code=3)


def test_a_night_scored_twice_is_there_once_and_explains_itself(live: Path, call: Call):
    nights = ("--from", "2024-03-01", "--to", "2024-03-02")
    first = document(call(live, "assay", "score", *nights, "--json"))
    skipped = document(call(live, "assay", "score", *nights, "--json"))
    assert [night["outcome"] for night in skipped] == ["skipped", "skipped"]
    call(live, "assay", "score", *nights, "--force")
    assert [(r["rows_read"], r["rows_scored"], r["rows_quarantined"]) for r in first] == [
        (50, 50, 0),
        (50, 47, 3),
    ]
    table = DeltaTable(str(live / "store" / "predictions")).to_pandas()
    assert table.groupby("day").size().to_dict() == {"2024-03-01": 50, "2024-03-02": 47}
    digest = bundle_files.verified_digest(live / layout.BUNDLE)
    assert set(table["model_version"]) == {"v0.1.0"}
    assert set(table["bundle"]) == {digest}
    assert table["run_id"].nunique() == 2
    assert not set(table["run_id"]) & {report["run_id"] for report in first}
    runs = DeltaTable(str(live / "store" / "runs")).to_pandas()
    assert sorted(runs["event"]) == ["published"] * 4 + ["started"] * 4

    call(live, "assay", "monitor", "--date", "2024-03-02")
    summary = json.loads((live / layout.NIGHTS / "2024-03-02.json").read_text())
    assert digest in json.dumps(summary)
    page = (live / layout.NIGHTS / "2024-03-02.html").stat().st_size
    assert page < 5_000_000
    standing = call(live, "assay", "status")
    for fact in ("v0.1.0", "first model", "2024-03-02", "47"):
        assert fact in standing


def test_what_lies_in_the_work_tree_does_not_score(live: Path, call: Call):
    """Neither an edited contract nor another bundle takes the promoted version's place."""
    contract = live / "data" / "contract.py"
    contract.write_text(contract.read_text().replace("le=50", "le=1"))
    model = live / layout.BUNDLE / bundle.MODEL
    model.unlink()
    model.write_bytes(b"not a model")
    (report,) = document(call(live, "assay", "score", "--date", "2024-03-01", "--json"))
    assert report["rows_scored"] == 50


def test_a_changed_bundle_stops_promotion_and_scoring(live: Path, call: Call):
    shutil.rmtree(live / layout.WORK, ignore_errors=True)  # where an intact copy may be
    cache = live / ".dvc" / "cache"
    changed = 0
    for path in cache.rglob("*"):
        if path.is_file() and path.read_bytes()[:2] == b"PK":
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.chmod(0o644)
            path.write_bytes(bytes(data))
            changed += 1
    assert changed
    told = call(live, "assay", "score", "--date", "2024-03-01", code=31)
    assert len(told.strip().splitlines()) == 1
    assert "Traceback" not in told
    assert not (live / "store" / "predictions").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["score", "--date", "2031-01-01"], 23, "there is no night day=2031-01-01"),
        (["score", "--date", "yesterday"], 2, "--date yesterday: not a day"),
        (["plan", "--from", "2024-03-01", "--to", "tomorrow"], 2, "--to tomorrow: not a day"),
        (["score"], 2, "say which nights"),
        (["score", "--from", "2024-03-02", "--to", "2024-03-01"], 2, "--to lies before --from"),
        (["monitor", "--date", "2024-03-01"], 53, "assay score --date 2024-03-01"),
        (["stage", "train", "forest"], 11, "no such candidate"),
        (["rollback", "--because", "x"], 42, "v0.1.0"),
        (["promote", "--because", "again"], 42, "v0.1.0"),
    ],
)
def test_a_command_that_cannot_do_it_says_why_in_one_line(
    live: Path,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    expected: str,
):
    from assay.cli.__main__ import main

    assert main([*arguments, "--root", str(live)]) == code
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("assay: ")]
    assert len(told) == 1
    assert expected in told[0]
    assert not (live / "store" / "predictions").exists()


def test_without_a_champion_or_without_git_nothing_is_scored(
    trained: Path, parcels: Path, call: Call, capfd: pytest.CaptureFixture[str]
):
    from assay.cli.__main__ import main

    arguments = ["score", "--date", "2024-03-01", "--root", str(parcels)]
    assert main(arguments) == 40
    assert "git" in capfd.readouterr().err
    call(parcels, "git", "init", "--quiet")
    call(parcels, "git", "commit", "--quiet", "--allow-empty", "--message", "Start")
    assert main(arguments) == 41
    assert "assay promote" in capfd.readouterr().err
    assert not (parcels / "store" / "predictions").exists()
