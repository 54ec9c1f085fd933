"""Intervals of a night's realized metrics, cheap enough for every slice of every night.

AUC: DeLong's variance (`pipeline.paired.ranks`), on the logit, so that the interval stays between
0 and 1 and is right near its ends (Pepe 2003, "The Statistical Evaluation of Medical Tests", 5.2).
Shares of rows: Wilson (1927, JASA 22:209). Smooth functions of means: the influence of each row
(`pipeline.paired.influence`). Calibration errors, average precision and quantiles of errors have
none that is both cheap and right: they get none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from scipy import special

from pipeline.metrics.scored import Scored
from pipeline.metrics.table import FEWEST, Floats
from pipeline.paired import binary, multiclass, regression
from pipeline.paired.influence import Influence, bounds
from pipeline.paired.ranks import Order
from pipeline.tasks import METRICS

Interval: TypeAlias = tuple[float, float]


def intervals(
    scored: Scored, values: Mapping[str, float], confidence: float
) -> dict[str, Interval]:
    """Those that there are, by metric.

    Parameters
    ----------
    scored
        Rows with valid truths and scores.
    values
        Its metrics.

    Returns
    -------
    Mapping
        Without metrics that have no value, or too few rows to tell how far it may lie off.
    """
    table = scored.table()
    enough = [
        name
        for name in METRICS[scored.task]
        if math.isfinite(values[name]) and table.few(name) is None
    ]
    shares = _shares(scored)
    found = {
        name: wilson(hits, rows, confidence)
        for name, (hits, rows) in shares.items()
        if rows >= FEWEST
    }
    if scored.task == "binary" and "auc" in enough:
        found["auc"] = auc(scored.truth, scored.scores, confidence)
    for name, influence in _influences(scored).items():
        if name in enough and name not in shares and np.isfinite(influence.rows).all():
            nothing = Influence(np.zeros(len(scored)), np.zeros(len(influence.steps)))
            found[name] = bounds(values[name], nothing, influence).interval(confidence)
    return found


def auc(positive: np.ndarray, p: Floats, confidence: float) -> Interval:
    """DeLong's interval of an AUC, on the logit; of a faultless one from Wilson's on pairs.

    Parameters
    ----------
    positive
        Booleans ``(n,)``, two or more of each.
    """
    order = Order(positive, p)
    placed = order.placements
    area = float(placed[positive].mean())
    parts = (placed[positive], placed[~positive])
    error = math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in parts))
    if not 0 < area < 1:
        # Nothing varies: as much is allowed for as the rarer label's rows could have hidden.
        rarer = min(order.positives, order.negatives)
        return wilson(round(area * rarer), rarer, confidence)
    reach = float(special.ndtri((1 + confidence) / 2)) * error / (area * (1 - area))
    middle = special.logit(area)
    return float(special.expit(middle - reach)), float(special.expit(middle + reach))


def wilson(hits: float, rows: float, confidence: float) -> Interval:
    """The interval of a share of ``hits`` among ``rows``, one or more."""
    z = float(special.ndtri((1 + confidence) / 2))
    share, spread = hits / rows, z * z / rows
    middle = (share + spread / 2) / (1 + spread)
    reach = z * math.sqrt(share * (1 - share) / rows + spread / (4 * rows)) / (1 + spread)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _shares(scored: Scored) -> dict[str, tuple[float, float]]:
    """Metrics that are shares of rows: how many, of how many."""
    rows = len(scored)
    if scored.task == "multiclass":
        right = np.argmax(scored.scores, axis=1) == scored.truth
        return {"accuracy": (float(right.sum()), rows)}
    if scored.task == "regression":
        return {}
    said = scored.scores >= scored.threshold
    hits = float((said & scored.truth).sum())
    return {
        "accuracy": (float((said == scored.truth).sum()), rows),
        "precision": (hits, float(said.sum())),
        "recall": (hits, float(scored.truth.sum())),
    }


def _influences(scored: Scored) -> Mapping[str, Influence]:
    if scored.task == "binary":
        return binary.influences(scored)
    if scored.task == "multiclass":
        return multiclass.influences(scored)
    return regression.influences(scored)
