"""How well runs turned out to do: numbers that are added, never changed.

A number may be measured again when more is known, under the same name: then the last one by
``at`` counts. Names are the run, the maturity, the slice, the metric, and whether the number
is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.store import history
from assay.store.delta import rows
from assay.store.delta.place import Place
from assay.store.delta.tables import PERFORMANCE, performance_schema

NAME = ("run_id", "maturity_days", "slice", "metric", "estimated")
"""With the partition, what a number is called."""

SAID = ("value", "low", "high", "rows", "labelled_share", "trusted", "why")
"""What it says; the rest of a row is the same for all of a run, or when it was measured."""


def performance(place: Place, partition: str | None = None) -> pa.Table:
    """What is known of the runs that readers see: the last of each number, in order of names."""
    shown = history.visible_runs(place)
    table = current(_all(place, partition), place.column)
    visible = [
        shown.get(night) == run_id
        for night, run_id in zip(
            table.column(place.column).to_pylist(),
            table.column("run_id").to_pylist(),
            strict=True,
        )
    ]
    return table.filter(pa.array(visible, pa.bool_()))


def keep(place: Place, measured: Iterable[Mapping[str, Any]]) -> int:
    """Add numbers in one commit, those that are not known like this already; how many.

    Parameters
    ----------
    measured
        Rows of `assay.store.delta.tables.performance_schema`.
    """
    given = pa.Table.from_pylist(list(measured), performance_schema(place.column))
    new = changed(current(_all(place), place.column), given, place.column)
    if new.num_rows:
        rows.append(place, PERFORMANCE, new)
    return int(new.num_rows)


def together(kept: pa.Table, measured: Iterable[Mapping[str, Any]], column: str) -> pa.Table:
    """What is known once rows measured later are added to those of `performance`."""
    given = pa.Table.from_pylist(list(measured), performance_schema(column))
    return current(pa.concat_tables([kept, given]), column)


def current(table: pa.Table, column: str) -> pa.Table:
    """The last of each number by ``at``, in order of names."""
    name = [column, *NAME]
    rest = [each for each in table.schema.names if each not in name]
    folded = (
        table.sort_by("at")
        .group_by(name, use_threads=False)
        # A number that has no value any more must not show an earlier one.
        .aggregate([(each, "last", pc.ScalarAggregateOptions(skip_nulls=False)) for each in rest])
    )
    plain = folded.rename_columns([*name, *rest]).select(table.schema.names)
    return plain.sort_by([(each, "ascending") for each in name]).cast(table.schema)


def changed(kept: pa.Table, given: pa.Table, column: str) -> pa.Table:
    """The rows of ``given`` that say something new."""
    name = [column, *NAME]
    known = set(_tuples(kept, [*name, *SAID]))
    new = [row not in known for row in _tuples(given, [*name, *SAID])]
    return given.filter(pa.array(new, pa.bool_()))


def _tuples(table: pa.Table, names: list[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def _all(place: Place, partition: str | None = None) -> pa.Table:
    filters = {} if partition is None else {place.column: partition}
    return rows.select(place, PERFORMANCE, performance_schema(place.column), filters)
