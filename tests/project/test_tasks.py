"""Three tasks, and a direction for every metric of each."""

from __future__ import annotations

from typing import get_args

import pytest

from assay.errors import LabelError
from assay.project.tasks import (
    LOWER_IS_BETTER,
    METRICS,
    NEARER_ZERO_IS_BETTER,
    Metric,
    describe_direction,
    inapplicable_reason,
    infer_task,
    orient_value,
)


def test_the_label_decides() -> None:
    found = [infer_task(kind, "late") for kind in ("boolean", "string", "integer", "float")]
    assert found == ["binary", "multiclass", "regression", "regression"]
    with pytest.raises(LabelError, match="label 'late': a timestamp cannot be learnt"):
        infer_task("timestamp", "late")


def test_a_direction_is_stated_for_metrics_that_exist() -> None:
    every = {name for names in METRICS.values() for name in names}
    assert every == set(get_args(Metric))
    assert every > LOWER_IS_BETTER | NEARER_ZERO_IS_BETTER
    assert not LOWER_IS_BETTER & NEARER_ZERO_IS_BETTER


@pytest.mark.parametrize(
    ("metric", "good", "bad", "words"),
    [
        ("auc", 0.9, 0.6, "higher"),
        ("log_loss", 0.3, 0.6, "lower"),
        ("bias", -0.1, 0.5, "nearer 0"),
        ("bias", 0.1, -0.5, "nearer 0"),
        ("r2", 0.1, -3.0, "higher"),
    ],
)
def test_more_is_better_once_turned(metric: str, good: float, bad: float, words: str) -> None:
    assert orient_value(metric, good) > orient_value(metric, bad)
    assert describe_direction(metric) == words


def test_a_metric_of_another_task_is_named_with_those_that_fit() -> None:
    assert inapplicable_reason("auc", "multiclass") is None
    assert inapplicable_reason("auc", "regression") == (
        "auc is no metric of a regression model; those are rmse, mae, mae_skill, p90_error, bias, "
        "r2"
    )
