"""Features of many categories: compiled models stay scikit-learn's, and stay small."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from assay.columns.features import FrameFeatures
from assay.compiled import CompiledModel, compile_and_compare
from assay.compiled.fitted_model import Model, feature_frame
from assay.training.candidates import encoder
from assay.training.candidates.encoder import count_categories
from assay.training.candidates.pipeline import encoded_pipeline

NUMERIC, CATEGORICAL = ("x", "y"), ("few", "many")
KNOWN = 600


def table() -> pd.DataFrame:
    """A column of 600 categories, most of them rare, with nulls."""
    random = np.random.default_rng(3)
    rows = 3000
    many = np.minimum(random.geometric(0.02, rows) - 1, KNOWN - 1)
    many[:KNOWN] = np.arange(KNOWN)
    frame = pd.DataFrame(
        {
            "x": np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows)),
            "y": random.normal(size=rows),
            "few": random.choice(["a", "b", None], rows),
            "many": [f"n{each:03d}" for each in many],
        }
    )
    frame.loc[random.random(rows) < 0.05, "many"] = None
    frame["truth"] = random.random(rows) < 1 / (1 + np.exp(frame["y"] - (many % 3)))
    return frame


@pytest.mark.parametrize(
    ("estimator", "encoding"),
    [
        (HistGradientBoostingClassifier(max_iter=8), "auto"),
        (HistGradientBoostingClassifier(max_iter=8, max_bins=20), "auto"),
        (RandomForestClassifier(4, max_depth=9), "auto"),
        (RandomForestClassifier(4, max_depth=9), "onehot"),
        (LogisticRegression(), "auto"),
    ],
    ids=str,
)
def test_models_of_many_categories_are_compiled(
    estimator: Any, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "MOST_COLUMNS", 40)
    frame = table()
    features = feature_frame(FrameFeatures(frame), NUMERIC, CATEGORICAL)
    counts = count_categories(features, CATEGORICAL)
    built = encoded_pipeline(estimator, encoding, NUMERIC, CATEGORICAL, 1, counts)
    assert list(built.capped) == ["many"]
    pipeline = built.pipeline.fit(features, frame["truth"].to_numpy())
    assert pipeline[0].sparse_output_ is (built.encoding == "onehot")
    model = Model(pipeline, None, NUMERIC, CATEGORICAL)
    data, proof = compile_and_compare(
        model, FrameFeatures(frame.head(50)), 1e-12, task="binary", classes=()
    )
    assert data is not None and proof.used, proof
    compiled = CompiledModel.from_bytes(data, "x")
    # The categories that are left out take no room, and score like one that nobody has seen.
    assert compiled.inputs.categories[1] == built.capped["many"].kept
    rest = sorted({*frame["many"].dropna()} - {*built.capped["many"].kept})
    new = frame.head(1).loc[[0] * (len(rest) + 1)].assign(many=[*rest, "never seen"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for scorer in (model, compiled):
            scores = scorer.scores(FrameFeatures(new.reset_index(drop=True)))
            assert len(set(scores.tolist())) == 1
