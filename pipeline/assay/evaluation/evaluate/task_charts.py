"""Charts and confusion tables of the evaluation page, by task."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.evaluation.evaluate import plots, plots_multiclass
from assay.metrics.labelled_scores import LabelledScores
from assay.pages import charts
from assay.pages.axes import round_out
from assay.pages.svg import ORANGE, PALE
from assay.project.tasks import Task
from assay.project.text import format_short

SHOWN_CLASSES = 20
"""Maximum number of classes for which the page has a confusion table."""

_SLICED = {
    "auc": "chance that a positive row is ranked above a negative one; a coin gets 0.5",
    "log_loss": "surprise at what happened, given the probabilities",
    "calibration_error": "mean distance of predicted from observed share, over ten bins",
    "accuracy": "share of rows predicted right",
}

MEANING: Mapping[Task, Mapping[str, str]] = {
    "binary": {
        **_SLICED,
        "average_precision": "mean precision over all thresholds; a coin gets the share of "
        "positives",
        "brier": "mean squared distance of the probability from 0 or 1",
        "brier_skill": "share of the brier of always saying the rows' share of positives that is "
        "saved; 0 is no better than that",
        "precision": "share of predicted positives that are positive",
        "recall": "share of positives that are predicted positive",
        "f1": "harmonic mean of precision and recall",
    },
    "multiclass": {
        **_SLICED,
        "auc": "one class against the rest, mean over classes; a coin gets 0.5",
        "brier": "mean squared distance of all probabilities from 0 or 1, from 0 to 2",
        "brier_skill": "share of the brier of always saying the rows' shares of the classes that "
        "is saved; 0 is no better than that",
        "calibration_error": "mean distance of the predicted class's probability from how often "
        "it is right, over ten bins",
        "balanced_accuracy": "mean over the classes that occur of the share predicted right",
        "macro_precision": "share of a class's predictions that are right, mean over classes",
        "macro_recall": "share of a class's rows that are predicted right, mean over classes",
        "macro_f1": "harmonic mean of precision and recall, mean over classes",
    },
    "regression": {
        "rmse": "root of the mean squared error; large errors weigh more",
        "mae": "mean size of an error",
        "mae_skill": "share of the mae of always saying the rows' median that is saved; 0 is no "
        "better than that",
        "p90_error": "nine in ten errors are no larger",
        "bias": "mean error, prediction less label: above 0 it predicts too much",
        "r2": "share of the label's variance that is explained; 0 for always saying the mean",
    },
}
"""Task -> metric -> description."""


def template_variables(
    scored: LabelledScores, label: str, tables: Mapping[str, pd.DataFrame]
) -> dict[str, object]:
    """Template variables for the charts and tables of the page.

    Parameters
    ----------
    label
        The label's name.
    tables
        The result of `assay.evaluation.evaluate.plots.tables`.
    """
    if scored.task == "regression":
        return _estimated(label, tables)
    return _classified(scored, label, tables)


def _classified(
    scored: LabelledScores, label: str, tables: Mapping[str, pd.DataFrame]
) -> dict[str, object]:
    binary = scored.task == "binary"
    names, counts = plots.class_names(scored, label), plots.confusion_matrix(scored)
    curve = tables[plots.CALIBRATION]
    seen = curve[["mean_predicted", "observed_share"]].to_numpy(dtype=np.float64)
    top = min(max(0.1, float(seen.max()) * 1.08), 1.0)
    stacked = ("negatives", "positives") if binary else ("wrong", "right")
    whose = "predicted" if binary else "predicted class's"
    return {
        "calibration": charts.diagonal_plot(
            curve,
            "mean_predicted",
            "observed_share",
            (f"mean {whose} probability", "observed share"),
            low=0.0,
            high=top,
        ),
        "scores": charts.bar_chart(
            tables[plots.SCORES],
            "probability",
            tuple(zip(stacked, (PALE, ORANGE), strict=True)),
            f"{whose} probability",
            low=0.0,
            high=1.0,
            mark=(scored.threshold, f"threshold {scored.threshold:g}") if binary else None,
        ),
        "colours": (ORANGE, PALE),
        "outcomes": (label, f"not {label}") if binary else ("right", "wrong"),
        "note": f"Rows right of the line are predicted {label}."
        if binary
        else f"Each row is predicted to be of its likeliest {label}.",
        "at": f" at threshold {scored.threshold}" if binary else "",
        "names": names,
        "confusion": _matrix(names, counts) if len(names) <= SHOWN_CLASSES else [],
        "classes": [] if binary else _by_class(names, counts),
        "number": lambda value: format_short(value) if np.isfinite(value) else "-",
    }


def _matrix(names: Sequence[str], counts: NDArray[Any]) -> list[tuple[str, list[int]]]:
    return list(zip(names, counts.tolist(), strict=True))


def _by_class(names: Sequence[str], counts: NDArray[Any]) -> list[dict[Hashable, Any]]:
    table = plots_multiclass.class_metrics(counts, names)
    return table.sort_values("recall", kind="stable").to_dict("records")


def _estimated(label: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    actual, errors = tables[plots.PREDICTED_ACTUAL], tables[plots.ERRORS]
    shown = actual[["predicted", "actual", "low", "high"]]
    values = shown.to_numpy(dtype=np.float64)
    low, high = round_out(float(values.min()), float(values.max()))
    half = float(errors["error"].diff().iloc[1]) / 2
    return {
        "actual": charts.diagonal_plot(
            actual,
            "predicted",
            "actual",
            (f"mean predicted {label}", f"mean {label}"),
            low=low,
            high=high,
        ),
        "errors": charts.bar_chart(
            errors,
            "error",
            [("rows", PALE)],
            "error",
            low=float(errors["error"].iloc[0]) - half,
            high=float(errors["error"].iloc[-1]) + half,
            mark=(0.0, "no error"),
        ),
    }
