"""What each row adds to a loss, and what the model says of it."""

from __future__ import annotations

import numpy as np
import pytest

from assay.metrics.labelled_scores import LabelledScores
from tests.metrics.intervals import scenes


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_mean_of_a_classifier_s_losses_is_its_brier_score(task: str) -> None:
    scored: LabelledScores = scenes.SCENES[task](500, 1)[0]
    assert scored.losses().mean() == pytest.approx(scored.values()["brier"])


def test_the_mean_of_a_regression_s_losses_is_its_mean_error() -> None:
    scored: LabelledScores = scenes.SCENES["regression"](500, 1)[0]
    assert scored.losses().mean() == pytest.approx(scored.values()["mae"])


def test_of_several_classes_the_likeliest_is_what_the_model_says() -> None:
    many: LabelledScores = scenes.SCENES["multiclass"](500, 1)[0]
    likeliest = many.scores.argmax(axis=1)
    assert many.outputs() == pytest.approx(many.scores[np.arange(500), likeliest])
    for task in ("binary", "regression"):
        scored = scenes.SCENES[task](500, 1)[0]
        assert scored.outputs() is scored.scores
