"""Learns a linear model from sums over sites: what each step sums, and what follows from it.

A logistic regression by Newton's method, whose step needs the sums of losses, gradients and second
derivatives over all rows; a ridge regression by its normal equations. Numbers are encoded by
means and spreads over all sites, and categories by names that a site shares only if it has enough
rows of them. All sites compute the same numbers from the same sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from assay.federate.masked_sums import Floats
from assay.project.tasks import Task
from assay.project.text import counted
from assay.training.candidates.agreed import fitted_encoder, numeric_steps, set_scale

if TYPE_CHECKING:
    import pandas as pd

Pool = Callable[[str, Floats], Floats]
"""Sums numbers over all sites, at a step of this name."""

MOST_ROUNDS = 100
MOST_COLUMNS = 1_000
"""The second derivatives of more would be half a million numbers a round."""
SMALLEST_STEP = 1e-11
"""Coefficients that change by less have converged."""


@dataclass(frozen=True)
class Learnt:
    """A linear model of the rows of all sites; fields as in `AgreedModel`."""

    nullable: tuple[str, ...]
    fill: Floats
    center: Floats
    scale: Floats
    coefficients: Floats
    intercept: float
    rows: int
    rounds: int


def learn(
    features: pd.DataFrame,
    target: Floats,
    task: Task,
    numeric: tuple[str, ...],
    categories: Mapping[str, tuple[str, ...]],
    penalty: float,
    pool: Pool,
) -> Learnt:
    """Learn from the rows of this site and the sums of all.

    Parameters
    ----------
    features
        In the form of `assay.compiled.fitted_model.feature_frame`.
    target
        0 and 1, or numbers ``(n,)``.
    categories
        Those of each categorical feature that have a column.

    Raises
    ------
    ValueError
        The sums are not those of rows, or there is nothing to learn from.
    """
    rows = len(features)
    values = features[list(numeric)].to_numpy(np.float64).reshape(rows, -1)
    known = ~np.isnan(values)
    sums = pool(
        "means",
        np.array([rows, target.sum(), *known.sum(axis=0), *np.where(known, values, 0).sum(axis=0)]),
    )
    total, positives, filled = sums[0], sums[1], sums[2 : 2 + len(numeric)]
    _check_counts(total, filled)
    if task == "binary" and not 0 < positives < total:
        raise ValueError(f"{positives:,.0f} of {total:,.0f} rows are true: nothing can be learnt")
    fill = np.divide(sums[2 + len(numeric) :], filled, out=np.zeros(len(numeric)), where=filled > 0)
    nullable = tuple(name for name, each in zip(numeric, filled, strict=True) if each < total)
    encoder = fitted_encoder(numeric, tuple(categories), categories, nullable, fill.tolist())
    center = scale = np.zeros(0)
    if numeric:
        imputer, scaler = numeric_steps(encoder)
        inputs = np.asarray(imputer.transform(features[list(numeric)]), np.float64)
        center = pool("centers", inputs.sum(axis=0)) / total
        variance = pool("spreads", np.square(inputs - center).sum(axis=0)) / total
        scale = np.where(variance > 0, np.sqrt(np.maximum(variance, 0)), 1.0)
        set_scale(scaler, center, scale)
    columns = np.asarray(encoder.transform(features), np.float64)
    if columns.shape[1] > MOST_COLUMNS:
        raise ValueError(f"{counted(columns.shape[1], 'column')}, more than {MOST_COLUMNS:,}")
    design = np.column_stack([np.ones(rows), columns])
    fit = _ridge if task == "regression" else _logistic
    weights, rounds = fit(design, target, int(total), penalty, pool)
    return Learnt(nullable, fill, center, scale, weights[1:], float(weights[0]), int(total), rounds)


def _check_counts(total: float, filled: Floats) -> None:
    counts = np.array([total, *filled])
    if (counts != np.round(counts)).any() or (counts < 0).any() or (counts > total).any():
        raise ValueError(
            f"the sums are those of no rows ({counted(total, 'row')}): a site sent other numbers "
            "than agreed"
        )


def _logistic(
    design: Floats, target: Floats, total: int, penalty: float, pool: Pool
) -> tuple[Floats, int]:
    """Minimize the sum of log losses and half the penalty times the squared coefficients."""
    shrunk = np.full(design.shape[1], penalty)
    shrunk[0] = 0.0  # not the intercept

    def sums(step: int, at: Floats) -> tuple[float, Floats, Floats]:
        """Objective, gradient and second derivatives over all rows."""
        margin = design @ at
        expected = special.expit(margin)
        losses = np.logaddexp(0, margin) - target * margin
        weights = expected * (1 - expected)
        second = (design * weights[:, None]).T @ design
        upper = np.triu_indices(len(at))
        mine = [len(target), losses.sum(), *(design.T @ (expected - target)), *second[upper]]
        pooled = pool(f"round-{step}", np.array(mine))
        flat = pooled[2 + len(at) :]
        if pooled[0] != total or not 0 <= flat[0] <= total / 4 + 1e-6 or pooled[1] < 0:
            raise ValueError(
                f"the sums of round {step} are not those of {total:,} rows: a site changed its "
                "rows, or sent other numbers than agreed"
            )
        curvature = np.zeros((len(at), len(at)))
        curvature[upper] = flat
        curvature = curvature + curvature.T - np.diag(np.diag(curvature)) + np.diag(shrunk)
        return (
            pooled[1] + float(shrunk @ np.square(at)) / 2,
            pooled[2 : 2 + len(at)] + shrunk * at,
            curvature,
        )

    at = np.zeros(design.shape[1])
    value, slope, curvature = sums(0, at)
    change = -np.linalg.solve(curvature, slope)
    for round_ in range(1, MOST_ROUNDS):
        tried = at + change
        new = sums(round_, tried)
        if new[0] > value + 1e-9 * abs(value):
            change = change / 2
            continue
        at, (value, slope, curvature) = tried, new
        change = -np.linalg.solve(curvature, slope)
        if np.abs(change).max() <= SMALLEST_STEP * (1 + np.abs(at).max()):
            return at + change, round_ + 1
    raise ValueError(f"the coefficients did not converge in {MOST_ROUNDS} rounds")


def _ridge(
    design: Floats, target: Floats, total: int, penalty: float, pool: Pool
) -> tuple[Floats, int]:
    """Minimize the sum of squared errors and the penalty times the squared coefficients."""
    shrunk = np.full(design.shape[1], penalty)
    shrunk[0] = 0.0
    upper = np.triu_indices(design.shape[1])
    pooled = pool("round-0", np.array([*(design.T @ target), *(design.T @ design)[upper]]))
    moments = np.zeros((design.shape[1], design.shape[1]))
    moments[upper] = pooled[design.shape[1] :]
    moments = moments + moments.T - np.diag(np.diag(moments))
    if moments[0, 0] != total:
        raise ValueError(
            f"the sums are not those of {total:,} rows: a site sent other numbers than agreed"
        )
    weights = np.linalg.solve(moments + np.diag(shrunk), pooled[: design.shape[1]])
    return np.asarray(weights, np.float64), 1
