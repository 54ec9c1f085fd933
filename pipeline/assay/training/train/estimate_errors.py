"""What the reference shows of the errors of estimates: by night, and by feature.

Labels of the reference are known, so each of its nights shows how far outcomes lie from what models
of the other nights expect: the effects of nights (`assay.columns.night_effects`), of each score
that performance is estimated from, and in each slice.

An estimate also assumes that outcomes depend on features through the score alone. A second model
that finds more in the features, on nights it was not fitted to, shows that they do not. Then a
shift of the features moves the probabilities, which no count of a night shows. This is the question
of multicalibration (U. Hebert-Johnson and others, "Multicalibration: calibration for the
(computationally-identifiable) masses", ICML 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay import compiled
from assay.columns.features import Floats, FrameFeatures, SliceField
from assay.columns.night_effects import NightEffects, learn_error, learn_loss, learn_probability
from assay.compiled import fitted_model
from assay.contract.definition import Contract
from assay.model.prediction import LOSSES, class_columns, score_column
from assay.training.candidates.encoder import build_encoder, cap_categories, count_categories
from assay.training.candidates.pipeline import categorical_arguments
from assay.training.train.calibrate import out_of_fold_scores
from assay.training.train.fit import FittedModel

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 60_000
"""Of more rows, so many at equal distances are asked: all of them would take as long as the fit."""

Learner = Callable[[NDArray[np.bool_], NDArray[np.intp]], NightEffects | None]
"""The effects of nights among the chosen rows, given the night of each of them."""


def learn_night_effects(
    made: FittedModel,
    losses: Mapping[str, LossModel],
    nights: NDArray[np.intp],
    slices: Sequence[SliceField],
    sliced: pd.DataFrame,
) -> dict[str, NightEffects]:
    """The effects of nights, by the names of columns in a night's profile.

    Parameters
    ----------
    losses
        Of a regression.
    nights
        Of each row, as a whole number from 0.
    sliced
        The fields of ``slices``, in the order of the rows.
    """
    every = np.ones(len(nights), dtype=np.bool_)
    chosen = {"": every, **_slice_rows(slices, sliced)}
    by_name: dict[str, NightEffects] = {}
    for name, learn in _learners(made, losses).items():
        for title, rows in chosen.items():
            effects = learn(rows, nights[rows]) if rows.any() else None
            if effects is not None:
                by_name[name + title] = effects
    for name, learn in _class_learners(made).items():
        effects = learn(every, nights)
        if effects is not None:
            by_name[name] = effects
    return by_name


def _learners(made: FittedModel, losses: Mapping[str, LossModel]) -> dict[str, Learner]:
    """For each score that is counted in slices."""
    truth, unseen, task = made.scored.truth, made.unseen, made.scored.task
    score = score_column(task)
    if task == "regression":
        error = made.scored.scores - truth
        learners: dict[str, Learner] = {
            score: lambda rows, night: learn_error((error - error.mean())[rows], night)
        }
        for name in losses:
            learners[name] = _loss_learner(losses[name].values, loss_of(name, error))
        return learners
    if task == "binary":
        return {score: _probability_learner(unseen, truth.astype(np.float64))}
    right = (unseen.argmax(axis=1) == truth).astype(np.float64)
    return {score: _probability_learner(unseen.max(axis=1), right)}


def _class_learners(made: FittedModel) -> dict[str, Learner]:
    if made.scored.task != "multiclass":
        return {}
    return {
        every: _probability_learner(
            made.unseen[:, place], (made.scored.truth == place).astype(np.float64)
        )
        for place, (every, _) in enumerate(class_columns(made.scored.classes).values())
    }


def _probability_learner(expected: Floats, happened: Floats) -> Learner:
    return lambda rows, night: learn_probability(expected[rows], happened[rows], night)


def _loss_learner(expected: Floats, loss: Floats) -> Learner:
    return lambda rows, night: learn_loss(expected[rows], loss[rows], night)


def loss_of(name: str, error: Floats) -> Floats:
    """The loss that a model of `LOSSES` expects."""
    return np.abs(error) if name == LOSSES[0] else np.square(error)


def _slice_rows(slices: Sequence[SliceField], sliced: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """The rows of each slice, by what its columns add to a score's name."""
    features, rows = FrameFeatures(sliced), {}
    for field in slices:
        codes, places = field.codes(features)
        place = places[codes + 1]
        for number, name in enumerate(field.columns("")):
            rows[name] = place == number
    return rows


def dependence(
    contract: Contract,
    features: pd.DataFrame,
    made: FittedModel,
    losses: Mapping[str, LossModel],
    nights: NDArray[np.intp],
    block: NDArray[np.int64],
    seed: int,
) -> float:
    """How clearly features show more of the outcome than the score does: Student's t over nights.

    The mean, over its standard error, of how much nearer a model of the residuals brings them to
    0 on each night; the model was fitted to other blocks. For a regression the larger of both
    losses. 0 with fewer than two nights.

    Parameters
    ----------
    features
        In the form of `assay.compiled.fitted_model.feature_frame`.
    block
        The block of days of each row (`assay.training.candidates.nested.assign_folds`).
    """
    places = np.linspace(0, len(nights) - 1, min(len(nights), MOST_ROWS)).astype(np.intp)
    features, block = features.iloc[places], block[places]
    night = np.unique(nights[places], return_inverse=True)[1]
    rows = np.bincount(night)
    if len(rows) < 2:
        return 0.0
    # A model may take infinities; this one does not.
    finite = {name: features[name].where(np.isfinite(features[name])) for name in contract.numeric}
    features = features.assign(**finite)
    pipeline, gains = small_boosting(contract, features, seed), []
    for off in (each[places] for each in _residuals(made, losses)):
        shown = out_of_fold_scores(
            "regression", pipeline, features, off, block, lambda done, folds: None
        )
        gain = np.bincount(night, np.square(off) - np.square(off - shown)) / rows
        spread = float(gain.std(ddof=1))
        gains.append(float(gain.mean()) / spread * len(rows) ** 0.5 if spread > 0 else 0.0)
    return max(gains)


def _residuals(made: FittedModel, losses: Mapping[str, LossModel]) -> list[Floats]:
    """Outcomes minus what was expected; losses relative to it, as large ones vary more."""
    truth, unseen = made.scored.truth, made.unseen
    if made.scored.task == "binary":
        return [truth - unseen]
    if made.scored.task == "multiclass":
        return [(unseen.argmax(axis=1) == truth) - unseen.max(axis=1)]
    residuals = []
    for name, learnt in losses.items():
        usual = max(float(learnt.values.mean()), np.finfo(float).tiny)
        size = np.maximum(learnt.values, usual / 10)
        residuals.append((loss_of(name, made.scored.scores - truth) - learnt.values) / size)
    return residuals


# --------------- models of a regression's loss: the expected absolute and squared error of each row
# The error of a prediction depends on more than the prediction. So the out-of-fold errors are
# learnt from the rows' features: the absolute error and the squared one, by gradient boosting of
# few, small trees. NannyML calls this direct loss estimation (DLE; see
# https://nannyml.readthedocs.io, "How it works: estimating performance"). Both models score every
# night, so they have to be cheap, and both are stored and compiled like the model itself.

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
        In the form of `assay.compiled.fitted_model.feature_frame`.
    error
        Prediction minus truth of each row, out of fold.
    block
        The block of days of each row (`assay.training.candidates.nested.assign_folds`).
    """
    from sklearn.base import clone

    models = {}
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
        models[name] = LossModel(fitted, values, noise)
    return models


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
