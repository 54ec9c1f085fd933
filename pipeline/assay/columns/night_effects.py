"""How far the outcomes of a night lie from what a model expects, learnt on the reference's nights.

A probability is calibrated on average over nights. On a single night all rows may be positive more
often, or the scores may separate less well, and the calibration itself was fitted to few nights. So
the log odds of a row in night t are ``l + u_t + v_t (l - centre)``, where l is what the score says
(the intercept and slope of calibration: D. Cox, "Two further applications of a model for binary
regression", Biometrika 45, 1958). For an expected loss the same holds of its logarithm.

``u`` and ``v`` are random effects of the nights. Their second moments are fitted by the EM
algorithm (N. Laird and J. Ware, "Random-effects models for longitudinal data", Biometrics 38,
1982), with the likelihood of a night replaced by its normal approximation at no effect. They are
moments about 0, not about the mean, because each night was scored and calibrated by a fit to other
nights: they contain the error of that fit.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.columns.features import Floats

FEWEST = 3
"""Nights that show how nights differ."""

ROUNDS = 300
SMALL = 1e-9
"""Relative size of what is added to matrices, so that a night of equal scores has an inverse."""

SURE = 1e-4
"""Probabilities nearer to 0 or 1 count as this far away, as single rows must not fix the slope."""


@dataclass(frozen=True)
class NightEffects:
    """The random effects of nights on one score.

    Attributes
    ----------
    centre
        The log odds, or the logarithm of the loss, at which the slope has no effect.
    level, both, slope
        Second moments of u, of u and v, and of v, for a night that is not of the reference.
    nights
        How many they were learnt on.
    """

    centre: float
    level: float
    both: float
    slope: float
    nights: int

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in asdict(self).values()):
            raise ValueError("the effects of nights must be finite numbers")
        if min(self.level, self.slope) < 0 or self.nights < FEWEST:
            raise ValueError("the effects of nights need moments and nights")

    def reach(self, places: Floats, slopes: Floats, confidence: float) -> float:
        """How far a night moves a metric, as half the width of an interval.

        Student's t, because few nights show the moments only roughly.

        Parameters
        ----------
        places
            Log odds, or logarithms of the loss, of some cells.
        slopes
            Derivatives of the metric by the log odds (the logarithm of the loss) of all rows of a
            cell; of shape (cells,).
        """
        from scipy import special

        level, slope = float(slopes.sum()), float(slopes @ (places - self.centre))
        variance = level**2 * self.level + 2 * level * slope * self.both + slope**2 * self.slope
        quantile = float(special.stdtrit(self.nights - 1, (1 + confidence) / 2))
        return quantile * math.sqrt(max(variance, 0.0))

    @classmethod
    def from_dict(cls, tree: Any) -> NightEffects:
        """Read the tree of `dataclasses.asdict`.

        Raises
        ------
        ValueError, TypeError, KeyError
            It is not one.
        """
        numbers = {name: float(tree[name]) for name in ("centre", "level", "both", "slope")}
        return cls(**numbers, nights=int(tree["nights"]))


def log_odds(probability: Floats) -> Floats:
    """The log odds of probabilities, which are kept `SURE` away from 0 and 1."""
    safe = np.clip(probability, SURE, 1 - SURE)
    return np.asarray(np.log(safe) - np.log1p(-safe))


def learn_probability(
    expected: Floats, happened: NDArray[Any], night: NDArray[Any]
) -> NightEffects | None:
    """The effects of nights on a probability; None with fewer than `FEWEST` nights.

    Parameters
    ----------
    expected
        Of each row, from a model and a calibration that were not fitted to its night.
    happened
        Whether the row is positive.
    night
        Of each row, as a whole number from 0.
    """
    varies = expected * (1 - expected)
    return _learn(log_odds(expected), varies, varies, happened - expected, night)


def learn_loss(expected: Floats, loss: Floats, night: NDArray[Any]) -> NightEffects | None:
    """The effects of nights on an expected loss; as `learn_probability`."""
    off = loss - expected
    return _learn(log_loss_size(expected), expected, np.square(off), off, night)


def learn_error(error: Floats, night: NDArray[Any]) -> NightEffects | None:
    """The effects of nights on the mean of a number that is 0 on average."""
    ones = np.ones(len(error))
    return _learn(0 * ones, ones, np.square(error), error, night)


def log_loss_size(expected: Floats) -> Floats:
    """The logarithm of expected losses, of which the smallest count as a thousandth of the mean."""
    mean = float(expected.mean()) if len(expected) else 0.0
    return np.asarray(np.log(np.maximum(expected, max(mean / 1000, SMALL))))


def _learn(
    places: Floats, slopes: Floats, variances: Floats, off: Floats, night: NDArray[Any]
) -> NightEffects | None:
    """The effects, from the rows' places, derivatives, variances of the outcome, and residuals."""
    codes, kept = np.unique(night, return_inverse=True)
    if len(codes) < FEWEST or not slopes.sum() > 0:
        return None
    centre = float(slopes @ places / slopes.sum())
    design = np.stack([np.ones(len(places)), places - centre], axis=-1)
    slope, noise = (_by_night(design, each, kept) for each in (slopes, variances))
    score = np.stack([np.bincount(kept, column * off) for column in design.T], axis=-1)
    weight = np.linalg.solve(_invertible(noise), slope).transpose(0, 2, 1)
    known, toward = weight @ slope, (weight @ score[..., None])[..., 0]
    moments = _moments(_invertible(known), toward)
    # The error of the mean effect, which the calibration learnt from the same nights.
    alone = np.linalg.inv(_invertible(known))
    moments = moments + np.linalg.inv(np.linalg.inv(moments + alone).sum(axis=0))
    level, both, steep = (float(moments[place]) for place in ((0, 0), (0, 1), (1, 1)))
    return NightEffects(centre, level, both, steep, len(codes))


def _by_night(design: Floats, weights: Floats, night: NDArray[Any]) -> Floats:
    """The weighted cross products of the design, of shape (nights, 2, 2)."""
    first, second = design.T
    a, b, c = (
        np.bincount(night, weights * product)
        for product in (first * first, first * second, second * second)
    )
    return np.stack([np.stack([a, b], axis=-1), np.stack([b, c], axis=-1)], axis=-1)


def _invertible(matrices: Floats) -> Floats:
    """The matrices with a little added to their diagonals."""
    size = float(np.trace(matrices, axis1=1, axis2=2).mean())
    return np.asarray(matrices + max(SMALL * size, np.finfo(float).tiny) * np.eye(2))


def _moments(known: Floats, toward: Floats) -> Floats:
    """Second moments of the effects, by EM, from each night's information and its score."""
    first = np.linalg.solve(known, toward[..., None])[..., 0]
    moments = np.diag(np.maximum(np.square(first).mean(axis=0), SMALL))
    for _ in range(ROUNDS):
        variance = np.linalg.inv(known + np.linalg.inv(moments))
        effect = (variance @ toward[..., None])[..., 0]
        moments = (effect.T @ effect + variance.sum(axis=0)) / len(known) + SMALL * np.eye(2)
    return moments
