"""How well a night was scored, once truths are known: pure, from rows to numbers.

A night is one unit, so its own rows cannot say how far nights lie apart. The interval of a night's
number says how far its rows' luck may have moved it: by row, or by the column that
``evaluate.unit`` names, such as a customer. Another night may lie further off than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.metrics.estimate import Estimate
from assay.metrics.intervals.estimates import estimates, share_of
from assay.metrics.scored import Scored
from assay.metrics.slices import parts
from assay.metrics.table import Floats, Ints, calibration_bins
from assay.metrics.units import Units
from assay.project.tasks import METRICS, Task

if TYPE_CHECKING:
    import pandas as pd

PREDICTED = "mean_predicted"
OBSERVED = "mean_observed"
"""Of a binary model the mean probability and the share of positives; of a regression means."""

UNKNOWN = "unknown_class_share"
"""Of a multiclass model: labelled rows whose class it does not know. Other metrics lack them."""


@dataclass(frozen=True)
class LabelledNight:
    """The rows of a night that have a score.

    Attributes
    ----------
    scores
        As `assay.columns.features.Scorer` states, ``(n,)`` or ``(n, classes)``.
    slices
        The slice fields that are known, a column each, ``n`` rows.
    units
        Which rows hang together within the night.
    classes, threshold
        As in `assay.metrics.scored.Scored`.
    """

    task: Task
    scores: Floats
    slices: pd.DataFrame
    units: Units
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
class RealizedMetric:
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
    night: LabelledNight, truths: Truths, confidence: float, min_slice_rows: int
) -> Iterator[RealizedMetric]:
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
    name: str, night: LabelledNight, truths: Truths, of: int, confidence: float
) -> Iterator[RealizedMetric]:
    labelled = len(truths.rows)
    share = labelled / of if of else 0.0
    scored, rows = scored_of(night, truths), labelled_rows(night, truths)
    found: dict[str, Estimate] = {
        metric: Estimate(None if math.isnan(value) else value, None, None)
        for metric, value in {**scored.values(), **_means(night.task, scored)}.items()
    }
    if scored.usable():
        found.update(estimates(scored, night.units.chosen(rows), confidence))
    if night.task == "multiclass":
        known = np.isin(truths.rows, rows)
        found[UNKNOWN] = share_of(~known, night.units.chosen(truths.rows), confidence)
    for metric, one in found.items():
        yield RealizedMetric(name, metric, one.value, one.low, one.high, labelled, share)


def scored_of(night: LabelledNight, truths: Truths) -> Scored:
    """The rows that have a truth, without those of a class that the model does not know."""
    rows, values = truths.rows, truths.values
    if night.task == "multiclass":
        values = _places(night, truths)
        rows, values = rows[values >= 0], values[values >= 0]
    kind: Mapping[Task, Any] = {"binary": np.bool_, "multiclass": np.intp, "regression": np.float64}
    return Scored(
        night.task,
        values.astype(kind[night.task]),
        night.scores[rows],
        night.classes,
        night.threshold,
    )


def labelled_rows(night: LabelledNight, truths: Truths) -> Ints:
    """The numbers of the rows that `scored_of` holds."""
    if night.task != "multiclass":
        return truths.rows
    return truths.rows[_places(night, truths) >= 0]


def _places(night: LabelledNight, truths: Truths) -> Ints:
    """The class of each truth by its place; -1 if the model does not know it."""
    places = {name: place for place, name in enumerate(night.classes)}
    return np.array([places.get(str(value), -1) for value in truths.values], dtype=np.intp)


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
