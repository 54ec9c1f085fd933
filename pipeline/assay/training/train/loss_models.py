"""Models of a regression's loss: the expected absolute and squared error of each row.

The error of a prediction depends on more than the prediction. So the out-of-fold errors are learnt
from the rows' features: the absolute error and the squared one, by gradient boosting of few, small
trees. NannyML calls this direct loss estimation (DLE; see https://nannyml.readthedocs.io, "How it
works: estimating performance"). Both models score every night, so they have to be cheap, and both
are stored and compiled like the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay import compiled
from assay.columns.features import Floats, FrameFeatures
from assay.compiled import fitted_model
from assay.contract.definition import Contract
from assay.model.prediction import LOSSES
from assay.training.candidates.encoder import build_encoder
from assay.training.candidates.pipeline import categorical_arguments
from assay.training.candidates.vocabulary import cap_categories, count_categories
from assay.training.train.calibrate import out_of_fold_scores

if TYPE_CHECKING:
    import pandas as pd

SIZE: Mapping[str, Any] = {
    "max_iter": 100,
    "max_leaf_nodes": 8,
    "learning_rate": 0.15,
    "early_stopping": False,
}
"""Fewer trees expect too much of rows that err little, and a shift to such rows shows it."""


@dataclass(frozen=True)
class LossModel:
    """A model of one loss.

    Attributes
    ----------
    model
        Fitted on all rows.
    values
        Its out-of-fold prediction for each row.
    noise
        Sum of squared residuals divided by the sum of squared predictions: the relative variance of
        one row's loss.
    """

    model: fitted_model.Model
    values: Floats
    noise: float

    def compiled(
        self, sample: pd.DataFrame, tolerance: float
    ) -> tuple[bytes | None, compiled.EquivalenceResult]:
        """The model as compiled arrays if those are exact, and whether they are.

        Parameters
        ----------
        sample
            Rows to compare them on.
        """
        return compiled.compile_and_compare(
            self.model, FrameFeatures(sample), tolerance, task="regression", classes=()
        )


def fit_loss_models(
    contract: Contract,
    features: pd.DataFrame,
    error: Floats,
    block: NDArray[np.int64],
    seed: int,
) -> dict[str, LossModel]:
    """A model of each of `assay.model.prediction.LOSSES`.

    Parameters
    ----------
    features
        In the form of `assay.model.model.feature_frame`.
    error
        Prediction minus truth of each row, out of fold.
    block
        The block of days of each row (`assay.training.candidates.nested.assign_folds`).
    """
    from sklearn.base import clone

    found = {}
    pipeline = small_boosting(contract, features, seed)
    for name, loss in zip(LOSSES, (np.abs(error), np.square(error)), strict=True):
        raw = out_of_fold_scores(
            "regression", pipeline, features, loss, block, lambda done, folds: None
        )
        values = np.maximum(raw, 0.0)
        square = float(values @ values)
        noise = float(np.square(loss - values).sum()) / square if square > 0 else 0.0
        fitted = fitted_model.Model(
            clone(pipeline).fit(features, loss),
            None,
            contract.numeric,
            contract.categorical,
            "regression",
        )
        found[name] = LossModel(fitted, values, noise)
    return found


def small_boosting(contract: Contract, features: pd.DataFrame, seed: int) -> Any:
    """An unfitted regression of all features but texts."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline

    estimator = HistGradientBoostingRegressor(random_state=seed, **SIZE)
    names = _categories(contract)
    estimator.set_params(**categorical_arguments(estimator, "ordinal", contract.numeric, names))
    capped = cap_categories(count_categories(features, names), "ordinal", estimator)
    return make_pipeline(build_encoder("ordinal", contract.numeric, names, capped), estimator)


def _categories(contract: Contract) -> tuple[str, ...]:
    return tuple(name for name in contract.categorical if name not in contract.texts)
