"""What moves the scores of the training rows: contributions to what was said of them out of fold.

A model's contributions to rows that it was fitted on are larger than those to new rows, so each row
is explained by the estimator of the fold that leaves it out, as it is scored. A bounded sample is
explained: at most `NIGHTS` nights, evenly spaced, and `ROWS` rows of each, drawn with the seed.
The threshold of a fold's estimator is not known, so nothing is where rows are compared with those
next to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.columns import moved_scores
from assay.columns.features import FrameFeatures
from assay.columns.moved_scores import ReferenceReasons
from assay.compiled.array_types import NotCompiled
from assay.compiled.compile import compile_model
from assay.compiled.contributions import explain_model
from assay.compiled.fitted_model import Model
from assay.contract.definition import Contract
from assay.project.params import ReasonsParams
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
        found = explainer.contributions(FrameFeatures(features.iloc[places]))
        values = np.abs(found.values[np.arange(len(places)), found.raw.argmax(axis=1)])
        whole = np.isfinite(values).all(axis=1)
        night = self._place[places][whole]
        np.add.at(self._sums, (night[:, None], order), values[whole])
        np.add.at(self._rows, night, 1)

    def found(self) -> ReferenceReasons | None:
        """None for a model whose contributions are not computed exactly, or none moves it."""
        return moved_scores.learn(self._features, self._sums, self._rows) if self._known else None
