"""What a model's scores mean: the columns that are published, and what of them is counted.

=========== ============================================== ==========================
task        columns of the predictions table               counted by the profile
=========== ============================================== ==========================
binary      ``prediction`` bool, ``probability`` double    ``probability``
multiclass  ``prediction`` string, ``probability`` double  ``probability``,
            of that class, ``probabilities`` list<double>  ``prediction``
            of all, in the order of the classes
regression  ``prediction`` double                          ``prediction``
=========== ============================================== ==========================

A row that has no score, which is NaN here, is null in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assay.columns.draw_grid import grid_of
from assay.columns.features import Coded, Floats
from assay.columns.grid import CategoryGrid, ColumnGrid
from assay.columns.score_grid import probability_grid
from assay.project.tasks import Task

Bools: TypeAlias = npt.NDArray[np.bool_]
Counted: TypeAlias = Mapping[str, Floats | Coded]

PREDICTION = "prediction"
PROBABILITY = "probability"
PROBABILITIES = "probabilities"
RESERVED = frozenset({PREDICTION, PROBABILITY, PROBABILITIES})
"""Columns of the predictions table that no key or feature may be called."""

REGRESSION_BINS = 20
"""Cells of a regression's scores and truths: as many as probabilities have."""

LOSSES = ("error@absolute", "error@squared")
"""What is expected of a regression's errors, row by row (`assay.training.train.losses`)."""

MOST_CLASSES = 20
"""Of so many classes at most each one's probabilities are counted."""

TRUTHS = ("false", "true")
"""What a binary model's true answers are counted as."""

SUM_TOLERANCE = 1e-3
"""How far a row's probabilities may be from adding up to 1: models that count in float32
are off by a few millionths, what is no distribution by far more."""


def score_name(task: Task) -> str:
    """The one column of numbers that a night's scores are watched by."""
    return PREDICTION if task == "regression" else PROBABILITY


def invalid(task: Task, scores: Floats) -> Bools:
    """Which rows have no score, shape (rows,).

    A score is a finite number in a regression. In a classification it is a probability from
    0 to 1, one a class that add up to 1.
    """
    if task == "regression":
        infinite: Bools = ~np.isfinite(scores)
        return infinite
    # Not "less than 0 or more than 1": a NaN must be found too.
    within: Bools = (scores >= 0) & (scores <= 1)
    if task == "binary":
        return ~within
    # Sums of infinities, or past the largest float, are no warning's business.
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.abs(scores.sum(axis=1) - 1) <= SUM_TOLERANCE
    odd: Bools = ~(within.all(axis=1) & whole)
    return odd


def columns(
    task: Task, classes: Sequence[str], threshold: float, scores: Floats
) -> dict[str, pa.Array]:
    """The columns that say what the model says, in the order of the predictions table.

    Parameters
    ----------
    classes
        Of a multiclass model, in the order of its scores.
    threshold
        A binary model's answer is true at or above it.
    scores
        As `assay.columns.features.Scorer` states; NaN where a row has none.
    """
    if task == "regression":
        return {PREDICTION: _doubles(scores)}
    if task == "binary":
        decided = pa.array(scores >= threshold, pa.bool_(), mask=np.isnan(scores))
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


def counted(task: Task, classes: Sequence[str], scores: Floats) -> dict[str, Floats | Coded]:
    """What of the scores goes into the profile, by the name that it has in the reference."""
    if task != "multiclass":
        return {score_name(task): scores}
    best, top, unknown = _best(scores)
    codes = np.where(unknown, -1, best).astype(np.int32)
    return {PROBABILITY: top, PREDICTION: Coded(codes, np.array(classes, dtype=object))}


def of_classes(classes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """What the two columns are called that count the probabilities of each class.

    The first of all rows, the second of those that are said to be of the class. None of more than
    `MOST_CLASSES` classes: profiles must stay small.
    """
    if len(classes) > MOST_CLASSES:
        return {}
    return {
        name: (f"{PROBABILITIES}@{name}", f"{PROBABILITIES}@{name}, {PREDICTION}")
        for name in classes
    }


def beside(task: Task, classes: Sequence[str], scores: Floats) -> dict[str, Floats]:
    """What else of the scores is counted, for estimates alone: nobody watches it for drift.

    Of a multiclass model the columns that `of_classes` names; NaN where a row has no value.
    """
    found: dict[str, Floats] = {}
    if task == "multiclass" and len(scores):
        best, _, _ = _best(scores)
        for place, (every, said) in enumerate(of_classes(classes).values()):
            p = np.ascontiguousarray(scores[:, place])
            found |= {every: p, said: np.where(best == place, p, np.nan)}
    elif task == "multiclass":
        found = {name: np.empty(0) for pair in of_classes(classes).values() for name in pair}
    return found


def beside_grids(task: Task, classes: Sequence[str], scores: Floats) -> dict[str, ColumnGrid]:
    """What `beside` gives is counted on these grids from now on: both columns of a class on one."""
    found: dict[str, ColumnGrid] = {}
    if task == "multiclass":
        for place, pair in enumerate(of_classes(classes).values()):
            found |= dict.fromkeys(pair, probability_grid(scores[:, place]))
    return found


def grids(
    task: Task, classes: Sequence[str], scores: Floats, threshold: float | None = None
) -> dict[str, ColumnGrid]:
    """What `counted` gives is counted on these grids from now on.

    Parameters
    ----------
    scores
        Of the reference rows. Cells of numbers have equal shares of them; every class is a
        category of its own.
    threshold
        Of a binary model.
    """
    if task == "binary":
        return {PROBABILITY: probability_grid(scores, threshold)}
    if task == "regression":
        import pandas as pd

        return grid_of(pd.DataFrame({PREDICTION: scores}), [PREDICTION], [], REGRESSION_BINS)
    best, top, unknown = _best(scores)
    rows = np.bincount(best[~unknown], minlength=len(classes))
    order = np.argsort(-rows, kind="stable")
    return {
        PROBABILITY: probability_grid(top),
        PREDICTION: CategoryGrid(tuple(classes[place] for place in order)),
    }


def truths(task: Task, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """True answers as they are counted: text, of a regression numbers.

    Parameters
    ----------
    values
        As the labels table has them: truths, names of classes, numbers.
    """
    if task == "regression":
        return values.astype(np.float64)
    if task == "binary":
        return np.array(TRUTHS, dtype=object)[values.astype(np.intp)]
    return values.astype(object)


def truth_grid(task: Task, classes: Sequence[str], found: npt.NDArray[Any]) -> ColumnGrid:
    """What `truths` gives is counted on this grid from now on.

    Parameters
    ----------
    found
        Of the reference rows: a regression's grid has its edges at their quantiles.
    """
    if task == "regression":
        import pandas as pd

        return grid_of(pd.DataFrame({"truth": found}), ["truth"], [], REGRESSION_BINS)["truth"]
    return CategoryGrid(TRUTHS if task == "binary" else tuple(classes))


def _best(scores: Floats) -> tuple[npt.NDArray[np.intp], Floats, Bools]:
    """The likeliest class of each row (of equal ones the first), its probability, if unknown."""
    unknown = np.asarray(np.isnan(scores).any(axis=1), dtype=np.bool_)
    best = np.argmax(scores, axis=1).astype(np.intp)
    top = np.where(unknown, np.nan, np.take_along_axis(scores, best[:, None], axis=1)[:, 0])
    return best, top, unknown


def _doubles(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)  # NaN is null
