"""What a regression's errors depend on: two small models of the loss, on all features.

How far a prediction will be off depends on more than the prediction. So what rows erred by that
the estimator had not seen is learnt from their features: the absolute error and the squared one, by
gradient boosting of few, small trees. It is what NannyML calls direct loss estimation (DLE; see
https://nannyml.readthedocs.io, "How it works: estimating performance"). Both are scored with every
night, so they have to be cheap, and both are kept and compiled as the model itself is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats, FrameFeatures
from assay.contract.model import Contract
from assay.model import compiled, model
from assay.model.outcome import LOSSES
from assay.training.train.calibrate import out_of_fold
from assay.training.train.candidate import categorical_arguments, encoder

if TYPE_CHECKING:
    import pandas as pd

SIZE: Mapping[str, Any] = {
    "max_iter": 40,
    "max_leaf_nodes": 8,
    "learning_rate": 0.15,
    "early_stopping": False,
}


@dataclass(frozen=True)
class Learnt:
    """A model of one loss.

    Attributes
    ----------
    model
        Fitted on all rows.
    values
        What it expects of each row, out of fold.
    noise
        Squared distance of the loss from that, as a multiple of its square: how far one row's
        loss lies from what is expected of it.
    """

    model: model.Model
    values: Floats
    noise: float

    def files(self, sample: pd.DataFrame, tolerance: float | None) -> tuple[bytes, bytes | None]:
        """The model as a skops file, and as arrays if that is exact.

        Parameters
        ----------
        sample
            Rows to compare them on.
        tolerance
            None if nothing is to be compiled.
        """
        arrays = None
        if tolerance is not None:
            arrays, _ = compiled.prove(
                self.model, FrameFeatures(sample), tolerance, task="regression", classes=()
            )
        return model.dumps(self.model), arrays


def learn_losses(
    contract: Contract,
    features: pd.DataFrame,
    error: Floats,
    block: NDArray[np.int64],
    seed: int,
) -> dict[str, Learnt]:
    """A model of each of `assay.model.outcome.LOSSES`.

    Parameters
    ----------
    features
        In the form of `assay.model.model.feature_frame`.
    error
        Prediction less truth of each row, out of fold.
    block
        The block of days of each row (`assay.training.train.calibrate.blocks`).
    """
    found = {}
    for name, loss in zip(LOSSES, (np.abs(error), np.square(error)), strict=True):
        pipeline = _unfitted(contract, seed)
        raw = out_of_fold("regression", pipeline, features, loss, block, lambda done, folds: None)
        values = np.maximum(raw, 0.0)
        square = float(values @ values)
        noise = float(np.square(loss - values).sum()) / square if square > 0 else 0.0
        fitted = model.Model(
            pipeline.fit(features, loss), None, contract.numeric, contract.categorical, "regression"
        )
        found[name] = Learnt(fitted, values, noise)
    return found


def _unfitted(contract: Contract, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline

    estimator = HistGradientBoostingRegressor(random_state=seed, **SIZE)
    estimator.set_params(
        **categorical_arguments(estimator, "ordinal", contract.numeric, contract.categorical)
    )
    return make_pipeline(encoder("ordinal", contract.numeric, contract.categorical), estimator)
