"""Add the labels of one night to its history, and count known and unknown keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import LabelError
from assay.performance.read_labels import LabelBatch
from assay.project.text import mark_blanks
from assay.store.delta.tables import INSTANT
from assay.store.labels import labels_as_of, new_labels

if TYPE_CHECKING:
    from assay.store import Store


@dataclass(frozen=True)
class LabelCounts:
    """Counts of a night's labels.

    Attributes
    ----------
    truths
        Keys with a label.
    new, corrected, redated
        Keys without a label before, keys whose label changed, and keys whose label is known to have
        arrived earlier than recorded.
    untold, keyless
        Rows without a label, and rows without their whole key; both are ignored.
    quarantined, unknown
        Keys of quarantined rows, and keys that the night does not have. Their labels are kept, as a
        row may still be repaired and scored.
    """

    partition: str
    truths: int
    new: int
    corrected: int
    redated: int
    untold: int
    keyless: int
    quarantined: int
    unknown: int


def add_labels(
    store: Store,
    partition: str,
    arrived: LabelBatch,
    keys: pa.Schema,
    source: str,
    by: str,
    first: datetime,
    now: datetime,
) -> LabelCounts:
    """Add the labels to the night's history that it does not hold yet.

    Parameters
    ----------
    first
        The arrival time of first labels whose rows state none.

    Raises
    ------
    LabelError
        The night has none of the keys, so these are another night's labels.
    """
    names = keys.names
    scored = _keys(store, partition, keys, "predictions")
    strange = arrived.rows.select(names).join(scored, names, join_type="left anti")
    unknown = strange
    if strange.num_rows:
        refused = _keys(store, partition, keys, "quarantine")
        unknown = strange.join(refused, names, join_type="left anti")
    if arrived.rows.num_rows and unknown.num_rows == arrived.rows.num_rows:
        raise LabelError(
            f"none of {unknown.num_rows:,} keys is of this night",
            where=f"{source}, night {partition}",
            expected=f"keys such as {_first(scored)}",
            found=_first(unknown),
            fix="Nothing was taken. Is it another night's file?",
        )
    history = store.label_history(partition)
    added = new_labels(history, arrived.rows, names, first, now)
    known = labels_as_of(history, names).rename_columns([*names, "known", "since"])
    before = added.join(known, names, join_type="inner")
    same = pc.equal(before.column("truth"), before.column("known"))
    redated = before.filter(same).num_rows
    corrected = before.num_rows - redated
    store.append_labels(partition, added, source, by)
    return LabelCounts(
        partition=partition,
        truths=arrived.rows.num_rows,
        new=added.num_rows - before.num_rows,
        corrected=corrected,
        redated=redated,
        untold=arrived.untold,
        keyless=arrived.keyless,
        quarantined=strange.num_rows - unknown.num_rows,
        unknown=unknown.num_rows,
    )


def set_arrival_time(rows: pa.Table, instant: datetime | None) -> pa.Table:
    """The rows, all with one arrival time; unchanged if it is None."""
    if instant is None:
        return rows
    place = rows.schema.get_field_index("arrived_at")
    told = pa.repeat(pa.scalar(instant, INSTANT), rows.num_rows)
    return rows.set_column(place, "arrived_at", told)


def _keys(store: Store, partition: str, keys: pa.Schema, table: str) -> pa.Table:
    read = store.prediction_batches if table == "predictions" else store.quarantine_batches
    found = pa.Table.from_batches(
        [batch.cast(keys) for batch in read(partition, keys.names)], schema=keys
    )
    for name in keys.names:
        found = found.filter(pc.is_valid(found.column(name)))
    return found.group_by(keys.names).aggregate([])


def _first(keys: pa.Table) -> str:
    if not keys.num_rows:
        return "none: the night has no scored row"
    return ", ".join(
        f"{name}={mark_blanks(value)}" for name, value in keys.slice(0, 1).to_pylist()[0].items()
    )
