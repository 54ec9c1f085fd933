"""How well the mean of nights is known if nights follow each other.

What a night adds to a metric is an effect of the night and the noise of its rows. Effects are an
autoregression of order 1 with an unknown coefficient and spread, or there are none; the noise is
known from the rows within nights. Of 30 nights a single estimate of the coefficient is off by .15
and more, and an interval that takes it for the truth is too narrow where it matters most. So
intervals are averaged over no effect and all coefficients and spreads, weighted by how well they
explain the nights (Gelman and others 2013, Bayesian Data Analysis, 5.4 and 7.3;
docs/comparison.md has the coverage that follows).

Thirty nights with a few positives each hardly show how they follow each other. The scores of the
same nights do, and whatever moves these may move the labels, so they say what is likely beforehand.

Nights are taken as their cosines around their mean, whose variances are known for each coefficient
and which are nearly independent (Mueller and Watson 2008, Econometrica 76, 979-1016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from assay.metrics.evaluator import Floats

STEPS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
"""Coefficients that are thought possible."""
NO_EFFECT = 0.3
"""How likely it is beforehand that nights have no effect, and the noise of rows is all there is."""
INDEPENDENT = 0.75
"""How likely it is of nights with effects that these do not follow each other; the rest is shared
equally."""
SPREADS = np.array([0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05, 1.25, 1.5, 1.8, 2.2, 2.8, 3.5])
"""Spreads of the nights' effects, as multiples of the one that alone would explain the nights."""
POWER = 0.5
"""Beforehand, a spread is as likely as this power of it."""
_STEP = np.maximum(np.arange(len(STEPS) + 1) - 1, 0)
"""The coefficient of each case: first of no effect, which has none, then of `STEPS`."""
LEAST_NOISE = 1e-3
"""Share of the nights' variance that is noise at the least."""
INNER, OUTER = 0.975, 0.995
"""Where a t distribution is made to agree with the average."""


@dataclass(frozen=True)
class Following:
    """How likely no effect and each of `STEPS` is by what the same nights show of anything else.

    Attributes
    ----------
    beforehand
        What the nights of a metric may refute, the earlier half as much as the next.
    losses
        By the losses, which counts as much as what a metric's own nights show, but cannot make no
        effect likelier; empty if nobody looked.
    """

    beforehand: tuple[tuple[float, ...], ...] = ()
    losses: tuple[float, ...] = ()


NOT_SEEN = Following()


@dataclass(frozen=True)
class SeriesMeans:
    """What is known of the means of several series of nights; each field is ``(series,)``.

    Attributes
    ----------
    standard_error, degrees
        Of t distributions whose 95 % intervals are those of the averages, and mostly the 99 % too.
    worth
        Number of independent nights whose mean would be known as well.
    """

    standard_error: Floats
    degrees: Floats
    worth: Floats


def follows(
    sums: Floats, noise: float, beforehand: tuple[tuple[float, ...], ...] = ()
) -> tuple[float, ...]:
    """How likely no effect is, then each of `STEPS`; empty if these nights cannot tell.

    Parameters
    ----------
    sums
        Of each night in its order, ``(nights,)``.
    noise
        The part of their variance that is the rows' own.
    beforehand
        As in `Following`.
    """
    if len(sums) < 3 or not np.ptp(sums) > 0:
        return ()
    weights, _ = _weighed(sums[None], np.array([noise]), beforehand)
    return tuple(weights[0].sum(axis=1).tolist())


def mean_of_nights(sums: Floats, noise: Floats, following: Following) -> SeriesMeans:
    """What is known of the mean of each series.

    Parameters
    ----------
    sums
        ``(series, nights)``, at least three nights.
    noise
        As in `follows`, of each series ``(series,)``.
    """
    from scipy import special

    nights = sums.shape[1]
    weights, variances = _weighed(sums, noise, following.beforehand)
    if following.losses:
        own = weights.sum(axis=2)
        both = (own + np.array(following.losses)) / 2
        # What leaves the losses alone may still move this metric.
        both[:, 0] = np.minimum(both[:, 0], own[:, 0])
        weights = weights * (both / np.maximum(own, 1e-300))[:, :, None]
        weights /= weights.sum(axis=(1, 2), keepdims=True)
    roots = np.sqrt(variances)
    inner, outer = (_quantiles(weights, roots, share) for share in (INNER, OUTER))
    quantiles, ratios, degrees = _quantiles_of_t()
    freedom = np.interp(outer / inner, ratios, degrees)
    alone = sums.std(axis=1, ddof=1) / nights**0.5
    # Never a smaller error than of independent nights, only to have its quantile much larger.
    smaller = inner / special.stdtrit(freedom, INNER) < alone
    freedom = np.where(smaller, np.interp(inner / alone, quantiles, degrees), freedom)
    usual = alone * special.stdtrit(nights - 1, INNER)
    worth = nights * np.minimum(1.0, np.square(usual / inner))
    return SeriesMeans(inner / special.stdtrit(freedom, INNER), freedom, worth)


def _weighed(
    sums: Floats, noise: Floats, beforehand: tuple[tuple[float, ...], ...]
) -> tuple[Floats, Floats]:
    """Weights of cases and spreads, and the variance of the mean with each.

    Both ``(series, cases, spreads)``: first no effect, whatever the spread, then each of `STEPS`.
    """
    from scipy import fft

    nights = sums.shape[1]
    apart, means = (each[_STEP] for each in _cosines(nights))
    squares = np.square(fft.dct(sums, norm="ortho", axis=1)[:, 1:])
    total = squares.sum(axis=1)
    noise = np.maximum(noise, LEAST_NOISE * total / (nights - 1))[:, None, None]
    base = np.sqrt(total[:, None] / apart.sum(axis=1))
    effects = np.square(base[:, :, None] * SPREADS)
    effects[:, 0] = 0.0
    variances = effects[..., None] * apart[:, None, :] + noise[..., None]
    likely = -0.5 * (np.log(variances) + squares[:, None, None, :] / variances).sum(axis=3)
    follow = (1 - NO_EFFECT) * (1 - INDEPENDENT)
    before = np.full(len(_STEP), follow / (len(STEPS) - 1))
    before[:2] = NO_EFFECT, (1 - NO_EFFECT) * INDEPENDENT
    for seen in filter(None, beforehand):
        before = (before + np.array(seen)) / 2
    likely += np.log(before)[:, None] + np.log(np.gradient(SPREADS) * SPREADS**POWER)
    weights = np.exp(likely - likely.max(axis=(1, 2), keepdims=True))
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    return weights, effects * means[:, None] + noise / nights


@lru_cache(maxsize=32)
def _cosines(nights: int) -> tuple[Floats, Floats]:
    """The variances of the cosines of effects with a variance of 1, and that of their mean.

    For each coefficient: ``(coefficients, nights - 1)`` and ``(coefficients,)``.
    """
    k = np.arange(1, nights)
    lags = np.arange(nights)
    apart, means = [], []
    for step in STEPS:
        r = step**lags
        if nights <= 200:
            from scipy import fft, linalg

            d = np.diag(fft.dctn(linalg.toeplitz(r), norm="ortho"))[1:]
        else:
            d = (1 - step**2) / (1 + step**2 - 2 * step * np.cos(np.pi * k / nights))
        apart.append(d)
        means.append((2 * ((1 - lags / nights) * r).sum() - 1) / nights)
    return np.array(apart), np.array(means)


def _quantiles(weights: Floats, roots: Floats, share: float) -> Floats:
    """Quantiles of averages of normal distributions around 0 with these standard deviations.

    Both ``(series, cases, spreads)``, as `_weighed` has them.
    """
    from scipy import special

    low, high = np.zeros(len(roots)), roots.max(axis=(1, 2)) * special.ndtri(share)
    for _ in range(40):
        middle = (low + high) / 2
        below = (weights * special.ndtr(middle[:, None, None] / roots)).sum(axis=(1, 2)) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(high)


@lru_cache(maxsize=1)
def _quantiles_of_t() -> tuple[Floats, Floats, Floats]:
    """Inner quantiles, ratios of the outer to them, both ascending, and degrees of freedom."""
    from scipy import special

    degrees = np.geomspace(1000, 1, 200)
    inner = special.stdtrit(degrees, INNER)
    return inner, special.stdtrit(degrees, OUTER) / inner, degrees
