"""The reference's nights and features show how far an estimate may be trusted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import SliceField
from assay.metrics.labelled_scores import LabelledScores
from assay.model.prediction import LOSSES
from assay.training.train import estimate_errors
from assay.training.train.estimate_errors import dependence, learn_night_effects

NIGHTS, ROWS = 20, 300
CONTRACT: Any = SimpleNamespace(numeric=("x",), categorical=())


def population(beyond: float, odd: float = 0.0) -> tuple[Any, pd.DataFrame, np.ndarray]:
    """Outcomes that depend on x by ``beyond`` more than the score says; slice b also on the night.

    The score is calibrated for all rows whatever ``beyond`` is.
    """
    random = np.random.default_rng(1)
    night = np.repeat(np.arange(NIGHTS), ROWS)
    frame = pd.DataFrame(
        {"x": random.uniform(-1, 1, len(night)), "part": random.choice(["a", "b"], len(night))}
    )
    score = random.uniform(0.3, 0.7, len(night))
    moved = np.where(frame["part"] == "b", odd * random.normal(size=NIGHTS)[night], 0)
    label = random.random(len(night)) < np.clip(score + beyond * frame["x"] + moved, 0, 1)
    scored = LabelledScores("binary", label, score, (), 0.5)
    return SimpleNamespace(scored=scored, unseen=score), frame, night


def of(task: Any, truth: np.ndarray, scores: np.ndarray, classes: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(scored=LabelledScores(task, truth, scores, classes, 0.5), unseen=scores)


@pytest.mark.parametrize(("beyond", "clear"), [(0.0, False), (0.2, True)])
def test_a_feature_that_shows_more_than_the_score(beyond: float, clear: bool) -> None:
    made, frame, night = population(beyond)
    found = dependence(CONTRACT, frame[["x"]], made, {}, night, night * 5 // NIGHTS, 1)
    assert (found > 4) is clear and (found < 0) is not clear


def test_a_feature_that_shows_more_of_a_class_or_a_loss() -> None:
    random = np.random.default_rng(2)
    night = np.repeat(np.arange(NIGHTS), ROWS)
    frame = pd.DataFrame({"x": random.uniform(-1, 1, len(night))})
    block = night * 5 // NIGHTS
    top = np.where(frame["x"] > 0, 0.9, 0.5)
    right = random.random(len(night)) < top
    scores = np.tile([0.7, 0.2, 0.1], (len(night), 1))
    made = of("multiclass", np.where(right, 0, 1), scores, ("a", "b", "c"))
    assert dependence(CONTRACT, frame, made, {}, night, block, 1) > 4
    error = random.normal(size=len(night)) * np.where(frame["x"] > 0, 3, 1)
    made = of("regression", np.zeros(len(night)), error)
    flat = [np.full(len(night), np.abs(error).mean()), np.full(len(night), np.square(error).mean())]
    losses: Any = {
        name: SimpleNamespace(values=one) for name, one in zip(LOSSES, flat, strict=True)
    }
    assert dependence(CONTRACT, frame, made, losses, night, block, 1) > 4
    steep = [np.where(frame["x"] > 0, 2.4, 0.8), np.where(frame["x"] > 0, 9.0, 1.0)]
    losses = {name: SimpleNamespace(values=one) for name, one in zip(LOSSES, steep, strict=True)}
    assert dependence(CONTRACT, frame, made, losses, night, block, 1) < 0


def test_one_night_shows_no_dependence() -> None:
    made, frame, night = population(0.2)
    assert dependence(CONTRACT, frame[["x"]], made, {}, 0 * night, night * 5 // NIGHTS, 1) == 0


def test_each_slice_has_effects_of_its_own() -> None:
    made, frame, night = population(0.0, odd=0.2)
    field = SliceField("part", ("a", "b", "never"), numeric=False)
    found = learn_night_effects(made, {}, night, (field,), frame)
    assert [*found] == ["probability", "probability@part=a", "probability@part=b"]
    assert found["probability@part=b"].level > 10 * found["probability@part=a"].level
    assert found["probability@part=b"].level ** 0.5 == pytest.approx(0.2 * 4.4, rel=0.4)


def test_every_score_that_estimates_read_has_effects() -> None:
    random = np.random.default_rng(3)
    night = np.repeat(np.arange(NIGHTS), ROWS)
    nothing = pd.DataFrame(index=range(len(night)))
    scores = random.dirichlet([3, 2, 1], len(night))
    truth = (random.random((len(night), 1)) > scores.cumsum(axis=1)).sum(axis=1)
    found = learn_night_effects(
        of("multiclass", truth, scores, tuple("abc")), {}, night, (), nothing
    )
    assert [*found] == ["probability", *(f"probabilities@{name}" for name in "abc")]
    assert max(one.level for one in found.values()) < 0.03
    error = random.normal(1, 2, len(night)) + random.normal(size=NIGHTS)[night]
    values = {LOSSES[0]: np.full(len(night), 1.9), LOSSES[1]: np.full(len(night), 6.0)}
    losses: Any = {name: SimpleNamespace(values=one) for name, one in values.items()}
    made = of("regression", np.zeros(len(night)), error)
    found = learn_night_effects(made, losses, night, (), nothing)
    assert [*found] == ["prediction", *LOSSES]
    # The nights' own means, without the bias that all share.
    assert found["prediction"].level ** 0.5 == pytest.approx(1, rel=0.4)


def test_of_many_rows_as_many_are_asked_as_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    made, frame, night = population(0.3)
    asked = []
    monkeypatch.setattr(estimate_errors, "MOST_ROWS", len(night) // 2)
    few = estimate_errors.out_of_fold_scores
    monkeypatch.setattr(
        estimate_errors, "out_of_fold_scores", lambda *a: asked.append(len(a[3])) or few(*a)
    )
    assert dependence(CONTRACT, frame[["x"]], made, {}, night, night * 5 // NIGHTS, 1) > 4
    assert asked == [len(night) // 2]
