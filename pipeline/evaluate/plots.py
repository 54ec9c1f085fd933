"""The curves as small tables, in the layout that DVC's own plot templates read.

DVC draws a line a column, the first by name solid and the next dashed, so what belongs on
one picture lies side by side and ``tpr_by_chance`` sorts after ``tpr``. Its ``confusion``
template counts rows, so confusion.csv holds 1,000 rows that stand for the whole holdout in
proportion, whatever its size; exact counts are on the page.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.metrics import Floats, calibration_bins

POINTS = 200
"""Most points of a curve."""

CONFUSION_ROWS = 1_000
SCORE_BINS = 20

ROC = "roc.csv"
PRECISION_RECALL = "precision_recall.csv"
CALIBRATION = "calibration.csv"
CONFUSION = "confusion.csv"
SCORES = "score_histogram.csv"


def tables(
    positive: NDArray[np.bool_], p: Floats, threshold: float, label: str
) -> dict[str, pd.DataFrame]:
    """Every plot's table by file name.

    Parameters
    ----------
    positive, p
        Labels and probabilities ``(n,)``; both classes occur.
    threshold
        A row is predicted positive at or above it.
    label
        The label's name, which names the classes in confusion.csv.
    """
    return {
        ROC: roc(positive, p),
        PRECISION_RECALL: precision_recall(positive, p),
        CALIBRATION: calibration(positive, p),
        CONFUSION: confusion_rows(confusion(positive, p, threshold), label),
        SCORES: score_histogram(positive, p),
    }


def write(found: dict[str, pd.DataFrame], folder: Path) -> None:
    """Each table as CSV, nine digits, so that the same curves give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in found.items():
        table.to_csv(folder / name, index=False, float_format="%.9g", lineterminator="\n")


def roc(positive: NDArray[np.bool_], p: Floats) -> pd.DataFrame:
    """Columns ``fpr``, ``tpr`` and ``tpr_by_chance``, from (0, 0) to (1, 1).

    At most ``POINTS`` points, each of them a point of the full curve, evenly spread along
    it.
    """
    true, called = _cumulative(positive, p)
    tpr = np.concatenate([[0.0], true / true[-1]])
    fpr = np.concatenate([[0.0], (called - true) / (called - true)[-1]])
    keep = _spread(fpr + tpr)
    return pd.DataFrame({"fpr": fpr[keep], "tpr": tpr[keep], "tpr_by_chance": fpr[keep]})


def precision_recall(positive: NDArray[np.bool_], p: Floats) -> pd.DataFrame:
    """Columns ``recall``, ``precision`` and ``precision_by_chance``, at most ``POINTS`` thresholds.

    The curve starts at the highest probability that occurs; no point at recall 0 is made
    up, for precision has no value there.
    """
    true, called = _cumulative(positive, p)
    recall, precision = true / true[-1], true / called
    keep = _spread(recall + called / called[-1])
    share = np.full(len(keep), true[-1] / called[-1])
    return pd.DataFrame(
        {"recall": recall[keep], "precision": precision[keep], "precision_by_chance": share}
    )


def calibration(positive: NDArray[np.bool_], p: Floats) -> pd.DataFrame:
    """Columns ``mean_predicted``, ``observed_share``, ``perfect`` and ``rows``, a row a bin.

    The bins are those of the calibration error: the mean of the distances between the two
    first columns, weighted by ``rows``, is that metric.
    """
    grouped = pd.DataFrame({"p": p, "y": positive}).groupby(calibration_bins(p))
    mean = grouped["p"].mean().to_numpy()
    return pd.DataFrame(
        {
            "mean_predicted": mean,
            "observed_share": grouped["y"].mean().to_numpy(),
            "perfect": mean,
            "rows": grouped.size().to_numpy(),
        }
    )


def confusion(positive: NDArray[np.bool_], p: Floats, threshold: float) -> NDArray[np.int64]:
    """Counts of rows, ``(2, 2)``: actual label by predicted label, negative first."""
    cell = 2 * positive.astype(np.int64) + (p >= threshold)
    return np.bincount(cell, minlength=4).astype(np.int64).reshape(2, 2)


def confusion_rows(counts: NDArray[np.int64], label: str) -> pd.DataFrame:
    """``CONFUSION_ROWS`` rows of ``actual`` and ``predicted`` in proportion to ``counts``."""
    exact = counts.ravel() * (CONFUSION_ROWS / counts.sum())
    rows = np.floor(exact).astype(np.int64)
    # Largest remainders take what rounding down has left over.
    left = CONFUSION_ROWS - int(rows.sum())
    rows[np.argsort(rows - exact, kind="stable")[:left]] += 1
    names = np.array([f"not {label}", label], dtype=object)
    return pd.DataFrame(
        {
            "actual": np.repeat(names[[0, 0, 1, 1]], rows),
            "predicted": np.repeat(names[[0, 1, 0, 1]], rows),
        }
    )


def score_histogram(positive: NDArray[np.bool_], p: Floats) -> pd.DataFrame:
    """Rows by probability: the middle of each bin, and its ``positives`` and ``negatives``."""
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    return pd.DataFrame(
        {
            "probability": (edges[:-1] + edges[1:]) / 2,
            "positives": np.histogram(p[positive], edges)[0],
            "negatives": np.histogram(p[~positive], edges)[0],
        }
    )


def _cumulative(positive: NDArray[np.bool_], p: Floats) -> tuple[Floats, Floats]:
    """True positives and rows called at each distinct probability, highest first."""
    order = np.argsort(-p, kind="stable")
    last = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))
    true = np.cumsum(positive[order])[last].astype(np.float64)
    return true, (last + 1).astype(np.float64)


def _spread(along: Floats) -> NDArray[np.intp]:
    """Which points to keep, evenly spaced in ``along`` (ascending), with both ends."""
    if len(along) <= POINTS:
        return np.arange(len(along))
    targets = np.linspace(along[0], along[-1], POINTS)
    found = np.clip(np.searchsorted(along, targets), 0, len(along) - 1)
    found[0], found[-1] = 0, len(along) - 1
    return np.unique(found)
