"""Tasks (binary, multiclass, regression) and the metrics of each.

The label's type in the contract decides the task: ``bool`` is binary, ``str`` is multiclass with
one class per value, ``int`` and ``float`` are regression. Classes that are written as numbers
have to be declared as ``str``.
"""

from __future__ import annotations

import difflib
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
    "brier_skill",
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
    "brier_skill",
    "calibration_error",
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
]
RegressionMetric = Literal["rmse", "mae", "mae_skill", "p90_error", "bias", "r2"]

Metric = Literal[BinaryMetric, MulticlassMetric, RegressionMetric]
"""Every metric that a gate rule or ``select_by`` may name, over all tasks."""

METRICS: Mapping[Task, tuple[str, ...]] = MappingProxyType(
    {
        "binary": get_args(BinaryMetric),
        "multiclass": get_args(MulticlassMetric),
        "regression": get_args(RegressionMetric),
    }
)
"""Task -> metrics that evaluate computes."""

HEADLINE: Mapping[Task, Metric] = MappingProxyType(
    {"binary": "auc", "multiclass": "accuracy", "regression": "mae"}
)
"""Task -> the one metric that summarises a model and that slices are ranked by.

For a regression this is not RMSE: a few large errors make its interval uselessly wide.
"""

LOSS_OF_SKILL: Mapping[str, Metric] = MappingProxyType({"brier_skill": "brier", "mae_skill": "mae"})
"""Skill -> the loss of which it is the share that the model saves."""

POOLABLE = ("brier_skill", "mae_skill", "brier", "log_loss", "accuracy", "mae", "bias")
"""Metrics of nights together that follow from those of each: skills, and means over rows."""

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "rmse", "mae", "p90_error"})
NEARER_ZERO_IS_BETTER = frozenset({"bias"})

Better = Literal["higher", "lower"]
OwnMetrics = Mapping[str, Better]
"""The project's own metrics, ``module.function``, and which of their values are better.

Their names have a dot, so none can be taken for one of Assay's.
"""

NO_OWN: OwnMetrics = MappingProxyType({})

_TASK_OF_KIND: Mapping[str, Task] = MappingProxyType(
    {
        "boolean": "binary",
        "string": "multiclass",
        "integer": "regression",
        "float": "regression",
    }
)


def infer_task(kind: str, label: str) -> Task:
    """The task for a label with this contract type.

    Raises
    ------
    LabelError
        There is no task for this type, such as a timestamp.
    """
    if kind not in _TASK_OF_KIND:
        raise LabelError(
            f"a {kind} cannot be learnt",
            where=f"the contract's label {label!r}",
            expected="bool, str, int or float",
        )
    return _TASK_OF_KIND[kind]


def orient_value(metric: str, value: float, own: OwnMetrics = NO_OWN) -> float:
    """``value`` with its sign chosen so that higher is better."""
    way = describe_direction(metric, own)
    if way == "nearer 0":
        return -abs(value)
    return -value if way == "lower" else value


def describe_direction(metric: str, own: OwnMetrics = NO_OWN) -> str:
    """Which values are better, in words: ``higher``, ``lower`` or ``nearer 0``."""
    if metric in NEARER_ZERO_IS_BETTER:
        return "nearer 0"
    return "lower" if metric in LOWER_IS_BETTER else own.get(metric, "higher")


def inapplicable_reason(metric: str, task: Task, own: OwnMetrics = NO_OWN) -> str | None:
    """Why ``metric`` does not apply to this task; None if it does."""
    if metric in METRICS[task] or metric in own:
        return None
    if "." in metric:
        near = difflib.get_close_matches(metric, own, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{metric} is not among evaluate.metrics{hint}"
    return f"{metric} is no metric of a {task} model; those are {', '.join(METRICS[task])}"
