"""Compute the comparison from both models' scores of the same rows. No file access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.columns.distance import js_distance
from assay.columns.features import Floats
from assay.columns.grid import ColumnGrid, NumberGrid
from assay.columns.score_grid import probability_grid
from assay.metrics.intervals.difference import differences
from assay.metrics.intervals.estimates import share_of
from assay.metrics.scored import Scored
from assay.metrics.slices import SliceRows, parts
from assay.metrics.table import Bools, Ints
from assay.metrics.units import Units
from assay.model import outcome
from assay.project.params import Evaluate
from assay.reports.comparison import SliceComparison, Stability

if TYPE_CHECKING:
    import pandas as pd


def by_slice(
    frame: pd.DataFrame,
    champion: Scored,
    challenger: Scored,
    units: Units,
    fields: Sequence[str],
    settings: Evaluate,
) -> tuple[SliceComparison, ...]:
    """The differences of all metrics on each slice, and on the configured pairs of fields.

    A slice with too few rows is listed with the reason, so that rules about it can see it.
    """
    found = parts(frame, fields, settings.pairs)
    return tuple(_one(part, champion, challenger, units, settings) for part in found)


def _one(
    part: SliceRows, champion: Scored, challenger: Scored, units: Units, settings: Evaluate
) -> SliceComparison:
    rows, of_part = len(part.rows), units.chosen(part.rows)
    if rows < settings.min_slice_rows:
        why = f"{rows} rows, fewer than {settings.min_slice_rows}"
        return SliceComparison(
            field=part.field,
            value=part.value,
            rows=rows,
            units=of_part.count,
            differences=None,
            why=why,
        )
    found = differences(
        champion.rows(part.rows),
        challenger.rows(part.rows),
        units=of_part,
        confidence=settings.confidence,
    )
    return SliceComparison(
        field=part.field, value=part.value, rows=rows, units=of_part.count, differences=found
    )


def stability(champion: Scored, challenger: Scored, units: Units, confidence: float) -> Stability:
    """How far one model's predictions are from the other's on the same rows.

    For several classes, the distance is that of the class whose probabilities moved most.
    """
    before, after = _columns(champion), _columns(challenger)
    moved = [
        float(js_distance(_counts(old, grid), _counts(new, grid)))
        for old, new, grid in zip(before, after, _grids(champion, challenger), strict=True)
    ]
    other = _flipped(champion, challenger)
    if other is None:
        return Stability(distance=max(moved), flipped=None, rows=None)
    flipped = share_of(other, units, confidence)
    return Stability(distance=max(moved), flipped=flipped, rows=int(np.count_nonzero(other)))


def _columns(scored: Scored) -> list[Floats]:
    return list(scored.scores.T) if scored.task == "multiclass" else [scored.scores]


def _grids(champion: Scored, challenger: Scored) -> list[ColumnGrid]:
    """A histogram grid with cells of equal frequency for each score column."""
    if champion.task == "regression":
        drawn = outcome.grids("regression", (), champion.scores)
        return [drawn[outcome.score_name("regression")]]
    both = zip(_columns(champion), _columns(challenger), strict=True)
    return [probability_grid(np.concatenate(scores)) for scores in both]


def _counts(scores: Floats, grid: ColumnGrid) -> Ints:
    assert isinstance(grid, NumberGrid)
    cells = np.searchsorted(np.asarray(grid.edges), scores, side="right")
    return np.bincount(cells, minlength=grid.cells).astype(np.intp)


def _flipped(champion: Scored, challenger: Scored) -> Bools | None:
    """Mask of the rows with another predicted class; None for a regression."""
    if champion.task == "regression":
        return None
    if champion.task == "binary":
        return np.asarray(
            (champion.scores >= champion.threshold) != (challenger.scores >= challenger.threshold)
        )
    return np.asarray(champion.scores.argmax(axis=1) != challenger.scores.argmax(axis=1))
