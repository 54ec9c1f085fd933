"""A model: same bytes for the same model, no code run on loading, features in one form."""

from __future__ import annotations

import json
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from assay.columns.features import FrameFeatures
from assay.compiled import fitted_model
from assay.errors import BundleChanged, BundleUntrusted
from assay.model import model
from assay.project import source_code
from assay.training.candidates.encoder import Encoding, build_encoder

NUMERIC, CATEGORICAL = ("x",), ()


STRANGER = """
from sklearn.linear_model import LogisticRegression

class Stranger(LogisticRegression):
    pass
"""
"""An estimator of nobody's allow-list, in a module of the project's own."""
CODE = {"strange/models.py": STRANGER}


def strangers() -> bytes:
    with source_code.import_from_files(CODE):
        from strange.models import Stranger  # type: ignore[import-not-found]

        return model.dumps(fitted(Stranger))


def fitted(kind: type[LogisticRegression] = LogisticRegression) -> fitted_model.Model:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"x": rng.normal(size=200)})
    return fitted_model.Model(kind().fit(x, x["x"] > 0), None, NUMERIC, CATEGORICAL)


def test_the_same_model_gives_the_same_bytes():
    assert model.dumps(fitted()) == model.dumps(fitted())


def test_what_comes_back_scores_bit_for_bit_alike():
    before = fitted()
    data = model.dumps(before)
    after = model.loads(
        data, task="binary", numeric=NUMERIC, categorical=CATEGORICAL, allow_types=()
    )
    rows = FrameFeatures(pd.DataFrame({"x": np.linspace(-3, 3, 50)}))
    assert (before.scores(rows) == after.scores(rows)).all()


def test_usual_models_are_trusted_without_skops_and_by_it(monkeypatch: pytest.MonkeyPatch):
    rows = pd.DataFrame({"x": [0.0, 1.0, np.nan] * 20})
    rows["kind"] = pd.Series(["a", "b", None] * 20, dtype=object)
    usual: list[tuple[Encoding, Any]] = [
        ("ordinal", HistGradientBoostingClassifier(max_iter=2, categorical_features=[1])),
        ("onehot", LogisticRegression()),
        ("onehot", DummyClassifier()),
    ]
    parts: set[str] = set()
    for encoding, last in usual:
        made = make_pipeline(build_encoder(encoding, ("x",), ("kind",)), last)
        made.fit(rows, [True, False] * 30)
        data = model.dumps(fitted_model.Model(made, None, ("x",), ("kind",)))
        schema = json.loads(zipfile.ZipFile(BytesIO(data)).read("schema.json"))
        parts |= {model._part(node) for node in model._nodes(schema)}
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "skops.io", None)  # an import of it would fail
            assert model.untrusted_types(data) == []
        with monkeypatch.context() as patch:
            patch.setattr(model, "_KNOWN_PARTS", frozenset())  # skops is asked
            assert model.untrusted_types(data) == []
    assert parts == model._KNOWN_PARTS  # so each of them was seen by skops


def test_a_type_that_nobody_allowed_is_refused_by_name_and_loads_once_allowed():
    data = strangers()
    (name,) = model.untrusted_types(data)
    assert name == "strange.models.Stranger"
    with pytest.raises(BundleUntrusted, match=r"Stranger.*bundle\.allow_types"):
        model.loads(data, task="binary", numeric=NUMERIC, categorical=CATEGORICAL, allow_types=())
    loaded = model.loads(
        data,
        task="binary",
        numeric=NUMERIC,
        categorical=CATEGORICAL,
        allow_types=(name,),
        code=CODE,
    )
    assert type(loaded.estimator).__name__ == "Stranger"


def test_the_file_itself_cannot_allow_a_type():
    data = strangers()
    grown = BytesIO(data)
    with zipfile.ZipFile(grown, "a") as archive:
        archive.writestr("trusted.json", '["everything"]')
    with pytest.raises(BundleUntrusted):
        model.loads(
            grown.getvalue(),
            task="binary",
            numeric=NUMERIC,
            categorical=CATEGORICAL,
            allow_types=(),
        )


def test_what_is_no_model_is_refused():
    with pytest.raises(BundleChanged, match="not a skops file"):
        model.loads(b"PK", task="binary", numeric=NUMERIC, categorical=CATEGORICAL, allow_types=())


def test_no_rows_have_no_scores():
    assert fitted().scores(FrameFeatures(pd.DataFrame({"x": []}))).shape == (0,)


CLASSES = ["ash", "birch", "oak"]


def of_task(task: str) -> fitted_model.Model:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"x": rng.normal(size=300)})
    if task == "regression":
        return fitted_model.Model(LinearRegression().fit(x, 3 * x["x"]), None, NUMERIC, (), task)
    kind = np.array(CLASSES)[np.digitize(x["x"], [-0.5, 0.5])]
    # Two classes calibrated, one left as it is.
    curves = [IsotonicRegression(out_of_bounds="clip").fit([0, 1], [0, 0.5]), None]
    curves.append(LogisticRegression().fit([[-1.0], [1.0]], [False, True]))
    return fitted_model.Model(LogisticRegression().fit(x, kind), curves, NUMERIC, (), task)


@pytest.mark.parametrize(("task", "shape"), [("multiclass", (3,)), ("regression", ())])
def test_other_tasks_come_back_with_scores_of_their_shape(task, shape: tuple[int, ...]):
    before = of_task(task)
    data = model.dumps(before)
    assert model.untrusted_types(data) == []
    after = model.loads(data, task=task, numeric=NUMERIC, categorical=(), allow_types=())
    rows = FrameFeatures(pd.DataFrame({"x": np.linspace(-3, 3, 50)}))
    assert before.scores(rows).shape == (50, *shape)
    assert before.scores(rows).dtype == np.float64
    assert (before.scores(rows) == after.scores(rows)).all()
    assert after.scores(FrameFeatures(pd.DataFrame({"x": []}))).shape == (0, *shape)


@pytest.mark.parametrize(
    ("task", "estimator"),
    [
        ("binary", HistGradientBoostingClassifier(max_iter=2)),
        ("binary", RandomForestClassifier(2)),
        ("multiclass", HistGradientBoostingClassifier(max_iter=2)),
        ("multiclass", RandomForestClassifier(2)),
        ("regression", HistGradientBoostingRegressor(max_iter=2)),
        ("regression", HistGradientBoostingRegressor(max_iter=2, loss="quantile", quantile=0.9)),
        ("regression", RandomForestRegressor(2)),
        ("regression", Ridge()),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_usual_estimators_need_nobodys_permission(task, estimator):
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"x": rng.normal(size=200)})
    label = {
        "binary": x["x"].to_numpy() > 0,
        "multiclass": np.array(CLASSES, dtype=object)[np.digitize(x["x"], [-0.5, 0.5])],
        "regression": 3 * x["x"].to_numpy(),
    }[task]
    made = fitted_model.Model(estimator.fit(x, label), None, NUMERIC, (), task)
    data = model.dumps(made)
    again = model.loads(data, task=task, numeric=NUMERIC, categorical=(), allow_types=())
    rows = FrameFeatures(x)
    assert (made.scores(rows) == again.scores(rows)).all()


def test_several_classes_are_calibrated_one_against_the_rest_and_add_up_to_one():
    made = of_task("multiclass")
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 50)})
    raw = made.estimator.predict_proba(frame)
    odds = np.log(raw[:, 2] / (1 - raw[:, 2]))[:, None]
    each = [raw[:, 0] / 2, raw[:, 1], made.calibrator[2].predict_proba(odds)[:, 1]]
    expected = np.column_stack(each) / np.sum(each, axis=0)[:, None]
    found = made.scores(FrameFeatures(frame))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


def test_a_row_of_which_every_class_is_calibrated_to_nothing_is_anybodys():
    nothing = IsotonicRegression().fit([0, 1], [0, 0])
    found = fitted_model.calibrate("multiclass", [nothing] * 4, np.full((1, 4), 0.25))
    assert found.tolist() == [[0.25] * 4]


@given(st.lists(st.one_of(st.none(), st.booleans()), min_size=1))
def test_truths_with_and_without_gaps_become_the_same_kind_of_number(values: list[bool | None]):
    dtype = object if None in values else bool
    given = pd.DataFrame({"b": pd.Series(values, dtype=dtype)})
    frame = fitted_model.feature_frame(FrameFeatures(given), ["b"], [])
    assert frame["b"].dtype == np.float64
    assert [None if np.isnan(v) else bool(v) for v in frame["b"]] == values


@given(st.lists(st.floats(0, 1), min_size=1))
def test_log_odds_are_finite_and_keep_the_order(values: list[float]):
    raw = np.sort(np.array(values))
    odds = fitted_model.log_odds(raw)[:, 0]
    assert np.isfinite(odds).all()
    assert (np.diff(odds) >= 0).all()


def test_columns_are_picked_by_name(trained: Path):
    from assay.model import bundle
    from assay.project import layout

    loaded = bundle.load(trained / layout.BUNDLE, expected=None, allow_types=())
    frame = loaded.sample()
    turned = frame[frame.columns[::-1]].assign(more=1)
    one, other = (loaded.model.scores(FrameFeatures(rows)) for rows in (frame, turned))
    assert (one == other).all()


def test_memory_that_runs_out_is_not_the_models_fault(monkeypatch: pytest.MonkeyPatch):
    made = fitted()
    rows = FrameFeatures(pd.DataFrame({"x": [1.0]}))

    def runs_out(*given: object) -> None:
        raise MemoryError

    monkeypatch.setattr(LogisticRegression, "predict_proba", runs_out)
    with pytest.raises(MemoryError):
        made.scores(rows)


class Overflowing(LogisticRegression):
    """Squares its numbers on the way."""

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        return super().predict_proba(rows * 0 + np.minimum(np.square(rows.to_numpy()), 1e6))


def test_numbers_that_overflow_in_a_model_are_no_warning() -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    made = fitted_model.Model(Overflowing().fit(rows, [0, 0, 1, 1]), None, ("x",), ())
    assert made.scores(FrameFeatures(pd.DataFrame({"x": [1e300, 2.0]})))[0] > 0.9
