"""Plot data of a regression: predicted against actual values, and the error histogram."""

from __future__ import annotations

import numpy as np
import pandas as pd

from assay.metrics.evaluator import Floats, calibration_bins

ERROR_BINS = 30
TAIL = 0.005
"""Share of the rows in each tail that is clipped into the first and last bin."""


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
