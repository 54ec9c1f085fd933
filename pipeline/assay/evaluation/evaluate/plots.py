"""Plot data as small tables, in the layout of DVC's plot templates.

================== ==============================================================
binary             ``roc.csv``, ``precision_recall.csv``, ``calibration.csv``,
                   ``confusion.csv``, ``score_histogram.csv``
multiclass         ``calibration.csv`` and ``score_histogram.csv`` of the predicted
                   class's probability, ``confusion.csv``, ``classes.csv``
regression         ``predicted_actual.csv``, ``error_histogram.csv``
================== ==============================================================

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

from assay.evaluation.evaluate import plots_binary, plots_multiclass, plots_regression
from assay.metrics.evaluator import Bools, Floats, calibration_bins
from assay.metrics.labelled_scores import LabelledScores

CONFUSION_ROWS = 1_000
SCORE_BINS = 20

ROC = "roc.csv"
PRECISION_RECALL = "precision_recall.csv"
CALIBRATION = "calibration.csv"
CONFUSION = "confusion.csv"
SCORES = "score_histogram.csv"
CLASSES = "classes.csv"
PREDICTED_ACTUAL = "predicted_actual.csv"
ERRORS = "error_histogram.csv"


def tables(scored: LabelledScores, label: str) -> dict[str, pd.DataFrame]:
    """File name -> table of each plot.

    Parameters
    ----------
    scored
        Valid labels and scores; for a classifier with more than one class present.
    label
        The label's name, used for the classes of a binary model in confusion.csv.
    """
    if scored.task == "regression":
        return {
            PREDICTED_ACTUAL: plots_regression.predicted_actual(scored.truth, scored.scores),
            ERRORS: plots_regression.error_histogram(scored.truth, scored.scores),
        }
    counts, names = confusion_matrix(scored), class_names(scored, label)
    if scored.task == "binary":
        positive, p = scored.truth, scored.scores
        return {
            ROC: plots_binary.roc_curve(positive, p),
            PRECISION_RECALL: plots_binary.precision_recall_curve(positive, p),
            CALIBRATION: calibration_curve(positive, p),
            CONFUSION: confusion_rows(counts, names),
            SCORES: score_histogram(positive, p, ("positives", "negatives")),
        }
    top, right = plots_multiclass.top_class_confidence(scored.truth, scored.scores)
    return {
        CALIBRATION: calibration_curve(right, top),
        CONFUSION: confusion_rows(counts, names),
        SCORES: score_histogram(right, top, ("right", "wrong")),
        CLASSES: plots_multiclass.class_metrics(counts, names),
    }


def write(found: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as CSV with nine digits, so that equal curves give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in found.items():
        table.to_csv(folder / name, index=False, float_format="%.9g", lineterminator="\n")


def class_names(scored: LabelledScores, label: str) -> tuple[str, ...]:
    """Class names of a classifier, in the order of `confusion_matrix`."""
    return (f"not {label}", label) if scored.task == "binary" else scored.classes


def confusion_matrix(scored: LabelledScores) -> NDArray[np.int64]:
    """Confusion matrix of shape ``(classes, classes)``: actual by predicted class."""
    if scored.task == "binary":
        size, predicted = 2, (scored.scores >= scored.threshold).astype(np.int64)
    else:
        size, predicted = len(scored.classes), np.argmax(scored.scores, axis=1)
    cell = size * scored.truth.astype(np.int64) + predicted
    return np.bincount(cell, minlength=size * size).astype(np.int64).reshape(size, size)


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
