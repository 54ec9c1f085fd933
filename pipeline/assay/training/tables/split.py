"""Splits rows into training and holdout by time alone, without learning from either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.errors import LabelError
from assay.project.params import Window
from assay.project.tasks import Task
from assay.project.text import counted, mark_blanks


def filter_labelled(table: pa.Table, label: str) -> pa.Table:
    """The rows that have a label; NaN is a null, as in the contract."""
    lacking = pc.is_null(table.column(label), nan_is_null=True)
    # Mostly none lacks, and a copy of a large table is large.
    return table.filter(pc.invert(lacking)) if pc.any(lacking).as_py() else table


def filter_window(table: pa.Table, time: str, window: Window) -> pa.Table:
    """The rows whose ``time`` lies on a day of ``window``."""
    column = table.column(time)
    start = pa.scalar(window.start).cast(column.type)
    after = pa.scalar(window.end + timedelta(days=1)).cast(column.type)
    return table.filter(pc.and_(pc.greater_equal(column, start), pc.less(column, after)))


def without_groups_of(train: pa.Table, holdout: pa.Table, group: str) -> pa.Table:
    """The training rows of groups that the holdout does not have; those without a group stay.

    Raises
    ------
    LabelError
        None is left.
    """
    known = pc.unique(holdout.column(group)).drop_null()
    kept = train.filter(pc.invert(pc.is_in(train.column(group), value_set=known)))
    if train.num_rows and not kept.num_rows:
        raise LabelError(
            f"each value of '{group}' in training is in the holdout too, so no row is left",
            where="params.yaml: prepare.apart",
            expected="values that are in one of the windows only",
            found=counted(len(known), "value"),
            fix="Take a shorter holdout, or leave prepare.apart out.",
        )
    return kept


def sort_order(table: pa.Table, time: str, keys: tuple[str, ...]) -> NDArray[np.uint64]:
    """The order of the rows by time, then key, so that the same rows always give the same file."""
    names = [time, *(key for key in keys if key != time)]
    found = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names])
    return np.asarray(found)


def label_facts(
    table: pa.Table, label: str, task: Task, name: str, window: Window
) -> dict[str, Any]:
    """Number of rows and label statistics of a window.

    Returns
    -------
    dict
        ``rows``, and by task ``positives``, ``classes`` (rows of each) or ``mean``.

    Raises
    ------
    LabelError
        There are no rows, or the labels cannot be learnt from.
    """
    where = f"the {name} window, {window}"
    if table.num_rows == 0:
        raise LabelError(
            "no row has a label",
            where=where,
            expected=f"rows with a value in '{label}'",
            found="none",
            fix=f"Check prepare.{name} in params.yaml against the days in data/raw.",
        )
    column = table.column(label)
    if task == "regression":
        return {"rows": table.num_rows, "mean": _spread(column, label, where)}
    counts = pc.value_counts(column).to_pylist()
    seen = sorted(((item["values"], item["counts"]) for item in counts), key=str)
    shown = ", ".join(f"{mark_blanks(value)} in {counted(count, 'row')}" for value, count in seen)
    if task == "binary" and not {value for value, _ in seen} <= {0, 1}:
        raise LabelError(
            "only labels of two classes can be learnt",
            where=where,
            expected=f"true and false (or 1 and 0) in '{label}'",
            found=shown if len(seen) <= 5 else counted(len(seen), "class", "classes"),
        )
    if len(seen) < 2:
        raise LabelError(
            "the label has one class only",
            where=where,
            expected=f"both true and false in '{label}'"
            if task == "binary"
            else f"two or more classes in '{label}'",
            found=shown,
            fix="Choose a window in which both happen."
            if task == "binary"
            else "Choose a longer window.",
        )
    if task == "binary":
        return {"rows": table.num_rows, "positives": sum(n for value, n in seen if value)}
    return {"rows": table.num_rows, "classes": {str(value): count for value, count in seen}}


def _spread(column: pa.ChunkedArray, label: str, where: str) -> float:
    """The mean of labels that are not all equal."""
    ends = pc.min_max(column).as_py()
    if ends["min"] == ends["max"]:
        raise LabelError(
            "every label is the same number",
            where=where,
            expected=f"different numbers in '{label}'",
            found=f"{ends['min']} in {counted(len(column), 'row')}",
            fix="Choose a longer window.",
        )
    return float(pc.mean(column).as_py())
