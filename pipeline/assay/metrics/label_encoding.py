"""Converts a label column to the array that models train on and metrics compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import LabelError
from assay.metrics.evaluator import Bools, Floats, Ints
from assay.project.tasks import Task
from assay.project.text import first_few, mark_blanks, quote_value

if TYPE_CHECKING:
    import pandas as pd


def label_classes(column: pd.Series[Any]) -> tuple[str, ...]:
    """The classes that occur, in the order of a multiclass model's scores."""
    return tuple(sorted(str(value) for value in column.dropna().unique()))


def encode_labels(
    column: pd.Series[Any], task: Task, classes: tuple[str, ...], table: str
) -> NDArray[Any]:
    """The labels ``(n,)`` in the form that `assay.metrics.labelled_scores.LabelledScores` needs.

    Parameters
    ----------
    column
        The label; binary labels can be booleans or numbers 0 and 1.
    classes
        The classes that a multiclass model knows.
    table
        The table's name in errors.

    Raises
    ------
    LabelError
        There are no rows, a label is missing or impossible, or all are of one class.
    """
    where = f"{table}, column {str(column.name)!r}"
    if not len(column):
        raise LabelError("no rows", where=where, fix=f"Widen prepare.{table} in params.yaml")
    missing = int(column.isna().sum())
    if missing:
        raise LabelError(
            "missing labels", where=where, expected="0", found=f"{missing} of {len(column)} rows"
        )
    if task == "regression":
        return _numbers(column, where)
    truth = _booleans(column, where) if task == "binary" else _places(column, classes, where)
    if (truth == truth[0]).all():
        raise LabelError(
            "one class only",
            where=where,
            expected="both" if task == "binary" else "two or more",
            found=f"{mark_blanks(column.iloc[0])} in all of {len(column)} rows",
            fix=f"Widen prepare.{table} in params.yaml",
        )
    return truth


def _booleans(column: pd.Series[Any], where: str) -> Bools:
    import pandas as pd

    numbers = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=np.float64)
    _refuse(column, ~((numbers == 0) | (numbers == 1)), where, "0, 1 or booleans")
    positive: Bools = numbers == 1
    return positive


def _places(column: pd.Series[Any], classes: tuple[str, ...], where: str) -> Ints:
    import pandas as pd

    places = pd.Index(classes, dtype=object).get_indexer(pd.Index(column.astype(str), dtype=object))
    unknown = places < 0
    if unknown.any():
        new = sorted(set(column[unknown].astype(str)))
        raise LabelError(
            "classes that training never saw",
            where=where,
            expected=", ".join(map(mark_blanks, classes)),
            found=first_few(map(mark_blanks, new), 5),
            fix="Widen prepare.train in params.yaml, or give rare classes a name in common",
        )
    return places.astype(np.intp)


def _numbers(column: pd.Series[Any], where: str) -> Floats:
    import pandas as pd

    numbers = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=np.float64)
    _refuse(column, ~np.isfinite(numbers), where, "finite numbers")
    return numbers


def _refuse(column: pd.Series[Any], strange: Bools, where: str, expected: str) -> None:
    if strange.any():
        first = column.iloc[int(np.flatnonzero(strange)[0])]
        raise LabelError("not a label", where=where, expected=expected, found=quote_value(first))
