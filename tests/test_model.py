"""A model: same bytes for the same model, no code run on loading, features in one form."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from pipeline import model
from pipeline.errors import BundleChanged, BundleUntrusted

NUMERIC, CATEGORICAL = ("x",), ()


class Stranger(LogisticRegression):
    """An estimator of nobody's allow-list."""


def fitted(kind: type[LogisticRegression] = LogisticRegression) -> model.Model:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"x": rng.normal(size=200)})
    return model.Model(kind().fit(x, x["x"] > 0), None, NUMERIC, CATEGORICAL)


def test_the_same_model_gives_the_same_bytes():
    assert model.dumps(fitted()) == model.dumps(fitted())


def test_what_comes_back_scores_bit_for_bit_alike():
    before = fitted()
    data = model.dumps(before)
    after = model.loads(data, numeric=NUMERIC, categorical=CATEGORICAL, allow_types=())
    frame = pd.DataFrame({"x": np.linspace(-3, 3, 50)})
    assert (before.probability(frame) == after.probability(frame)).all()


def test_a_type_that_nobody_allowed_is_refused_by_name_and_loads_once_allowed():
    data = model.dumps(fitted(Stranger))
    (name,) = model.foreign_types(data)
    assert name.endswith("Stranger")
    with pytest.raises(BundleUntrusted, match=r"Stranger.*bundle\.allow_types"):
        model.loads(data, numeric=NUMERIC, categorical=CATEGORICAL, allow_types=())
    loaded = model.loads(data, numeric=NUMERIC, categorical=CATEGORICAL, allow_types=(name,))
    assert type(loaded.estimator).__name__ == "Stranger"


def test_the_file_itself_cannot_allow_a_type():
    data = model.dumps(fitted(Stranger))
    grown = BytesIO(data)
    with zipfile.ZipFile(grown, "a") as archive:
        archive.writestr("trusted.json", '["everything"]')
    with pytest.raises(BundleUntrusted):
        model.loads(grown.getvalue(), numeric=NUMERIC, categorical=CATEGORICAL, allow_types=())


def test_what_is_no_model_is_refused():
    with pytest.raises(BundleChanged, match="not a skops file"):
        model.loads(b"PK", numeric=NUMERIC, categorical=CATEGORICAL, allow_types=())


def test_no_rows_have_no_scores():
    assert fitted().probability(pd.DataFrame({"x": []})).shape == (0,)


@given(st.lists(st.one_of(st.none(), st.booleans()), min_size=1))
def test_truths_with_and_without_gaps_become_the_same_kind_of_number(values: list[bool | None]):
    dtype = object if None in values else bool
    frame = model.feature_frame(pd.DataFrame({"b": pd.Series(values, dtype=dtype)}), ["b"], [])
    assert frame["b"].dtype == np.float64
    assert [None if np.isnan(v) else bool(v) for v in frame["b"]] == values


@given(st.lists(st.floats(0, 1), min_size=1))
def test_log_odds_are_finite_and_keep_the_order(values: list[float]):
    raw = np.sort(np.array(values))
    odds = model.log_odds(raw)[:, 0]
    assert np.isfinite(odds).all()
    assert (np.diff(odds) >= 0).all()


def test_columns_are_picked_by_name(trained: Path):
    from pipeline import bundle, layout

    loaded = bundle.load(trained / layout.BUNDLE, expected=None, allow_types=())
    frame = loaded.sample()
    turned = frame[frame.columns[::-1]].assign(more=1)
    assert (loaded.model.probability(frame) == loaded.model.probability(turned)).all()
