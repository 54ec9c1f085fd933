"""The calibration error without what chance adds to it, and its interval.

A calibration error sums the sizes of its bins' gaps, so noise can only push it up: on a few
hundred rows a model that is calibrated perfectly shows an error of 0.05 (Kumar, Liang and Ma
2019, NeurIPS, "Verified uncertainty calibration"; Roelofs and others 2022, AISTATS). The gaps
themselves are means, whose joint law is known from one pass: normal around the truth, with a
covariance that the units show.

What is asked is therefore how large the true error has to be for an error like this one to come
out. The true gaps are taken to lie in the direction of those that were seen; for a size of theirs
draws say what would be measured. The size whose median draw is the error that was seen is the
estimate (without bias in the median), and those that make it one of the 2.5 % largest or smallest
draws are the ends of the interval (test inversion: Carpenter 1999, "Test inversion bootstrap
confidence intervals", Journal of the Royal Statistical Society B 61, 159-172).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.metrics.bounds import Bounds
from assay.metrics.influence import Influence, Spread, spread
from assay.metrics.table import Floats, Ints, calibration_bins
from assay.metrics.units import Units

DRAWS = 400
"""Draws of all gaps: ends of intervals are right to about a fiftieth of their width."""

STEPS = 25
"""Sizes that are tried; between them is interpolated."""


@dataclass(frozen=True)
class Gaps:
    """By bin, how far the mean probability is from what came of it, times the bin's share.

    Attributes
    ----------
    means
        Of shape (bins,).
    covariance
        Of their sampling distribution, ``(bins, bins)``.
    along
        How their sum varies, each with the sign that it has.
    together
        Whether rows hang together, so that gaps of different bins do.
    """

    means: Floats
    covariance: Floats
    along: Spread
    together: bool

    @property
    def seen(self) -> float:
        """The error as it was measured, noise and all."""
        return float(np.abs(self.means).sum())

    def estimate(self) -> float:
        """The error without what chance adds to it."""
        return float(self._sizes(self._direction(), np.array([0.5]))[0])

    def interval(self, confidence: float) -> tuple[float, float, float]:
        """The error without what chance adds to it, and the ends of its interval.

        The sizes of the true gaps are not known, and noise adds the less to their sum the further
        each is from 0. The upper end is therefore the highest of those in the direction that was
        seen and in the one to which noise adds least: every gap as large as its own standard
        error says, none near 0. Where rows hang together, one bad night moves all gaps at once,
        and may have hidden true gaps that all point the other way: both directions in which the
        gaps vary most together are tried too.

        Draws are symmetric, gaps need not be: where few positives make them, a sample without
        the rare large ones has too small an error and too small a covariance. The upper end is
        raised by what Hall's correction raises that of the gaps' sum by
        (`assay.metrics.bounds`).
        """
        left_out = (1 - confidence) / 2
        shares = np.array([left_out, 0.5, 1 - left_out])
        low, value, high = self._sizes(self._direction(), shares).tolist()
        for direction in self._hardest():
            high = max(high, float(self._sizes(direction, shares[2:])[0]))
        varies = self.along
        bent = [
            Bounds(0.0, varies.standard_error, varies.degrees, skew).interval(confidence)[1]
            for skew in (abs(varies.skew), 0.0)
        ]
        return value, min(low, value), max(high + bent[0] - bent[1], value)

    def draws(self) -> Floats:
        """What sampling does to the gaps, ``(DRAWS, bins)``."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        normal, uniform = _standard(len(self.means))
        drawn: Floats = (normal @ root.T) * _wider(uniform, self.along.degrees)[:, None]
        return drawn

    def _direction(self) -> Floats:
        size = len(self.means)
        return self.means / self.seen if self.seen else np.full(size, 1 / size)

    def _hardest(self) -> list[Floats]:
        """Directions in which large true gaps would be seen as small ones most easily."""
        errors = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        if not errors.any():
            return []
        found: list[Floats] = [np.where(self.means < 0, -1.0, 1.0) * errors / errors.sum()]
        if self.together:
            _, vectors = np.linalg.eigh(self.covariance)
            most = vectors[:, -1] / np.abs(vectors[:, -1]).sum()
            found += [most, -most]
        return found

    def _sizes(self, direction: Floats, shares: Floats) -> Floats:
        """True errors in this direction that are no larger, with the probabilities ``shares``."""
        seen = self.seen
        reach = seen + 5 * max(0.0, float(np.trace(self.covariance))) ** 0.5
        sizes = np.linspace(0, reach, STEPS)
        drawn = np.abs(sizes[:, None, None] * direction + self.draws()).sum(axis=2)
        # Of the draws at each size, as many as 1 - share have to lie above what was seen.
        levels = np.maximum.accumulate(np.quantile(drawn, 1 - shares, axis=1), axis=1)
        return np.array([np.interp(seen, level, sizes, left=0.0) for level in levels])


def gaps(bins: Ints, values: Floats, units: Units) -> Gaps:
    """Of rows.

    Parameters
    ----------
    bins
        The bin of each row ``(n,)``, every one from 0 on.
    values
        The probability of each row less what came of it, ``(n,)``.
    """
    n, size = len(bins), int(bins.max()) + 1
    means = np.bincount(bins, weights=values, minlength=size) / n
    if units.codes is None:
        squares = np.bincount(bins, weights=np.square(values), minlength=size)
        covariance = (np.diag(squares / n) - np.outer(means, means)) / (n - 1)
    else:
        covariance = by_unit((bins, bins), (values, values), units)
    signed = values * np.sign(means)[bins]
    return Gaps(means, covariance, spread(Influence(signed), units), units.codes is not None)


def by_unit(bins: Sequence[Ints], values: Sequence[Floats], units: Units) -> Floats:
    """The covariance ``(bins of one, bins of the other)`` of gaps of rows that hang together."""
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


def gaps_of(scores: Floats, truth: np.ndarray, units: Units) -> Gaps:
    """Of a classifier: one probability a row (binary), or one a class, of which the likeliest."""
    return gaps(*rows_of(scores, truth), units)


def rows_of(scores: Floats, truth: np.ndarray) -> tuple[Ints, Floats]:
    """The bin of each row, and its probability less what came of it."""
    if scores.ndim == 1:
        return calibration_bins(scores), scores - truth
    called = np.argmax(scores, axis=1)
    top = scores[np.arange(len(called)), called]
    return calibration_bins(top), top - (called == truth)


@lru_cache(maxsize=4)
def _standard(size: int) -> tuple[Floats, Floats]:
    """The same draws for everything, so that what is measured twice comes out twice alike."""
    random = np.random.default_rng(20130601)
    return random.normal(size=(DRAWS, size)), random.random(DRAWS)


def _wider(uniform: Floats, degrees: float) -> Floats:
    """Factors that turn normal draws into draws of a t distribution of several variables."""
    from scipy import special

    if degrees > 1000:
        return np.ones(len(uniform))
    found: Floats = np.sqrt(degrees / special.chdtri(degrees, uniform))
    return found
