"""How far a challenger's metrics lie from a champion's, on the same rows.

Rows are taken as independent of one another. Both models are asked about each row, so what
makes a row hard for both cancels out: these intervals are far narrower than the two models'
own would suggest, and hold at a few hundred rows (docs/comparison.md shows by how much).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from pipeline.metrics.scored import Scored
from pipeline.metrics.table import values
from pipeline.paired import binary, multiclass, regression
from pipeline.paired.bounds import Bounds
from pipeline.paired.calibration import calibration
from pipeline.paired.influence import Influence, bounds
from pipeline.paired.ranks import Order, delong
from pipeline.tasks import METRICS, Task

MEANS = "paired t, skewness corrected"
SHARES = "paired counts, delta method"
JACKKNIFE = "infinitesimal jackknife"
DELONG = "DeLong"
DRAWN = "normal draws of the bins' gaps"
WOODRUFF = "Woodruff"

_METHODS: Mapping[Task, Mapping[str, str]] = MappingProxyType(
    {
        "binary": {
            "auc": DELONG,
            "average_precision": JACKKNIFE,
            "log_loss": MEANS,
            "brier": MEANS,
            "calibration_error": DRAWN,
            "accuracy": SHARES,
            "precision": SHARES,
            "recall": SHARES,
            "f1": SHARES,
        },
        "multiclass": {
            "auc": JACKKNIFE,
            "log_loss": MEANS,
            "brier": MEANS,
            "calibration_error": DRAWN,
            "accuracy": SHARES,
            "balanced_accuracy": SHARES,
            "macro_precision": SHARES,
            "macro_recall": SHARES,
            "macro_f1": SHARES,
        },
        "regression": {
            "rmse": JACKKNIFE,
            "mae": MEANS,
            "p90_error": WOODRUFF,
            "bias": MEANS,
            "r2": JACKKNIFE,
        },
    }
)


@dataclass(frozen=True)
class Difference:
    """One metric of two models.

    Attributes
    ----------
    champion, challenger
        The metric of each; None where it has no value.
    value
        The challenger's less the champion's, not turned: of a loss, above 0 is worse.
    standard_error, skew, degrees
        As `pipeline.paired.bounds.Bounds` has them.
    low, high
        The interval of ``value``.
    method
        How it was found, in words.
    why
        Why the value or the interval is missing.
    """

    champion: float | None
    challenger: float | None
    value: float | None
    standard_error: float | None
    skew: float
    degrees: float | None
    low: float | None
    high: float | None
    method: str
    why: str | None = None

    @property
    def bounds(self) -> Bounds | None:
        """Ready to be decided on; None where there is no interval."""
        if self.value is None or self.standard_error is None:
            return None
        return Bounds(self.value, self.standard_error, self.degrees, self.skew)


def differences(
    champion: Scored,
    challenger: Scored,
    *,
    replicates: int,
    confidence: float,
    seed: int | list[int],
) -> dict[str, Difference]:
    """Every metric of the task.

    Parameters
    ----------
    champion, challenger
        The same rows in the same order, with the same truth and classes; each has a threshold
        of its own.
    replicates
        Draws for the calibration error; the other metrics need none.
    confidence
        Of the two-sided intervals, such as 0.95.
    seed
        Of NumPy's default generator; the same seed gives the same intervals.

    Raises
    ------
    ValueError
        The two are not about the same rows.
    """
    if (
        champion.task != challenger.task
        or champion.classes != challenger.classes
        or not np.array_equal(champion.truth, challenger.truth, equal_nan=True)
    ):
        raise ValueError("the two models were not scored on the same rows")
    methods = _METHODS[champion.task]
    if not (champion.usable() and challenger.usable()):
        why = "a truth or a score is not valid" if len(champion) else "no rows"
        return {name: _missing(methods[name], None, None, why) for name in methods}
    old_table, new_table = champion.table(), challenger.table()
    old, new = values(old_table), values(new_table)
    ways = _ways(champion, challenger, old, new, replicates, confidence, seed)
    found = {}
    for name in METRICS[champion.task]:
        method, before, after = methods[name], old[name], new[name]
        none = [
            f"{who}: {table.why(name)}"
            for who, table, value in (
                ("champion", old_table, before),
                ("challenger", new_table, after),
            )
            if not math.isfinite(value)
        ]
        few = new_table.few(name)
        if none or few is not None:
            found[name] = _missing(method, before, after, "; ".join(none) or str(few))
        else:
            found[name] = _measured(method, before, after, ways[name], confidence)
    return found


def _ways(
    champion: Scored,
    challenger: Scored,
    old: Mapping[str, float],
    new: Mapping[str, float],
    replicates: int,
    confidence: float,
    seed: int | list[int],
) -> dict[str, Callable[[], Bounds]]:
    """How each metric's bounds are found, for when they are wanted."""
    apart = {name: new[name] - old[name] for name in new}
    if np.array_equal(champion.scores, challenger.scores) and (
        champion.threshold == challenger.threshold
    ):
        return {name: partial(Bounds, 0.0, 0.0) for name in apart}
    task = {"binary": binary, "multiclass": multiclass, "regression": regression}[champion.task]
    before, after = task.influences(champion), task.influences(challenger)
    ways: dict[str, Callable[[], Bounds]] = {
        name: partial(bounds, apart[name], before[name], after[name])
        for name in before
        if name in after
    }
    if champion.task == "regression":
        ways["bias"] = partial(regression.bias, champion, challenger)
        ways["p90_error"] = partial(
            regression.quantile, apart["p90_error"], champion, challenger, confidence
        )
        return ways
    ways["calibration_error"] = partial(
        calibration, apart["calibration_error"], champion, challenger, replicates, seed
    )
    if champion.task == "binary" and 0 < champion.truth.sum() < len(champion):
        orders = [Order(scored.truth, scored.scores) for scored in (champion, challenger)]
        ways["auc"] = partial(delong, apart["auc"], *orders)
        jackknife = [Influence(order.average_precision()) for order in orders]
        ways["average_precision"] = partial(bounds, apart["average_precision"], *jackknife)
    return ways


def _measured(
    method: str,
    before: float,
    after: float,
    way: Callable[[], Bounds],
    confidence: float,
) -> Difference:
    try:
        found = way()
    except ValueError as error:
        # No derivative, as of a root mean squared error of 0, or too few rows.
        return _missing(method, before, after, str(error))
    low, high = found.interval(confidence)
    return Difference(
        before,
        after,
        found.value,
        found.standard_error,
        found.skew,
        found.degrees,
        low,
        high,
        method,
    )


def _missing(method: str, before: float | None, after: float | None, why: str) -> Difference:
    old = before if before is not None and math.isfinite(before) else None
    new = after if after is not None and math.isfinite(after) else None
    value = None if old is None or new is None else new - old
    return Difference(old, new, value, None, 0.0, None, None, None, method, why)
