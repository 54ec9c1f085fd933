"""Outcomes of a night: the mean of the score, and the share of each decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from assay.columns.features import Floats, FrameFeatures
from assay.model.prediction import PREDICTION, PROBABILITY

if TYPE_CHECKING:
    import pandas as pd

    from assay.model.bundle import Bundle
    from assay.model.manifest import Manifest


def names(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """The names of the outcomes; for several classes, those of any version."""
    task = manifests[0].task
    if task == "regression":
        return ("mean prediction",)
    if task == "binary":
        return ("mean probability", "share of yes")
    classes = sorted({name for each in manifests for name in each.classes})
    return ("mean probability of the answer", *(f"share of {name}" for name in classes))


def of_rows(loaded: Bundle, frame: pd.DataFrame, wanted: Sequence[str]) -> Floats:
    """The outcomes of rows scored now by a version, shape (rows, outcomes)."""
    manifest = loaded.manifest
    scores = loaded.scorer.scores(FrameFeatures(frame))
    if manifest.task == "regression":
        return scores[:, None]
    if manifest.task == "binary":
        return np.column_stack([scores, scores >= manifest.threshold]).astype(np.float64)
    answer = np.array(manifest.classes, dtype=object)[np.argmax(scores, axis=1)]
    decided = [answer == name.removeprefix("share of ") for name in wanted[1:]]
    return np.column_stack([scores.max(axis=1), *decided]).astype(np.float64)


def of_published(batch: pa.RecordBatch, task: str, wanted: Sequence[str]) -> Floats:
    """The outcomes of published rows, NaN where a row has no score."""
    decided = batch.column(PREDICTION).to_numpy(zero_copy_only=False)
    if task == "regression":
        return np.asarray(decided, dtype=np.float64)[:, None]
    score = batch.column(PROBABILITY).to_numpy(zero_copy_only=False).astype(np.float64)
    if task == "binary":
        said = [np.where(np.isnan(score), np.nan, decided == True)]  # noqa: E712
    else:
        said = [
            np.where(np.isnan(score), np.nan, decided == name.removeprefix("share of "))
            for name in wanted[1:]
        ]
    return np.column_stack([score, *said]).astype(np.float64)
