"""Reads scikit-learn's fitted linear models into weights by feature."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from assay.compiled.array_types import NotCompiled
from assay.compiled.columns import Category, ColumnEncoder, MissingIndicator, NumberColumn
from assay.compiled.linear.linear import Linear, Weights

REGRESSORS = (
    *(
        f"sklearn.linear_model.{name}"
        for name in (
            "ARDRegression",
            "BayesianRidge",
            "ElasticNet",
            "ElasticNetCV",
            "HuberRegressor",
            "Lars",
            "LarsCV",
            "Lasso",
            "LassoCV",
            "LassoLars",
            "LassoLarsCV",
            "LassoLarsIC",
            "LinearRegression",
            "OrthogonalMatchingPursuit",
            "OrthogonalMatchingPursuitCV",
            "QuantileRegressor",
            "Ridge",
            "RidgeCV",
            "SGDRegressor",
            "TheilSenRegressor",
        )
    ),
    "sklearn.svm.LinearSVR",
)
"""Regressors that predict ``coef_ @ row + intercept_``."""

GENERALISED = tuple(
    f"sklearn.linear_model.{name}"
    for name in ("GammaRegressor", "PoissonRegressor", "TweedieRegressor")
)
"""Regressors that apply the inverse of a link function to that."""

LOGISTIC = ("sklearn.linear_model.LogisticRegression", "sklearn.linear_model.LogisticRegressionCV")


def read_linear(estimator: Any, encoded: ColumnEncoder) -> Linear:
    """The weights of a linear model; missing indicators are merged with their numbers.

    Raises
    ------
    NotCompiled
        Its coefficients are not those of a plain linear model.
    """
    if not isinstance(estimator.coef_, np.ndarray):
        raise NotCompiled("its coefficients are no plain matrix")
    coefficients = np.atleast_2d(estimator.coef_).astype(np.float64)
    outputs = len(coefficients)
    width = len(encoded.columns)
    ends = np.cumsum([width, *(text.width for text in encoded.texts)])
    if coefficients.shape[1] != ends[-1]:
        raise NotCompiled("it has another number of coefficients than there are columns")
    intercept = np.broadcast_to(np.asarray(estimator.intercept_, np.float64).reshape(-1), outputs)

    numbers: list[NumberColumn] = []
    weights, known, null = [], [], []
    tables: dict[int, np.ndarray[tuple[int, int], np.dtype[np.float64]]] = {}
    for column, weight in zip(encoded.columns, coefficients.T[:width], strict=True):
        if isinstance(column, NumberColumn):
            numbers.append(column)
            weights.append(weight)
            known.append(np.zeros(outputs))
            null.append(np.zeros(outputs))
        elif isinstance(column, MissingIndicator):
            at = next(at for at, number in enumerate(numbers) if number.place == column.place)
            known[at] = known[at] + weight * column.known
            null[at] = null[at] + weight * column.null
        elif isinstance(column, Category):
            table = tables.setdefault(column.place, np.zeros((outputs, len(column.values))))
            # Rows of a state without a value get no score, so any weight will do.
            table += weight[:, None] * np.where(np.isnan(column.values), 0.0, column.values)
    empty = np.empty(0)
    return Linear(
        Weights(
            place=np.array([number.place for number in numbers], np.int64),
            scaled=np.array([number.scaled for number in numbers], np.bool_),
            fill=np.array([number.fill for number in numbers], np.float64),
            mean=np.array([number.mean for number in numbers], np.float64),
            scale=np.array([number.scale for number in numbers], np.float64),
            weights=np.concatenate([empty, *weights]),
            known=np.concatenate([empty, *known]),
            null=np.concatenate([empty, *null]),
            state_place=np.array(list(tables), np.int64),
            starts=np.cumsum([0, *(table.size for table in tables.values())]).astype(np.int64),
            tables=np.concatenate([empty, *(table.reshape(-1) for table in tables.values())]),
            intercept=np.ascontiguousarray(intercept),
            texts=np.concatenate(
                [empty, *(coefficients[:, a:b].reshape(-1) for a, b in pairwise(ends))]
            ),
        )
    )
