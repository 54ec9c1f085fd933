"""Candidates of several parts: built at any depth, searched by whole days, named by their key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline

from assay.contract.loader import load_contract
from assay.errors import LabelError, PluginError
from assay.model import bundle
from assay.model.manifest import MANIFEST
from assay.project import digests, layout, params
from assay.project.params.candidates import Candidate
from assay.project.source_code import file_reader
from assay.training.candidates import nested
from assay.training.candidates.pipeline import build_pipeline
from assay.training.train import stage
from tests import projects

HIST = {"class": "sklearn.ensemble.HistGradientBoostingClassifier", "args": {"max_iter": 5}}
LOGISTIC = {"class": "sklearn.linear_model.LogisticRegression"}
SCALER = {"class": "sklearn.preprocessing.MinMaxScaler", "args": {"feature_range": (0, 2)}}


def pipeline_of(*steps: dict[str, Any]) -> dict[str, Any]:
    named = tuple((f"step{place}", step) for place, step in enumerate(steps))
    return {"class": "sklearn.pipeline.Pipeline", "args": {"steps": named}}


def search_of(estimator: Any, kind: str = "GridSearchCV", **args: Any) -> dict[str, Any]:
    given = {"estimator": estimator, "param_grid": {}, **args}
    return {"class": f"sklearn.model_selection.{kind}", "args": given}


@pytest.fixture(scope="module")
def contract(trained: Path):
    return load_contract(trained / "data" / "contract.py")


def built(contract: Any, tree: dict[str, Any], task: Any = "binary", root: Path = Path()) -> Any:
    candidate = Candidate.model_validate(tree)
    return build_pipeline("mine", candidate, contract, task, 42, root)


def test_objects_among_arguments_are_built_at_any_depth_and_seeded(contract):
    shuffled = {"class": "sklearn.model_selection.KFold", "args": {"n_splits": 3, "shuffle": True}}
    plain = {"class": "sklearn.model_selection.KFold"}
    tree = search_of(pipeline_of(SCALER, search_of(LOGISTIC, cv=shuffled)), cv=plain)
    search = built(contract, tree).pipeline[-1]
    assert isinstance(search, GridSearchCV) and isinstance(search.estimator, Pipeline)
    scaler, inner = (step for _, step in search.estimator.steps)
    assert scaler.feature_range == (0, 2)
    assert isinstance(search.estimator.steps, list)
    assert isinstance(inner.estimator, LogisticRegression)
    assert inner.estimator.random_state == 42
    assert isinstance(inner.cv, KFold) and inner.cv.random_state == 42
    assert search.cv.random_state is None


def test_settings_of_a_search_and_plain_mappings_stay_what_they_are(contract):
    grid = {"C": (0.1, 1.0), "class_weight": (None, "balanced")}
    assert built(contract, search_of(LOGISTIC, param_grid=grid)).pipeline[-1].param_grid == grid


@pytest.mark.parametrize(
    ("estimator", "takes"),
    [
        (GridSearchCV(HistGradientBoostingClassifier(), {}), True),
        (GridSearchCV(LogisticRegression(), {}), False),
        (make_pipeline(SimpleImputer(), LogisticRegression()), False),
        (make_pipeline(SimpleImputer(), HistGradientBoostingClassifier()), True),
        (TransformedTargetRegressor(Ridge()), False),
        (StackingClassifier([("a", LogisticRegression())]), False),
    ],
)
def test_missing_values_reach_those_that_take_them(estimator: Any, takes: bool):
    assert nested.accepts_missing(estimator) is takes


def test_categories_are_told_to_the_estimator_that_gets_them(contract):
    made = built(contract, search_of(HIST))
    assert made.encoding == "ordinal"
    assert made.pipeline[-1].estimator.categorical_features == [False, False, False, True]
    beyond = built(contract, pipeline_of(SCALER, HIST)).pipeline[-1]
    assert beyond[-1].categorical_features == "from_dtype"


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (
        search_of({"class": "sklearn.linear_model.LogisticRegresion"}),
        r"train\.candidates\.mine\.args\.estimator\.class: .*Did you mean 'LogisticRegression'",
        "binary",
    ),
    (
        pipeline_of(SCALER, {**LOGISTIC, "args": {"depth": 3}}),
        r"mine\.args\.steps\[1\]\[1\]\.args: LogisticRegression refuses its arg.*expected .* C,",
        "binary",
    ),
    (search_of({"class": "sklearn.svm.LinearSVC"}), r"mine\.class: has no predict_proba", "binary"),
    (
        search_of(LOGISTIC, refit=False),
        r"mine\.args\.refit: .*expected true, or left out, found false",
        "binary",
    ),
    (search_of(LOGISTIC), "a class for classes, where the label is a number", "regression"),
    ({"class": "sklearn.model_selection.None_"}, "has no 'None_'", "binary"),
    ({"class": "math.pi"}, r"mine\.class: neither a class nor a function", "binary"),
]


@pytest.mark.parametrize(("tree", "told", "task"), WRONG)
def test_a_part_that_cannot_be_used_is_named_by_its_whole_key(contract, tree, told, task):
    with pytest.raises(PluginError, match=told):
        built(contract, tree, task)


class Spy(ClassifierMixin, BaseEstimator):
    """Remembers the rows of each fit; feature ``row`` is a row's number."""

    fits: ClassVar[list[set[int]]] = []

    def __init__(self, level: float = 0.0) -> None:
        self.level = level

    def fit(self, rows: Any, label: Any) -> Spy:
        type(self).fits.append(set(np.asarray(rows)[:, 0].astype(int)))
        self.classes_ = np.unique(label)
        return self

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), self.classes_[0])


@pytest.mark.parametrize("cv", [None, 3])
@pytest.mark.parametrize("around", [lambda search: search, make_pipeline])
def test_a_search_never_tears_a_day_apart(cv: int | None, around: Any):
    days = np.repeat(np.arange(10), 7)
    frame = pd.DataFrame({"row": np.arange(70)})
    Spy.fits = []
    search = GridSearchCV(Spy(), {"level": [1.0]}, cv=cv)
    fitted = nested.fit_clone(around(search), frame, days % 2 == 0, days)
    *folds, final = Spy.fits
    assert len(folds) == (cv or 5) and final == set(range(70))
    for rows in folds:
        fitted_on = set(days[list(rows)])
        assert not fitted_on & set(days[sorted(set(range(70)) - rows)])
        left_out = sorted(set(range(10)) - fitted_on)
        assert left_out == list(range(left_out[0], left_out[-1] + 1))
    assert fitted.chosen == {"level": 1.0}


def test_a_search_with_folds_of_its_own_keeps_them():
    days = np.repeat(np.arange(4), 5)
    Spy.fits = []
    search = GridSearchCV(Spy(), {}, cv=KFold(2))
    nested.fit_clone(search, pd.DataFrame({"row": np.arange(20)}), days % 2 == 0, days)
    assert Spy.fits[:2] == [set(range(10, 20)), set(range(10))]


def test_more_folds_than_days_are_refused():
    days = np.repeat(np.arange(4), 5)
    frame = pd.DataFrame({"row": np.arange(20)})
    with pytest.raises(LabelError, match=r"cv of a search.*at least 5 days, found 4"):
        nested.fit_clone(GridSearchCV(Spy(), {}), frame, days % 2 == 0, days)


def test_what_a_search_chose_takes_its_place():
    days = np.repeat(np.arange(10), 8)
    frame = pd.DataFrame({"x": np.arange(80.0)})
    search = GridSearchCV(Ridge(), {"alpha": np.array([0.5, 5.0])}, cv=2)
    around = make_pipeline(TransformedTargetRegressor(search))
    fitted = nested.fit_clone(around, frame, frame["x"].to_numpy(), days)
    outer = fitted.pipeline[-1]
    assert isinstance(outer.regressor, Ridge) and isinstance(outer.regressor_, Ridge)
    assert fitted.chosen == {"alpha": 0.5} and type(fitted.chosen["alpha"]) is float
    assert isinstance(around[-1].regressor, GridSearchCV)
    np.testing.assert_allclose(fitted.pipeline.predict(frame), frame["x"], atol=1e-3)


def test_a_halving_search_trains_a_bundle_that_is_compiled_and_says_what_was_chosen(parcels: Path):
    path = parcels / layout.PARAMS
    own = """\
    search:
      class: sklearn.model_selection.HalvingGridSearchCV
      args:
        estimator: {class: sklearn.linear_model.LogisticRegression}
        param_grid: {C: [0.01, 0.1, 1.0]}
        scoring: neg_log_loss
        cv: 3
"""
    path.write_text(path.read_text().replace("  candidates:\n", "  candidates:\n" + own))
    summary = stage.run(parcels, params.load(parcels), "search")
    folder = parcels / layout.CANDIDATES / "search"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert set(manifest["chosen"]) == {"C"} and manifest["compiled"]["used"]
    assert f"Chosen by its search: `C={manifest['chosen']['C']!r}`" in (
        (folder / bundle.CARD).read_text()
    )
    loaded = bundle.load(folder, expected=summary.digest, allow_types=())
    assert isinstance(loaded.model.estimator[-1], LogisticRegression)


MODELS = """\
from sklearn.linear_model import LogisticRegression, Ridge
from data.steps import LEVEL


def build(level=LEVEL, task=None, seed=None):
    assert (task, seed) == ("binary", 42)
    return LogisticRegression(C=level).fit([[0], [1]], [0, 1])


def wrap(step, seed=0):
    return step.set_params(random_state=seed)


def nothing():
    return 3


def fails():
    return 1 / 0


class Halved(Ridge):
    def __init__(self, alpha=1.0):
        self.alpha = alpha / 2
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/models.py").write_text(MODELS)
    (tmp_path / "data/steps.py").write_text("LEVEL = 0.25\n")
    return tmp_path


def test_a_function_returns_an_estimator_that_is_not_fitted(contract, own: Path):
    made = built(contract, {"function": "data.models.build"}, root=own).pipeline[-1]
    assert (made.C, made.random_state) == (0.25, 42) and not hasattr(made, "coef_")
    made = built(contract, {"function": "data.models.build", "args": {"level": 2.0}}, root=own)
    assert made.pipeline[-1].C == 2.0


def test_a_function_may_stand_among_arguments_and_take_objects(contract, own: Path):
    inner = {"function": "data.models.wrap", "args": {"step": LOGISTIC, "seed": 5}}
    search = built(contract, search_of(inner), root=own).pipeline[-1]
    assert search.estimator.random_state == 5


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (
            {"function": "data.models.fails"},
            r"mine\.function: the function failed with ZeroDivisionError: division by zero "
            r"\(found data\.models\.fails, data/models\.py:19\)",
        ),
        (
            {"function": "data.models.build", "args": {"depth": 1}},
            "argument 'depth' .expected arguments named level, task, seed",
        ),
        (
            {"function": "data.models.nothing"},
            r"mine\.function: not an estimator.*or a function that returns one, found data\.models",
        ),
        ({"function": "data.models.biuld"}, "Did you mean 'build'"),
        ({"class": "data.models.Halved"}, r"mine\.class: scikit-learn cannot clone it"),
    ],
)
def test_what_the_project_s_own_code_does_wrong_is_one_line(contract, own: Path, tree, told):
    task = "regression" if "class" in tree else "binary"
    with pytest.raises(PluginError, match=told) as caught:
        built(contract, tree, task, root=own)
    assert len(caught.value.lines()) == 1


def test_the_file_of_a_function_is_among_what_the_verdict_depends_on(own: Path):
    tree = {"class": "a.B", "args": {"x": ({"function": "data.models.build"},)}}
    given = params.load(projects.PARCELS)
    train = given.train.model_copy(update={"candidates": {"x": Candidate.model_validate(tree)}})
    found = digests.project_imports(file_reader(own), given.model_copy(update={"train": train}), ())
    assert {"data/models.py", "data/steps.py"} <= set(found)
