"""Compute the comparison from both models' scores of the same rows. No file access."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from assay.columns.distance import js_distance
from assay.columns.features import Floats
from assay.columns.grid import ColumnGrid, NumberGrid
from assay.columns.score_grid import probability_grid
from assay.metrics.evaluator import Bools, Ints
from assay.metrics.intervals.difference import Difference, alike, differences
from assay.metrics.intervals.estimates import estimate_share
from assay.metrics.intervals.own import NONE, OwnMeasures
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.metrics.slices import SliceRows, iter_slices
from assay.model import prediction
from assay.project.params import Evaluate
from assay.project.text import counted
from assay.reports.comparison import SliceComparison, Stability

if TYPE_CHECKING:
    import pandas as pd

OwnPair: TypeAlias = tuple[OwnMeasures, OwnMeasures]
"""The project's own metrics of the champion and of the challenger, on the same rows."""


def compare_slices(
    frame: pd.DataFrame,
    champion: LabelledScores,
    challenger: LabelledScores,
    units: SamplingUnits,
    fields: Sequence[str],
    settings: Evaluate,
    own: OwnPair = (NONE, NONE),
) -> tuple[SliceComparison, ...]:
    """The differences of all metrics on each slice, and on the configured pairs of fields.

    A slice with too few rows is listed with the reason, so that rules about it can see it.

    Parameters
    ----------
    own
        The project's own metrics of champion and challenger.
    """
    found = iter_slices(frame, fields, settings.pairs)
    return tuple(_one(part, champion, challenger, units, settings, own) for part in found)


def compare_rows(
    champion: LabelledScores,
    challenger: LabelledScores,
    rows: Ints,
    units: SamplingUnits,
    confidence: float,
    own: OwnPair = (NONE, NONE),
) -> dict[str, Difference]:
    """The differences of all metrics, the project's own among them, on a selection of the rows."""
    before, after = champion.take(rows), challenger.take(rows)
    old, new = own
    return {
        **differences(before, after, units=units, confidence=confidence),
        **new.differences(old, rows, units, confidence, alike=alike(before, after)),
    }


def _one(
    part: SliceRows,
    champion: LabelledScores,
    challenger: LabelledScores,
    units: SamplingUnits,
    settings: Evaluate,
    own: OwnPair,
) -> SliceComparison:
    rows, of_part = len(part.rows), units.take(part.rows)
    if rows < settings.min_slice_rows:
        why = f"{counted(rows, 'row')}, fewer than {settings.min_slice_rows}"
        return SliceComparison(
            field=part.field,
            value=part.value,
            rows=rows,
            units=of_part.count,
            differences=None,
            why=why,
        )
    found = compare_rows(champion, challenger, part.rows, of_part, settings.confidence, own)
    return SliceComparison(
        field=part.field, value=part.value, rows=rows, units=of_part.count, differences=found
    )


def stability(
    champion: LabelledScores, challenger: LabelledScores, units: SamplingUnits, confidence: float
) -> Stability:
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
    flipped = estimate_share(other, units, confidence)
    return Stability(distance=max(moved), flipped=flipped, rows=int(np.count_nonzero(other)))


def _columns(scored: LabelledScores) -> list[Floats]:
    return list(scored.scores.T) if scored.task == "multiclass" else [scored.scores]


def _grids(champion: LabelledScores, challenger: LabelledScores) -> list[ColumnGrid]:
    """A histogram grid with cells of equal frequency for each score column."""
    if champion.task == "regression":
        drawn = prediction.score_grids("regression", (), champion.scores)
        return [drawn[prediction.score_column("regression")]]
    both = zip(_columns(champion), _columns(challenger), strict=True)
    return [probability_grid(np.concatenate(scores)) for scores in both]


def _counts(scores: Floats, grid: ColumnGrid) -> Ints:
    assert isinstance(grid, NumberGrid)
    cells = np.searchsorted(np.asarray(grid.edges), scores, side="right")
    return np.bincount(cells, minlength=grid.cells).astype(np.intp)


def _flipped(champion: LabelledScores, challenger: LabelledScores) -> Bools | None:
    """Mask of the rows with another predicted class; None for a regression."""
    if champion.task == "regression":
        return None
    if champion.task == "binary":
        return np.asarray(
            (champion.scores >= champion.threshold) != (challenger.scores >= challenger.threshold)
        )
    return np.asarray(champion.scores.argmax(axis=1) != challenger.scores.argmax(axis=1))
