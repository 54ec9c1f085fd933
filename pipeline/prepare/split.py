"""Which rows train and which are held out: by time, nothing learnt from either."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import LabelError
from pipeline.params import Window


def labelled(table: pa.Table, label: str) -> pa.Table:
    """The rows whose truth is known."""
    return table.filter(pc.is_valid(table.column(label)))


def within(table: pa.Table, time: str, window: Window) -> pa.Table:
    """The rows whose ``time`` lies on a day of ``window``."""
    column = table.column(time)
    start = pa.scalar(window.start).cast(column.type)
    after = pa.scalar(window.end + timedelta(days=1)).cast(column.type)
    return table.filter(pc.and_(pc.greater_equal(column, start), pc.less(column, after)))


def ordered(table: pa.Table, time: str, keys: tuple[str, ...]) -> pa.Table:
    """By time, then key, so that the same rows always give the same file."""
    names = [time, *(key for key in keys if key != time)]
    return table.sort_by([(name, "ascending") for name in names])


def check_label(table: pa.Table, label: str, name: str, window: Window) -> tuple[int, int]:
    """Rows and positives.

    Raises
    ------
    LabelError
        There are no rows, or the label is not two classes.
    """
    where = f"the {name} window, {window}"
    if table.num_rows == 0:
        raise LabelError(
            "no row has a label",
            where=where,
            expected=f"rows with a value in '{label}'",
            found="none",
            mend=f"Check prepare.{name} in params.yaml against the days in data/raw.",
        )
    counts = pc.value_counts(table.column(label)).to_pylist()
    seen = sorted(((item["values"], item["counts"]) for item in counts), key=str)
    shown = ", ".join(f"{value} in {count} rows" for value, count in seen)
    if not {value for value, _ in seen} <= {0, 1}:
        raise LabelError(
            "only labels of two classes can be learnt",
            where=where,
            expected=f"true and false (or 1 and 0) in '{label}'",
            found=shown if len(seen) <= 5 else f"{len(seen)} classes",
        )
    if len(seen) < 2:
        raise LabelError(
            "the label has one class only",
            where=where,
            expected=f"both true and false in '{label}'",
            found=shown,
            mend="Choose a window in which both happen.",
        )
    return table.num_rows, sum(count for value, count in seen if value)
