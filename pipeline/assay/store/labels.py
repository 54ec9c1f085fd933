"""Truths as they arrived: an append-only history of each key, and what was known when.

A key's truth at an instant is the last that had arrived by then. Nothing is ever changed or
deleted, so what a metric said of an earlier maturity can be computed again at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import NothingScored
from assay.project.tasks import Task
from assay.store.delta import log, rows
from assay.store.delta.place import Place
from assay.store.delta.tables import INSTANT, LABELS, PREDICTIONS, answered, labels_schema

TRUTH = "truth"
ARRIVED = "arrived_at"


def shape(place: Place) -> tuple[pa.Schema, Task]:
    """The key columns of the store's predictions, and the task that its labels are for.

    Raises
    ------
    NothingScored
        If nothing was ever published.
    """
    uri = place.table_uri(PREDICTIONS)
    if log.open_table(uri) is None:
        raise NothingScored(
            "no night has been published yet", where=place.uri, mend="Run assay score first."
        )
    return answered(log.schema_of(uri), place.column)


def history(place: Place, partition: str) -> pa.Table:
    """Every truth that ever arrived for a partition.

    Raises
    ------
    NothingScored
        If nothing was ever published.
    """
    keys, task = shape(place)
    schema = labels_schema(place.column, keys, task)
    return rows.select(place, LABELS, schema, {place.column: partition})


def keep(place: Place, partition: str, arrived: pa.Table, source: str, by: str) -> None:
    """Add truths to the history of a partition, in one commit; none changes nothing.

    Parameters
    ----------
    arrived
        The keys, ``truth`` and ``arrived_at``: what `news` gave.
    source, by
        Where they come from, and who brought them.
    """
    if not arrived.num_rows:
        return
    keys, task = shape(place)
    schema = labels_schema(place.column, keys, task)
    said = {place.column: partition, "source": source, "by": by}
    table = pa.table(
        [
            pa.repeat(pa.scalar(said[name]), arrived.num_rows)
            if name in said
            else arrived.column(name).cast(schema.field(name).type)
            for name in schema.names
        ],
        schema=schema,
    )
    rows.append(place, LABELS, table, [place.column])


def known(history: pa.Table, keys: Sequence[str], until: datetime | None = None) -> pa.Table:
    """The truth of each key that had arrived before ``until``: the last one by its arrival.

    Parameters
    ----------
    history
        The keys, ``truth`` and ``arrived_at``, in any order.
    until
        Excluded; None for whatever has arrived.
    """
    if until is not None:
        history = history.filter(pc.less(history.column(ARRIVED), pa.scalar(until, INSTANT)))
    # Two writers at one instant must not make the answer depend on the order of files.
    ordered = history.select([*keys, TRUTH, ARRIVED]).sort_by(
        [(ARRIVED, "ascending"), (TRUTH, "ascending")]
    )
    folded = ordered.group_by(list(keys), use_threads=False).aggregate(
        [(TRUTH, "last"), (ARRIVED, "last")]
    )
    return folded.rename_columns([*keys, TRUTH, ARRIVED])


def news(
    history: pa.Table, given: pa.Table, keys: Sequence[str], first: datetime, now: datetime
) -> pa.Table:
    """What of the given truths the history does not hold yet, with the time of its arrival.

    Parameters
    ----------
    history
        The keys, ``truth`` and ``arrived_at``.
    given
        The same, each key once; ``arrived_at`` is null where nobody said when.
    first
        When the first truth of a key arrived, where nobody said so.
    now
        When any other arrived, where nobody said so: a correction comes when it comes.

    Notes
    -----
    A truth that is the last known one is no news, nor is one that was known at the instant
    that it states. A stated instant at which the key has another truth already is not
    believed: what contradicts it came later, that is now.
    """
    latest = known(history, keys).rename_columns([*keys, "known", "since"])
    joined = given.join(latest, list(keys), join_type="left outer")
    stated = joined.filter(pc.is_valid(joined.column(ARRIVED)))
    joined = joined.join(_then(history, stated, keys), list(keys), join_type="left outer")
    fresh = pc.is_null(joined.column("since"))
    same = _equal(joined, "known", TRUTH)
    told = pc.is_valid(joined.column(ARRIVED))
    heard = pc.and_(told, _equal(joined, "then", TRUTH))
    tied = pc.and_(told, _equal(joined, "then_at", ARRIVED))
    # A clock that was set back must not put a correction before what it corrects.
    later = _later(joined.column("since"), now)
    unsaid = pc.if_else(fresh, pa.scalar(first, INSTANT), later)
    arrived = pc.if_else(pc.and_(told, pc.invert(tied)), joined.column(ARRIVED), unsaid)
    joined = joined.set_column(joined.schema.get_field_index(ARRIVED), ARRIVED, arrived)
    new = joined.filter(pc.invert(pc.or_(same, heard)))
    return new.select([*keys, TRUTH, ARRIVED])


def _then(history: pa.Table, stated: pa.Table, keys: Sequence[str]) -> pa.Table:
    """What was known of each key at the instant that its row states."""
    asked = stated.select([*keys, ARRIVED]).rename_columns([*keys, "asked"])
    both = history.select([*keys, TRUTH, ARRIVED]).join(asked, list(keys), join_type="inner")
    past = both.filter(pc.less_equal(both.column(ARRIVED), both.column("asked")))
    return known(past, keys).rename_columns([*keys, "then", "then_at"])


def _equal(table: pa.Table, left: str, right: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(table.column(left), table.column(right)), False)


def _later(since: pa.ChunkedArray, now: datetime) -> pa.ChunkedArray:
    after = pc.add(since, pa.scalar(timedelta(microseconds=1), pa.duration("us")))
    at = pa.scalar(now, INSTANT)
    return pc.if_else(pc.fill_null(pc.greater(after, at), False), after, at)
