"""Label drift: how far the distribution of a night's labels is from the reference's.

It is measured when labels are taken, at each maturity, and kept in the performance table under
names of its own. So monitoring reads a few numbers and no rows.

It is informational and decides nothing: the labels that arrive first are seldom a random sample,
so a part of them may be distributed differently from all. A night's limit is learnt from the
reference. If fewer labels are known than a reference night has on average, the limit is multiplied
by the square root of that ratio, an upper bound on what sampling adds to a distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.columns.distance import MEASURES, learnt_limit
from assay.columns.features import FrameFeatures
from assay.columns.grid import NumberGrid
from assay.columns.profile import ReferenceColumn
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import Reference
from assay.model import prediction
from assay.performance.realized_metrics import KnownLabels, KnownMetric, RealizedMetric, by_metric
from assay.project.tasks import Task

NAMES = DISTANCE, PSI, TOTAL_VARIATION, WASSERSTEIN = (
    "label_distance",
    "label_psi",
    "label_total_variation",
    "label_wasserstein",
)
"""Metric names in the performance table; the last one is of regressions only."""


@dataclass(frozen=True, slots=True)
class LabelDrift:
    """Distances between the known labels of a night and the reference's.

    Attributes
    ----------
    maturity_days
        How many days after the night the labels were known.
    labelled_share
        Share of the scored rows with a known label.
    limit
        Upper limit of ``distance``; None where so few labels are known that it would be 1 or more.
    """

    maturity_days: int
    rows: int
    labelled_share: float
    distance: float
    limit: float | None
    psi: float | None
    total_variation: float | None
    wasserstein: float | None

    @property
    def drifted(self) -> bool | None:
        """None if there is no limit."""
        return None if self.limit is None else self.distance > self.limit


def measure_label_drift(
    before: ReferenceColumn | None, task: Task, truths: KnownLabels, rows: int
) -> Iterator[RealizedMetric]:
    """The measures as rows of the performance table, if the reference has labels.

    Parameters
    ----------
    rows
        How many rows of the night have a score.
    """
    import pandas as pd

    if before is None:
        return
    labelled = len(truths.rows)
    names = [DISTANCE, PSI, TOTAL_VARIATION]
    names += [WASSERSTEIN] if isinstance(before.grid, NumberGrid) else []
    measured: dict[str, float | None] = dict.fromkeys(names)
    if labelled and before.profile.rows:
        frame = pd.DataFrame({"label": prediction.truths(task, truths.values)})
        night = compute_profile(FrameFeatures(frame), {"label": before.grid})["label"]
        between = before.grid, before.profile, night
        measured = {name: MEASURES[name.removeprefix("label_")](*between) for name in names}
    share = labelled / rows if rows else 0.0
    for name, value in measured.items():
        yield RealizedMetric("", name, value, None, None, labelled, share)


def label_drift(
    table: Iterable[Mapping[str, Any]], run_id: str, reference: Reference, quantile: float
) -> LabelDrift | None:
    """A run's label drift at its longest maturity; None if it has not been measured."""
    known = by_metric(row for row in table if row["run_id"] == run_id)
    matured = known.get(DISTANCE, KnownMetric()).matured
    if reference.label is None or matured is None:
        return None
    days, row = matured

    def value(name: str) -> float | None:
        found = known.get(name, KnownMetric()).realized.get(days)
        return None if found is None else found["value"]

    return LabelDrift(
        days,
        row["rows"],
        row["labelled_share"],
        row["value"],
        limit(reference.label, reference.nights, row["rows"], quantile),
        value(PSI),
        value(TOTAL_VARIATION),
        value(WASSERSTEIN),
    )


def limit(before: ReferenceColumn, nights: int, rows: int, quantile: float) -> float | None:
    """The upper limit of the distance for a number of known labels; None where there is none."""
    learnt = learnt_limit(before.distances, quantile)
    if learnt is None or not nights or not rows:
        return None
    wider = learnt * math.sqrt(max(1.0, before.profile.rows / nights / rows))
    return wider if wider < 1 else None
