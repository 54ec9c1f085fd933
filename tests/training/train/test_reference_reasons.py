"""Training rows are explained by the estimator that was not fitted on them, as they are scored."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from assay.columns.features import FrameFeatures
from assay.compiled.compile import compile_model
from assay.compiled.contributions import explain_model
from assay.compiled.fitted_model import Model
from assay.project.params import ReasonsParams
from assay.training.candidates.pipeline import encoded_pipeline
from assay.training.train import reference_reasons
from assay.training.train.calibrate import out_of_fold_scores
from assay.training.train.reference_reasons import OutOfFoldReasons

CONTRACT: Any = SimpleNamespace(numeric=("a", "b"), categorical=("c",))
NIGHTS, ROWS = 12, 40
PLAIN = ReasonsParams()


def rows() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    count = NIGHTS * ROWS
    table = pd.DataFrame(
        {
            "a": draw.normal(size=count),
            "b": draw.normal(size=count),
            "c": draw.choice(["x", "y"], count),
        }
    )
    label = (table["a"] + (table["c"] == "x") + draw.normal(size=count)) > 0
    return table, label.to_numpy(), np.repeat(np.arange(NIGHTS), ROWS)


def looked_at(
    estimator: Any, kinds: int = 2, asked: ReasonsParams = PLAIN
) -> tuple[OutOfFoldReasons, list[Any]]:
    table, label, night = rows()
    classes = ("k0", "k1", "k2") if kinds == 3 else ()
    target = np.array(classes, object)[label + (table["b"] > 1).to_numpy(int)] if classes else label
    task: Any = "multiclass" if classes else "binary"
    reasons = OutOfFoldReasons(CONTRACT, task, classes, night.astype(str), 1, asked)
    seen: list[Any] = []

    def look(pipeline: Any, features: pd.DataFrame, unseen: np.ndarray) -> None:
        seen.append((pipeline, unseen))
        reasons.add(pipeline, features, unseen)

    made = encoded_pipeline(estimator, "auto", CONTRACT.numeric, CONTRACT.categorical, 1)
    out_of_fold_scores(task, made.pipeline, table, target, night % 3, lambda *_: None, look=look)
    return reasons, seen


@pytest.mark.parametrize("kinds", [2, 3])
def test_means_are_those_of_the_folds_own_estimators(kinds: int) -> None:
    table, *_ = rows()
    forest = RandomForestClassifier(20, max_depth=4, random_state=1)
    reasons, seen = looked_at(forest, kinds)
    found = reasons.found()
    assert found is not None and len(seen) == 3
    total, count = np.zeros(3), 0
    for pipeline, unseen in seen:
        task: Any = "multiclass" if kinds == 3 else "binary"
        classes = ("k0", "k1", "k2") if kinds == 3 else ()
        model = Model(pipeline, None, *CONTRACT.__dict__.values(), task)
        compiled = compile_model(model, task, classes)
        explainer = explain_model(model, compiled, FrameFeatures(table))
        given = explainer.contributions(FrameFeatures(table[unseen]))
        best = given.raw.argmax(axis=1)
        total += np.abs(given.values[np.arange(len(best)), best]).sum(axis=0)
        count += len(best)
    assert list(found.means) == list(explainer.features)
    assert list(found.means.values()) == pytest.approx((total / count).tolist())
    assert len(found.distances) == NIGHTS
    assert kinds == 3 or found.means["a"] > 3 * found.means["b"]


def test_a_bounded_sample_is_explained_and_drawn_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_reasons, "NIGHTS", 5)
    monkeypatch.setattr(reference_reasons, "ROWS", 7)
    one, two = (looked_at(LogisticRegression())[0] for _ in range(2))
    assert one._rows.tolist() == [7.0] * 5
    assert one.found() == two.found()


def test_a_model_that_nobody_can_explain_has_none() -> None:
    assert looked_at(KNeighborsClassifier())[0].found() is None


def test_rows_are_compared_as_in_the_bundle() -> None:
    tree = RandomForestClassifier(20, max_depth=4, random_state=1)
    population, reference = (
        looked_at(tree, asked=ReasonsParams.model_validate({"against": against}))[0].found()
        for against in ("population", "reference")
    )
    assert reference is not None and population is not None
    assert reference.means != population.means
    assert reference.means["a"] == pytest.approx(population.means["a"], rel=0.3)
    above = ReasonsParams(against="reference", rows="above_threshold")
    assert looked_at(tree, asked=above)[0].found() is None
