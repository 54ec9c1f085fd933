"""The output of a model: the columns that are published, and those that are profiled.

=========== ============================================== ==========================
task        columns of the predictions table               profiled columns
=========== ============================================== ==========================
binary      ``prediction`` bool, ``probability`` double    ``probability``
multiclass  ``prediction`` string, ``probability`` double  ``probability``,
            of that class, ``probabilities`` list<double>  ``prediction``
            of all, in the order of the classes
regression  ``prediction`` double                          ``prediction``
=========== ============================================== ==========================

A row without a score has NaN here, and null in each column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.columns.categories import Categories
from assay.columns.features import CategoryColumn, Floats
from assay.columns.grid import CategoryGrid, ColumnGrid
from assay.columns.grid_builder import build_grid
from assay.columns.score_grid import probability_grid
from assay.project.tasks import Task

Bools: TypeAlias = npt.NDArray[np.bool_]
ProfiledScores: TypeAlias = Mapping[str, Floats | CategoryColumn]

PREDICTION = "prediction"
PROBABILITY = "probability"
PROBABILITIES = "probabilities"
RESERVED = frozenset({PREDICTION, PROBABILITY, PROBABILITIES, "reasons", "reasons_against"})
"""Reserved column names: no key or feature may have one of them."""

REGRESSION_BINS = 20
"""Number of histogram bins for a regression's scores and labels; probabilities have as many."""

LOSSES = ("error@absolute", "error@squared")
"""Names of the expected errors of a regression's rows (`assay.training.train.estimate_errors`)."""

MOST_CLASSES = 20
"""Probabilities of each class are profiled only for models with at most this many classes."""

TRUTHS = ("false", "true")
"""Categories under which the labels of a binary model are counted."""

SUM_TOLERANCE = 1e-3
"""How far the sum of a row's probabilities may be from 1. Models that compute in float32 are
off by a few millionths; scores that are not a distribution by far more."""


def score_column(task: Task) -> str:
    """The numeric column in which drift of the scores is monitored."""
    return PREDICTION if task == "regression" else PROBABILITY


def invalid_scores(task: Task, scores: Floats) -> Bools:
    """Which rows have no valid score, shape (rows,).

    A regression's score is a finite number. A binary score is a probability from 0 to 1. A
    multiclass score is one probability for each class, with sum 1.
    """
    if task == "regression":
        infinite: Bools = ~np.isfinite(scores)
        return infinite
    # Not "less than 0 or more than 1": that would miss NaN.
    within: Bools = (scores >= 0) & (scores <= 1)
    if task == "binary":
        return ~within
    # Infinite and overflowing sums are invalid scores, so numpy need not warn.
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.abs(scores.sum(axis=1) - 1) <= SUM_TOLERANCE
    odd: Bools = ~(within.all(axis=1) & whole)
    return odd


def prediction_columns(
    task: Task, classes: Sequence[str], threshold: float, scores: Floats
) -> dict[str, pa.Array]:
    """The prediction columns, in the order of the predictions table.

    Parameters
    ----------
    classes
        Of a multiclass model, in the order of its scores.
    threshold
        A binary prediction is true if the probability is at or above it.
    scores
        Shapes as in `assay.columns.features.Scorer`; NaN where a row has none.
    """
    if task == "regression":
        return {PREDICTION: _doubles(scores)}
    if task == "binary":
        decided = pa.array(scores >= threshold, pa.bool_(), mask=_unknown(scores))
        return {PREDICTION: decided, PROBABILITY: _doubles(scores)}
    best, top, unknown = _best(scores)
    names = pa.array(list(classes), pa.string())
    ends = pa.array(np.arange(len(scores) + 1, dtype=np.int32) * len(classes))
    each = pa.ListArray.from_arrays(
        ends, pa.array(scores.ravel(), pa.float64()), mask=pa.array(unknown)
    )
    return {
        PREDICTION: names.take(pa.array(best, pa.int32(), mask=unknown)),
        PROBABILITY: _doubles(top),
        PROBABILITIES: each,
    }


def profiled_scores(
    task: Task, classes: Sequence[str], scores: Floats
) -> dict[str, Floats | CategoryColumn]:
    """The score columns that are profiled, by their names in the reference."""
    if task != "multiclass":
        return {score_column(task): scores}
    best, top, unknown = _best(scores)
    codes = np.where(unknown, -1, best).astype(np.int32)
    return {PROBABILITY: top, PREDICTION: CategoryColumn(codes, Categories(classes))}


def class_columns(classes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """For each class, the names of the two columns in which its probabilities are profiled.

    The first column is over all rows, the second over rows predicted to be of the class. Empty
    for more than `MOST_CLASSES` classes, so that profiles stay small.
    """
    if len(classes) > MOST_CLASSES:
        return {}
    return {
        name: (f"{PROBABILITIES}@{name}", f"{PROBABILITIES}@{name}, {PREDICTION}")
        for name in classes
    }


def class_probabilities(task: Task, classes: Sequence[str], scores: Floats) -> dict[str, Floats]:
    """Further score columns that are profiled for performance estimates, not for drift.

    For a multiclass model these are the columns of `class_columns`; NaN where a row has no value.
    """
    probabilities: dict[str, Floats] = {}
    if task == "multiclass" and len(scores):
        best, _, _ = _best(scores)
        for place, (every, said) in enumerate(class_columns(classes).values()):
            p = np.ascontiguousarray(scores[:, place])
            probabilities |= {every: p, said: np.where(best == place, p, np.nan)}
    elif task == "multiclass":
        probabilities = {
            name: np.empty(0) for pair in class_columns(classes).values() for name in pair
        }
    return probabilities


def class_grids(task: Task, classes: Sequence[str], scores: Floats) -> dict[str, ColumnGrid]:
    """Grids for the columns of `class_probabilities`, from reference scores; one for each class."""
    grids: dict[str, ColumnGrid] = {}
    if task == "multiclass":
        for place, pair in enumerate(class_columns(classes).values()):
            grids |= dict.fromkeys(pair, probability_grid(scores[:, place]))
    return grids


def score_grids(
    task: Task, classes: Sequence[str], scores: Floats, threshold: float | None = None
) -> dict[str, ColumnGrid]:
    """Grids for the columns of `profiled_scores`, made from the scores of the reference rows.

    Parameters
    ----------
    scores
        Of the reference rows. Numeric cells hold equal shares of them; every class is a
        category.
    threshold
        Of a binary model.
    """
    if task == "binary":
        return {PROBABILITY: probability_grid(scores, threshold)}
    if task == "regression":
        import pandas as pd

        return build_grid(pd.DataFrame({PREDICTION: scores}), [PREDICTION], [], REGRESSION_BINS)
    best, top, unknown = _best(scores)
    rows = np.bincount(best[~unknown], minlength=len(classes))
    order = np.argsort(-rows, kind="stable")
    return {
        PROBABILITY: probability_grid(top),
        PREDICTION: CategoryGrid(tuple(classes[place] for place in order)),
    }


def truths(task: Task, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels in the form in which they are counted: text, or numbers for a regression.

    Parameters
    ----------
    values
        As in the labels table: booleans, class names or numbers.
    """
    if task == "regression":
        return values.astype(np.float64)
    if task == "binary":
        return np.array(TRUTHS, dtype=object)[values.astype(np.intp)]
    return values.astype(object)


def truth_grid(task: Task, classes: Sequence[str], values: npt.NDArray[Any]) -> ColumnGrid:
    """The grid for the values of `truths`.

    Parameters
    ----------
    values
        Labels of the reference rows; a regression's grid has its edges at their quantiles.
    """
    if task == "regression":
        import pandas as pd

        return build_grid(pd.DataFrame({"truth": values}), ["truth"], [], REGRESSION_BINS)["truth"]
    return CategoryGrid(TRUTHS if task == "binary" else tuple(classes))


def _best(scores: Floats) -> tuple[npt.NDArray[np.intp], Floats, Bools]:
    """The most likely class of each row (the first of ties), its probability, and if NaN."""
    unknown = np.asarray(np.isnan(scores).any(axis=1), dtype=np.bool_)
    best = np.argmax(scores, axis=1).astype(np.intp)
    top = np.where(unknown, np.nan, np.take_along_axis(scores, best[:, None], axis=1)[:, 0])
    return best, top, unknown


def _doubles(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=_unknown(values))


def _unknown(values: Floats) -> Bools | None:
    """Which are NaN, None if none is: then Arrow shares the memory of ``values``."""
    unknown = np.isnan(values)
    return unknown if unknown.any() else None
