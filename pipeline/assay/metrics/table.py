"""What the metrics of every task have in common.

Rows are put in order once; after that a weighting of the rows costs a few sums.

Each metric equals scikit-learn's. A metric that has no value is NaN, never 0 or 1:
scikit-learn's ``zero_division`` and its average precision of 1 without any negative are
numbers that would pass a gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]
Bools: TypeAlias = NDArray[np.bool_]

CLIP = float(np.finfo(np.float64).eps)
"""log_loss takes probabilities from CLIP to 1 - CLIP (2.2e-16), as scikit-learn does."""

BINS = 10
"""Bins of the calibration error, of equal count up to ties."""

FEWEST = 10
"""Rows of each label that must be there for an interval: with fewer, how much they vary is known
too badly, and where they happen to be alike an interval would look certain."""

NO_NUMBER = "it came out as not a number"
"""Why a metric has no value where nothing is lacking."""


class Table(Protocol):
    """Rows with truth and score, ready to be measured under any weights."""

    @property
    def strata(self) -> tuple[Ints, ...]:
        """Numbers of the rows in the order in which weights are given, every row in one."""
        ...

    def metrics(self, *weights: Floats) -> Mapping[str, Floats]:
        """Every metric of the task under each of ``r`` weightings.

        Parameters
        ----------
        *weights
            For each stratum ``(r, rows in it)``, in its order.

        Returns
        -------
        Mapping
            By name ``(r,)``, NaN where a metric has no value.
        """
        ...

    def why(self, name: str) -> str:
        """Why a metric has no value in these rows, in words."""
        ...

    def few(self, name: str) -> str | None:
        """Why there are too few rows for an interval of a metric; None if there are enough."""
        ...

    @property
    def rarest(self) -> int:
        """Rows of the rarest label that occurs, or of a regression all of them."""
        ...


def values(table: Table) -> dict[str, float]:
    """Every metric of the rows as they are."""
    weights = (np.ones((1, len(rows))) for rows in table.strata)
    return {name: float(found[0]) for name, found in table.metrics(*weights).items()}


def calibration_edges(p: Floats) -> Floats:
    """Upper edges ``(<= BINS - 1,)`` of all calibration bins but the last, ascending.

    Edges are probabilities that occur, and equal probabilities share a bin, so a model
    with few distinct outputs has fewer bins. They depend on the probabilities alone, never
    on the weights.
    """
    return np.unique(np.quantile(p, np.arange(1, BINS) / BINS, method="inverted_cdf"))


def calibration_bins(p: Floats) -> Ints:
    """The calibration bin of each row, ``(n,)``, counted from 0 for the lowest."""
    return np.searchsorted(calibration_edges(p), p, side="left")


def running(weight: Floats) -> Floats:
    """Column k is the weight of the first k rows."""
    sums = np.zeros((weight.shape[0], weight.shape[1] + 1))
    np.cumsum(weight, axis=1, out=sums[:, 1:])
    return sums


def row_dot(left: Floats, right: Floats) -> Floats:
    """The scalar product of each row of one with that of the other, ``(r,)``."""
    result: Floats = np.einsum("rn,rn->r", left, right)
    return result
