"""Types that skops must allow: all of them, before training, as the line that allows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from assay.errors import BundleUntrusted, PluginError
from assay.model import bundle
from assay.project import layout, params
from assay.training.train import stage, stored_types
from assay.training.train.fit import TrainingRows

KNN = (
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
)


def rows(count: int = 900) -> TrainingRows:
    rng = np.random.default_rng(0)
    features = pd.DataFrame({"x": rng.normal(size=count), "y": rng.normal(size=count)})
    truth = (features["x"] > 0).to_numpy()
    days = pd.Series(np.arange(count) // 50).astype(str)
    return TrainingRows("binary", features, truth, truth, (), days)


@given(st.lists(st.sampled_from("aab"), min_size=1, max_size=2000), st.booleans())
def test_a_few_rows_hold_some_of_each_class(label: list[str], classes: bool):
    target = np.array(label, dtype=object)
    some = stored_types.trial_rows(target, classes)
    assert (np.diff(some) > 0).all() and some[0] == 0 and some[-1] == len(target) - 1
    assert len(some) <= 2 * 20 + 400
    for each in set(label) if classes else ():
        assert (target[some] == each).sum() >= min(20, label.count(each))


def test_types_show_once_it_is_fitted_on_few_rows():
    assert stored_types.held_types("mine", KNeighborsClassifier(), rows()) == list(KNN)
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [3]}, cv=3)
    assert stored_types.held_types("mine", search, rows()) == list(KNN)
    assert stored_types.held_types("mine", LogisticRegression(), rows()) == []


def test_the_trial_hurries_and_leaves_the_candidate_as_it_is(monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []

    def spy(pipeline: Any, *rows: Any) -> None:
        seen.append(pipeline)
        raise ValueError("enough")

    monkeypatch.setattr(stored_types, "fit_clone", spy)
    search = GridSearchCV(BaggingClassifier(LogisticRegression(max_iter=300), 40), {})
    assert stored_types.held_types("mine", make_pipeline(search), rows()) == []
    found, before = seen[0][-1].estimator, search.estimator
    assert (found.n_estimators, found.estimator.max_iter) == (5, 5)
    assert (before.n_estimators, before.estimator.max_iter) == (40, 300)


def test_what_cannot_be_fitted_on_few_rows_is_left_to_training():
    assert stored_types.held_types("mine", MultinomialNB(), rows()) == []


class Unread(LogisticRegression):
    def fit(self, rows: Any, label: Any) -> Unread:
        self.rest_ = (row for row in ())
        return super().fit(rows, label)


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (make_pipeline(FunctionTransformer(lambda x: x), LogisticRegression()), "<lambda>"),
        (Unread(), "generator"),
    ],
)
def test_what_cannot_be_stored_is_refused(odd: Any, told: str):
    with pytest.raises(PluginError, match=rf"candidates\.mine: no bundle could.*found.*{told}"):
        stored_types.held_types("mine", odd, rows())


def test_all_candidates_types_are_told_at_once_as_a_line_to_paste():
    def broken() -> Any:
        raise PluginError("another stage's matter")

    others = {"b": lambda: ["b.B", "a.A"], "c": lambda: ["x.X"], "d": broken}
    with pytest.raises(BundleUntrusted) as caught:
        stored_types.check_types("a", ["a.A", "x.X"], ("x.X", "y.Y"), others)
    assert caught.value.line() == (
        "params.yaml: train.candidates.a: the model holds types that nobody allowed, so it could "
        "not be loaded again (found a: a.A; b: a.A, b.B). If you trust them, write: "
        "bundle.allow_types: [x.X, y.Y, a.A, b.B]"
    )
    stored_types.check_types("a", ["x.X"], ("x.X",), {"d": broken})


def test_training_does_not_start_before_its_types_are_allowed(
    parcels: Path, monkeypatch: pytest.MonkeyPatch
):
    path = parcels / layout.PARAMS
    own = """\
    near: {class: sklearn.neighbors.KNeighborsClassifier}
    net:
      class: sklearn.neural_network.MLPClassifier
      args: {hidden_layer_sizes: [2], max_iter: 2}
"""
    text = path.read_text().replace("  candidates:\n", "  candidates:\n" + own)
    path.write_text(text)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "fit", None)
        with pytest.raises(BundleUntrusted, match=r"near: .*KDTree; net: .*AdamOpt") as caught:
            stage.run(parcels, params.load(parcels), "near")
    (line,) = caught.value.lines()
    allowed = line.rpartition("bundle.allow_types: ")[2]
    path.write_text(text.replace("allow_types: []", f"allow_types: {allowed}"))
    given = params.load(parcels)
    assert set(KNN) < set(given.bundle.allow_types)
    stage.run(parcels, given, "near")
    folder = parcels / layout.CANDIDATES / "near"
    assert bundle.load(folder, expected=None, allow_types=given.bundle.allow_types).model
