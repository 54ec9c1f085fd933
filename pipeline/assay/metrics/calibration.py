"""The calibration error with its sampling bias removed, and its interval.

A calibration error sums the absolute gaps of its bins, so noise can only raise it. On a few hundred
rows a perfectly calibrated model shows an error of 0.05 (Kumar, Liang and Ma 2019, NeurIPS,
"Verified uncertainty calibration"; Roelofs and others 2022, AISTATS). The signed gaps are means.
Their joint distribution is normal around the truth, with a covariance that is estimated from the
units in one pass.

The estimate therefore inverts a test: how large is the true error if it produces the measured one?
The true gaps are assumed to point in the direction of the measured gaps. For each size of the true
error, draws give the errors that would be measured. The estimate is the size whose median draw
equals the measured error, so it is median-unbiased. The ends of the interval are the sizes for
which the measured error lies at the 2.5 % or 97.5 % quantile of the draws (Carpenter 1999, "Test
inversion bootstrap confidence intervals", Journal of the Royal Statistical Society B 61, 159-172).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from assay.metrics.evaluator import Floats, Ints, calibration_bins
from assay.metrics.influence import (
    Influence,
    SamplingDistribution,
    SamplingVariation,
    sampling_variation,
)
from assay.metrics.sampling_units import SamplingUnits

DRAWS = 400
"""Draws of all gaps; ends of intervals are accurate to about 1/50 of their width."""

STEPS = 25
"""Sizes that are tried; values between them are interpolated."""


@dataclass(frozen=True)
class CalibrationGaps:
    """For each bin, mean probability minus observed rate, times the bin's share of rows.

    Attributes
    ----------
    means
        Of shape (bins,).
    covariance
        Of their sampling distribution, ``(bins, bins)``.
    along
        Sampling variation of the sum of the absolute gaps, with the signs held fixed.
    together
        Whether rows are clustered, so that gaps of different bins are correlated.
    shift
        Of shape (bins,): what nights that follow each other add to the standard errors, all of
        them in the same sign. It is part of the covariance.
    """

    means: Floats
    covariance: Floats
    along: SamplingVariation
    together: bool
    shift: Floats

    @property
    def measured(self) -> float:
        """The error as measured, sampling bias included."""
        return float(np.abs(self.means).sum())

    def estimate(self) -> float:
        """The error with its sampling bias removed."""
        return float(self._sizes(self._direction(), np.array([0.5]))[0])

    def interval(self, confidence: float) -> tuple[float, float, float]:
        """The error with its sampling bias removed, then the low and high end of its interval.

        How the true error is spread over the bins is unknown, and noise raises the sum less the
        further each gap is from 0. The upper end is therefore the highest over several directions:
        the measured one, and the one that noise raises least, with every gap in proportion to its
        standard error. If rows are clustered, one bad night moves all gaps at once and can hide
        true gaps that all have the opposite sign, so both signs of the first principal component
        are tried too. How much nights follow each other is unknown as well, and too much of it
        would make a usual error look smaller than noise alone makes it. So the upper end is no
        lower than if they did not.

        Draws are symmetric, but gaps need not be: with few positives, a sample without the rare
        large gaps shows too small an error and too small a covariance. The upper end is raised by
        the amount by which Hall's correction raises that of the gaps' sum
        (`assay.metrics.influence`).
        """
        left_out = (1 - confidence) / 2
        shares = np.array([left_out, 0.5, 1 - left_out])
        low, value, high = self._sizes(self._direction(), shares).tolist()
        for each in (self, self._not_following()):
            for direction in (self._direction(), *each._hardest()):
                high = max(high, float(each._sizes(direction, shares[2:])[0]))
        varies = self.along
        bent = [
            SamplingDistribution(0.0, varies.standard_error, varies.degrees, skew).interval(
                confidence
            )[1]
            for skew in (abs(varies.skew), 0.0)
        ]
        return value, min(low, value), max(high + bent[0] - bent[1], value)

    def draws(self) -> Floats:
        """Sampling errors of the gaps, ``(DRAWS, bins)``."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal, uniform = _standard(len(self.means))
        drawn: Floats = (normal @ root.T) * _wider(uniform, self.along.degrees)[:, None]
        return drawn

    def _not_following(self) -> CalibrationGaps:
        covariance = self.covariance - np.outer(self.shift, self.shift)
        return replace(self, covariance=covariance, shift=np.zeros(len(self.shift)))

    def _direction(self) -> Floats:
        size = len(self.means)
        return self.means / self.measured if self.measured else np.full(size, 1 / size)

    def _hardest(self) -> list[Floats]:
        """Directions in which large true gaps are most easily measured as small ones."""
        errors = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        if not errors.any():
            return []
        signs: list[Floats] = [np.where(self.means < 0, -1.0, 1.0) * errors / errors.sum()]
        if self.together:
            _, vectors = np.linalg.eigh(self.covariance)
            most = vectors[:, -1] / np.abs(vectors[:, -1]).sum()
            signs += [most, -most]
        return signs

    def _sizes(self, direction: Floats, shares: Floats) -> Floats:
        """The true errors in this direction at quantiles ``shares`` of their sampling law."""
        seen = self.measured
        reach = seen + 5 * max(0.0, float(np.trace(self.covariance))) ** 0.5
        sizes = np.linspace(0, reach, STEPS)
        drawn = np.abs(sizes[:, None, None] * direction + self.draws()).sum(axis=2)
        # At the size that is looked for, the measured error is the (1 - share) quantile of the
        # draws.
        levels = np.maximum.accumulate(np.quantile(drawn, 1 - shares, axis=1), axis=1)
        return np.array([np.interp(seen, level, sizes, left=0.0) for level in levels])


def calibration_gaps(bins: Ints, values: Floats, units: SamplingUnits) -> CalibrationGaps:
    """The gaps of rows.

    Parameters
    ----------
    bins
        The bin of each row ``(n,)``; every bin from 0 on has rows.
    values
        The probability of each row minus its outcome (0 or 1), ``(n,)``.
    """
    n, size = len(bins), int(bins.max()) + 1
    means = np.bincount(bins, weights=values, minlength=size) / n
    if units.codes is None:
        squares = np.bincount(bins, weights=np.square(values), minlength=size)
        covariance = (np.diag(squares / n) - np.outer(means, means)) / (n - 1)
    else:
        covariance = clustered_covariance((bins, bins), (values, values), units)
    along = sampling_variation(Influence(values * np.sign(means)[bins]), units)
    # What follows is the night's level, which moves all gaps; the noise of single bins does not.
    whole = sampling_variation(Influence(values), units)
    shift = covariance.sum(axis=1)
    if (square := shift.sum()) > 0:
        shift = shift * max(0.0, (whole.longer - 1) / square) ** 0.5
    covariance = covariance + np.outer(shift, shift)
    along = replace(along, worth=whole.worth)
    return CalibrationGaps(means, covariance, along, units.codes is not None, shift)


def clustered_covariance(
    bins: Sequence[Ints], values: Sequence[Floats], units: SamplingUnits
) -> Floats:
    """The covariance ``(bins of one, bins of the other)`` of gaps of clustered rows."""
    assert units.codes is not None
    n, sizes = len(bins[0]), units.sizes()
    raised = []
    for own, rows in zip(bins, values, strict=True):
        size = int(own.max()) + 1
        cells = units.codes * size + own
        sums = np.bincount(cells, weights=rows, minlength=units.count * size)
        usual = np.bincount(own, weights=rows, minlength=size) / n
        apart = sums.reshape(units.count, size) - sizes[:, None] * usual
        raised.append(apart / np.sqrt(1 - sizes / n)[:, None])
    covariance: Floats = raised[0].T @ raised[1] / n**2
    return covariance


def classifier_gaps(scores: Floats, truth: np.ndarray, units: SamplingUnits) -> CalibrationGaps:
    """The gaps of a classifier; of a multiclass one, those of the top class's probability."""
    return calibration_gaps(*bin_residuals(scores, truth), units)


def bin_residuals(scores: Floats, truth: np.ndarray) -> tuple[Ints, Floats]:
    """The bin of each row, and its probability minus its outcome (0 or 1)."""
    if scores.ndim == 1:
        return calibration_bins(scores), scores - truth
    called = np.argmax(scores, axis=1)
    top = scores[np.arange(len(called)), called]
    return calibration_bins(top), top - (called == truth)


@lru_cache(maxsize=4)
def _standard(size: int) -> tuple[Floats, Floats]:
    """The same draws on every call, so that results are reproducible."""
    random = np.random.default_rng(20130601)
    return random.normal(size=(DRAWS, size)), random.random(DRAWS)


def _wider(uniform: Floats, degrees: float) -> Floats:
    """Factors that turn normal draws into draws of a multivariate t distribution."""
    from scipy import special

    if degrees > 1000:
        return np.ones(len(uniform))
    factor: Floats = np.sqrt(degrees / special.chdtri(degrees, uniform))
    return factor
