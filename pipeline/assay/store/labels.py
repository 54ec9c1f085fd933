"""Labels: an append-only history of the ground truth of each key, queried as of a point in time.

A key's label as of a time is the last one that had arrived by then. Rows are never changed or
deleted, so a metric at an earlier maturity can be computed again at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import NothingScored
from assay.project.tasks import Task
from assay.store.delta import log, rows
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import (
    INSTANT,
    LABELS,
    PREDICTIONS,
    infer_keys_and_task,
    labels_schema,
)

TRUTH = "truth"
ARRIVED = "arrived_at"


def read_keys_and_task(place: StoreLocation) -> tuple[pa.Schema, Task]:
    """The key columns of the store's predictions, and the model's task.

    Raises
    ------
    NothingScored
        If nothing was ever published.
    """
    uri = place.table_uri(PREDICTIONS)
    if log.open_table(uri) is None:
        raise NothingScored(
            "no night has been published yet", where=place.uri, fix="Run assay score first."
        )
    return infer_keys_and_task(log.schema_of(uri), place.column)


def read_label_history(place: StoreLocation, partition: str) -> pa.Table:
    """Every label that ever arrived for a partition."""
    keys, task = read_keys_and_task(place)
    schema = labels_schema(place.column, keys, task)
    return rows.select(place, LABELS, {place.column: partition}, schema=schema)


def append_labels(
    place: StoreLocation, arrived: Mapping[str, pa.Table], source: str, by: str
) -> None:
    """Append labels to the histories of partitions, in one commit; no rows, no commit.

    Parameters
    ----------
    arrived
        By partition the keys, ``truth`` and ``arrived_at``, as `new_labels` returns them.
    source, by
        Where the labels come from, and who imported them.
    """
    keys, task = read_keys_and_task(place)
    schema = labels_schema(place.column, keys, task)
    tables = []
    for partition, given in arrived.items():
        facts = {place.column: partition, "source": source, "by": by}
        columns = [
            pa.repeat(pa.scalar(facts[name]), given.num_rows)
            if name in facts
            else given.column(name).cast(schema.field(name).type)
            for name in schema.names
        ]
        tables.append(pa.table(columns, schema=schema))
    if any(table.num_rows for table in tables):
        rows.append(place, LABELS, pa.concat_tables(tables))


def labels_as_of(history: pa.Table, keys: Sequence[str], until: datetime | None = None) -> pa.Table:
    """The label of each key as of ``until``: the last one that arrived before it.

    Parameters
    ----------
    history
        The keys, ``truth`` and ``arrived_at``, in any order.
    until
        Excluded; None for no limit.
    """
    if until is not None:
        history = history.filter(pc.less(history.column(ARRIVED), pa.scalar(until, INSTANT)))
    # If two writers add labels at the same instant, the result must not depend on file order.
    ordered = history.select([*keys, TRUTH, ARRIVED]).sort_by(
        [(ARRIVED, "ascending"), (TRUTH, "ascending")]
    )
    folded = ordered.group_by(list(keys), use_threads=False).aggregate(
        [(TRUTH, "last"), (ARRIVED, "last")]
    )
    return folded.rename_columns([*keys, TRUTH, ARRIVED])


def new_labels(
    history: pa.Table, given: pa.Table, keys: Sequence[str], first: datetime, now: datetime
) -> pa.Table:
    """The given labels that are not in the history yet, each with its time of arrival.

    Parameters
    ----------
    history
        The keys, ``truth`` and ``arrived_at``.
    given
        The same, each key once; ``arrived_at`` is null where it is not stated.
    first
        Arrival time of a key's first label, where none is stated.
    now
        Arrival time of any other label, a correction, where none is stated.

    Notes
    -----
    A label without a stated time is not new if it equals the key's latest label, and one with a
    stated time not if it equals the label as of that time. So stating an earlier time for a known
    label adds it once more with that time: a corrected date of arrival. If the key already has
    another label with exactly the stated arrival time, the given one is taken as a later correction
    and gets ``now``.
    """
    latest = labels_as_of(history, keys).rename_columns([*keys, "known", "since"])
    joined = given.join(latest, list(keys), join_type="left outer")
    stated = joined.filter(pc.is_valid(joined.column(ARRIVED)))
    joined = joined.join(_then(history, stated, keys), list(keys), join_type="left outer")
    fresh = pc.is_null(joined.column("since"))
    same = _equal(joined, "known", TRUTH)
    known_before = pc.is_valid(joined.column(ARRIVED))
    heard = pc.and_(known_before, _equal(joined, "then", TRUTH))
    tied = pc.and_(known_before, _equal(joined, "then_at", ARRIVED))
    # If the clock was set back, a correction must still come after the label that it corrects.
    later = _later(joined.column("since"), now)
    unsaid = pc.if_else(fresh, pa.scalar(first, INSTANT), later)
    arrived = pc.if_else(pc.and_(known_before, pc.invert(tied)), joined.column(ARRIVED), unsaid)
    joined = joined.set_column(joined.schema.get_field_index(ARRIVED), ARRIVED, arrived)
    known = pc.and_(same, pc.or_(pc.invert(known_before), tied))
    new = joined.filter(pc.invert(pc.or_(known, heard)))
    return new.select([*keys, TRUTH, ARRIVED])


def _then(history: pa.Table, stated: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The label of each key as of the arrival time that its row states."""
    asked = stated.select([*keys, ARRIVED]).rename_columns([*keys, "asked"])
    both = history.select([*keys, TRUTH, ARRIVED]).join(asked, list(keys), join_type="inner")
    past = both.filter(pc.less_equal(both.column(ARRIVED), both.column("asked")))
    return labels_as_of(past, keys).rename_columns([*keys, "then", "then_at"])


def _equal(table: pa.Table, left: str, right: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(table.column(left), table.column(right)), False)


def _later(since: pa.ChunkedArray, now: datetime) -> pa.ChunkedArray:
    after = pc.add(since, pa.scalar(timedelta(microseconds=1), pa.duration("us")))
    at = pa.scalar(now, INSTANT)
    return pc.if_else(pc.fill_null(pc.greater(after, at), False), after, at)
