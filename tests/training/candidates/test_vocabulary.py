"""Vocabularies: the most frequent categories are told apart, the rest count as one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from assay.cli.show.stages import train_lines
from assay.model import bundle
from assay.project import layout, params
from assay.training.candidates import encoder
from assay.training.candidates.encoder import Vocabulary, cap_categories, count_categories
from assay.training.candidates.pipeline import build_encoder, encoded_pipeline
from assay.training.train import stage

names = st.lists(st.sampled_from([*"abcdefgh", None]), min_size=1)


def capped(values: list[str | None], encoding: Any, estimator: Any) -> Vocabulary | None:
    frame = pd.DataFrame({"c": pd.Series(values, dtype=object)})
    return cap_categories(count_categories(frame, ["c"]), encoding, estimator).get("c")


@given(names, st.integers(2, 12))
def test_codes_never_exceed_what_an_estimator_has_bins_for(values: list[str | None], bins: int):
    found = capped(values, "ordinal", HistGradientBoostingClassifier(max_bins=bins))
    rows = Counter(value for value in values if value is not None)
    if found is None:
        assert len(rows) + 1 <= bins  # and one for nulls
        return
    assert found.found == len(rows) > len(found.kept)
    assert len(found.kept) + 2 == bins  # one for nulls, one for the rest
    assert list(found.kept) == sorted(found.kept)
    best = sorted(rows, key=lambda name: (-rows[name], name))[: bins - 2]
    assert set(found.kept) == set(best)


def test_the_bins_of_an_estimator_within_another_count():
    many = [f"{each}" for each in range(300)]
    inner = HistGradientBoostingClassifier(max_bins=40)
    found = capped(many, "ordinal", GridSearchCV(inner, {"max_iter": [1, 2]}))
    assert found is not None and (found.found, len(found.kept)) == (300, 38)
    found = capped(many, "ordinal", LogisticRegression())
    assert found is not None and len(found.kept) == 252


def test_a_rare_category_has_no_column_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoder, "MOST_COLUMNS", 3)
    found = capped(["a"] * 20 + ["b"] * 30 + ["c"] * 19 + ["d"], "onehot", None)
    assert found == Vocabulary(("a", "b"), 4)
    assert capped(["a", "b", "c"], "onehot", None) is None


@pytest.mark.parametrize("encoding", ["onehot", "ordinal"])
def test_all_that_is_not_kept_is_alike_and_a_null_is_not(encoding: Any):
    frame = pd.DataFrame({"c": pd.Series(["a", "b", "c", "d", "never seen", None], dtype=object)})
    kept = {"c": Vocabulary(("a", "c"), 4)}
    fitted = build_encoder(encoding, [], ["c"], kept).fit(frame[:4])
    out = [tuple(row) for row in fitted.transform(frame)]
    assert out[1] == out[3] == out[4]
    assert len(set(out)) == 4 and not np.isnan(out).any()


def test_a_sparse_matrix_only_for_who_takes_it_and_where_it_is_smaller():
    random = np.random.default_rng(1)
    wide = pd.DataFrame({"x": random.normal(size=900), "c": random.integers(0, 30, 900)})
    wide["c"] = wide["c"].astype(str).astype(object)
    few = wide.assign(c=np.where(wide["c"] > "2", "a", "b").astype(object))
    for estimator, frame, sparse in (
        (LogisticRegression(), wide, True),
        (LogisticRegression(), few, False),
        (HistGradientBoostingClassifier(), wide, False),
    ):
        built = encoded_pipeline(estimator, "onehot", ["x"], ["c"], 1)
        assert built.pipeline[0].fit(frame).sparse_output_ is sparse


def test_training_says_what_is_left_out_and_what_is_not_compiled(
    parcels: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(encoder, "MOST_COLUMNS", 2)
    path = parcels / "params.yaml"
    path.write_text(
        path.read_text().replace("allow_types: []", "allow_types: []\n  compile: off"),
        encoding="utf-8",
    )
    lines = list(train_lines(stage.run(parcels, params.load(parcels), "logistic")))
    told = "depot has 3 categories: the 2 most frequent are told apart, the rest count as one"
    why = "the model is not compiled: bundle.compile is off in params.yaml"
    assert {told, why} <= set(lines)
    card = (parcels / layout.CANDIDATES / "logistic" / bundle.CARD).read_text()
    assert f"- {told}\n- Features" in card
    assert "- Scored by scikit-learn itself: bundle.compile is off" in card
