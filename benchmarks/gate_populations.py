"""Two models in a population whose every metric is known, to draw holdouts from.

Binary: a label's log odds move a normal score by ``pull``, and a model that says the posterior
probability of its score is calibrated. AUC, F1 and the losses of such a model are integrals over
one normal variable. Regression: errors are normal, of a spread that one row in ten has wider.
Both models see the same rows, and what one gets wrong the other often does too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import integrate, special, stats

from pipeline.metrics.scored import Scored
from pipeline.tasks import goodness

Floats = np.ndarray


@dataclass(frozen=True)
class Population:
    """Where holdouts come from.

    Attributes
    ----------
    truths
        By metric: the champion's and the challenger's.
    draw
        A holdout of so many rows: champion and challenger.
    """

    truths: dict[str, tuple[float, float]]
    draw: Callable[[np.random.Generator, int], tuple[Scored, Scored]]

    def better_by(self, metric: str) -> float:
        """How much better the challenger truly is; below 0 for a drop."""
        champion, challenger = self.truths[metric]
        return goodness(metric, challenger) - goodness(metric, champion)


def binary(
    share: float = 0.25,
    pulls: tuple[float, float] = (1.0, 0.9),
    alike: float = 0.8,
    threshold: float = 0.3,
) -> Population:
    """Classifiers of which the challenger is a little worse.

    Parameters
    ----------
    share
        Of positives.
    pulls
        How far the label moves the champion's and the challenger's score.
    alike
        Correlation of the two scores within a label.
    """

    def draw(random: np.random.Generator, rows: int) -> tuple[Scored, Scored]:
        truth = random.random(rows) < share
        noise = _alike(random, rows, alike)
        champion, challenger = (
            Scored(
                "binary", truth, _posterior(own + pull * truth, pull, share), threshold=threshold
            )
            for own, pull in zip(noise, pulls, strict=True)
        )
        return champion, challenger

    old, new = (_binary_truths(pull, share, threshold) for pull in pulls)
    return Population({name: (old[name], new[name]) for name in old}, draw)


def regression(
    spreads: tuple[float, float] = (1.0, 1.05), alike: float = 0.8, wide: float = 2.5
) -> Population:
    """Regressions of which the challenger's errors are a little larger."""

    def draw(random: np.random.Generator, rows: int) -> tuple[Scored, Scored]:
        truth = random.normal(size=rows)
        scale = np.where(random.random(rows) < 0.1, wide, 1.0)
        champion, challenger = (
            Scored("regression", truth, truth + spread * scale * own)
            for own, spread in zip(_alike(random, rows, alike), spreads, strict=True)
        )
        return champion, challenger

    old, new = (spread * (0.9 + 0.1 * wide**2) ** 0.5 for spread in spreads)
    return Population({"rmse": (old, new)}, draw)


def _alike(random: np.random.Generator, rows: int, correlation: float) -> tuple[Floats, Floats]:
    one, other = random.normal(size=(2, rows))
    return one, correlation * one + (1 - correlation**2) ** 0.5 * other


def _posterior(score: Floats, pull: float, share: float) -> Floats:
    return special.expit(special.logit(share) + pull * score - pull**2 / 2)


def _binary_truths(pull: float, share: float, threshold: float) -> dict[str, float]:
    def mean(of_positive: Callable[[Floats], Floats], of_negative: Callable[[Floats], Floats]):
        def density(score: float) -> float:
            p = _posterior(score, pull, share)
            return share * of_positive(p) * stats.norm.pdf(score, pull) + (1 - share) * of_negative(
                p
            ) * stats.norm.pdf(score)

        return integrate.quad(density, -12, 12 + pull, limit=500, epsabs=1e-12)[0]

    # The score at which the posterior crosses the threshold.
    cut = (special.logit(threshold) - special.logit(share) + pull**2 / 2) / pull
    hits, false = share * stats.norm.sf(cut - pull), (1 - share) * stats.norm.sf(cut)
    return {
        "auc": float(stats.norm.cdf(pull / 2**0.5)),
        "log_loss": mean(lambda p: -np.log(p), lambda p: -np.log1p(-p)),
        "brier": mean(lambda p: (1 - p) ** 2, lambda p: p**2),
        "f1": float(2 * hits / (hits + false + share)),
    }
