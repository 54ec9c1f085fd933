"""Whether a night's truths, as far as they are known, are spread as the reference's were.

They are measured when labels are taken, at each maturity, and kept in the performance table under
names of their own, so monitoring reads a few numbers and no rows.

Nothing is decided on it: which truths arrive first is seldom left to chance, so a part of them may
well be spread otherwise than all. A night's limit is the reference's own. Where fewer truths are
known than a reference night has on average, it is wider by the root of that ratio: so much does
chance alone make of a distance, or less.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from assay.columns.counter import profile_of
from assay.columns.features import FrameFeatures
from assay.columns.grid import NumberGrid
from assay.columns.reference import Reference
from assay.columns.reference_column import ReferenceColumn
from assay.model import outcome
from assay.monitor.drift.drift import learnt_limit
from assay.monitor.drift.measures import measure
from assay.monitor.performance.known import KnownMetric, by_metric
from assay.monitor.performance.realized import RealizedMetric, Truths
from assay.project.tasks import Task

NAMES = DISTANCE, PSI, TOTAL_VARIATION, WASSERSTEIN = (
    "label_distance",
    "label_psi",
    "label_total_variation",
    "label_wasserstein",
)
"""As numbers of the performance table; the last of a regression only."""


@dataclass(frozen=True, slots=True)
class LabelDrift:
    """How far the known truths of a night are from the reference's.

    Attributes
    ----------
    maturity_days
        How many days after the night they were known.
    labelled_share
        How many of the scored rows that are.
    limit
        None where so few are known that no distance would be beyond it.
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
        """None if that cannot be told."""
        return None if self.limit is None else self.distance > self.limit


def numbers(
    before: ReferenceColumn | None, task: Task, truths: Truths, rows: int
) -> Iterator[RealizedMetric]:
    """The measures as rows of the performance table, of a reference that has truths.

    Parameters
    ----------
    rows
        Those of the night that have a score.
    """
    if before is None:
        return
    labelled = len(truths.rows)
    names = [DISTANCE, PSI, TOTAL_VARIATION]
    names += [WASSERSTEIN] if isinstance(before.grid, NumberGrid) else []
    found: dict[str, float | None] = dict.fromkeys(names)
    if labelled and before.profile.rows:
        frame = pd.DataFrame({"label": outcome.truths(task, truths.values)})
        night = profile_of(FrameFeatures(frame), {"label": before.grid})["label"]
        measured = measure(before.grid, before.profile, night)
        values = (measured.js, measured.psi, measured.total_variation, measured.wasserstein)
        found.update(zip(names, values, strict=False))
    share = labelled / rows if rows else 0.0
    for name, value in found.items():
        yield RealizedMetric("", name, value, None, None, labelled, share)


def label_drift(
    table: Iterable[Mapping[str, Any]], run_id: str, reference: Reference, quantile: float
) -> LabelDrift | None:
    """What the performance table says of a run at the longest maturity; None if nothing yet."""
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
    """The most that passes for so many known truths; None where anything would."""
    learnt = learnt_limit(before.distances, quantile)
    if learnt is None or not nights or not rows:
        return None
    wider = learnt * math.sqrt(max(1.0, before.profile.rows / nights / rows))
    return wider if wider < 1 else None
