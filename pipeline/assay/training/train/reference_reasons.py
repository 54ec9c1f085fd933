"""What moves the scores of the training rows: contributions to what was said of them out of fold.

A model's contributions to rows that it was fitted on are larger than those to new rows, so each row
is explained by the estimator of the fold that leaves it out, as it is scored. A bounded sample is
explained: at most `NIGHTS` nights, evenly spaced, and `ROWS` rows of each, drawn with the seed.
The threshold of a fold's estimator is not known, so nothing is where rows are compared with those
next to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns import moved_scores
from assay.columns.features import FrameFeatures, Scorer
from assay.columns.moved_scores import ReferenceReasons
from assay.compiled import CompiledModel, EquivalenceResult
from assay.compiled.array_types import NotCompiled
from assay.compiled.compile import compile_model
from assay.compiled.contributions import Explainer, check_sums, explain_model
from assay.compiled.fitted_model import Model
from assay.contract.definition import Contract
from assay.model.bundle import REASONS
from assay.project.params import Params, ReasonsParams
from assay.project.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

NIGHTS, ROWS = 50, 400


class OutOfFoldReasons:
    """Collects contributions, fold by fold.

    Parameters
    ----------
    classes
        Of a multiclass model, else empty.
    nights
        The partition of each training row.
    asked
        What rows are compared with.
    """

    def __init__(
        self,
        contract: Contract,
        task: Task,
        classes: tuple[str, ...],
        nights: NDArray[Any],
        seed: int,
        asked: ReasonsParams,
    ) -> None:
        self._asked, self._seed = asked, seed
        self._contract, self._task, self._classes = contract, task, classes
        self._features = (*contract.numeric, *contract.categorical)
        names, night = np.unique(nights, return_inverse=True)
        self._place = np.full(len(nights), -1)
        draw = np.random.default_rng(seed)
        chosen = np.unique(np.linspace(0, len(names) - 1, NIGHTS).astype(int))
        for number, code in enumerate(chosen):
            rows = np.flatnonzero(night == code)
            self._place[rows if len(rows) <= ROWS else draw.choice(rows, ROWS, False)] = number
        self._sums = np.zeros((len(chosen), len(self._features)))
        self._rows = np.zeros(len(chosen))
        self._known = asked.rows == "all"

    def add(self, pipeline: Any, features: pd.DataFrame, unseen: NDArray[np.bool_]) -> None:
        """Explain chosen rows with the estimator of a fold.

        Parameters
        ----------
        features
            Of all training rows.
        unseen
            The rows that ``pipeline`` was not fitted on.
        """
        places = np.flatnonzero(unseen & (self._place >= 0))
        if not self._known or not len(places):
            return
        contract = self._contract
        model = Model(pipeline, None, contract.numeric, contract.categorical, self._task)
        sample = features[self._place >= 0]
        if self._asked.against == "reference":
            few = min(self._asked.sample, len(sample))
            sample = sample.sample(few, random_state=self._seed)
        try:
            compiled = compile_model(model, self._task, self._classes)
            explainer = explain_model(model, compiled, FrameFeatures(sample), self._asked.against)
        except NotCompiled:
            self._known = False
            return
        order = [self._features.index(name) for name in explainer.features]
        contributions = explainer.contributions(FrameFeatures(features.iloc[places]))
        values = np.abs(
            contributions.values[np.arange(len(places)), contributions.raw.argmax(axis=1)]
        )
        whole = np.isfinite(values).all(axis=1)
        night = self._place[places][whole]
        np.add.at(self._sums, (night[:, None], order), values[whole])
        np.add.at(self._rows, night, 1)

    def found(self) -> ReferenceReasons | None:
        """None for a model whose contributions are not computed exactly, or none moves it."""
        return moved_scores.learn(self._features, self._sums, self._rows) if self._known else None


# --------- what a bundle holds so that its model's scores can be explained without the model itself

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
