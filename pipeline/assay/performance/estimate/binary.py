"""Estimated metrics of a binary model: confidence-based performance estimation (CBPE).

A row with the calibrated probability p is positive with probability p. So the expected confusion
matrix is a sum over rows, and the AUC a sum over pairs of rows. J. Kuberski, J. Garcia and others
describe the method for NannyML (see https://nannyml.readthedocs.io, "How it works: estimating
performance"). Here rows come as counts. Intervals come from influence functions
(`assay.performance.estimate.metric_estimate`), those of the decisions from the distribution
of true positives and false negatives (`assay.performance.estimate.decisions`). All are widened by
what differed between the reference's nights (`assay.columns.night_effects`).

The method detects what changes the scores. It cannot detect concept drift, a change of the labels
for the same features that the reference's nights did not show, because the probabilities are then
no longer calibrated.
"""

from __future__ import annotations

import math

import numpy as np

from assay.columns.features import Floats
from assay.columns.night_effects import NightEffects
from assay.metrics.evaluator import CLIP, FEWEST
from assay.performance.estimate import decisions
from assay.performance.estimate.decisions import ScoreCells
from assay.performance.estimate.metric_estimate import (
    UNKNOWN_NIGHTS,
    CellInfluence,
    MetricEstimate,
    estimate_metric,
    missing_estimate,
    night_reach,
)
from assay.project.text import counted

METRICS = ("auc", "log_loss", "brier", "accuracy", "precision", "recall", "f1")

ROUNDING = 1e-12
"""Fewer expected pairs than this per row count as none."""


def estimate(
    cells: ScoreCells, threshold: float, confidence: float, effects: NightEffects | None
) -> dict[str, MetricEstimate]:
    """Every metric of `METRICS`.

    Parameters
    ----------
    cells
        None contains ``threshold``, which is an edge of the grid (`assay.columns.score_grid`).
    effects
        How far nights lie from the probabilities; without them there are no intervals.
    """
    if not len(cells.counts):
        return dict.fromkeys(METRICS, missing_estimate("no rows"))
    predicted = (cells.low >= threshold).astype(np.float64)
    influences = {**_means(cells), **decision_metrics(cells, predicted)}
    estimates = {
        name: estimate_metric(name, one, cells.counts, cells.means, confidence)
        for name, one in influences.items()
    }
    ranking = estimate_auc(cells)
    estimates["auc"] = (
        missing_estimate("every row has the same label for certain")
        if ranking is None
        else estimate_metric("auc", ranking, cells.counts, cells.means, confidence)
    )
    reasons = {"precision": "no row is predicted positive", "recall": "no positives"}
    reasons["f1"] = "no positives and no row predicted positive"
    for name, why in reasons.items():
        if name not in influences:
            estimates[name] = missing_estimate(why)
    for name, (low, high) in decisions.intervals(cells, threshold, confidence).items():
        estimates[name] = estimates[name].within(low, high)
    if effects is None:
        return {name: estimates[name].without_interval(UNKNOWN_NIGHTS) for name in METRICS}
    for name, one in (influences if ranking is None else {**influences, "auc": ranking}).items():
        reach = night_reach(one, cells.counts, cells.means, effects, confidence)
        estimates[name] = estimates[name].widened(name, reach)
    few = {**_certain(cells, estimates["log_loss"]), **_few(cells, threshold)}
    return {name: estimates[name].without_interval(few.get(name)) for name in METRICS}


def _certain(cells: ScoreCells, log_loss: MetricEstimate) -> dict[str, str]:
    """Why the log loss has no interval if one label of a row that is certain would leave it."""
    rows = int(cells.counts[(cells.means <= 0) | (cells.means >= 1)].sum())
    if not rows or log_loss.value is None or log_loss.high is None:
        return {}
    if -math.log(CLIP) / cells.rows <= log_loss.high - log_loss.value:
        return {}
    return {
        "log_loss": f"{counted(rows, 'row')} with probability 0 or 1: one label moves it too far"
    }


def _few(cells: ScoreCells, threshold: float) -> dict[str, str]:
    """The metrics without an interval because too few rows determine them, with the reason."""
    positives = float(cells.counts @ cells.means)
    negatives = cells.rows - positives
    if min(positives, negatives) < FEWEST:
        why = f"{positives:.1f} positives and {negatives:.1f} negatives expected"
        return dict.fromkeys(METRICS, f"{why}, fewer than {FEWEST} of a label")
    called = float(cells.counts[cells.low >= threshold].sum())
    if called < FEWEST:
        why = f"{called:.3g} predicted positive, fewer than {FEWEST} rows"
        return dict.fromkeys(("precision", "recall", "f1"), why)
    return {}


def _means(cells: ScoreCells) -> dict[str, CellInfluence]:
    """Brier and log loss: means over rows."""
    p, counts = cells.means, cells.counts
    positive = np.square(1 - p) + np.square(cells.spread)
    negative = np.square(p) + np.square(cells.spread)
    # p (1 - p)^2 + (1 - p) p^2, averaged over a cell with that mean and spread.
    brier = float(counts @ (p * (1 - p) - np.square(cells.spread))) / cells.rows
    safe = np.clip(p, CLIP, 1 - CLIP)
    yes, no = -np.log(safe), -np.log1p(-safe)
    entropy = p * yes + (1 - p) * no
    # Entropy is concave, so a cell's mean entropy is below the entropy at its mean.
    bend = np.minimum(np.square(cells.spread) / (2 * safe * (1 - safe)), entropy)
    loss = float(counts @ (entropy - bend)) / cells.rows
    return {
        "brier": CellInfluence(brier, positive - brier, negative - brier),
        "log_loss": CellInfluence(loss, yes - loss, no - loss),
    }


def decision_metrics(cells: ScoreCells, said: Floats) -> dict[str, CellInfluence]:
    """Metrics of the decisions; those with a zero denominator are left out.

    Parameters
    ----------
    said
        1 for cells whose rows are predicted positive, 0 for the others; of shape (cells,).
    """
    n, p = cells.rows, cells.means
    positives = float(cells.counts @ p) / n
    called = float(cells.counts @ said) / n
    true = float(cells.counts @ (said * p)) / n
    accuracy = 1 - positives - called + 2 * true
    metrics = {"accuracy": CellInfluence(accuracy, said - accuracy, 1 - said - accuracy)}
    if called > 0:
        precision = true / called
        metrics["precision"] = CellInfluence(
            precision, said * (1 - precision) / called, -said * precision / called
        )
    if positives > 0:
        recall = true / positives
        metrics["recall"] = CellInfluence(recall, (said - recall) / positives, np.zeros_like(p))
    if called + positives > 0:
        f1 = 2 * true / (called + positives)
        metrics["f1"] = CellInfluence(
            f1,
            (2 * said - f1 * (said + 1)) / (called + positives),
            -f1 * said / (called + positives),
        )
    return metrics


def estimate_auc(cells: ScoreCells) -> CellInfluence | None:
    """The AUC: the share of pairs of a positive and a negative that are ranked correctly.

    None if there are no pairs.

    Two rows of one cell, the second higher by d, are ranked correctly with probability (both
    orders) / 2 + d / 2. Evenly spread rows are 2 / 3**0.5 standard deviations apart on average.
    """
    n, p, counts = cells.rows, cells.means, cells.counts
    positive, negative = counts * p, counts * (1 - p)
    all_positive, all_negative = float(positive.sum()), float(negative.sum())
    both = p * (1 - p)
    # Without the pairs of a row with itself.
    pairs = all_positive * all_negative - float(counts @ (both - np.square(cells.spread)))
    if not pairs > ROUNDING * n:
        return None
    below = np.cumsum(negative) - negative
    above = all_positive - np.cumsum(positive)
    inside = counts * np.maximum(counts - 1, 0) / 2 * (both + cells.spread / 3**0.5)
    half = np.divide(inside, positive * negative, out=np.full_like(p, 0.5), where=both > 0)
    right = float(positive @ below + inside.sum())
    centre = right / (all_positive * all_negative)
    return CellInfluence(
        min(right / pairs, 1.0),
        ((below + half * negative) / all_negative - centre) * n / all_positive,
        ((above + half * positive) / all_positive - centre) * n / all_negative,
    )
