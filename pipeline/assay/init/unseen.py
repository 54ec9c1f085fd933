"""What the windows keep from training or from the holdout: classes, and all values of a column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import pandas as pd

from assay.init.nights import Nights
from assay.init.roles import LEAST_TOLD
from assay.project.text.quoting import quote_value
from assay.tables.definition import Value
from assay.training.candidates.days import assign_folds

FOLDS = 5
"""`train.folds` in a new project."""


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


def find_unlearnable(
    sample: pd.DataFrame, time: str, nights: Nights, features: Iterable[str]
) -> dict[str, str]:
    """Features whose rows of the training window do not differ, each with the reason.

    One without values in the rows that a fold learns from is among them: some estimators cannot be
    fitted then.

    Parameters
    ----------
    sample
        Of all rows; what is not in it is too rare to be learnt.
    time
        The column that says when a row is from.
    """
    days = sample[time].dt.date
    first, last = nights.train
    inside = days.between(first, last)
    rows, days = sample[inside], days[inside]
    window = f"the training window ({first} to {last})"
    folds = pd.Series(assign_folds(days.to_numpy(), min(FOLDS, days.nunique())), days.index)
    found = {}
    for name in features:
        known = rows[name].dropna()
        of_fold = folds[known.index].unique()
        if not len(known):
            found[name] = f"no value in {window}: nothing can be learnt from it"
        elif len(of_fold) == 1:
            some = days[known.index]
            found[name] = (
                f"no value in {window} but from {some.min()} to {some.max()}: without those days, "
                "which a fold of training leaves out, nothing can be learnt from it"
            )
        elif known.nunique() == 1 and min(len(known), len(rows) - len(known)) < LEAST_TOLD:
            only = quote_value(known.head(1).tolist()[0])
            found[name] = f"always {only} in {window}: it can tell no row from another"
    return found
