"""What a bundle holds to explain scores: against which rows, or why there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.compiled.array_types import NotCompiled
from assay.errors import ParamsError, ReasonsUnknown
from assay.model import bundle
from assay.model.reasons import compared_with, explainer_of
from assay.project import layout, params
from assay.training.train import reference_reasons, stage


@pytest.fixture
def train(parcels: Path) -> Callable[[str], bundle.Bundle]:
    """Train with ``bundle.reasons`` as given."""

    def trained(reasons: str) -> bundle.Bundle:
        path = parcels / layout.PARAMS
        text = path.read_text().replace("bundle:\n", f"bundle:\n  reasons: {reasons}\n")
        path.write_text(text)
        stage.run(parcels, params.load(parcels), "logistic")
        return bundle.load(parcels / layout.CANDIDATES / "logistic", expected=None, allow_types=())

    return trained


def test_rows_just_below_the_threshold_are_compared_with(train: Any) -> None:
    made = train("{against: reference, rows: below_threshold, sample: 20}")
    assert made.manifest.reasons == {
        "against": "reference",
        "rows": "below_threshold",
        "sample": 20,
    }
    assert compared_with(made.manifest) == "20 training rows just below the threshold"
    card = made.files[bundle.CARD].decode()
    assert "exact, compared with 20 training rows just below the threshold" in card
    sample = made.sample()
    scores = made.scorer.scores(FrameFeatures(sample))
    nearest = sample.iloc[np.argsort(np.where(scores < 0.5, 0.5 - scores, 9), kind="stable")[:20]]
    explainer = explainer_of(made)
    assert explainer.against == "reference"
    found = explainer.contributions(FrameFeatures(nearest))
    # On average they are compared with themselves.
    assert found.raw.mean() == pytest.approx(found.base[0], abs=1e-12)
    assert found.values.mean(axis=0) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ("above_threshold", [0.5, 0.6]),
        ("below_threshold", [0.4, 0.2]),
    ],
)
def test_the_nearest_rows_on_one_side_are_chosen(rows: str, chosen: list[float]) -> None:
    sample = pd.DataFrame({"x": [0.9, 0.2, 0.5, 0.1, 0.6, 0.4]})
    scorer: Any = SimpleNamespace(scores=lambda features: features.numbers("x"))
    for most, expected in ((2, chosen), (9, 3)):
        wanted = SimpleNamespace(against="reference", rows=rows, sample=most)
        given: Any = SimpleNamespace(
            bundle=SimpleNamespace(reasons=wanted), train=SimpleNamespace(threshold=0.5), seed=1
        )
        found = reference_reasons._compared(scorer, sample, given)["x"].tolist()
        assert found == expected if isinstance(expected, list) else len(found) == expected


def test_without_a_row_on_that_side_there_are_no_reasons(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_reasons, "_compared", lambda scorer, sample, given: sample[:0])
    made = train("{against: reference, rows: above_threshold}")
    with pytest.raises(ReasonsUnknown, match=r"no row of the sample scores above the threshold"):
        explainer_of(made)


def test_a_model_whose_contributions_do_not_add_up_has_none(
    train: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise NotCompiled("contributions and raw output are 0.1 apart")

    monkeypatch.setattr(reference_reasons, "check_sums", refuse)
    made = train("{against: population}")
    assert bundle.REASONS not in made.files
    assert (
        "none, as they cannot be computed exactly: contributions"
        in made.files[bundle.CARD].decode()
    )
    with pytest.raises(ReasonsUnknown, match=r"raw output are 0\.1 apart"):
        explainer_of(made)


def test_what_is_not_compiled_says_so(train: Any) -> None:
    made = train("{against: population}\n  compile: off")
    with pytest.raises(ReasonsUnknown, match=r"bundle\.compile is off in params\.yaml"):
        explainer_of(made)


def test_rows_near_a_threshold_need_one(parcels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "infer_task", lambda *given: "regression")
    monkeypatch.setattr(stage, "inapplicable_reason", lambda *given: None)
    path = parcels / layout.PARAMS
    given = "bundle:\n  reasons: {against: reference, rows: above_threshold}\n"
    path.write_text(path.read_text().replace("bundle:\n", given))
    with pytest.raises(ParamsError, match=r"reasons\.rows: expected all, as no threshold decides"):
        stage.run(parcels, params.load(parcels), "logistic")
