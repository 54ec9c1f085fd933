"""The difference of two models' calibration errors on the same rows.

A calibration error has a kink wherever a gap is 0, so it has no derivative there. The gaps
themselves are means over rows, and the joint covariance of both models' gaps is computed in one
pass. Draws of all gaps from their distribution give as many differences, without resampling rows (a
parametric bootstrap: Efron and Tibshirani 1993, chapter 6). Edges of bins are held fixed.

Both errors have their sampling bias removed (`assay.metrics.calibration`). The standard error is
the draws' root mean square distance from that difference, not from their own mean, so that any bias
left widens the interval. The sampling bias is itself an estimate, and mostly the same for both
models. If gaps are about as large as their noise, removing it makes the difference vary more than
the draws show. So the interval is at least as wide as that of the raw difference.
"""

from __future__ import annotations

import numpy as np

from assay.metrics.calibration import (
    CalibrationGaps,
    bin_residuals,
    classifier_gaps,
    clustered_covariance,
)
from assay.metrics.evaluator import Floats
from assay.metrics.influence import (
    Influence,
    SamplingDistribution,
    SamplingVariation,
    sampling_variation,
)
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits


def calibration_difference(
    champion: LabelledScores, challenger: LabelledScores, units: SamplingUnits, confidence: float
) -> tuple[float, float, SamplingVariation]:
    """Both models' calibration errors, and the sampling variation of their difference."""
    old, new = (
        classifier_gaps(scored.scores, scored.truth, units) for scored in (champion, challenger)
    )
    before, after = old.estimate(), new.estimate()
    (old_bins, old_rows), (new_bins, new_rows) = (
        bin_residuals(scored.scores, scored.truth) for scored in (champion, challenger)
    )
    cut, n = len(old.means), len(old_rows)
    covariance = np.zeros((cut + len(new.means),) * 2)
    covariance[:cut, :cut], covariance[cut:, cut:] = old.covariance, new.covariance
    if units.codes is None:
        joint = np.bincount(
            old_bins * len(new.means) + new_bins,
            weights=old_rows * new_rows,
            minlength=cut * len(new.means),
        ).reshape(cut, -1)
        across = (joint / n - np.outer(old.means, new.means)) / (n - 1)
    else:
        across = clustered_covariance((old_bins, new_bins), (old_rows, new_rows), units)
        across = across + np.outer(old.shift, new.shift)
    covariance[:cut, cut:], covariance[cut:, :cut] = across, across.T
    signed = Influence(np.sign(new.means)[new_bins] * new_rows)
    sums = signed.subtract(Influence(np.sign(old.means)[old_bins] * old_rows))
    varies = sampling_variation(sums, units)
    means, shift = np.concatenate([old.means, new.means]), np.concatenate([old.shift, new.shift])
    both = CalibrationGaps(means, covariance, varies, old.together, shift)
    sizes = np.abs(both.means + both.draws())
    differences: Floats = sizes[:, cut:].sum(axis=1) - sizes[:, :cut].sum(axis=1)
    error = float(np.sqrt(np.mean(np.square(differences - (after - before)))))
    reach = SamplingDistribution(new.measured - old.measured, varies.standard_error, varies.degrees)
    furthest = max(abs(end - (after - before)) for end in reach.interval(confidence))
    error = max(error, furthest / SamplingDistribution(0.0, 1.0).interval(confidence)[1])
    # The draws already allow for the degrees of freedom; the interval must not do so again.
    return (
        before,
        after,
        SamplingVariation(error, float("inf"), 0.0, 0.0, varies.design_effect, varies.worth),
    )
