"""An encoder whose columns are stacked by rows makes what it makes at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression

from assay.training.candidates import stacking
from assay.training.candidates.encoder import build_encoder
from assay.training.candidates.nested import fit_clone
from assay.training.candidates.pipeline import encoded_pipeline
from assay.training.candidates.stacking import stacked_by_rows

ROWS = pd.DataFrame(
    {
        "weight": np.where(np.arange(100) % 7 == 0, np.nan, np.arange(100.0)),
        "place": [f"place {at % 30}" for at in range(100)],
    }
)


@pytest.fixture(autouse=True)
def few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacking, "ROWS", 30)
    monkeypatch.setattr("assay.training.candidates.encoder.MIN_ROWS", 2)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_the_matrix_is_the_same(is_sparse: bool) -> None:
    made = [build_encoder("onehot", ["weight"], ["place"], sparse=is_sparse) for _ in range(2)]
    with stacked_by_rows(made[0]):
        assert type(made[0]) is not ColumnTransformer
        by_rows = made[0].fit_transform(ROWS)
    at_once = made[1].fit_transform(ROWS)
    assert type(made[0]) is ColumnTransformer
    assert type(by_rows) is type(at_once) and sparse.issparse(by_rows) == is_sparse
    if is_sparse:
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(by_rows, part), getattr(at_once, part))
            assert getattr(by_rows, part).dtype == getattr(at_once, part).dtype
    else:
        np.testing.assert_array_equal(by_rows, at_once)


def test_an_encoder_is_what_it_was_after_an_error() -> None:
    encoder = build_encoder("onehot", ["weight"], ["place"])
    with pytest.raises(RuntimeError), stacked_by_rows(encoder):
        raise RuntimeError
    assert type(encoder) is ColumnTransformer
    with stacked_by_rows(None):
        pass


def test_a_candidate_is_fitted_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(sparse, "vstack", lambda parts, **more: seen.append(len(parts)) or 1 / 0)
    made = encoded_pipeline(LogisticRegression(), "auto", ("weight",), ("place",), seed=1)
    with pytest.raises(ZeroDivisionError):
        fit_clone(made.pipeline, ROWS, np.arange(100) % 2, np.arange(100).astype(str))
    assert seen == [4]
