"""A search makes no fit twice, and chooses what it would have chosen without a memory."""

from __future__ import annotations

import logging
import shutil
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from assay.project import params
from assay.training.candidates import search_scores
from assay.training.candidates.nested import find_search, fit_clone
from assay.training.candidates.pipeline import encoded_pipeline
from assay.training.candidates.remembered_search import Remembered, remember
from assay.training.candidates.search_scores import FILE, SearchScores, watched
from assay.training.train import stage

ROWS = pd.DataFrame(
    {"weight": np.tile([1.0, 2.0, 3.0, np.nan], 30), "place": ["a", "b", None] * 40}
)
LATE = np.arange(120) % 3 == 0
DAYS = np.repeat(np.arange(12).astype(str), 10)


TRAINING, OTHER = "0a1b2c3d", "4e5f6a7b"


class Counting(LogisticRegression):
    """Counts its fits; its module is none that is known."""

    fits = 0

    def fit(self, *rows: Any, **more: Any) -> Any:
        type(self).fits += 1
        return super().fit(*rows, **more)


def own_metric(truth: Any, said: Any) -> float:
    return float(np.mean(truth == said))


SEARCHES = {
    "grid": lambda: GridSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, scoring="neg_log_loss"
    ),
    "own scoring": lambda: GridSearchCV(
        HistGradientBoostingClassifier(max_iter=3), {"max_depth": [1, 3]}, cv=2
    ),
    "random": lambda: RandomizedSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 9.0]}, n_iter=2),
    "halving": lambda: HalvingGridSearchCV(
        HistGradientBoostingClassifier(),
        {"max_depth": [1, 2, 3]},
        resource="max_iter",
        max_resources=9,
        cv=2,
    ),
    "two processes": lambda: GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2, n_jobs=2),
}


def fit(
    search: Any,
    root: Path | None,
    rows: pd.DataFrame = ROWS,
    target: Any = LATE,
    weights: Any = None,
    training: str = TRAINING,
) -> Any:
    made = encoded_pipeline(search, "auto", ("weight",), ("place",), seed=1)
    if root is not None:
        assert remember(find_search(made.pipeline), root, training)
    return fit_clone(made.pipeline, rows, target, DAYS, weights)


def lines(root: Path) -> int:
    return len((root / FILE).read_text().splitlines())


@pytest.mark.parametrize("name", SEARCHES)
def test_the_same_is_chosen_and_nothing_is_computed_twice(name: str, tmp_path: Path) -> None:
    search = SEARCHES[name]
    plain = fit(search(), None)
    with watched(tmp_path, TRAINING, lambda added: None):
        first = fit(search(), tmp_path)
    before = lines(tmp_path)
    assert before >= 4
    with watched(tmp_path, OTHER, lambda added: pytest.fail(f"{added} scores computed again")):
        again = fit(search(), tmp_path, training=OTHER)
    assert lines(tmp_path) == before
    for each in (first, again):
        assert each.chosen == plain.chosen
        assert not isinstance(each.pipeline.steps[-1][1], Remembered)
        np.testing.assert_array_equal(
            each.pipeline.predict_proba(ROWS), plain.pipeline.predict_proba(ROWS)
        )


def test_another_row_setting_or_weight_is_another_score(tmp_path: Path) -> None:
    def search(**settings: Any) -> Any:
        return GridSearchCV(LogisticRegression(**settings), {"C": [0.1, 1.0]}, cv=2)

    found = []
    for more, rows, target in (
        ({}, ROWS, LATE),
        ({"max_iter": 90}, ROWS, LATE),
        ({}, ROWS.assign(weight=ROWS["weight"] * 2 + ROWS.index % 2), LATE),
        ({}, ROWS, np.roll(LATE, 1)),
    ):
        fit(search(**more), tmp_path, rows, target)
        found.append(lines(tmp_path))
    assert found == [4, 8, 12, 16]


def test_within_another_target_too(tmp_path: Path) -> None:
    def around() -> Any:
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2)
        return TransformedTargetRegressor(regressor=search, func=np.log1p, inverse_func=np.expm1)

    numbers = np.arange(120.0)
    first = fit(around(), tmp_path, target=numbers).pipeline
    assert lines(tmp_path) == 4
    again = fit(around(), tmp_path, target=numbers).pipeline
    assert lines(tmp_path) == 4
    np.testing.assert_array_equal(first.predict(ROWS), again.predict(ROWS))
    assert isinstance(again.steps[-1][1].regressor_, Ridge)


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(Counting(), {"C": [0.1, 1.0]}),
        GridSearchCV(make_pipeline(Counting()), {"counting__C": [0.1, 1.0]}),
        GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring=lambda *asked: 1.0),
        GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring=["roc_auc"], refit="roc_auc"),
        GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring=make_scorer(own_metric)),
        GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring=make_scorer(lambda *asked: 1.0)),
        GridSearchCV(
            make_pipeline(FunctionTransformer(own_metric), LogisticRegression()),
            {"logisticregression__C": [0.1]},
        ),
        GridSearchCV(
            make_pipeline(FunctionTransformer(), LogisticRegression()),
            {"functiontransformer": [FunctionTransformer(partial(own_metric, 1))]},
        ),
        GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring="nonsense"),
    ],
    ids=[
        *("an own class", "within", "an own scoring", "several scorings", "an own metric"),
        *("a lambda", "an own function", "among settings", "misspelt"),
    ],
)
def test_what_no_version_tells_is_not_remembered(search: Any, tmp_path: Path) -> None:
    assert not remember(search, tmp_path, TRAINING)
    assert not isinstance(search.estimator, Remembered)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_weights_count_in_scores_as_without_a_memory(scoring: Any, tmp_path: Path) -> None:
    weights = np.where(LATE, 9.0, 1.0)

    def search() -> Any:
        settings = {"C": [1e-4, 1e-2, 1.0, 10.0]}
        return GridSearchCV(LogisticRegression(), settings, cv=2, scoring=scoring)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain, first = (fit(search(), root, weights=weights) for root in (None, tmp_path))
    assert first.chosen == plain.chosen
    before = lines(tmp_path)
    fit(search(), tmp_path, weights=weights + LATE)
    assert lines(tmp_path) == 2 * before
    assert fit(search(), tmp_path, weights=weights).chosen == plain.chosen
    assert lines(tmp_path) == 2 * before


def test_what_was_chosen_is_told_without_where_it_lies_in_memory() -> None:
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(), LogisticRegression()),
        {"functiontransformer__func": [np.nan_to_num]},
        cv=2,
    )
    assert "0x" not in str(fit(search, None).chosen)


def test_a_scorer_of_scikit_learn_is_remembered(tmp_path: Path) -> None:
    scoring = make_scorer(log_loss, greater_is_better=False, response_method="predict_proba")
    fit(GridSearchCV(LogisticRegression(), {"C": [0.1]}, cv=2, scoring=scoring), tmp_path)
    assert lines(tmp_path) == 2


def test_a_fit_that_fails_ends_as_without_a_memory(tmp_path: Path) -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [-1.0]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="The 'C' parameter"):
        fit(search, tmp_path)


@given(
    scores=st.dictionaries(st.text("0123456789abcdef", min_size=1), st.floats(allow_nan=False)),
    at=st.integers(0, 10**6),
    sign=st.sampled_from("0a1\n .x"),
)
def test_scores_come_back_and_a_damaged_line_counts_for_nothing(
    scores: dict[str, float], at: int, sign: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("scores") / "within" / "scores.txt"
    kept = SearchScores(file)
    for key, score in scores.items():
        kept.keep(key, score, TRAINING)
    again = SearchScores(file)
    assert all(again.find(key) == score for key, score in scores.items())
    if scores:
        text = file.read_text()
        place = at % len(text)
        file.write_text(text[:place] + sign + text[place + 1 :])
        damaged = SearchScores(file)
        assert all(damaged.find(key) in (None, score) for key, score in scores.items())


def test_a_file_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).mkdir()
    with watched(tmp_path, TRAINING, lambda added: pytest.fail("nothing was added")):
        fit(SEARCHES["grid"](), tmp_path)


def test_a_large_file_loses_its_older_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_scores, "MOST_BYTES", 100)
    kept = SearchScores(tmp_path / FILE)
    for at in range(10):
        kept.keep(f"{at}", float(at), TRAINING)
    with watched(tmp_path, TRAINING, lambda added: None):
        again = SearchScores(tmp_path / FILE)
    assert [again.find(str(at)) for at in range(10)] == [None] * 5 + [5.0, 6.0, 7.0, 8.0, 9.0]


def test_the_stage_tells_what_its_search_computed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, trained: Path
) -> None:
    root = tmp_path / "parcels"
    shutil.copytree(trained, root)
    searching = (
        "  candidates:\n    tuned:\n      class: sklearn.model_selection.GridSearchCV\n"
        "      args:\n"
        "        estimator: {class: sklearn.linear_model.LogisticRegression}\n"
        "        param_grid: {C: [0.1, 1.0]}\n        cv: 2\n"
    )
    told = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(told.replace("  candidates:\n", searching, 1))
    values = params.load(root)
    scores = 2 * 2 * (values.train.folds + 1)
    with caplog.at_level(logging.INFO):
        first = stage.run(root, values, "tuned")
        again = stage.run(root, values, "tuned")
    said = [line for line in caplog.messages if "its search computed" in line]
    assert said[-1] == f"train: tuned: its search computed {scores} scores"
    assert lines(root) == scores, "the second time none was"
    assert first == again
