"""Estimators that hold others: what reaches the inner ones, and searches that respect days.

A search splits its rows to compare settings. Rows of one day are too alike to be on both sides, so
its folds are blocks of whole, consecutive days, as those of training are. After fitting, the search
is replaced by the estimator that it chose: it scores the same, and the bundle neither stores the
search nor needs its types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import LabelError
from assay.project.text import counted
from assay.training.candidates.other_libraries import fit_arguments, forget_training, takes_codes

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_WEIGHT = "sample_weight"
"""What scikit-learn calls the weights of rows."""

SEARCH_FOLDS = 5
"""scikit-learn's own number, for a search without ``cv``."""


def is_search(estimator: Any) -> bool:
    """Whether an estimator tries settings of another one, as GridSearchCV does."""
    return hasattr(estimator, "get_params") and {"cv", "estimator", "refit"} <= set(
        estimator.get_params(deep=False)
    )


def wrapped_estimator(estimator: Any) -> Any | None:
    """The estimator that gets the very columns of the one around it; None if there is none."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import Pipeline

    inner = None
    if is_search(estimator) or isinstance(estimator, CalibratedClassifierCV):
        inner = estimator.estimator
    elif isinstance(estimator, TransformedTargetRegressor):
        inner = estimator.regressor
    elif isinstance(estimator, Pipeline) and len(estimator.steps) == 1:
        inner = estimator.steps[0][1]
    return inner if hasattr(inner, "get_params") else None


def accepts_missing(estimator: Any) -> bool:
    """Whether an estimator accepts NaN, by its own word or by that of those it passes rows to."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils import get_tags

    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if hasattr(step, "fit")]
        return bool(steps) and all(map(accepts_missing, steps))
    inner = wrapped_estimator(estimator)
    if inner is not None:
        return accepts_missing(inner)
    return bool(get_tags(estimator).input_tags.allow_nan)


def accepts_sparse(estimator: Any) -> bool:
    """Whether an estimator accepts a sparse matrix, by its own word; not if it gives none."""
    from sklearn.utils import get_tags

    try:
        return bool(get_tags(estimator).input_tags.sparse)
    except AttributeError:  # it, or one within it, is not derived from scikit-learn's classes
        return False


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline without its search, and the settings that the search chose."""

    pipeline: Any
    chosen: Mapping[str, Any] = field(default_factory=dict)


def innermost(estimator: Any) -> Any:
    """The estimator that gets the rows in the end: the last step, and what a search tries."""
    from sklearn.pipeline import Pipeline

    inner = estimator
    while inner is not None:
        estimator = inner
        is_pipeline = isinstance(estimator, Pipeline)
        inner = estimator.steps[-1][1] if is_pipeline else wrapped_estimator(estimator)
    return estimator


def weight_argument(estimator: Any) -> str | None:
    """The argument of ``fit`` that carries weights to where they count; None if nothing takes them.

    A pipeline passes them to its last step, a search and a TransformedTargetRegressor to what they
    fit. Any other estimator says in the signature of its ``fit`` whether it takes them.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_argument(last)
        return None if inner is None else f"{name}__{inner}"
    if is_search(estimator):
        return weight_argument(estimator.estimator)
    if isinstance(estimator, TransformedTargetRegressor) and estimator.regressor is not None:
        return weight_argument(estimator.regressor)
    if isinstance(estimator, CalibratedClassifierCV) and estimator.estimator is not None:
        # It hands them on under this name only, and where it cannot, it does without.
        return SAMPLE_WEIGHT if weight_argument(estimator.estimator) == SAMPLE_WEIGHT else None
    return SAMPLE_WEIGHT if has_fit_parameter(estimator, SAMPLE_WEIGHT) else None


def fit_clone(
    pipeline: Any,
    features: pd.DataFrame,
    target: NDArray[Any],
    days: NDArray[Any],
    weights: NDArray[np.float64] | None = None,
) -> Fitted:
    """Fit a clone of a pipeline.

    Parameters
    ----------
    target
        Classes that are texts are told to what takes numbers alone by their places among all of
        them, sorted.
    days
        The day of each row. A search whose ``cv`` is a number or left out does not tear them apart.
        It is found as the last step of (nested) pipelines and below a TransformedTargetRegressor.
    weights
        How much each row counts, for a pipeline with a `weight_argument`; None if all count alike.

    Raises
    ------
    LabelError
        There are fewer days than folds of a search.
    """
    from sklearn.base import clone

    from assay.training.candidates.stacking import stacked_by_rows

    unfitted = clone(pipeline)
    search = find_search(unfitted)
    if search is not None and (search.cv is None or isinstance(search.cv, int)):
        search.set_params(cv=_day_splits(days, search.cv or SEARCH_FOLDS))
    if target.dtype == object and takes_codes(innermost(unfitted)):
        target = np.unique(target, return_inverse=True)[1]
    arguments = _fit_arguments(unfitted)
    if weights is not None:
        arguments[weight_argument(unfitted) or SAMPLE_WEIGHT] = weights
    with stacked_by_rows(unfitted.steps[0][1] if hasattr(unfitted, "steps") else None):
        fitted = unfitted.fit(features, target, **arguments)
    inner = find_search(fitted, fitted=True)
    chosen = {} if inner is None else {k: _plain(v) for k, v in inner.best_params_.items()}
    left = _without_search(fitted)
    _check_classes(left, target)
    forget_training(left)
    return Fitted(left, chosen)


def _fit_arguments(pipeline: Any) -> dict[str, Any]:
    """What the candidate in a pipeline, or what a search in its place tries, takes in ``fit``."""
    from sklearn.compose import ColumnTransformer

    steps: Any = getattr(pipeline, "steps", ())
    if len(steps) != 2 or not isinstance(steps[0][1], ColumnTransformer):
        return {}
    (_, encoder), (name, last) = steps
    inner = last.estimator if is_search(last) else last
    arguments = fit_arguments(inner, encoder)
    return {f"{name}__{argument}": value for argument, value in arguments.items()}


def find_search(estimator: Any, fitted: bool = False) -> Any | None:
    """The search that gets all rows, in their order; None if there is none."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import Pipeline

    if isinstance(estimator, Pipeline):
        return find_search(estimator.steps[-1][1], fitted)
    if isinstance(estimator, TransformedTargetRegressor):
        return find_search(estimator.regressor_ if fitted else estimator.regressor, fitted)
    return estimator if is_search(estimator) else None


def _day_splits(
    days: NDArray[Any], folds: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    block = assign_folds(days, folds, "params.yaml: train.candidates: cv of a search")
    return [(np.flatnonzero(block != each), np.flatnonzero(block == each)) for each in range(folds)]


def _without_search(fitted: Any) -> Any:
    from sklearn.base import clone
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import Pipeline

    if isinstance(fitted, Pipeline):
        name, last = fitted.steps[-1]
        fitted.steps[-1] = (name, _without_search(last))
    elif isinstance(fitted, TransformedTargetRegressor):
        if find_search(fitted, fitted=True) is not None:
            fitted.regressor_ = _without_search(fitted.regressor_)
            fitted.regressor = clone(fitted.regressor_)
    elif is_search(fitted):
        return _without_search(fitted.best_estimator_)
    return fitted


def _check_classes(fitted: Any, target: NDArray[Any]) -> None:
    """Raise ValueError if the columns of ``predict_proba`` are not those of the sorted classes."""
    known = getattr(fitted, "classes_", None)
    if known is None or target.dtype.kind == "f":
        return
    wanted = np.unique(target).tolist()
    if np.asarray(known).tolist() != wanted:
        raise ValueError(f"it orders the classes {np.asarray(known).tolist()}, not {wanted}")


def _plain(value: Any) -> Any:
    """A chosen setting for a manifest: a number, text or bool, else how it is written."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    # Where an object lies in memory is another in each training.
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


# ------------------------------------------------------------------------------ folds of whole days


def assign_folds(
    days: NDArray[Any], folds: int, where: str = "params.yaml: train.folds"
) -> NDArray[np.int64]:
    """Index of the block, 0 to folds - 1, that each row's day belongs to.

    Parameters
    ----------
    where
        The setting that asks for the folds, for the error.

    Raises
    ------
    LabelError
        There are fewer days than folds.
    """
    distinct, position = np.unique(days, return_inverse=True)
    if len(distinct) < folds:
        raise LabelError(
            "too few days to cut into folds",
            where=where,
            expected=f"at least {counted(folds, 'day')}",
            found=f"{len(distinct)}",
        )
    return np.asarray(position * folds // len(distinct), dtype=np.int64)
