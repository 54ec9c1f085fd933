"""Estimated metrics of a night, overall and by slice, from the run's profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.columns.grid import ColumnGrid, NumberGrid
from assay.columns.night_effects import NightEffects
from assay.columns.profile import ColumnProfile, Profile
from assay.model.prediction import LOSSES, class_columns, score_column
from assay.performance.estimate import binary, multiclass, regression, trust
from assay.performance.estimate.decisions import cells_from_profile
from assay.performance.estimate.metric_estimate import MetricEstimate
from assay.performance.estimate.regression import Losses

if TYPE_CHECKING:
    from assay.columns.profile import Profile
    from assay.columns.reference import Reference
    from assay.model.bundle import Bundle
    from assay.model.manifest import Manifest
    from assay.performance.estimate.trust import ColumnDrift
    from assay.store import Run


WHOLE = ""
"""The slice of all rows."""

NO_WIDTHS: Mapping[str, float] = MappingProxyType({})

AT = "@"
"""Separates a score's name from its slice in a profile: ``probability@origin=JFK``."""


@dataclass(frozen=True)
class SliceEstimate:
    """The estimated metrics of one slice.

    Attributes
    ----------
    slice
        Such as ``origin=JFK``; empty for all rows.
    rows
        Those with a score.
    """

    slice: str
    rows: int
    metrics: Mapping[str, MetricEstimate]


@dataclass(frozen=True)
class NightEstimate:
    """The estimated performance of a night.

    Attributes
    ----------
    distrust
        Why they are not to be trusted, the most serious reason first; empty if they are. Untrusted
        estimates have no intervals (`assay.performance.estimate.trust`).
    """

    parts: tuple[SliceEstimate, ...]
    distrust: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        return not self.distrust

    def rows(self) -> list[dict[str, Any]]:
        """Rows for the performance table, one for each slice and metric with a value."""
        return [
            {
                "slice": part.slice,
                "metric": name,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "rows": part.rows,
                "estimated": True,
                "trusted": self.trusted,
                "why": one.why,
            }
            for part in self.parts
            for name, one in part.metrics.items()
            if one.value is not None
        ]


def estimate_night(
    loaded: Bundle,
    profile: Profile,
    confidence: float,
    findings: Iterable[trust.ColumnDrift],
    widths: Mapping[str, float] = NO_WIDTHS,
) -> NightEstimate:
    """The estimated metrics of a night.

    Parameters
    ----------
    loaded
        The bundle that scored the night; for a regression, its sample gives the errors.
    profile
        Counts of all of the night's scored rows.
    confidence
        Of the intervals, in (0, 1).
    findings
        Of the night's drift decision: a break can end trust.
    widths
        By metric, how many times as wide intervals are (`assay.performance.estimate.widening`).
    """
    manifest = loaded.manifest
    losses = _losses(loaded) if manifest.task == "regression" else None
    parts = list_slices(manifest, loaded.reference, profile, losses, confidence)
    classes = _classes(loaded, profile)
    if classes and parts:
        every = {**parts[0].metrics, **multiclass.macro(classes, confidence)}
        parts = (replace(parts[0], metrics=every), *parts[1:])
    parts = tuple(_stretched(part, widths) for part in parts)
    distrust = trust.distrust_reasons(loaded.reference, profile, findings)
    if distrust:
        parts = tuple(_without_intervals(part, distrust[0]) for part in parts)
    return NightEstimate(parts, distrust)


def _stretched(part: SliceEstimate, widths: Mapping[str, float]) -> SliceEstimate:
    """The estimates as wide as labels of earlier nights ask; a slice as all rows."""
    metrics = dict(part.metrics)
    for name, times in widths.items():
        if name in metrics and metrics[name].low is not None and times > 1:
            why = f"{times:.2f} times as wide, as earlier nights with labels lay outside"
            metrics[name] = replace(metrics[name].widened(name, 0.0, times), why=why)
    return replace(part, metrics=metrics)


def _without_intervals(part: SliceEstimate, why: str) -> SliceEstimate:
    """The estimates without intervals, which an untrusted estimate cannot have."""
    metrics = {name: one.without_interval(why) for name, one in part.metrics.items()}
    return replace(part, metrics=metrics)


def list_slices(
    manifest: Manifest,
    reference: Reference,
    profile: Profile,
    losses: Losses | None,
    confidence: float,
) -> tuple[SliceEstimate, ...]:
    """All rows first, then every slice with scores in the profile and at least one row."""
    score, grid = score_column(manifest.task), reference.grid
    columns = {WHOLE: score}
    for name in profile:
        if name.startswith(score + AT):
            columns[name.removeprefix(score + AT)] = name
    slices = []
    for title, name in columns.items():
        column, cells = profile.get(name), grid.get(name, grid.get(score))
        if column is None or not isinstance(cells, NumberGrid):
            continue
        if title == WHOLE or column.rows > column.nulls:
            slices.append(
                _part(
                    manifest, title, column, cells, losses, confidence, profile, reference.effects
                )
            )
    return tuple(slices)


def _part(
    manifest: Manifest,
    title: str,
    column: ColumnProfile,
    grid: ColumnGrid,
    losses: Losses | None,
    confidence: float,
    profile: Profile,
    effects: Mapping[str, NightEffects],
) -> SliceEstimate:
    rows = column.rows - column.nulls
    mine = effects.get(score_column(manifest.task) + (AT + title if title else ""))
    assert isinstance(grid, NumberGrid)
    if manifest.task == "regression":
        counts = np.asarray(column.counts, np.float64)
        metrics = regression.estimate(losses, counts, confidence, mine)
        by_features = _by_features(manifest, title, profile, confidence, effects)
        return SliceEstimate(title, rows, metrics | by_features)
    cells = cells_from_profile(column, grid)
    if manifest.task == "multiclass":
        return SliceEstimate(title, rows, multiclass.estimate(cells, confidence, mine))
    return SliceEstimate(title, rows, binary.estimate(cells, manifest.threshold, confidence, mine))


def _by_features(
    manifest: Manifest,
    title: str,
    profile: Profile,
    confidence: float,
    effects: Mapping[str, NightEffects],
) -> dict[str, MetricEstimate]:
    """The estimates of the loss models; empty if the profile has none."""
    names = {loss: loss + (AT + title if title else "") for loss in LOSSES}
    if not manifest.loss_noise or not all(name in profile for name in names.values()):
        return {}
    absolute, squared = (profile[name] for name in names.values())
    mine = {loss: effects[name] for loss, name in names.items() if name in effects}
    return regression.estimate_from_features(
        absolute, squared, manifest.loss_noise, manifest.rows, confidence, mine
    )


def _classes(loaded: Bundle, profile: Profile) -> list[multiclass.ClassCells]:
    """The classes whose probabilities were counted: all or none."""
    classes = []
    for name, (every, said) in class_columns(loaded.manifest.classes).items():
        column = loaded.reference.beside.get(every)
        if column is None or every not in profile or said not in profile:
            return []
        assert isinstance(column.grid, NumberGrid)
        effects = loaded.reference.effects.get(every)
        classes.append(
            multiclass.ClassCells(name, column.grid, profile[every], profile[said], effects)
        )
    return classes


def _losses(loaded: Bundle) -> Losses | None:
    score, sample = score_column("regression"), loaded.sample()
    grid = loaded.reference.grid[score]
    if not isinstance(grid, NumberGrid):
        return None
    truth, predicted = (
        sample[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in (loaded.manifest.label, score)
    )
    return regression.learn(truth, predicted, grid)


def estimated_rows(
    column: str,
    record: Run,
    loaded: Bundle,
    profile: Profile,
    confidence: float,
    findings: Iterable[ColumnDrift],
    widths: Mapping[str, float],
) -> list[dict[str, Any]]:
    """Rows of the performance table: each estimated metric of a run, overall and by slice.

    Parameters
    ----------
    column
        The partition column.
    """
    about = {
        column: record.partition,
        "run_id": record.run_id,
        "model_version": record.version,
        "bundle": record.bundle,
        "maturity_days": None,
        "at": datetime.now(UTC),
    }
    estimate = estimate_night(loaded, profile, confidence, findings, widths)
    return [{**about, **row} for row in estimate.rows()]
