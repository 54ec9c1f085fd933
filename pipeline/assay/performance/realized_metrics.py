"""Realized performance: compute metrics from scored rows and their labels. Pure functions.

A night is one unit, so its own rows cannot show how much nights differ. The interval of a night's
metric covers the sampling of its rows, by row or by the column in ``evaluate.unit``, such as a
customer. Another night may lie outside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from assay.columns.grid import NumberGrid
from assay.columns.profile import ReferenceColumn
from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import Floats, Ints, calibration_bins
from assay.metrics.intervals.estimates import estimate_share, estimates
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.metrics.slices import iter_slices
from assay.project.partitions import parse_day
from assay.project.tasks import METRICS, Task
from assay.project.text import counted

if TYPE_CHECKING:
    import pandas as pd

    from assay.store import Store

PREDICTED = "mean_predicted"
OBSERVED = "mean_observed"
"""Binary: the mean probability and the share of positives. Regression: the means."""

UNKNOWN = "unknown_class_share"
"""Multiclass: the share of labelled rows whose class the model lacks. Other metrics skip them."""


@dataclass(frozen=True)
class LabelledRows:
    """The scored rows of a night.

    Attributes
    ----------
    scores
        As in `assay.columns.features.Scorer`, ``(n,)`` or ``(n, classes)``.
    slices
        The known slice fields, one column each, ``n`` rows.
    units
        The clusters of dependent rows within the night.
    classes, threshold
        As in `assay.metrics.labelled_scores.LabelledScores`.
    """

    task: Task
    scores: Floats
    slices: pd.DataFrame
    units: SamplingUnits
    classes: tuple[str, ...] = ()
    threshold: float = 0.5

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class KnownLabels:
    """The known labels of some of a night's rows; ``values`` are as in the labels table."""

    rows: Ints
    values: NDArray[Any]


@dataclass(frozen=True)
class RealizedMetric:
    """One metric on the labelled rows of one slice (of all rows, if the slice is empty).

    Attributes
    ----------
    value
        None where it is undefined: no rows, or one class only.
    rows
        How many of them have a label.
    labelled_share
        Share of the slice's scored rows with a label.
    why
        Why there is no value or no interval, where that is known.
    """

    slice: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    rows: int
    labelled_share: float
    why: str | None = None


def measure_realized(
    night: LabelledRows,
    truths: KnownLabels,
    confidence: float,
    min_slice_rows: int,
    constant: Constant = None,
) -> Iterator[RealizedMetric]:
    """Every metric over all rows, then in each slice with enough labelled rows.

    Parameters
    ----------
    constant
        What training's labels say (`training_constant.learn`); its loss is one more number.
    """
    yield from _numbers("", night, truths, len(night), confidence, constant)
    if not len(truths.rows):
        return
    place = np.full(len(night), -1)
    place[truths.rows] = np.arange(len(truths.rows))
    for part in iter_slices(night.slices, list(night.slices.columns)):
        known = place[part.rows]
        known = known[known >= 0]
        if len(known) >= min_slice_rows:
            mine = KnownLabels(truths.rows[known], truths.values[known])
            yield from _numbers(part.title, night, mine, len(part.rows), confidence, constant)


def _numbers(
    name: str,
    night: LabelledRows,
    truths: KnownLabels,
    of: int,
    confidence: float,
    constant: Constant,
) -> Iterator[RealizedMetric]:
    labelled = len(truths.rows)
    share = labelled / of if of else 0.0
    scored, rows = select_labelled(night, truths), labelled_rows(night, truths)
    estimates_of: dict[str, Estimate] = {
        metric: Estimate(None if math.isnan(value) else value, None, None)
        for metric, value in {**scored.values(), **_means(night.task, scored)}.items()
    }
    if scored.is_valid_input():
        estimates_of.update(estimates(scored, night.units.take(rows), confidence))
    if night.task == "multiclass":
        known = np.isin(truths.rows, rows)
        estimates_of[UNKNOWN] = estimate_share(~known, night.units.take(truths.rows), confidence)
    if constant is not None:
        lost = mean_loss(scored.task, scored.truth, constant) if len(scored) else None
        estimates_of[CONSTANT_LOSS] = Estimate(lost, None, None)
    for metric, one in estimates_of.items():
        yield RealizedMetric(name, metric, one.value, one.low, one.high, labelled, share, one.why)


def select_labelled(night: LabelledRows, truths: KnownLabels) -> LabelledScores:
    """The labelled rows, without those whose class is unknown to the model."""
    rows, values = truths.rows, truths.values
    if night.task == "multiclass":
        values = _places(night, truths)
        rows, values = rows[values >= 0], values[values >= 0]
    kind: Mapping[Task, Any] = {"binary": np.bool_, "multiclass": np.intp, "regression": np.float64}
    return LabelledScores(
        night.task,
        values.astype(kind[night.task]),
        night.scores[rows],
        night.classes,
        night.threshold,
    )


def labelled_rows(night: LabelledRows, truths: KnownLabels) -> Ints:
    """The numbers of the rows that `select_labelled` holds."""
    if night.task != "multiclass":
        return truths.rows
    return truths.rows[_places(night, truths) >= 0]


def _places(night: LabelledRows, truths: KnownLabels) -> Ints:
    """The class index of each label; -1 if the model does not know the class."""
    places = {name: place for place, name in enumerate(night.classes)}
    return np.array([places.get(str(value), -1) for value in truths.values], dtype=np.intp)


def _means(task: Task, scored: LabelledScores) -> dict[str, float]:
    if task == "multiclass":
        return {}
    if not len(scored):
        return {PREDICTED: math.nan, OBSERVED: math.nan}
    return {PREDICTED: float(scored.scores.mean()), OBSERVED: float(scored.truth.mean())}


def metric_names(task: Task) -> tuple[str, ...]:
    """The names of all metrics of a model of this task."""
    return (*METRICS[task], *((UNKNOWN,) if task == "multiclass" else (PREDICTED, OBSERVED)))


def calibration(scored: LabelledScores) -> Sequence[Mapping[str, float]]:
    """Calibration table in up to ten bins of equal count: mean prediction and observed share.

    For a multiclass model: the probability of the most likely class, and how often it was right.
    For a regression: empty.
    """
    if scored.task == "regression" or not scored.is_valid_input():
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


CONSTANT_LOSS = "constant_loss"
"""Metric name in the performance table: a Brier score, of a regression a mean absolute error."""

Constant = float | Floats | None
"""The share of positives, the shares ``(classes,)``, or the median; None if it is not known."""


def learn(task: Task, label: ReferenceColumn | None) -> Constant:
    """The constant of the reference's labels; None if they were not counted."""
    if label is None or not sum(label.profile.counts):
        return None
    counts = np.asarray(label.profile.counts, dtype=np.float64)
    if task == "regression":
        assert isinstance(label.grid, NumberGrid)
        bounds = np.array([label.profile.low, *label.grid.edges, label.profile.high], dtype=float)
        below = np.concatenate(([0.0], np.cumsum(counts))) / counts.sum()
        return float(np.interp(0.5, below, np.maximum.accumulate(bounds)))
    shares = counts[:-1] / counts.sum()  # the last cell counts what is no class
    return float(shares[1]) if task == "binary" else shares


def mean_loss(task: Task, truth: NDArray[Any], constant: float | Floats) -> float:
    """The mean loss of always saying ``constant``: Brier score, or mean absolute error.

    Parameters
    ----------
    truth
        ``(n,)``, as in `assay.metrics.labelled_scores.LabelledScores`; at least one row.
    """
    if task == "regression":
        return float(np.abs(truth - constant).mean())
    if task == "binary":
        return float(np.square(truth - constant).mean())
    shares = np.asarray(constant)
    return float((np.square(shares).sum() - 2 * shares[truth] + 1).mean())


# -------------- the known values of a metric: its estimate, and its realized value at each maturity
# The performance table has a row for each value. All displays of a night's metrics group its rows
# with `by_metric`.

Row: TypeAlias = Mapping[str, Any]
"""A row of the performance table, or as `nights.summary.overall_metrics` reduces it."""


@dataclass
class KnownMetric:
    """One metric of one run, on all rows or on one slice.

    Attributes
    ----------
    estimated
        The estimate without labels; None if there is none.
    realized
        Maturity in days -> the value with the labels known by then, the shortest maturity first.
    """

    estimated: Row | None = None
    realized: dict[int, Row] = field(default_factory=dict)

    @property
    def matured(self) -> tuple[int, Row] | None:
        """The longest maturity and its realized value; None before any labels arrive."""
        return max(self.realized.items(), key=lambda each: each[0]) if self.realized else None

    def rows(self) -> list[Row]:
        """All rows, realized before estimated."""
        return [*self.realized.values(), *([self.estimated] if self.estimated is not None else [])]


def by_metric(rows: Iterable[Row], slice: str = "", valued: bool = True) -> dict[str, KnownMetric]:
    """Group the rows of one run by metric, sorted by name.

    Parameters
    ----------
    rows
        The later of two rows of one value counts.
    slice
        Such as ``origin=JFK``; empty for all rows.
    valued
        Leave out rows without a value.
    """
    metrics: dict[str, KnownMetric] = {}
    for row in rows:
        if row.get("slice", "") != slice or (valued and row["value"] is None):
            continue
        known = metrics.setdefault(str(row["metric"]), KnownMetric())
        if row["estimated"]:
            known.estimated = row
        else:
            known.realized[int(row["maturity_days"] or 0)] = row
    for known in metrics.values():
        known.realized = dict(sorted(known.realized.items()))
    return dict(sorted(metrics.items()))


def maturity_end(day: date, days: int) -> datetime:
    """The instant before which a label must arrive to count: the end of that day in UTC.

    A label that arrives on the day after a night, at any hour, has a maturity of 1.
    """
    return datetime.combine(day + timedelta(days=days + 1), time(), UTC)


def reached_maturities(day: date, maturities: Sequence[int], now: datetime) -> tuple[int, ...]:
    """The maturities whose day has begun. Until that day ends, their values may still change."""
    return tuple(days for days in maturities if now >= maturity_end(day, days - 1))


def overdue_nights(store: Store, maturities: Sequence[int], now: datetime) -> list[str]:
    """The nights with labels of which the published run was not measured at a maturity reached."""
    shown, have = store.visible_runs(), store.measured_maturities()
    return [
        night
        for night in store.labelled_partitions()
        if night in shown and (day := parse_day(night)) is not None
        if any(
            (shown[night], days) not in have for days in reached_maturities(day, maturities, now)
        )
    ]


def overdue_words(nights: Sequence[str]) -> tuple[str, str]:
    """What is to be said of some `overdue_nights`, and the command that measures them."""
    first, last = nights[0], nights[-1]
    several = first != last
    of = f"{counted(len(nights), 'night')} ({first}{' is the first' if several else ''})"
    runs = "their newest runs" if several else "its newest run"
    command = (
        f"assay labels --from {first} --to {last}" if several else f"assay labels --date {first}"
    )
    return f"the labels of {of} are not yet compared with {runs}", command


def maturity_start(day: date, days: int) -> datetime:
    """When labels with this maturity become known: at the start of that day."""
    return maturity_end(day, days - 1)
