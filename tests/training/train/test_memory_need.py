"""A training that cannot fit is refused early, and one that runs out says what to lower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from assay.cli.__main__ import main
from assay.errors import MemoryShort
from assay.model import bundle
from assay.project import layout, params
from assay.training.candidates.pipeline import encoded_pipeline
from assay.training.candidates.vocabulary import count_categories
from assay.training.train import memory_need, stage


class Contract:
    numeric, categorical = ("x", "y"), ("c",)
    features = (*numeric, *categorical)
    columns = ("id", *features, "label")


def frame(rows: int = 2000) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "x": np.where(random.random(rows) < 0.1, np.nan, random.random(rows)),
            "y": random.normal(size=rows),
            "c": [f"c{each % 50}" for each in range(rows)],
        }
    )


@pytest.mark.parametrize(
    ("estimator", "encoding", "sparse"),
    [
        (HistGradientBoostingClassifier(), "auto", False),
        (HistGradientBoostingClassifier(), "onehot", False),
        (KNeighborsClassifier(), "onehot", True),
        (LogisticRegression(), "onehot", True),
    ],
    ids=str,
)
def test_the_estimate_is_of_what_the_encoder_makes(estimator: Any, encoding: str, sparse: bool):
    features, contract = frame(), Contract()
    counts = count_categories(features, contract.categorical)
    built = encoded_pipeline(estimator, encoding, ("x", "y"), ("c",), 1, counts)
    width = memory_need.encoded_width(features, contract, built, counts)  # type: ignore[arg-type]
    made = built.pipeline[0].fit_transform(features)
    assert made.shape[1] == width.columns
    assert built.pipeline[0].sparse_output_ is sparse
    taken = made.data.nbytes + made.indices.nbytes if sparse else made.nbytes
    need = memory_need.fitting_bytes(len(features), width, built)
    assert need == pytest.approx(2 * taken, rel=0.1)


def test_what_does_not_fit_is_refused_before_it_is_read(
    parcels: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(memory_need, "available_memory", lambda: 1000)
    told = (
        r"data/prepared/train\.parquet: memory does not suffice for 1,\d+ rows of 7 columns "
        r"\(expected at least 0\.000\d+ GB, found 1e-06 GB available\). Use a shorter prepare.train"
    )
    with pytest.raises(MemoryShort, match=told):
        stage.run(parcels, params.load(parcels), "logistic")
    monkeypatch.setattr(memory_need, "available_memory", lambda: None)
    memory_need.require_memory(10**18, "here", "rows")


def test_a_feature_that_takes_most_columns_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory_need, "available_memory", lambda: 1000)
    features = frame()
    counts = count_categories(features, ("c",))
    built = encoded_pipeline(HistGradientBoostingClassifier(), "onehot", ("x", "y"), ("c",), 1)
    with pytest.raises(MemoryShort, match=r"candidates\.big: .* 53 encoded.*'c' alone .* 50"):
        memory_need.require_for_fit("big", features, Contract(), built, counts)  # type: ignore[arg-type]


def test_memory_that_runs_out_leaves_one_line_and_the_bundle_that_was_there(
    parcels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    folder = parcels / layout.CANDIDATES / "logistic"
    before = bundle.verified_digest(folder)

    def runs_out(*given: Any, **named: Any) -> None:
        raise MemoryError("Unable to allocate 9 GiB")

    for place in (LogisticRegression, stage.compiled):
        name = "fit" if place is LogisticRegression else "compile_and_compare"
        with monkeypatch.context() as patch:
            patch.setattr(place, name, runs_out)
            assert main(["train", "logistic", "--root", str(parcels)]) == MemoryShort.exit_code
        (line,) = [
            line for line in capsys.readouterr().err.splitlines() if line.startswith("assay:")
        ]
        assert line == (
            "assay: params.yaml: train.candidates.logistic: memory ran out in training, so no "
            "bundle was written (found Unable to allocate 9 GiB). Use a shorter prepare.train "
            "window or fewer features, or give it more memory."
        )
    assert bundle.verified_digest(folder) == before


def test_a_thread_that_cannot_start_is_memory_too(parcels: Path, monkeypatch: pytest.MonkeyPatch):
    def runs_out(*given: Any, **named: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(LogisticRegression, "fit", runs_out)
    assert main(["train", "logistic", "--root", str(parcels)]) == MemoryShort.exit_code


def test_memory_that_runs_out_anywhere_is_no_bug(
    parcels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def runs_out(*given: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("assay.training.tables.split.sort_order", runs_out)
    assert main(["prepare", "--root", str(parcels)]) == MemoryShort.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("assay: memory ran out, so this was not done. Give it more memory")
    assert (parcels / layout.TRAIN_TABLE).is_file()
