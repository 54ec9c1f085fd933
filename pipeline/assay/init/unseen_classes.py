"""Classes that the windows keep from training or from the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from assay.init.nights import Nights
from assay.project.text.quoting import quote_value
from assay.tables.definition import Value


def tell_unseen(days: Mapping[Value, Mapping[date, int]], nights: Nights) -> tuple[str, ...]:
    """A sentence for each class without a row in training, and for each without one in the holdout.

    Parameters
    ----------
    days
        Rows of each day, by class; empty where nobody counted them.
    """
    windows = {"training": nights.train, "the holdout": nights.holdout}
    consequences = {
        "training": "so no model can learn it and assay evaluate refuses its rows",
        "the holdout": "so nothing will say how well it is told from others",
    }
    return tuple(
        f"{quote_value(value)} has no row in {window} ({first} to {last}), "
        f"{consequences[window]}: choose other windows under prepare in params.yaml, or put the "
        "class together with another one"
        for value, rows in days.items()
        for window, (first, last) in windows.items()
        if not any(first <= day <= last for day in rows)
    )
