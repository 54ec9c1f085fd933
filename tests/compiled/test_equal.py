"""Compiled models give what scikit-learn gives, whatever the estimator and the rows."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from assay.columns.features import FrameFeatures
from assay.compiled import CompiledModel, compile_and_compare
from assay.compiled.fitted_model import Model
from assay.errors import ScoresInvalid
from tests.compiled.fitted import CASES, SMALL, Case, fit, rows, table

TOLERANCE = 1e-12
FORMS = {"scan": "trees", "walk": "trees", "linear": "linear", "constant": "constant"}


@cache
def proven(case: Case) -> tuple[Model, bytes]:
    model = fit(case)
    features = FrameFeatures(table().head(60))
    data, proof = compile_and_compare(
        model, features, TOLERANCE, task=case.task, classes=case.classes
    )
    assert data is not None, proof
    assert proof.used
    assert proof.rows > 60
    assert proof.max_difference is not None
    assert proof.max_difference <= TOLERANCE
    return model, data


@pytest.mark.parametrize("case", CASES, ids=str)
@settings(
    deadline=None,
    max_examples=6,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(frame=rows())
def test_scores_are_those_of_scikit_learn(case: Case, frame: pd.DataFrame) -> None:
    model, data = proven(case)
    features = FrameFeatures(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown categories, overflow
        wanted = model.scores(features)
    got = CompiledModel.from_bytes(data, "x").scores(features)
    assert got.shape == wanted.shape
    same = got == wanted  # infinities too
    apart = np.abs(got[~same] - wanted[~same]) / np.maximum(1, np.abs(wanted[~same]))
    assert apart.max(initial=0) <= TOLERANCE


@pytest.mark.parametrize("case", CASES, ids=str)
def test_trees_are_equal_to_the_bit(case: Case) -> None:
    model, data = proven(case)
    if CompiledModel.from_bytes(data, "x").kind == "trees":
        features = FrameFeatures(table())
        got = CompiledModel.from_bytes(data, "x").scores(features)
        # The exponential of LightGBM is the C library's, ours NumPy's, and CatBoost adds several
        # trees at once: the last bits may differ.
        bits = 49 if case.name.startswith(("Cat", "LGBM")) else 52
        np.testing.assert_allclose(got, model.scores(features), rtol=2.0**-bits, atol=0)


@pytest.mark.parametrize("form", SMALL)
def test_rows_are_scored_alike_in_any_batch(form: str) -> None:
    _, data = proven(SMALL[form])
    compiled = CompiledModel.from_bytes(data, "x")
    assert compiled.kind == FORMS[form]
    many = pd.concat([table()] * 90, ignore_index=True)  # several blocks, the last one short
    at_once = compiled.scores(FrameFeatures(many))
    one = compiled.scores(FrameFeatures(table()))
    assert (at_once == np.concatenate([one] * 90)).all()
    alone = [compiled.scores(FrameFeatures(table().iloc[[at]])) for at in range(9)]
    assert (np.concatenate(alone) == one[:9]).all()


@pytest.mark.parametrize("form", SMALL)
def test_no_rows_have_no_scores_of_the_same_shape(form: str) -> None:
    model, data = proven(SMALL[form])
    features = FrameFeatures(table().head(0))
    assert (
        CompiledModel.from_bytes(data, "x").scores(features).shape == model.scores(features).shape
    )


def test_rows_that_scikit_learn_refuses_get_no_score_and_spoil_no_other() -> None:
    frame = table().head(5).copy()
    frame.loc[2, "load"] = np.inf
    for form, refuses in {"linear": True, "walk": True, "scan": False}.items():
        model, data = proven(SMALL[form])
        got = CompiledModel.from_bytes(data, "x").scores(FrameFeatures(frame))
        assert np.isnan(got).tolist() == [False, False, refuses, False, False]
        if refuses:
            with pytest.raises(ScoresInvalid, match="infinity"):
                model.scores(FrameFeatures(frame))
