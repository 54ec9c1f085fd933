"""From truths and scores to an evaluation; no file is read or written here."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipeline.evaluate.bootstrap import estimates
from pipeline.evaluate.results import Evaluation
from pipeline.evaluate.slices import evaluate_slices
from pipeline.metrics.scored import Scored
from pipeline.params import Evaluate


def evaluate(
    frame: pd.DataFrame, scored: Scored, slices: Sequence[str], settings: Evaluate, seed: int
) -> Evaluation:
    """Metrics with intervals, over all rows and in each slice.

    Parameters
    ----------
    frame
        The holdout, ``n`` rows, with the slice fields.
    scored
        The same rows' truths and scores, all of them valid.
    slices
        Columns to slice by.
    settings
        Resamples, confidence and the fewest rows of a slice.
    seed
        Of every random draw.

    Raises
    ------
    SchemaMismatch
        A slice field that the holdout lacks.
    """
    metrics = estimates(
        scored.table(),
        replicates=settings.replicates,
        confidence=settings.confidence,
        seed=seed,
    )
    return Evaluation(
        task=scored.task,
        rows=len(scored),
        positives=scored.positives,
        selected=scored.selected,
        threshold=scored.threshold if scored.task == "binary" else None,
        confidence=settings.confidence,
        replicates=settings.replicates,
        metrics=metrics,
        slices=evaluate_slices(frame, scored, slices, settings, seed),
    )
