"""What a bundle holds so that its model's scores can be explained without the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.columns.features import FrameFeatures, Scorer
from assay.compiled import CompiledModel, EquivalenceResult
from assay.compiled.array_types import NotCompiled
from assay.compiled.contributions import Explainer, check_sums, explain_model
from assay.compiled.fitted_model import Model
from assay.model.bundle import REASONS
from assay.project.params import Params

if TYPE_CHECKING:
    import pandas as pd

CHECKED = 100
"""Rows of the sample whose contributions are added up."""


def explain(
    model: Model,
    scorer: Scorer,
    proof: EquivalenceResult,
    sample: pd.DataFrame,
    params: Params,
) -> tuple[bytes | None, Mapping[str, Any]]:
    """The file that explains a model's scores, and what the manifest says of it.

    Parameters
    ----------
    scorer
        The compiled model, as it was read from its file.
    proof
        Why it is compiled or not.
    sample
        Training rows, at least one.

    Returns
    -------
    tuple
        None and why, if contributions cannot be computed exactly.
    """
    if not isinstance(scorer, CompiledModel):
        return None, {"unknown": proof.reason}
    wanted = params.bundle.reasons
    rows = _compared(scorer, sample, params)
    if rows.empty:
        side = wanted.rows.partition("_")[0]
        threshold = params.train.threshold
        return None, {"unknown": f"no row of the sample scores {side} the threshold {threshold:g}"}
    try:
        data = explain_model(model, scorer, FrameFeatures(rows), wanted.against).to_bytes()
        read = Explainer.from_bytes(data, scorer, REASONS)
        check_sums(read, FrameFeatures(sample[:CHECKED]))
    except NotCompiled as error:
        return None, {"unknown": str(error)}
    if read.against == "population":
        return data, {"against": read.against}
    return data, {"against": read.against, "rows": wanted.rows, "sample": len(rows)}


def _compared(scorer: CompiledModel, sample: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The rows of the sample that others are compared with."""
    wanted = params.bundle.reasons
    if wanted.against == "population":
        return sample
    if wanted.rows == "all":
        return sample.sample(min(wanted.sample, len(sample)), random_state=params.seed)
    beyond = scorer.scores(FrameFeatures(sample)) - params.train.threshold
    if wanted.rows == "below_threshold":
        beyond = np.where(beyond < 0, -beyond, np.nan)
    nearest = np.argsort(np.where(beyond >= 0, beyond, np.inf), kind="stable")
    return sample.iloc[nearest[: min(wanted.sample, int((beyond >= 0).sum()))]]
