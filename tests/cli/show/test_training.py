"""What making a model says, for people and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.cli.show import training
from assay.training.tables.ingest import IngestSummary
from assay.training.tables.prepare import WindowRows
from assay.training.train.select import Selection
from assay.training.train.stage import TrainSummary


def test_what_was_read() -> None:
    (line,) = training.ingest_lines(IngestSummary(12_500, 3, "2013-07-01", "2013-07-03"))
    assert line == "ingest: 12,500 rows in 3 nights, 2013-07-01 to 2013-07-03"


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"positives": 250}, "25.0% positive"),
        ({"classes": {"a": 1, "b": 2}}, "2 classes"),
        ({"mean": 3.14159}, "mean 3.142"),
    ],
)
def test_each_side_says_what_its_labels_are(labels: dict[str, object], told: str) -> None:
    side = WindowRows("2013-07-01 to 2013-07-31", {"rows": 1000, **labels}, 1200)
    (line,) = training.prepare_lines({"train": side})
    assert line == (
        "prepare: train, 2013-07-01 to 2013-07-31: 1,000 rows, "
        f"{told}, 1,200 without a label left out"
    )


def test_the_chosen_candidate_has_a_star() -> None:
    scores = {"plain": {"auc": 0.5}, "boosting": {"auc": 0.75}}
    found = training.select_lines(Selection(selected="boosting", by="auc", candidates=scores))
    assert list(found) == ["select:   plain: auc 0.5", "select: * boosting: auc 0.75"]


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
        calibration_losses={},
        out_of_fold={"auc": 0.5},
        compiled={"kind": kind},
        vocabularies={},
        uncompiled=(),
    )
    small = TrainSummary("sha256:0", manifest, "auc", stored=training.LARGE - 1, scoring=1)
    assert len(list(training.train_lines(small))) == 1
    large = TrainSummary("sha256:0", manifest, "auc", stored=312_000_000, scoring=188_000_000)
    _, line = training.train_lines(large)
    assert line == (
        "train: forest: a large model: 188 MB in memory wherever it scores, 312 MB in the bundle. "
        f"{told} train.candidates.forest in params.yaml if that is too much."
    )


def test_each_of_them_is_a_document(parcels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*argv: str) -> dict[str, object]:
        assert main([*argv, "--json", "--root", str(parcels)]) == 0
        found: dict[str, object] = json.loads(capsys.readouterr().out)
        return found

    assert told("ingest") == {"rows": 3250, "nights": 65, "from": "2024-01-01", "to": "2024-03-05"}
    assert told("prepare").keys() == {"train", "holdout"}
    trained = told("train", "prior")
    assert list(trained)[:3] == ["candidate", "bundle", "calibration"]
    selected = told("select")
    assert selected["selected"] == "logistic" and selected["by"] == "log_loss"
