"""What is known of runs later: append-only tables of performance metrics and of drift decisions.

A metric may be measured again under the same key when more labels are known; the last value by
``at`` counts. The key is the run, the maturity, the slice, the metric, and whether the value is
estimated.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assay.store import history
from assay.store.delta import rows
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import DECISIONS, PERFORMANCE, small_schema, texts

NAME = ("run_id", "maturity_days", "slice", "metric", "estimated")
"""The key of a value, together with the partition."""

_AND = "\0"
"""Between a night and a run, where both are compared at once; neither holds it."""

_TRUE = pa.Array.from_buffers(pa.bool_(), 1, [None, pa.py_buffer(b"\1")])

SAID = ("value", "low", "high", "rows", "labelled_share", "trusted", "why")
"""The columns that hold the value. The rest of a row is constant for a run, or the time
measured."""


def read_performance(
    place: StoreLocation,
    partition: str | Sequence[str] | None = None,
    slices: bool = True,
    metrics: Sequence[str] | None = None,
) -> pa.Table:
    """The latest value of each metric of the visible runs, sorted by key.

    Parameters
    ----------
    partition
        One, some, or all if None.
    slices
        Also of slices; else only over all rows, which are a small part of the table.
    metrics
        Their names; None for all.
    """
    shown = history.visible_runs(place)
    table = latest_values(_all(place, partition, slices, metrics), place.column)
    # In Arrow: a thousand nights are tens of thousands of rows.
    of_run = pc.binary_join_element_wise(
        table.column(place.column), table.column("run_id"), texts([_AND])[0]
    )
    visible = texts(f"{night}{_AND}{run_id}" for night, run_id in shown.items())
    return table.filter(pc.is_in(of_run, visible))


def read_measured_maturities(place: StoreLocation) -> set[tuple[str, int]]:
    """Each run with each number of days after which it was measured; 0 for an estimate."""
    wanted = ["run_id", "maturity_days"]
    measured = rows.select(place, PERFORMANCE, {"slice": ""}, wanted)
    return set(_tuples(measured, wanted))


def append_performance(place: StoreLocation, measured: Iterable[Mapping[str, Any]]) -> int:
    """Append the values that are new, in one commit; returns how many there were.

    Parameters
    ----------
    measured
        Rows of the table (`assay.store.delta.tables.small_schema`).
    """
    given = pa.Table.from_pylist(list(measured), small_schema(PERFORMANCE, place.column))
    if not given.num_rows:
        return 0
    nights = pc.unique(given.column(place.column)).to_pylist()
    new = changed_rows(latest_values(_all(place, nights), place.column), given, place.column)
    if new.num_rows:
        rows.append(place, PERFORMANCE, new)
    return int(new.num_rows)


def merge_performance(
    kept: pa.Table, measured: Iterable[Mapping[str, Any]], column: str
) -> pa.Table:
    """The latest values after adding newly measured rows to those of `read_performance`."""
    given = pa.Table.from_pylist(list(measured), small_schema(PERFORMANCE, column))
    # Only the nights that were measured can have other values than before.
    mine = pc.is_in(kept.column(column), pc.unique(given.column(column)))
    now = latest_values(pa.concat_tables([kept.filter(mine), given]), column)
    both = pa.concat_tables([kept.filter(pc.invert(mine)), now])
    return both.sort_by([(each, "ascending") for each in [column, *NAME]])


def latest_values(table: pa.Table, column: str) -> pa.Table:
    """The last value of each key by ``at``, sorted by key."""
    name = [column, *NAME]
    sort_keys = [(each, "ascending") for each in [*name, "at"]]
    dated = table.take(pc.sort_indices(table, sort_keys=sort_keys))
    before, after = dated.slice(0, max(0, dated.num_rows - 1)), dated.slice(1)
    pairs = [(before.column(each), after.column(each)) for each in name]
    pairs += [(pc.is_null(one), pc.is_null(other)) for one, other in pairs]
    last = functools.reduce(pc.or_kleene, (pc.not_equal(*pair) for pair in pairs))
    end = _TRUE.slice(0, dated.num_rows - before.num_rows)
    return dated.filter(pa.chunked_array([*last.chunks, end]))


def changed_rows(kept: pa.Table, given: pa.Table, column: str) -> pa.Table:
    """The rows of ``given`` that differ from the kept ones."""
    name = [column, *NAME]
    known = set(_tuples(kept, [*name, *SAID]))
    new = [row not in known for row in _tuples(given, [*name, *SAID])]
    return given.filter(pa.array(new, pa.bool_()))


def _tuples(table: pa.Table, names: list[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def _all(
    place: StoreLocation,
    partition: str | Sequence[str] | None = None,
    slices: bool = True,
    metrics: Sequence[str] | None = None,
) -> pa.Table:
    asked = {place.column: partition, "metric": metrics, "slice": None if slices else ""}
    filters = {name: value for name, value in asked.items() if value is not None}
    return rows.select(place, PERFORMANCE, filters)


# --------------------------------------------------------------------------------------------------
# drift decisions about runs: an append-only table, a row each time a night is judged otherwise
# The last row of a night by ``at`` counts; of its published run, if there is one.


def read_decisions(place: StoreLocation) -> dict[str, str]:
    """Night -> the decision that counts, as JSON; nights that are void are left out."""
    latest = _latest(place, "decision")
    return {night: text for night, text in latest.items() if text is not None}


def read_decided_runs(place: StoreLocation) -> dict[str, str]:
    """Night -> the run that its decision is about; costs less than reading the decisions."""
    return _latest(place, "run_id")


def append_decisions(place: StoreLocation, decided: Iterable[Mapping[str, Any]]) -> None:
    """Append rows in one commit, dated now; none appends nothing."""
    now = datetime.now(UTC)
    if given := [{**row, "at": now} for row in decided]:
        rows.append(place, DECISIONS, given)


def _latest(place: StoreLocation, name: str) -> dict[str, Any]:
    """Night -> what the row of each night that counts has in a column, in the order of nights."""
    names = [place.column, "run_id", name]
    decisions = rows.select(place, DECISIONS, {}, list(dict.fromkeys([*names, "at"])))
    dated = decisions.take(pc.sort_indices(decisions, sort_keys=[("at", "ascending")]))
    visible = history.visible_runs(place)
    chosen: dict[str, tuple[bool, int, Any]] = {}
    for number, (night, run_id, value) in enumerate(_tuples(dated, names)):
        rank = (visible.get(night) == run_id, number, value)
        chosen[night] = max(rank, chosen.get(night, rank))
    return {night: chosen[night][-1] for night in sorted(chosen)}
