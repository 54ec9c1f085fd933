"""What a bundle holds so that its model's scores can be explained without the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assay.columns.features import FrameFeatures, Scorer
from assay.compiled import CompiledModel, EquivalenceResult
from assay.compiled.array_types import NotCompiled
from assay.compiled.contributions import Explainer, check_sums, explain_model
from assay.compiled.fitted_model import Model
from assay.model.bundle import REASONS

if TYPE_CHECKING:
    import pandas as pd

CHECKED = 100
"""Rows of the sample whose contributions are added up."""


def explain(
    model: Model, scorer: Scorer, proof: EquivalenceResult, sample: pd.DataFrame
) -> tuple[bytes | None, Mapping[str, str]]:
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
    try:
        data = explain_model(model, scorer, FrameFeatures(sample)).to_bytes()
        read = Explainer.from_bytes(data, scorer, REASONS)
        check_sums(read, FrameFeatures(sample[:CHECKED]))
    except NotCompiled as error:
        return None, {"unknown": str(error)}
    return data, {"against": read.against}
