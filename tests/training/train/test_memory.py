"""A training that runs out of memory says what to lower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from assay.cli.__main__ import main
from assay.errors import MemoryShort
from assay.model import bundle_files
from assay.project import layout
from assay.training.train import stage


def test_memory_that_runs_out_leaves_one_line_and_the_bundle_that_was_there(
    parcels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    folder = parcels / layout.CANDIDATES / "logistic"
    before = bundle_files.verified_digest(folder)

    def runs_out(*given: Any, **named: Any) -> None:
        raise MemoryError("Unable to allocate 9 GiB")

    for place in (LogisticRegression, stage.compiled):
        name = "fit" if place is LogisticRegression else "compile_and_compare"
        with monkeypatch.context() as patch:
            patch.setattr(place, name, runs_out)
            assert (
                main(["stage", "train", "logistic", "--root", str(parcels)])
                == MemoryShort.exit_code
            )
        (line,) = [
            line for line in capsys.readouterr().err.splitlines() if line.startswith("assay:")
        ]
        assert line == (
            "assay: params.yaml: train.candidates.logistic: memory ran out in training, so no "
            "bundle was written (found Unable to allocate 9 GiB). Use a shorter prepare.train "
            "window or fewer features, or give it more memory."
        )
    assert bundle_files.verified_digest(folder) == before


def test_a_thread_that_cannot_start_is_memory_too(parcels: Path, monkeypatch: pytest.MonkeyPatch):
    def runs_out(*given: Any, **named: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(LogisticRegression, "fit", runs_out)
    assert main(["stage", "train", "logistic", "--root", str(parcels)]) == MemoryShort.exit_code


def test_memory_that_runs_out_anywhere_is_no_bug(
    parcels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def runs_out(*given: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("assay.training.tables.prepare.row_numbers", runs_out)
    assert main(["stage", "prepare", "--root", str(parcels)]) == MemoryShort.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("assay: memory ran out, so this was not done. Give it more memory")
    assert (parcels / layout.TRAIN_TABLE).is_file()
