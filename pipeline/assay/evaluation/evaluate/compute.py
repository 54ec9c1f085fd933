"""Compute the evaluation from labels and scores. No file access."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from assay.evaluation.evaluate.slices import evaluate_slices
from assay.metrics.intervals import own as own_metrics
from assay.metrics.intervals.estimates import estimates
from assay.metrics.intervals.own import OwnMeasures
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.params import Evaluate
from assay.reports.evaluation import Measurement


def evaluate(
    frame: pd.DataFrame,
    scored: LabelledScores,
    units: SamplingUnits,
    slices: Sequence[str],
    settings: Evaluate,
    sensitive: Collection[str] = (),
    own: OwnMeasures = own_metrics.NONE,
) -> Measurement:
    """Metrics with intervals, over all rows and on each slice.

    Parameters
    ----------
    frame
        The holdout, ``n`` rows, with the slice fields.
    scored
        Labels and scores of the same rows, all valid.
    units
        The unit (cluster of dependent rows) of each row.
    slices
        Columns to slice by.
    settings
        Confidence, pairs of slice fields and the minimum rows of a slice.
    sensitive
        Those of ``slices`` that are groups of people.
    own
        The project's own metrics.
    """
    units = units.followed(scored.losses())
    return Measurement(
        task=scored.task,
        rows=len(scored),
        unit=units.name,
        units=units.count,
        positives=scored.positives,
        selected=scored.selected,
        threshold=scored.threshold if scored.task == "binary" else None,
        confidence=settings.confidence,
        metrics={
            **estimates(scored, units, settings.confidence),
            **own.estimates(np.arange(len(scored)), units, settings.confidence),
        },
        own_metrics=own.directions,
        slices=evaluate_slices(frame, scored, units, slices, settings, sensitive, own),
        sensitive=tuple(name for name in slices if name in sensitive),
    )
