"""From truths and scores to an evaluation; no file is read or written here."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from assay.evaluation.evaluate.slices import evaluate_slices
from assay.metrics.intervals.estimates import estimates
from assay.metrics.scored import Scored
from assay.metrics.units import Units
from assay.project.params import Evaluate
from assay.reports.evaluation import Measurement


def evaluate(
    frame: pd.DataFrame,
    scored: Scored,
    units: Units,
    slices: Sequence[str],
    settings: Evaluate,
) -> Measurement:
    """Metrics with intervals, over all rows and in each slice.

    Parameters
    ----------
    frame
        The holdout, ``n`` rows, with the slice fields.
    scored
        The same rows' truths and scores, all of them valid.
    units
        Which of the rows hang together.
    slices
        Columns to slice by.
    settings
        Confidence, pairs of slices and the fewest rows of one.

    Raises
    ------
    SchemaMismatch
        A slice field that the holdout lacks.
    """
    return Measurement(
        task=scored.task,
        rows=len(scored),
        unit=units.name,
        units=units.count,
        positives=scored.positives,
        selected=scored.selected,
        threshold=scored.threshold if scored.task == "binary" else None,
        confidence=settings.confidence,
        metrics=estimates(scored, units, settings.confidence),
        slices=evaluate_slices(frame, scored, units, slices, settings),
    )
