"""What a split keeps from training or the holdout: classes, values of a column, names of groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import pandas as pd

from assay.formats.definition import Value
from assay.init.nights import Nights
from assay.init.roles import LEAST_TOLD
from assay.project.text import quote_value
from assay.training.candidates.days import assign_folds

FOLDS = 5
"""`train.folds` in a new project."""
NAMES = 0.9
"""A column with nearly as many values as there are groups, each in one of them alone, is a name."""
SHARED = 1.05
"""Groups that share a value of it, on average: two that were given one name are no reason."""


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


def find_group_names(rows: pd.DataFrame, group: str, columns: Iterable[str]) -> dict[str, str]:
    """The columns of texts or whole numbers that name the group, each with the reason.

    A model would learn the names of the groups in training, and meets none of them in the holdout.
    A measured number is no name, though each group may have its own.
    """
    groups = rows[group].nunique()
    found = {}
    for name in columns:
        column = rows[name]
        measured = pd.api.types.is_float_dtype(column) and not (column.dropna() % 1 == 0).all()
        if name == group or measured or column.nunique() < NAMES * groups:
            continue
        if rows.groupby(name)[group].nunique().mean() < SHARED and column.nunique() <= groups:
            found[name] = f"another name of {group}: no value of it is on both sides of the split"
    return found
