"""Tasks (binary, multiclass, regression) and the metrics of each.

The label's type in the contract decides the task: ``bool`` is binary, ``str`` is multiclass with
one class per value, ``int`` and ``float`` are regression. Classes that are written as numbers
have to be declared as ``str``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from assay.errors import LabelError

Task = Literal["binary", "multiclass", "regression"]

Interval = Literal[
    "share",
    "jaccard",
    "log odds",
    "precision",
    "loss",
    "root",
    "skill",
    "number",
    "gaps",
    "quantile",
]
"""How a metric's interval is made; `assay.metrics.intervals.estimates` has the methods."""

MEANS = "paired t, skewness corrected"
SHARES = "paired counts, delta method"
JACKKNIFE = "infinitesimal jackknife"
DELONG = "DeLong"
DRAWN = "normal draws of the bins' gaps"
WOODRUFF = "Woodruff"


@dataclass(frozen=True)
class MetricFacts:
    """What is asked of a metric; the evaluator of its task has its value and its derivatives.

    Attributes
    ----------
    better
        Which values are: ``higher``, ``lower`` or ``nearer 0``.
    difference
        The method for the difference of two models, in words.
    meaning
        For people who do not know it.
    pools
        Whether its value over nights together follows from those of each: a mean over rows, or a
        skill.
    loss
        Of a skill: the loss of which it is the share that the model saves.
    """

    name: str
    better: str
    interval: Interval
    difference: str
    meaning: str
    pools: bool = False
    loss: str | None = None


_LOG_LOSS = MetricFacts(
    *("log_loss", "lower", "loss", MEANS),
    "surprise at what happened, given the probabilities",
    pools=True,
)
_ACCURACY = MetricFacts(
    *("accuracy", "higher", "share", SHARES), "share of rows predicted right", pools=True
)

CATALOGUE: Mapping[Task, Sequence[MetricFacts]] = MappingProxyType(
    {
        "binary": (
            MetricFacts(
                *("auc", "higher", "log odds", DELONG),
                "chance that a positive row is ranked above a negative one; a coin gets 0.5",
            ),
            MetricFacts(
                *("average_precision", "higher", "precision", JACKKNIFE),
                "mean precision over all thresholds; a coin gets the share of positives",
            ),
            _LOG_LOSS,
            MetricFacts(
                *("brier", "lower", "loss", MEANS),
                "mean squared distance of the probability from 0 or 1",
                pools=True,
            ),
            MetricFacts(
                *("brier_skill", "higher", "skill", JACKKNIFE),
                "share of the brier of always saying the rows' share of positives that is saved; "
                "0 is no better than that",
                pools=True,
                loss="brier",
            ),
            MetricFacts(
                *("calibration_error", "lower", "gaps", DRAWN),
                "mean distance of predicted from observed share, over ten bins",
            ),
            _ACCURACY,
            MetricFacts(
                *("precision", "higher", "share", SHARES),
                "share of predicted positives that are positive",
            ),
            MetricFacts(
                *("recall", "higher", "share", SHARES),
                "share of positives that are predicted positive",
            ),
            MetricFacts(
                *("f1", "higher", "jaccard", SHARES), "harmonic mean of precision and recall"
            ),
        ),
        "multiclass": (
            MetricFacts(
                *("auc", "higher", "log odds", JACKKNIFE),
                "one class against the rest, mean over classes; a coin gets 0.5",
            ),
            _LOG_LOSS,
            MetricFacts(
                *("brier", "lower", "loss", MEANS),
                "mean squared distance of all probabilities from 0 or 1, from 0 to 2",
                pools=True,
            ),
            MetricFacts(
                *("brier_skill", "higher", "skill", JACKKNIFE),
                "share of the brier of always saying the rows' shares of the classes that is "
                "saved; 0 is no better than that",
                pools=True,
                loss="brier",
            ),
            MetricFacts(
                *("calibration_error", "lower", "gaps", DRAWN),
                "mean distance of the predicted class's probability from how often it is right, "
                "over ten bins",
            ),
            _ACCURACY,
            MetricFacts(
                *("balanced_accuracy", "higher", "log odds", SHARES),
                "mean over the classes that occur of the share predicted right",
            ),
            MetricFacts(
                *("macro_precision", "higher", "log odds", SHARES),
                "share of a class's predictions that are right, mean over classes",
            ),
            MetricFacts(
                *("macro_recall", "higher", "log odds", SHARES),
                "share of a class's rows that are predicted right, mean over classes",
            ),
            MetricFacts(
                *("macro_f1", "higher", "log odds", SHARES),
                "harmonic mean of precision and recall, mean over classes",
            ),
        ),
        "regression": (
            MetricFacts(
                *("rmse", "lower", "root", JACKKNIFE),
                "root of the mean squared error; large errors weigh more",
            ),
            MetricFacts(*("mae", "lower", "loss", MEANS), "mean size of an error", pools=True),
            MetricFacts(
                *("mae_skill", "higher", "skill", JACKKNIFE),
                "share of the mae of always saying the rows' median that is saved; 0 is no better "
                "than that",
                pools=True,
                loss="mae",
            ),
            MetricFacts(
                *("p90_error", "lower", "quantile", WOODRUFF), "nine in ten errors are no larger"
            ),
            MetricFacts(
                *("bias", "nearer 0", "number", MEANS),
                "mean error, prediction less label: above 0 it predicts too much",
                pools=True,
            ),
            MetricFacts(
                *("r2", "higher", "number", JACKKNIFE),
                "share of the label's variance that is explained; 0 for always saying the mean",
            ),
        ),
    }
)
"""Task -> its metrics, in the order in which they are shown."""

_ALL = {one.name: one for metrics in CATALOGUE.values() for one in metrics}

# mypy takes no computed names.
if TYPE_CHECKING:
    Metric = str
else:
    Metric = Literal[tuple(_ALL)]
    """Every metric that a gate rule or ``select_by`` may name, over all tasks."""

METRICS: Mapping[Task, tuple[str, ...]] = MappingProxyType(
    {task: tuple(one.name for one in metrics) for task, metrics in CATALOGUE.items()}
)
"""Task -> metrics that evaluate computes."""

HEADLINE: Mapping[Task, str] = MappingProxyType(
    {"binary": "auc", "multiclass": "accuracy", "regression": "mae"}
)
"""Task -> the one metric that summarises a model and that slices are ranked by.

For a regression this is not RMSE: a few large errors make its interval uselessly wide.
"""

LOSS_OF_SKILL: Mapping[str, str] = MappingProxyType(
    {name: one.loss for name, one in _ALL.items() if one.loss}
)
"""Skill -> the loss of which it is the share that the model saves."""

POOLABLE = tuple(name for name, one in _ALL.items() if one.pools)
"""Metrics of nights together that follow from those of each: skills, and means over rows."""

LOWER_IS_BETTER = frozenset(name for name, one in _ALL.items() if one.better == "lower")
NEARER_ZERO_IS_BETTER = frozenset(name for name, one in _ALL.items() if one.better == "nearer 0")

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
    return _ALL[metric].better if metric in _ALL else own.get(metric, "higher")


def inapplicable_reason(metric: str, task: Task, own: OwnMetrics = NO_OWN) -> str | None:
    """Why ``metric`` does not apply to this task; None if it does."""
    if metric in METRICS[task] or metric in own:
        return None
    if "." in metric:
        near = difflib.get_close_matches(metric, own, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{metric} is not among evaluate.metrics{hint}"
    return f"{metric} is no metric of a {task} model; those are {', '.join(METRICS[task])}"
