"""Estimates of the flights of June to December, night after night in their real order.

A small boosting learns from January to May, with its reference, its effects of nights and what
decides trust from the functions of training. Each later night is estimated as monitoring does: from
its profile, its drift, and the labels of nights before it that have come by then. `python -m
benchmarks.estimate_simulation` writes what came out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import OrdinalEncoder

from assay.compiled.fitted_model import calibrate_class
from assay.metrics.labelled_scores import LabelledScores
from assay.performance.estimate import widening
from assay.training.train.calibrate import cross_calibrate, fit_calibrator
from benchmarks import estimated_bundle
from data.source import flights

FOLDS = 5
LEARNT = "2013-06-01"
"""The first day that the model did not see."""

ABOUT = {"slice": "", "bundle": "b"}


@dataclass(frozen=True)
class Learnt:
    """The flights in order, and scores of January to May out of fold, of the rest by the model."""

    features: pd.DataFrame
    late: np.ndarray
    date: np.ndarray
    night: np.ndarray
    scores: np.ndarray

    @property
    def before(self) -> np.ndarray:
        return self.date < LEARNT


@cache
def learnt() -> Learnt:
    """Fit the model on January to May, and score all rows."""
    table = flights()
    table = table[table["late"].notna()].sort_values("date", kind="stable", ignore_index=True)
    late, date = table["late"].astype(bool).to_numpy(), table["date"].astype(str).to_numpy()
    features = table.drop(columns=["late", "date", "scheduled", "flight"])
    text = features.columns[~features.dtypes.map(pd.api.types.is_numeric_dtype)]
    before, night = date < LEARNT, pd.factorize(date)[0]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encoded = features.copy()
    encoded[text] = encoder.fit(features.loc[before, text]).transform(features[text])
    x = encoded.astype(np.float64).to_numpy()
    model = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.06, max_leaf_nodes=8, early_stopping=False, random_state=1
    )
    block = _blocks(night[before])
    split = [(np.flatnonzero(block != k), np.flatnonzero(block == k)) for k in range(FOLDS)]
    unseen = cross_val_predict(model, x[before], late[before], cv=split, method="predict_proba")[
        :, 1
    ]
    later = model.fit(x[before], late[before]).predict_proba(x[~before])[:, 1]
    return Learnt(features, late, date, night, np.append(unseen, later))


def _blocks(night: np.ndarray) -> np.ndarray:
    return np.asarray(night * FOLDS // (int(night.max()) + 1))


def in_order(
    method: str, threshold: float, days: int, confidence: float
) -> Iterator[tuple[str, bool, Any, Any, dict[str, float]]]:
    """Each night: its date, whether it is trusted, its estimates and the metrics that came.

    The estimates are those without labels of earlier nights, and those with them.

    Parameters
    ----------
    days
        After which labels come.
    """
    of, before = learnt(), learnt().before
    truth, night = of.late[before], of.night[before]
    fitted = fit_calibrator("binary", method, of.scores[before], truth)
    probability = calibrate_class(fitted, of.scores)
    unseen = cross_calibrate("binary", method, of.scores[before], truth, _blocks(night))
    scored = LabelledScores("binary", truth, probability[before], (), threshold)
    bundle = estimated_bundle.learn(
        SimpleNamespace(scored=scored, unseen=unseen),
        of.features[before].reset_index(drop=True),
        *(night, threshold, FOLDS),
    )
    widths = widening.Widths("date", confidence)
    for number in np.unique(of.night[~before]):
        rows = of.night == number
        features, mine = of.features[rows].reset_index(drop=True), probability[rows]
        date = of.date[rows][0]
        wide = widths.on("b", date)
        alone, found = (
            estimated_bundle.estimate(bundle, features, mine, confidence, each)
            for each in ({}, wide)
        )
        realized = LabelledScores("binary", of.late[rows], mine, (), threshold).values()
        widths.add({**ABOUT, "date": date, **row} for row in found.rows())
        came = {**ABOUT, "date": date, "estimated": False, "maturity_days": days}
        widths.add(
            {**came, "metric": name, "value": value, "labelled_share": 1.0}
            for name, value in realized.items()
        )
        yield date, found.trusted, alone.parts[0].metrics, found.parts[0].metrics, realized
