"""What commands say in words of their own."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.cli.show import nights, stages
from assay.score.run import NightOutcome
from assay.score.stage import ScoringOutcomes
from assay.training.train.stage import TrainSummary
from tests.gate import build
from tests.shown import show


def told(*outcomes: NightOutcome) -> list[str]:
    return [str(line) for line in nights.score_lines(ScoringOutcomes("store", list(outcomes)))]


def test_of_no_night_nothing_is_said() -> None:
    assert told() == []


def test_what_is_not_compiled_is_shown_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    why = "the model is not compiled: its answers are drawn"
    for reasons in ((), (why,)):
        show("stage rehearse", build.rehearsal(uncompiled=reasons))
        assert (why in capsys.readouterr().out) is bool(reasons)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("trees", "Lower max_depth or n_estimators, or raise min_samples_leaf, under"),
        ("linear", "Change its args under"),
    ],
)
def test_a_large_model_says_what_to_lower(kind: str, told: str) -> None:
    manifest: Any = SimpleNamespace(
        candidate="forest",
        calibration="none",
        calibration_losses={},
        out_of_fold={"auc": 0.5},
        compiled={"kind": kind},
        vocabularies={},
        uncompiled=(),
    )
    small = TrainSummary("sha256:0", manifest, "auc", stored=stages.LARGE - 1, scoring=1)
    assert not any("large" in str(line) for line in stages.train_lines(small))
    large = TrainSummary("sha256:0", manifest, "auc", stored=312_000_000, scoring=188_000_000)
    *_, line = stages.train_lines(large)
    assert line == (
        "a large model: 188 MB in memory wherever it scores, 312 MB in the bundle. "
        f"{told} train.candidates.forest in params.yaml if that is too much."
    )


def test_each_of_them_is_a_document(parcels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*argv: str) -> dict[str, object]:
        assert main([*argv, "--json", "--root", str(parcels)]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    assert told("stage", "ingest") == {
        "rows": 3250,
        "nights": 65,
        "from": "2024-01-01",
        "to": "2024-03-05",
    }
    assert told("stage", "prepare").keys() == {"train", "holdout"}
    trained = told("stage", "train", "prior")
    assert list(trained)[:3] == ["candidate", "bundle", "calibration"]
    selected = told("stage", "select")
    assert selected["selected"] == "logistic" and selected["by"] == "log_loss"
