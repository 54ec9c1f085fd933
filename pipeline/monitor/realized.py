"""How well a night was scored, once truths are known: pure, from rows to numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.metrics.scored import Scored
from pipeline.metrics.table import Floats, Ints, calibration_bins
from pipeline.monitor.intervals import intervals, wilson
from pipeline.slices import parts
from pipeline.tasks import METRICS, Task

if TYPE_CHECKING:
    import pandas as pd

PREDICTED = "mean_predicted"
OBSERVED = "mean_observed"
"""Of a binary model the mean probability and the share of positives; of a regression means."""

UNKNOWN = "unknown_class_share"
"""Of a multiclass model: labelled rows whose class it does not know. Other metrics lack them."""


@dataclass(frozen=True)
class Night:
    """The rows of a night that have a score.

    Attributes
    ----------
    scores
        As `pipeline.features.Scorer` states, ``(n,)`` or ``(n, classes)``.
    slices
        The slice fields that are known, a column each, ``n`` rows.
    classes, threshold
        As in `pipeline.metrics.scored.Scored`.
    """

    task: Task
    scores: Floats
    slices: pd.DataFrame
    classes: tuple[str, ...] = ()
    threshold: float = 0.5

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Truths:
    """What is known of some of a night's rows; ``values`` are as the labels table has them."""

    rows: Ints
    values: NDArray[Any]


@dataclass(frozen=True)
class Number:
    """One metric of the rows in one slice (all if it has no name) that have a truth.

    Attributes
    ----------
    value
        None where it has none: no rows, or one class only.
    rows
        How many of them have a truth.
    labelled_share
        Those, as a share of the slice's rows that have a score.
    """

    slice: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    rows: int
    labelled_share: float


def realized(
    night: Night, truths: Truths, confidence: float, min_slice_rows: int
) -> Iterator[Number]:
    """Every metric over all rows, then in each slice of enough rows that have a truth."""
    yield from _numbers("", night, truths, len(night), confidence)
    if not len(truths.rows):
        return
    place = np.full(len(night), -1)
    place[truths.rows] = np.arange(len(truths.rows))
    for part in parts(night.slices, list(night.slices.columns)):
        known = place[part.rows]
        known = known[known >= 0]
        if len(known) >= min_slice_rows:
            mine = Truths(truths.rows[known], truths.values[known])
            yield from _numbers(part.title, night, mine, len(part.rows), confidence)


def _numbers(
    name: str, night: Night, truths: Truths, of: int, confidence: float
) -> Iterator[Number]:
    labelled = len(truths.rows)
    share = labelled / of if of else 0.0
    scored = scored_of(night, truths)
    values = {**scored.values(), **_means(night.task, scored)}
    found = intervals(scored, values, confidence) if scored.usable() else {}
    if night.task == "multiclass":
        unknown = labelled - len(scored)
        values[UNKNOWN] = unknown / labelled if labelled else math.nan
        if labelled:
            found[UNKNOWN] = wilson(unknown, labelled, confidence)
    for metric, value in values.items():
        low, high = found.get(metric, (None, None))
        known = float(value) if math.isfinite(value) else None
        yield Number(name, metric, known, low, high, labelled, share)


def scored_of(night: Night, truths: Truths) -> Scored:
    """The rows that have a truth, without those of a class that the model does not know."""
    rows, values = truths.rows, truths.values
    if night.task == "multiclass":
        places = {name: place for place, name in enumerate(night.classes)}
        values = np.array([places.get(str(value), -1) for value in values], dtype=np.intp)
        rows, values = rows[values >= 0], values[values >= 0]
    kind: Mapping[Task, Any] = {"binary": np.bool_, "multiclass": np.intp, "regression": np.float64}
    return Scored(
        night.task,
        values.astype(kind[night.task]),
        night.scores[rows],
        night.classes,
        night.threshold,
    )


def _means(task: Task, scored: Scored) -> dict[str, float]:
    if task == "multiclass":
        return {}
    if not len(scored):
        return {PREDICTED: math.nan, OBSERVED: math.nan}
    return {PREDICTED: float(scored.scores.mean()), OBSERVED: float(scored.truth.mean())}


def metrics_of(task: Task) -> tuple[str, ...]:
    """The names of all numbers about a model of this task."""
    return (*METRICS[task], *((UNKNOWN,) if task == "multiclass" else (PREDICTED, OBSERVED)))


def calibration(scored: Scored) -> Sequence[Mapping[str, float]]:
    """Up to ten bins of equal count: what was predicted on the mean, and what was observed.

    Of a multiclass model the likeliest class's probability, and how often it was right; of a
    regression none.
    """
    if scored.task == "regression" or not scored.usable():
        return []
    p, true = scored.scores, scored.truth
    if scored.task == "multiclass":
        best = np.argmax(p, axis=1)
        p, true = np.take_along_axis(p, best[:, None], axis=1)[:, 0], best == true
    bins = calibration_bins(p)
    rows = np.bincount(bins)
    predicted, observed = (np.bincount(bins, weights=each) for each in (p, true))
    return [
        {
            "rows": int(rows[each]),
            "mean_predicted": float(predicted[each] / rows[each]),
            "observed_share": float(observed[each] / rows[each]),
        }
        for each in np.flatnonzero(rows)
    ]
