"""How a feature's contribution depends on its value: bands of rows, never single ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from assay.columns.features import Floats
from assay.evaluation.reasons import ExplainedRows
from assay.metrics.estimate import Estimate
from assay.metrics.slices import MISSING, slice_names
from assay.pages.charts import dot_plot
from assay.pages.svg import Picture, round_out
from assay.reports.evaluation import LEAST_SHOWN

SHOWN = 6
"""So many of the strongest features are drawn."""
BANDS = 20
"""The most of a number, with as many rows each; one for each value if there are no more."""
CATEGORIES = 12
"""The most categories with a band of their own, those with the most rows."""
OTHERS = "(others)"
SHARES = {"low": 0.1, "value": 0.5, "high": 0.9}
"""The quantiles of contributions that a band is drawn from, dotted at and drawn to."""


@dataclass(frozen=True)
class Dependence:
    """How one feature's contribution depends on its value: a picture, or names with bands."""

    feature: str
    picture: Picture | None
    named: Sequence[tuple[str, int, Estimate]]


Dependences: TypeAlias = tuple[Sequence[Dependence], tuple[float, float]]
"""Of several features, and the ends of the axis of contributions that they share."""
NONE: Dependences = ((), (0.0, 1.0))


def dependences(explained: ExplainedRows) -> Dependences:
    """Those of the strongest features."""
    sizes = np.abs(explained.values).mean(axis=0)
    tables = {}
    for place in np.argsort(-sizes, kind="stable")[:SHOWN].tolist():
        name = explained.features[place]
        bands = feature_bands(explained.frame[name], explained.values[:, place])
        if len(bands) and sizes[place] > 0:
            tables[name] = bands
    ends = [bands[["low", "high"]].to_numpy().ravel() for bands in tables.values()]
    both = np.concatenate([np.zeros(1), *ends])
    low, high = round_out(float(both.min()), float(both.max()))
    title = f"contribution ({explained.scale})"
    return [_drawn(name, bands, title, low, high) for name, bands in tables.items()], (low, high)


def _drawn(name: str, bands: pd.DataFrame, title: str, low: float, high: float) -> Dependence:
    at = bands["at"].dropna()
    if at.empty:
        columns = (bands[each] for each in ("name", "rows", "value", "low", "high"))
        rows = zip(*columns, strict=True)
        return Dependence(name, None, [(who, n, Estimate(*three)) for who, n, *three in rows])
    across = round_out(float(at.min()), float(at.max()))
    drawn = dot_plot(bands, "at", "value", (name, title), low=low, high=high, across=across)
    return Dependence(name, drawn, ())


def feature_bands(column: pd.Series[Any], added: Floats) -> pd.DataFrame:
    """The bands of one feature, none of fewer rows than `LEAST_SHOWN`.

    Parameters
    ----------
    column
        Its values ``(n,)``.
    added
        What it adds to the raw output of each row ``(n,)``.

    Returns
    -------
    DataFrame
        ``name``, ``rows``, the quantiles ``low``, ``value`` and ``high`` of what is added, and
        ``at``, the mean value, of numbers; these in their order, then the missing ones. Categories
        from the one that raises the output most.
    """
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        names = _cells(values)
    else:
        values = np.full(len(column), np.nan)
        names = slice_names(column)
        counts = pd.Series(names).value_counts()
        shown = counts.index[:CATEGORIES][counts[:CATEGORIES] >= LEAST_SHOWN]
        names = np.where(np.isin(names, shown), names, OTHERS)
    grouped = pd.DataFrame({"name": names, "added": added, "at": values}).groupby("name")
    quantiles = {name: grouped["added"].quantile(share) for name, share in SHARES.items()}
    bands = pd.DataFrame({**quantiles, "rows": grouped.size(), "at": grouped["at"].mean()})
    bands = bands[bands["rows"] >= LEAST_SHOWN].reset_index()
    bands["last"] = bands["name"] == OTHERS
    return bands.sort_values(["at", "last", "value"], ascending=[True, True, False])


def _cells(values: Floats) -> np.ndarray:
    """The number of each value's band as text, in any order; `MISSING` without a value."""
    known = values[np.isfinite(values)]
    edges = np.unique(known)
    most = min(BANDS, max(1, len(known) // (2 * LEAST_SHOWN)))
    if len(edges) > most:
        edges = np.unique(np.quantile(known, np.linspace(0, 1, most + 1)[1:-1]))
    places = np.searchsorted(edges, values).astype(str)
    return np.where(np.isfinite(values), places, MISSING)
