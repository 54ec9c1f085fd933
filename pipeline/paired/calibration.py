"""The difference of two calibration errors.

A calibration error sums the sizes of its bins' gaps and has a kink wherever a gap is 0, so it
has no derivative there. The gaps themselves are means over rows, of both models together, and
their joint covariance is known from one pass. Many draws of all gaps from the normal law that
they follow give as many differences, without a resample of rows (a parametric bootstrap: Efron
and Tibshirani 1993, chapter 6). Edges of bins are taken as they are.

Noise pushes a calibration error up, the more the better the model is calibrated: how far, the
draws tell as well. The standard error is their distance from the value that was measured, not
from their own mean, so this bias widens the interval.
"""

from __future__ import annotations

import numpy as np

from pipeline.metrics.scored import Scored
from pipeline.metrics.table import Floats, Ints, calibration_bins
from pipeline.paired.bounds import Bounds


def calibration(
    value: float, champion: Scored, challenger: Scored, replicates: int, seed: int | list[int]
) -> Bounds:
    """Of the difference ``value`` of two calibration errors of the same rows."""
    (old_bins, old), (new_bins, new) = _gaps(champion), _gaps(challenger)
    n, cut = len(old), int(old_bins.max()) + 1
    bins = (old_bins, cut + new_bins)
    size = cut + int(new_bins.max()) + 1
    means = np.zeros(size)
    covariance = np.zeros((size, size))
    for places, gaps in zip(bins, (old, new), strict=True):
        means += np.bincount(places, weights=gaps, minlength=size) / n
        squares = np.bincount(places, weights=np.square(gaps), minlength=size) / n
        covariance[np.diag_indices(size)] += squares
    joint = np.bincount(bins[0] * size + bins[1], weights=old * new, minlength=size * size)
    across = joint.reshape(size, size) / n
    covariance += across + across.T - np.outer(means, means)
    random = np.random.default_rng(seed)
    drawn = random.multivariate_normal(means, covariance / n, size=replicates, method="eigh")
    sizes = np.abs(drawn)
    differences = sizes[:, cut:].sum(axis=1) - sizes[:, :cut].sum(axis=1)
    return Bounds(value, float(np.sqrt(np.mean(np.square(differences - value)))), float(n - 1))


def _gaps(scored: Scored) -> tuple[Ints, Floats]:
    """The bin of each row, and its probability less what came of it."""
    if scored.task == "binary":
        return calibration_bins(scored.scores), scored.scores - scored.truth
    called = np.argmax(scored.scores, axis=1)
    top = scored.scores[np.arange(len(called)), called]
    return calibration_bins(top), top - (called == scored.truth)
