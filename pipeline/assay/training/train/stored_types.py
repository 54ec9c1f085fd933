"""The types that a model will hold, found before it is trained.

skops loads only types that it knows or that are allowed. Which ones a fitted model holds shows only
once it is fitted, so a copy is fitted on a few rows, and an hour of training is not lost to a name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.compiled import fitted_model
from assay.errors import AssayError, BundleUntrusted, PluginError
from assay.model import model
from assay.training.candidates.nested import fit_clone
from assay.training.train.fit import TrainingRows

ROWS = 400
"""Rows of the trial, evenly spaced over the table."""

ROWS_OF_CLASS = 20
"""Rows of each class that are added to them."""

ITERATIONS = 5
"""The most iterations, or members of an ensemble, of the trial."""


def trial_rows(target: NDArray[Any], classes: bool) -> NDArray[np.int64]:
    """Positions of a few rows, in their order, with some of each class."""
    every = np.arange(len(target))
    groups = [every[target == each] for each in np.unique(target)] if classes else []
    parts = [_spread(every, ROWS), *(_spread(group, ROWS_OF_CLASS) for group in groups)]
    return np.unique(np.concatenate(parts))


def _spread(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64)]


def _hurried(pipeline: Any) -> Any:
    """A clone with few iterations: what types a model holds does not depend on their number."""
    from sklearn.base import clone

    hurried = clone(pipeline)
    many = {
        name: ITERATIONS
        for name, value in hurried.get_params(deep=True).items()
        if name.rpartition("__")[2] in ("max_iter", "n_estimators")
        and isinstance(value, int)
        and value > ITERATIONS
    }
    return hurried.set_params(**many) if many else hurried


def held_types(name: str, pipeline: Any, rows: TrainingRows) -> list[str]:
    """Types that need to be allowed, of a candidate that was fitted on a few rows; sorted.

    Empty if those few cannot be fitted on: then training shows what is wrong, or that it works.

    Raises
    ------
    PluginError
        skops cannot store what was fitted, or could not find its parts again.
    """
    some = trial_rows(rows.target, classes=rows.task != "regression")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about having few rows
            fitted = fit_clone(
                _hurried(pipeline),
                rows.features.iloc[some],
                rows.target[some],
                rows.days.to_numpy()[some],
                None if rows.weights is None else rows.weights[some],
            )
    except Exception:
        return []
    try:
        packed = model.dumps(fitted_model.Model(fitted.pipeline, None, (), (), rows.task))
    except Exception as error:
        raise _not_stored(name, fitted_model.error_message(error)) from None
    types = model.untrusted_types(packed)
    nameless = [each for each in types if "<" in each]
    if nameless:
        raise _not_stored(name, ", ".join(nameless))
    return types


def _not_stored(name: str, found: str) -> PluginError:
    return PluginError(
        "no bundle could store what was fitted",
        where=f"params.yaml: train.candidates.{name}",
        expected="classes and functions at the top level of modules, no lambdas or open files",
        found=found,
    )


def check_types(
    name: str,
    found: Sequence[str],
    allowed: Sequence[str],
    others: Mapping[str, Callable[[], Sequence[str]]],
) -> None:
    """Refuse types that are not allowed, together with those of the other candidates.

    Parameters
    ----------
    found
        Types that the candidate ``name`` holds.
    others
        For each other candidate, what finds its types. It is asked only if ``name`` is refused.

    Raises
    ------
    BundleUntrusted
        With the line for params.yaml that would allow all of them.
    """
    if set(found) <= set(allowed):
        return
    refused = {name: set(found) - set(allowed)}
    for other, find in others.items():
        try:
            refused[other] = set(find()) - set(allowed)
        except AssayError:
            continue  # its own stage says so
    told = [f"{each}: {', '.join(sorted(types))}" for each, types in refused.items() if types]
    whole = ", ".join([*allowed, *sorted(set().union(*refused.values()))])
    raise BundleUntrusted(
        "the model holds types that nobody allowed, so it could not be loaded again",
        where=f"params.yaml: train.candidates.{name}",
        found="; ".join(told),
        fix=f"If you trust them, write: bundle.allow_types: [{whole}]",
    )
