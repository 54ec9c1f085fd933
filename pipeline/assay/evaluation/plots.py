"""Plot data as small tables, in the layout of DVC's plot templates.

DVC draws one line per column, the first by name solid and the next dashed. So the lines of one
plot are columns of one table, and ``tpr_by_chance`` sorts after ``tpr``. DVC's ``confusion``
template counts rows, so confusion.csv has 1,000 rows in proportion to the holdout. Exact counts
are on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.metrics.evaluator import Bools, Floats, Ints, calibration_bins

CONFUSION_ROWS = 1_000
SCORE_BINS = 20
POINTS = 200
"""Maximum number of points of a curve."""
ERROR_BINS = 30
TAIL = 0.005
"""Share of the rows in each tail that is clipped into the first and last bin."""

ROC = "roc.csv"
PRECISION_RECALL = "precision_recall.csv"
CALIBRATION = "calibration.csv"
CONFUSION = "confusion.csv"
SCORES = "score_histogram.csv"
CLASSES = "classes.csv"
PREDICTED_ACTUAL = "predicted_actual.csv"
ERRORS = "error_histogram.csv"


def write(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as CSV with nine digits, so that equal curves give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / name, index=False, float_format="%.9g", lineterminator="\n")


def confusion_rows(counts: NDArray[np.int64], names: Sequence[str]) -> pd.DataFrame:
    """``CONFUSION_ROWS`` rows of ``actual`` and ``predicted`` in proportion to ``counts``."""
    exact = counts.ravel() * (CONFUSION_ROWS / counts.sum())
    rows = np.floor(exact).astype(np.int64)
    # Largest remainder method: distribute the rows lost by rounding down.
    left = CONFUSION_ROWS - int(rows.sum())
    rows[np.argsort(rows - exact, kind="stable")[:left]] += 1
    called = np.array(names, dtype=object)
    return pd.DataFrame(
        {
            "actual": np.repeat(np.repeat(called, len(called)), rows),
            "predicted": np.repeat(np.tile(called, len(called)), rows),
        }
    )


def calibration_curve(true: Bools, p: Floats) -> pd.DataFrame:
    """Columns ``mean_predicted``, ``observed_share``, ``perfect`` and ``rows``, one row per bin.

    The bins are those of the calibration error, which is the mean absolute difference between the
    first two columns, weighted by ``rows``.
    """
    grouped = pd.DataFrame({"p": p, "y": true}).groupby(calibration_bins(p))
    mean = grouped["p"].mean().to_numpy()
    return pd.DataFrame(
        {
            "mean_predicted": mean,
            "observed_share": grouped["y"].mean().to_numpy(),
            "perfect": mean,
            "rows": grouped.size().to_numpy(),
        }
    )


def score_histogram(true: Bools, p: Floats, names: tuple[str, str]) -> pd.DataFrame:
    """Histogram of probabilities: the centre of each bin, and its positive and negative rows."""
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    return pd.DataFrame(
        {
            "probability": (edges[:-1] + edges[1:]) / 2,
            names[0]: np.histogram(p[true], edges)[0],
            names[1]: np.histogram(p[~true], edges)[0],
        }
    )


def roc_curve(positive: Bools, p: Floats) -> pd.DataFrame:
    """Columns ``fpr``, ``tpr`` and ``tpr_by_chance``, from (0, 0) to (1, 1).

    At most ``POINTS`` points of the full curve, evenly spaced along it.
    """
    true, called = _cumulative(positive, p)
    tpr = np.concatenate([[0.0], true / true[-1]])
    fpr = np.concatenate([[0.0], (called - true) / (called - true)[-1]])
    keep = _spread(fpr + tpr)
    return pd.DataFrame({"fpr": fpr[keep], "tpr": tpr[keep], "tpr_by_chance": fpr[keep]})


def precision_recall_curve(positive: Bools, p: Floats) -> pd.DataFrame:
    """Columns ``recall``, ``precision`` and ``precision_by_chance``, at most ``POINTS`` thresholds.

    The curve starts at the highest observed probability. There is no point at recall 0, because
    precision is undefined there.
    """
    true, called = _cumulative(positive, p)
    recall, precision = true / true[-1], true / called
    keep = _spread(recall + called / called[-1])
    share = np.full(len(keep), true[-1] / called[-1])
    return pd.DataFrame(
        {"recall": recall[keep], "precision": precision[keep], "precision_by_chance": share}
    )


def _cumulative(positive: Bools, p: Floats) -> tuple[Floats, Floats]:
    """True positives and predicted positives at each distinct probability, highest first."""
    order = np.argsort(-p, kind="stable")
    last = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))
    true = np.cumsum(positive[order])[last].astype(np.float64)
    return true, (last + 1).astype(np.float64)


def _spread(along: Floats) -> Ints:
    """Indices of at most ``POINTS`` points, evenly spaced in ``along``, with both ends."""
    if len(along) <= POINTS:
        return np.arange(len(along))
    targets = np.linspace(along[0], along[-1], POINTS)
    places = np.clip(np.searchsorted(along, targets), 0, len(along) - 1)
    places[0], places[-1] = 0, len(along) - 1
    return np.unique(places)


def class_metrics(counts: NDArray[np.int64], names: Sequence[str]) -> pd.DataFrame:
    """One row per class: ``rows``, ``predicted``, ``precision``, ``recall`` and ``f1``.

    An undefined value (0/0) is NaN, which is an empty cell in the CSV.

    Parameters
    ----------
    counts
        Confusion matrix: actual by predicted class.
    names
        The classes.
    """
    right, rows, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(
            {
                "class": list(names),
                "rows": rows,
                "predicted": predicted,
                "precision": right / predicted,
                "recall": right / rows,
                "f1": 2 * right / (rows + predicted),
            }
        )


def predicted_actual(truth: Floats, predicted: Floats) -> pd.DataFrame:
    """One row per decile of the prediction; fewer if many predictions are equal.

    Columns: the means ``predicted`` and ``actual``; ``perfect``, the ideal ``actual``; ``low`` and
    ``high``, the 10% and 90% quantiles of the label; ``rows``.
    """
    grouped = pd.DataFrame({"p": predicted, "y": truth}).groupby(calibration_bins(predicted))
    mean = grouped["p"].mean().to_numpy()
    return pd.DataFrame(
        {
            "predicted": mean,
            "actual": grouped["y"].mean().to_numpy(),
            "perfect": mean,
            "low": grouped["y"].quantile(0.1).to_numpy(),
            "high": grouped["y"].quantile(0.9).to_numpy(),
            "rows": grouped.size().to_numpy(),
        }
    )


def error_histogram(truth: Floats, predicted: Floats) -> pd.DataFrame:
    """Histogram of ``error``, prediction minus label: the centre of each bin, and its ``rows``."""
    error = predicted - truth
    low, high = np.quantile(error, [TAIL, 1 - TAIL])
    if low == high:
        room = max(0.5, abs(low) * 1e-6)
        low, high = low - room, high + room
    edges = np.linspace(low, high, ERROR_BINS + 1)
    return pd.DataFrame(
        {
            "error": (edges[:-1] + edges[1:]) / 2,
            "rows": np.histogram(np.clip(error, low, high), edges)[0],
        }
    )
