"""Goes through all rows once more: how many each day has, and a sample spread over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from assay.formats.definition import Value
from assay.init.label import MOST_CLASSES, Spread

SAMPLE = 20_000


@dataclass(frozen=True)
class Survey:
    """What was seen on the way.

    ``days``: rows of each day; ``spread``: of a label of numbers, else None; ``label_days``: rows
    of each day for each value of the label, empty if there are more than `MOST_CLASSES` or no time.
    """

    days: Mapping[date, int]
    sample: pd.DataFrame
    spread: Spread | None
    label_days: Mapping[Value, Mapping[date, int]] = field(default_factory=dict)


def survey(tables: Iterable[pa.Table], rows: int, time: str | None, label: str) -> Survey:
    """Count days, and keep every n-th row.

    Parameters
    ----------
    tables
        All rows, in batches.
    rows
        Their number, from an earlier pass.
    time
        The column that says when a row is from, if there is one.
    label
        Its spread is computed if it is a number.
    """
    step = max(1, -(-rows // SAMPLE))
    days: Counter[date] = Counter()
    classes: dict[Value, Counter[date]] = {}
    kept: list[pa.Table] = []
    seen = 0
    for table in tables:
        places = np.arange(-seen % step, table.num_rows, step)
        kept.append(table.take(pa.array(places)))
        seen += table.num_rows
        if time is not None:
            days.update(_days(table.column(time)))
            if len(classes) <= MOST_CLASSES:
                _count_classes(table.column(label), table.column(time), classes)
    sample = pa.concat_tables(kept) if kept else pa.table({label: pa.nulls(0)})
    few = classes if len(classes) <= MOST_CLASSES else {}
    return Survey(days, sample.to_pandas(), _spread(sample.column(label).drop_null()), few)


def _spread(values: pa.ChunkedArray) -> Spread | None:
    numeric = pa.types.is_floating(values.type) or pa.types.is_integer(values.type)
    if not numeric or not len(values):
        return None
    numbers = values.to_numpy().astype(np.float64)
    median = float(np.median(numbers))
    return Spread(float(numbers.mean()), median, float(np.abs(numbers - median).mean()))


def _days(column: pa.ChunkedArray) -> dict[date, int]:
    counted = pc.value_counts(pc.cast(column, pa.date32(), safe=False)).to_pylist()
    return {each["values"]: each["counts"] for each in counted if each["values"] is not None}


def _count_classes(
    label: pa.ChunkedArray, time: pa.ChunkedArray, classes: dict[Value, Counter[date]]
) -> None:
    """Add the days of each value to ``classes``; of too many values, only that they are there."""
    values = label.unique().drop_null()
    if len(values) > MOST_CLASSES:
        classes.update((value, Counter()) for value in values.to_pylist())
        return
    for value in values:
        classes.setdefault(value.as_py(), Counter()).update(
            _days(time.filter(pc.equal(label, value)))
        )
