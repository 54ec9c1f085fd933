"""Every estimator keeps the laws of a candidate, and what breaks one is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sklearn import (
    compose,
    discriminant_analysis,
    dummy,
    ensemble,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from assay.testing import check_estimator
from tests.training.candidates import odd_estimators as odd

ROOT = Path(__file__).resolve().parents[3]
ODD = "tests.training.candidates.odd_estimators"
KNN = (
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
)
CALIBRATED = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
)
BUNCH = ("sklearn.utils._bunch.Bunch",)
ADAM = ("sklearn.neural_network._stochastic_optimizers.AdamOptimizer",)

Case = tuple[Callable[[], Any], tuple[str, ...]]

logistic = partial(linear_model.LogisticRegression, max_iter=2000)
boosted = partial(ensemble.HistGradientBoostingClassifier, max_iter=10)
forest = partial(ensemble.RandomForestClassifier, n_estimators=10)

CLASSIFIERS: dict[str, Case] = {
    "prior": (dummy.DummyClassifier, ()),
    "logistic": (logistic, ()),
    "sgd": (partial(linear_model.SGDClassifier, loss="log_loss"), ()),
    "hist": (boosted, ()),
    "boosting": (partial(ensemble.GradientBoostingClassifier, n_estimators=10), ()),
    "forest": (forest, ()),
    "extra trees": (partial(ensemble.ExtraTreesClassifier, n_estimators=10), ()),
    "ada": (partial(ensemble.AdaBoostClassifier, n_estimators=5), ()),
    "bagging": (partial(ensemble.BaggingClassifier, n_estimators=5), ()),
    "tree": (tree.DecisionTreeClassifier, ()),
    "neighbours": (neighbors.KNeighborsClassifier, KNN),
    "bayes": (naive_bayes.GaussianNB, ()),
    "discriminant": (
        partial(discriminant_analysis.LinearDiscriminantAnalysis, solver="lsqr", shrinkage=0.1),
        (),
    ),
    "net": (partial(neural_network.MLPClassifier, (4,), max_iter=2000), ADAM),
    "calibrated": (
        lambda: CalibratedClassifierCV(svm.LinearSVC(max_iter=20000), cv=3),
        CALIBRATED,
    ),
    "voting": (
        lambda: ensemble.VotingClassifier([("a", logistic()), ("b", forest())], voting="soft"),
        BUNCH,
    ),
    "stacking": (
        lambda: ensemble.StackingClassifier([("a", logistic()), ("b", forest())], cv=3),
        BUNCH,
    ),
    "pipeline": (
        lambda: make_pipeline(preprocessing.PolynomialFeatures(interaction_only=True), logistic()),
        (),
    ),
    "search": (lambda: GridSearchCV(boosted(), {"learning_rate": [0.05, 0.2]}, cv=3), ()),
}

ridge = partial(linear_model.Ridge)
trees = partial(ensemble.RandomForestRegressor, n_estimators=10)

REGRESSIONS: dict[str, Case] = {
    "mean": (dummy.DummyRegressor, ()),
    "ridge": (ridge, ()),
    "linear": (linear_model.LinearRegression, ()),
    "lasso": (linear_model.Lasso, ()),
    "elastic net": (linear_model.ElasticNet, ()),
    "bayesian": (linear_model.BayesianRidge, ()),
    "huber": (partial(linear_model.HuberRegressor, max_iter=2000), ()),
    "poisson": (partial(linear_model.PoissonRegressor, alpha=1.0), ()),
    "hist": (partial(ensemble.HistGradientBoostingRegressor, max_iter=10), ()),
    "boosting": (partial(ensemble.GradientBoostingRegressor, n_estimators=10), ()),
    "forest": (trees, ()),
    "extra trees": (partial(ensemble.ExtraTreesRegressor, n_estimators=10), ()),
    "ada": (partial(ensemble.AdaBoostRegressor, n_estimators=5), ()),
    "tree": (tree.DecisionTreeRegressor, ()),
    "neighbours": (neighbors.KNeighborsRegressor, KNN),
    "svr": (svm.SVR, ()),
    "net": (partial(neural_network.MLPRegressor, hidden_layer_sizes=(4,), max_iter=5000), ADAM),
    "voting": (lambda: ensemble.VotingRegressor([("a", ridge()), ("b", trees())]), BUNCH),
    "stacking": (lambda: ensemble.StackingRegressor([("a", ridge()), ("b", trees())], cv=3), BUNCH),
    "transformed": (
        lambda: compose.TransformedTargetRegressor(
            RandomizedSearchCV(ridge(), {"alpha": [0.1, 1.0]}, n_iter=2, cv=3),
            transformer=preprocessing.PowerTransformer(),
        ),
        (),
    ),
}

CASES = [
    *((task, name) for task in ("binary", "multiclass") for name in CLASSIFIERS),
    *(("regression", name) for name in REGRESSIONS),
]


@pytest.mark.parametrize(("task", "name"), CASES)
def test_every_estimator_of_scikit_learn_can_be_a_candidate(task: Any, name: str):
    build, types = (REGRESSIONS if task == "regression" else CLASSIFIERS)[name]
    check_estimator(build, task, allow_types=types)


def test_what_takes_no_gaps_and_says_so_is_no_fault():
    check_estimator(logistic, "multiclass", encoding="ordinal")


def told(build: Callable[[], Any], task: Any, *kinds: str) -> list[str]:
    """The faults that are found, with the types of ``kinds`` allowed."""
    allowed = [f"{ODD}.{kind}" for kind in kinds]
    with pytest.raises(AssertionError) as caught:
        check_estimator(build, task, allow_types=allowed, root=ROOT)
    first, *faults = str(caught.value).splitlines()
    assert first == f"no candidate for a {task} label:"
    return faults


@pytest.mark.parametrize(
    ("build", "task", "said"),
    [
        (
            linear_model.Ridge(),
            "regression",
            "build: expected a class.*lambda: Ridge.*an object of type Ridge",
        ),
        (
            linear_model.Ridge,
            "binry",
            "task: expected binary, multiclass, regression, found 'binry'",
        ),
    ],
)
def test_what_cannot_be_checked_is_one_line(build: Any, task: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said) as caught:
        check_estimator(build, task)
    assert "\n" not in str(caught.value)


def test_the_project_s_own_estimator_that_keeps_all_laws_passes():
    check_estimator(odd.Mean, "regression", allow_types=[f"{ODD}.Mean"], root=ROOT)
    check_estimator(odd.Shares, "multiclass", allow_types=[f"{ODD}.Shares"], root=ROOT)


BROKEN: list[tuple[Any, str]] = [
    (odd.Unseeded, "the same seed gives other scores"),
    (odd.Batched, "a row alone scores otherwise than in a batch, by up to"),
    (odd.Forgetful, "stored and loaded again it gives other scores"),
    (odd.Silent, "rows with numbers far outside get scores that are no finite numbers"),
    (odd.Narrow, "rows with numbers far outside end with KeyError"),
    (odd.Refusing, "it cannot be fitted and score: RuntimeError: not today"),
    (odd.Altered, "build: scikit-learn cannot clone it"),
]


@pytest.mark.parametrize(("kind", "line"), BROKEN)
def test_a_law_that_is_broken_is_told_alone(kind: Any, line: str):
    (fault,) = told(kind, "regression", kind.__name__)
    assert fault.startswith(line)


def test_an_order_that_matters_shows_alone_and_shuffled():
    alone, shuffled = told(odd.Ordered, "regression", "Ordered")
    assert alone.startswith("a row alone")
    assert shuffled.startswith("scores depend on the order of rows, by up to")


def test_scores_that_are_no_numbers_are_told_for_all_rows():
    assert told(odd.Infinite, "regression", "Infinite")[0] == "240 scores are no finite numbers"


def test_wrong_probabilities_are_told():
    less, whole = told(partial(odd.Shares, factor=2.5), "binary", "Shares")
    assert less.startswith("probabilities from 1.25 to 1.25, not from 0 to 1")
    assert whole == "probabilities of a row sum to 2.5, not 1"
    (order,) = told(partial(odd.Shares, backwards=True), "multiclass", "Shares")
    assert "it orders the classes ['on time', " in order
    assert order.endswith("not ['early', 'late', 'on time']")


def test_a_type_that_is_not_allowed_is_told():
    assert told(odd.Mean, "regression") == [f"bundle.allow_types lacks {ODD}.Mean"]


def test_an_estimator_of_another_task_is_told():
    (fault,) = told(linear_model.Ridge, "binary")
    assert fault.startswith("build: has no predict_proba") and fault.endswith("found Ridge)")
