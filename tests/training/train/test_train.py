"""Training: no row helps to score itself, one seed one bundle, the best candidate wins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from assay.compiled import fitted_model
from assay.contract.loader import load_contract
from assay.errors import BundleMissing, DataError, LabelError, PluginError
from assay.model import bundle, bundle_files, model
from assay.model.manifest import MANIFEST
from assay.project import layout, params
from assay.project.params.candidates import Candidate
from assay.training.candidates import nested
from assay.training.candidates import pipeline as candidate
from assay.training.train import calibrate, select, stage
from assay.training.train.select import Selection


@given(st.lists(st.integers(0, 30), min_size=1), st.integers(2, 6))
def test_blocks_are_whole_days_in_order(given_days: list[int], folds: int):
    distinct = sorted(set(given_days))
    if len(distinct) < folds:
        with pytest.raises(LabelError, match="too few days"):
            nested.assign_folds(np.array(given_days), folds)
        return
    block = nested.assign_folds(np.array(given_days), folds)
    of_day = {
        day: {b for d, b in zip(given_days, block, strict=True) if d == day} for day in distinct
    }
    assert all(len(found) == 1 for found in of_day.values())
    order = [next(iter(of_day[day])) for day in distinct]
    assert order == sorted(order)
    assert set(order) == set(range(folds))


class Memory:
    """Remembers its rows: gives 1 to those it was fitted on and 0 to all others."""

    def fit(self, features: pd.DataFrame, label: np.ndarray) -> Memory:
        self.seen_ = set(features["id"])
        return self

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray:
        known = features["id"].isin(self.seen_).to_numpy(dtype=float)
        return np.column_stack([1 - known, known])

    def get_params(self, deep: bool = True) -> dict[str, object]:
        return {}


def test_no_row_is_scored_by_an_estimator_that_saw_it():
    label = np.arange(40) % 2 == 0
    features = pd.DataFrame({"id": np.arange(40)})
    shown: list[int] = []
    raw = calibrate.out_of_fold_scores(
        "binary",
        Memory(),
        features,
        label,
        np.repeat(np.arange(4), 10),
        lambda done, _: shown.append(done),
    )
    assert (raw == 0).all()
    assert shown == [1, 2, 3, 4]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_fixes_overconfident_scores(method: str):
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.05, 0.95, 4000)
    label = rng.random(4000) < truth
    odds = 3 * np.log(truth / (1 - truth))
    raw = 1 / (1 + np.exp(-odds))
    better = fitted_model.calibrate(
        "binary", calibrate.fit_calibrator("binary", method, raw, label), raw
    )
    assert log_loss(label, better) < log_loss(label, raw) - 0.05
    assert abs(better.mean() - label.mean()) < 0.01


def test_scores_without_information_are_left_as_they_are():
    # Base rates of the other folds run against the fold's own: the slope would be negative.
    label = np.repeat([True, False], 50)
    raw = np.where(label, 0.4, 0.6)
    assert calibrate.fit_calibrator("binary", "sigmoid", raw, label) is None
    assert calibrate.fit_calibrator("binary", "none", raw, label) is None


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_fixes_overconfident_scores_of_several_classes(method: str):
    rng = np.random.default_rng(0)
    truth = rng.dirichlet([2, 2, 1], 4000)
    label = np.array([rng.choice(3, p=row) for row in truth])
    raw = truth**3 / (truth**3).sum(axis=1, keepdims=True)
    calibrator = calibrate.fit_calibrator("multiclass", method, raw, label)
    better = fitted_model.calibrate("multiclass", calibrator, raw)
    assert log_loss(label, better) < log_loss(label, raw) - 0.05
    np.testing.assert_allclose(better.mean(axis=0), np.bincount(label) / 4000, atol=0.02)


def test_estimates_are_not_calibrated():
    assert calibrate.fit_calibrator("regression", "sigmoid", np.arange(3.0), np.arange(3.0)) is None


def test_a_class_that_only_one_block_has_stops_training_with_its_name():
    label = np.array(["oak", "ash"] * 20, dtype=object)
    label[:3] = "yew"
    with pytest.raises(LabelError, match=r"without fold 1 of 4 no row is of class yew"):
        calibrate.out_of_fold_scores(
            "multiclass",
            DummyClassifier(),
            pd.DataFrame({"id": np.arange(40)}),
            label,
            np.repeat(np.arange(4), 10),
            lambda done, folds: None,
        )


def test_encoding_follows_what_the_estimator_takes():
    assert candidate.resolve_encoding(HistGradientBoostingClassifier(), "auto") == "ordinal"
    assert candidate.resolve_encoding(LogisticRegression(), "auto") == "onehot"
    assert candidate.resolve_encoding(LogisticRegression(), "ordinal") == "ordinal"


@pytest.mark.parametrize("encoding", ["onehot", "ordinal"])
def test_gaps_and_categories_never_seen_do_not_fail(encoding: str):
    frame = pd.DataFrame(
        {"x": [1.0, np.nan] * 30, "c": pd.Series(["a", "b", None] * 20, dtype=object)}
    )
    fitted = candidate.build_encoder(encoding, ["x"], ["c"]).fit(frame)
    new = pd.DataFrame({"x": [np.nan, 5.0], "c": pd.Series(["never seen", None], dtype=object)})
    out = fitted.transform(new)
    assert out.shape[0] == 2
    assert encoding == "ordinal" or np.isfinite(out).all()


@pytest.fixture(scope="module")
def contract(trained: Path):
    return load_contract(trained / "data" / "contract.py")


@pytest.mark.parametrize(
    ("task", "class_path", "args", "expected"),
    [
        ("binary", "sklearn.linear_model.LogisticRegresion", {}, "mean 'LogisticRegression'"),
        ("binary", "sklearn.svm.LinearSVC", {}, "has no predict_proba"),
        ("multiclass", "sklearn.linear_model.Ridge", {}, "has no predict_proba.*multiclass"),
        ("regression", "sklearn.linear_model.LogisticRegression", {}, "the label is a number"),
        ("regression", "sklearn.preprocessing.StandardScaler", {}, "expected a regression"),
        ("binary", "collections.OrderedDict", {}, "not an estimator"),
        ("binary", "sklearn.ensemble.StackingRegressor", {"estimators": []}, "no predict_proba"),
        ("binary", "sklearn.linear_model.LogisticRegression", {"depth": 3}, "refuses its arg"),
    ],
)
def test_a_candidate_that_cannot_be_used_is_named(
    contract, tmp_path: Path, task, class_path: str, args: dict[str, object], expected: str
):
    given = Candidate.model_validate({"class": class_path, "args": args})
    with pytest.raises(PluginError, match=expected):
        candidate.build_pipeline("mine", given, contract, task, 1, tmp_path)


def test_every_random_choice_is_seeded_unless_the_user_says(contract, tmp_path: Path):
    path = "sklearn.ensemble.HistGradientBoostingClassifier"
    given = Candidate.model_validate({"class": path})
    built = candidate.build_pipeline("mine", given, contract, "binary", 42, tmp_path)
    assert built.pipeline[-1].random_state == 42
    assert built.pipeline[-1].categorical_features == [False, False, False, True]
    chosen = Candidate.model_validate({"class": path, "args": {"random_state": 3}})
    built = candidate.build_pipeline("mine", chosen, contract, "binary", 42, tmp_path)
    assert built.pipeline[-1].random_state == 3


def test_the_same_inputs_give_the_same_digest_anywhere(parcels: Path):
    values = params.load(parcels)
    before = bundle_files.verified_digest(parcels / layout.CANDIDATES / "logistic")
    shutil.rmtree(parcels / layout.CANDIDATES)
    assert stage.run(parcels, values, "logistic").digest == before


def test_reference_nights_are_those_of_the_night_column_and_not_days(parcels: Path):
    values = params.load(parcels)
    table = pq.read_table(parcels / layout.TRAIN_TABLE)
    column = values.ingest.partition_by
    months = pa.array([f"{night}"[:7] + "-01" for night in table.column(column).to_pylist()])
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, months), parcels / layout.TRAIN_TABLE)
    stage.run(parcels, values, "logistic")
    made = bundle.load(parcels / layout.CANDIDATES / "logistic", expected=None, allow_types=())
    assert made.reference.nights == len(months.unique()) > 1


OWN = """\
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


class Same(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        # What the test is about:
        {body}

    def transform(self, X):
        return X


def build():
    return make_pipeline(Same(), LogisticRegression())
"""


def test_a_candidate_nobody_declared_is_refused(parcels: Path):
    with pytest.raises(PluginError, match=r"no such candidate.*prior, logistic.*found forest"):
        stage.run(parcels, params.load(parcels), "forest")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "raise RuntimeError('a\\nb')",
            r"RuntimeError: a b \(found data.models.build, data/models.py:9",
        ),
        ("self.seen_ = True", "'NoneType' object has no attribute .*end with: return self"),
    ],
)
def test_own_code_that_cannot_be_fitted_says_where(parcels: Path, body: str, told: str) -> None:
    (parcels / "data/models.py").write_text(OWN.format(body=body))
    path = parcels / layout.PARAMS
    text = path.read_text().replace("allow_types: []", "allow_types: [data.models.Same]")
    own = "    own: {function: data.models.build}\n"
    path.write_text(text.replace("  candidates:\n", "  candidates:\n" + own))
    with pytest.raises(PluginError, match=told):
        stage.run(parcels, params.load(parcels), "own")


@pytest.mark.parametrize(
    ("nights", "where"), [(0, "any training row"), (3, "any training row but those of fold 1 of 4")]
)
def test_a_feature_without_a_value_is_named_where_it_cannot_be_fitted(
    parcels: Path, nights: int, where: str
) -> None:
    path = parcels / layout.PARAMS
    own = "    trees:\n      class: sklearn.ensemble.HistGradientBoostingClassifier\n"
    path.write_text(path.read_text().replace("  candidates:\n", "  candidates:\n" + own))
    table = pq.read_table(parcels / layout.TRAIN_TABLE).to_pandas()
    night = table["day"].astype(str)
    table.loc[~night.isin(sorted(night.unique())[:nights]), "distance"] = None
    pq.write_table(pa.Table.from_pandas(table), parcels / layout.TRAIN_TABLE)
    told = rf"'distance' has no value in {where} \(.*ValueError.*Leave 'distance' out of data/con"
    with pytest.raises(PluginError, match=told):
        stage.run(parcels, params.load(parcels), "trees")


def test_a_feature_whose_numbers_overflow_is_named(parcels: Path) -> None:
    table = pq.read_table(parcels / layout.TRAIN_TABLE).to_pandas()
    table.loc[3, "distance"] = -1e300
    pq.write_table(pa.Table.from_pandas(table), parcels / layout.TRAIN_TABLE)
    told = r"'distance' has numbers that overflow \(expected none beyond 3.4e\+38, found 1e\+300; "
    with pytest.raises(PluginError, match=told):
        stage.run(parcels, params.load(parcels), "logistic")


def test_a_model_that_could_not_be_loaded_again_is_refused_when_it_is_made(
    parcels: Path, monkeypatch: pytest.MonkeyPatch
):
    from assay.errors import BundleUntrusted

    for name in ("ALLOWED_TYPES", "_KNOWN_PARTS"):
        monkeypatch.setattr(model, name, frozenset())
    before = bundle_files.verified_digest(parcels / layout.CANDIDATES / "logistic")
    with pytest.raises(BundleUntrusted, match=r"numpy\.dtype.*bundle\.allow_types"):
        stage.run(parcels, params.load(parcels), "logistic")
    assert bundle_files.verified_digest(parcels / layout.CANDIDATES / "logistic") == before


SCORES = {
    "a": {"auc": 0.7, "log_loss": 0.5, "bias": 0.3},
    "b": {"auc": 0.8, "log_loss": 0.5, "bias": -0.2},
    "c": {},
}


def test_the_best_is_chosen_by_the_metrics_own_direction():
    assert select.best_candidate(SCORES, "auc") == "b"
    assert select.best_candidate(SCORES, "log_loss") == "a"
    assert select.best_candidate(SCORES, "bias") == "b"
    with pytest.raises(LabelError, match=r"train\.select_by.*found f1"):
        select.best_candidate({"a": {"f1": None}, "c": {}}, "f1")


def test_the_selected_bundle_is_the_candidates_to_the_byte(trained: Path):
    found = Selection.read(trained)
    chosen = found.selected
    assert (chosen, found.by) == ("logistic", "log_loss")
    assert {*found.candidates} == {"prior", "logistic"}
    assert bundle_files.verified_digest(trained / layout.BUNDLE) == bundle_files.verified_digest(
        trained / layout.CANDIDATES / chosen
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"selected": "other"}, "selected is 'other', not one of logistic, prior"),
        ({"by": ""}, "by is '', not a text"),
        ({"candidates": {"logistic": {"auc": "good"}}}, "candidates.logistic.auc is 'good'"),
        ({"schema": 1}, "schema is no key that belongs here"),
    ],
)
def test_a_selection_that_somebody_edited_is_refused(trained: Path, change: Any, told: str):
    tree = json.loads((trained / layout.SELECTION).read_text())
    assert Selection.parse(json.dumps(tree), "selection.json").tree() == tree
    with pytest.raises(DataError, match=f"selection.json: not a selection: {told}"):
        Selection.parse(json.dumps({**tree, **change}), "selection.json")


def test_selection_waits_for_every_candidate(parcels: Path):
    shutil.rmtree(parcels / layout.CANDIDATES / "prior")
    with pytest.raises(BundleMissing, match=r"prior.*dvc repro train@prior"):
        select.run(parcels, params.load(parcels))


def test_a_model_is_compiled_unless_that_is_switched_off(parcels: Path):
    folder = parcels / layout.CANDIDATES / "logistic"
    proof = json.loads((folder / MANIFEST).read_text())["compiled"]
    assert proof["used"] is (folder / bundle.COMPILED).is_file() is True
    assert "compiled arrays" in (folder / bundle.CARD).read_text()
    path = parcels / "params.yaml"
    path.write_text(path.read_text().replace("bundle:\n", "bundle:\n  compile: off\n"))
    stage.run(parcels, params.load(parcels), "logistic")
    loaded = bundle.load(folder, expected=None, allow_types=())
    assert loaded.manifest.compiled["reason"] == "bundle.compile is off in params.yaml"
    assert loaded.scorer is loaded.model
    assert "scikit-learn itself" in (folder / bundle.CARD).read_text()
