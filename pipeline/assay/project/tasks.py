"""What a model can be asked for, and what can be measured of each kind of answer.

The label's type in the contract decides the task: a truth (``bool``) makes it binary, text
(``str``) multiclass with a class for each value, a number (``int`` or ``float``) a
regression. Classes that are written as numbers have to be declared as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from assay.errors import LabelError

Task = Literal["binary", "multiclass", "regression"]

BinaryMetric = Literal[
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "calibration_error",
    "accuracy",
    "precision",
    "recall",
    "f1",
]
MulticlassMetric = Literal[
    "auc",
    "log_loss",
    "brier",
    "calibration_error",
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
]
RegressionMetric = Literal["rmse", "mae", "p90_error", "bias", "r2"]

Metric = Literal[BinaryMetric, MulticlassMetric, RegressionMetric]
"""Every metric that a gate rule or ``select_by`` may name, whatever the task."""

METRICS: Mapping[Task, tuple[str, ...]] = MappingProxyType(
    {
        "binary": get_args(BinaryMetric),
        "multiclass": get_args(MulticlassMetric),
        "regression": get_args(RegressionMetric),
    }
)
"""Those that evaluate computes, by task."""

HEADLINE: Mapping[Task, Metric] = MappingProxyType(
    {"binary": "auc", "multiclass": "accuracy", "regression": "mae"}
)
"""The metric that stands for a model where there is room for one, and slices are ranked by.

Of a regression not the root mean square, whose interval rare large errors make worthless.
"""

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "rmse", "mae", "p90_error"})
NEARER_ZERO_IS_BETTER = frozenset({"bias"})

_TASK_OF_KIND: Mapping[str, Task] = MappingProxyType(
    {
        "boolean": "binary",
        "string": "multiclass",
        "integer": "regression",
        "float": "regression",
    }
)


def task_of(kind: str, label: str) -> Task:
    """The task that a label of this kind of the contract makes.

    Raises
    ------
    LabelError
        Points in time cannot be learnt.
    """
    if kind not in _TASK_OF_KIND:
        raise LabelError(
            f"a {kind} cannot be learnt",
            where=f"the contract's label {label!r}",
            expected="bool, str, int or float",
        )
    return _TASK_OF_KIND[kind]


def goodness(metric: str, value: float) -> float:
    """``value`` so turned that more of it is better."""
    if metric in NEARER_ZERO_IS_BETTER:
        return -abs(value)
    return -value if metric in LOWER_IS_BETTER else value


def better(metric: str) -> str:
    """In words, where good values lie."""
    if metric in NEARER_ZERO_IS_BETTER:
        return "nearer 0"
    return "lower" if metric in LOWER_IS_BETTER else "higher"


def unfit(metric: str, task: Task) -> str | None:
    """Why ``metric`` says nothing about a model of this task; None if it does."""
    if metric in METRICS[task]:
        return None
    return f"{metric} is no metric of a {task} model; those are {', '.join(METRICS[task])}"
