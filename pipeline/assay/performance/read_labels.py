"""Read labels from a file or an input, and convert them to the types of the labels table."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from assay.contract.definition import MASK, show_key
from assay.errors import LabelError, SchemaMismatch, SourceError, UsageError
from assay.errors.base import private_names
from assay.formats.files.opened_table import open_parquet
from assay.project.tasks import Task
from assay.project.text import counted, mark_blanks, mark_message_blanks, quote_value
from assay.store.delta.tables import INSTANT
from assay.store.labels import labels_as_of, new_labels

if TYPE_CHECKING:
    from assay.store import Store


ARRIVED = "arrived_at"
"""Default name of the column with arrival times, if params.yaml names no other."""

PROBABILITY = "assay_probability"
"""The column by which a file is a list of `assay ask`."""

FORMATS = (".csv", ".jsonl", ".parquet")
SPOKEN = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
"""Accepted spellings of a binary label, in lower case."""


@dataclass(frozen=True)
class LabelColumns:
    """The column names in the source of labels."""

    keys: tuple[str, ...]
    truth: str
    arrived_at: str | None = None

    @property
    def every(self) -> tuple[str, ...]:
        return (*self.keys, self.truth, *((self.arrived_at,) if self.arrived_at else ()))


@dataclass(frozen=True)
class LabelBatch:
    """The labels that were read, and counts of rows that were not used.

    Attributes
    ----------
    rows
        The keys, ``truth`` and ``arrived_at`` (null where it is unknown), each key once.
    untold
        Rows without a label yet.
    keyless
        Rows without a part of their key.
    """

    rows: pa.Table
    untold: int
    keyless: int


def read_label_file(path: Path, option: str = "--rows") -> pa.Table:
    """Read the rows of a file that an option names; CSV columns are read as text.

    Raises
    ------
    UsageError
        It is a folder, or the file's suffix is none of `FORMATS`.
    SourceError
        It cannot be read.
    """
    if path.suffix not in FORMATS:
        raise UsageError(
            "unknown kind of file",
            where=f"{option} {path}",
            expected=f"a file whose name ends in {', '.join(FORMATS)}",
            found="a folder" if path.is_dir() else path.suffix or "no ending",
        )
    try:
        read = _csv if path.suffix == ".csv" else _jsonl
        table: pa.Table = open_parquet(path).read() if path.suffix == ".parquet" else read(path)
        for name, times in Counter(table.column_names).most_common(1):
            if times > 1:
                raise ValueError(f"{counted(times, 'column')} of it are called '{name}'")
        return table
    except (
        *(OSError, ValueError, csv.Error, pa.ArrowException),
        *(OverflowError, RecursionError),  # of JSON
    ) as error:
        raise SourceError(
            "cannot be read", where=str(path), found=str(error).strip().partition("\n")[0][:160]
        ) from None


def _csv(path: Path) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    # As text, so that a numeric key keeps its leading zeros.
    texts = dict.fromkeys(names, pa.string())
    options = pcsv.ConvertOptions(
        column_types=texts, strings_can_be_null=True, null_values=[""], check_utf8=True
    )
    return pcsv.read_csv(path, convert_options=options)


def _jsonl(path: Path) -> pa.Table:
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line that is no object")
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _cells(name, [row.get(name) for row in rows]) for name in names})


def _cells(name: str, cells: Sequence[object]) -> pa.Array:
    try:
        return pa.array(cells)
    except pa.ArrowException:
        if any(isinstance(cell, dict | list) for cell in cells):
            # Arrow would quote the objects: their names may be those of people.
            raise ValueError(f"column {name!r} has objects or lists beside values") from None
        raise


def parse_labels(
    table: pa.Table, names: LabelColumns, keys: pa.Schema, task: Task, where: str, now: datetime
) -> LabelBatch:
    """The rows in the types of the labels table, each key once.

    Parameters
    ----------
    keys
        The key columns as predictions have them.
    where
        The source's name in errors.

    Raises
    ------
    SchemaMismatch
        Columns are missing.
    LabelError
        A key or label is invalid, a label arrives in the future, or a key has two labels.
    """
    missing = [name for name in names.every if name not in table.column_names]
    if missing:
        # The first line may be a row.
        has = MASK if private_names() else ", ".join(map(mark_blanks, table.column_names))
        raise SchemaMismatch(
            [f"{where}: column {quote_value(name)} is missing, found {has}" for name in missing]
        )
    labelled = table.filter(
        pc.is_valid(_truth(table.column(names.truth), task, names.truth, where))
    )
    untold = table.num_rows - labelled.num_rows
    # Other cells of rows without a label are not checked: they may not be filled in yet.
    columns = {
        name: _cast(labelled.column(name), keys.field(name).type, name, where)
        for name in names.keys
    }
    truth = _truth(labelled.column(names.truth), task, names.truth, where)
    rows = pa.table(
        {**columns, "truth": truth, "arrived_at": _arrival(labelled, names, where, now)}
    )
    whole = rows
    for name in names.keys:
        whole = whole.filter(pc.is_valid(whole.column(name)))
    once = _once(whole, names.keys, where)
    return LabelBatch(once, untold, rows.num_rows - whole.num_rows)


def _once(rows: pa.Table, keys: Sequence[str], where: str) -> pa.Table:
    """Each key once, in order of first occurrence. Duplicates with the same label are merged."""
    grouped = rows.group_by(list(keys), use_threads=False).aggregate(
        [("truth", "count_distinct"), ("truth", "min"), ("truth", "max"), ("arrived_at", "min")]
    )
    torn = grouped.filter(pc.greater(grouped.column("truth_count_distinct"), 1))
    if torn.num_rows:
        first = torn.slice(0, 1).to_pylist()[0]
        key = show_key({name: first[name] for name in keys})
        more = f", and {counted(torn.num_rows - 1, 'key')} more" if torn.num_rows > 1 else ""
        raise LabelError(
            f"the key {key} has two truths{more}",
            where=where,
            expected="one truth a key",
            found=f"{mark_blanks(first['truth_min'])} and {mark_blanks(first['truth_max'])}",
            fix="Nothing was taken from it. Keep the right row of each; a later correction "
            "comes in a file of its own.",
        )
    chosen = grouped.select([*keys, "truth_min", "arrived_at_min"])
    return chosen.rename_columns([*keys, "truth", "arrived_at"])


def _truth(column: pa.ChunkedArray, task: Task, name: str, where: str) -> pa.ChunkedArray:
    if task == "multiclass":
        return _cast(column, pa.string(), name, where)
    if task == "binary":
        return column if pa.types.is_boolean(column.type) else _spoken(column, name, where)
    numbers = _cast(column, pa.float64(), name, where)
    # pandas writes a missing value as NaN; an infinity is an error.
    numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    if pc.any(pc.is_inf(numbers)).as_py():
        raise _not_a(numbers.filter(pc.is_inf(numbers))[0].as_py(), "finite number", name, where)
    return numbers


def _spoken(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(_cast(column, pa.string(), name, where)))
    words = words.combine_chunks()
    known = pc.index_in(words, pa.array(list(SPOKEN)))
    odd = pc.and_(pc.is_valid(words), pc.is_null(known))
    if pc.any(odd).as_py():
        raise _not_a(column.filter(odd)[0].as_py(), "true, false, 1 or 0", name, where)
    return pa.chunked_array([pa.array(list(SPOKEN.values())).take(known)])


def _arrival(
    table: pa.Table, names: LabelColumns, where: str, now: datetime
) -> pa.ChunkedArray | pa.Array:
    if names.arrived_at is None:
        return pa.nulls(table.num_rows, INSTANT)
    column = table.column(names.arrived_at)
    try:
        arrived = column.cast(INSTANT)
    except pa.ArrowInvalid:
        # Text without a zone; it is read as UTC.
        arrived = _cast(column, pa.timestamp("us"), names.arrived_at, where).cast(INSTANT)
    except pa.ArrowNotImplementedError as error:
        raise _uncast(column, names.arrived_at, where, str(error)) from None
    late = pc.fill_null(pc.greater(arrived, pa.scalar(now, INSTANT)), False)
    if pc.any(late).as_py():
        raise LabelError(
            "a truth that arrives in the future",
            where=f"{where}, column {names.arrived_at!r}",
            expected=f"until {now:%Y-%m-%d %H:%M} UTC",
            found=f"{arrived.filter(late)[0].as_py():%Y-%m-%d %H:%M} UTC",
        )
    return arrived


def _cast(column: pa.ChunkedArray, kind: pa.DataType, name: str, where: str) -> pa.ChunkedArray:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _uncast(column, name, where, str(error), kind) from None


def _uncast(
    column: pa.ChunkedArray, name: str, where: str, said: str, kind: pa.DataType = INSTANT
) -> LabelError:
    text = f"{column.type}: {mark_message_blanks(said.partition(chr(10))[0][:120])}"
    return LabelError(
        "cannot be read as what it has to be",
        where=f"{where}, column {name!r}",
        expected=str(kind),
        # A type of objects names what is in them, which may be people.
        found="objects or lists" if pa.types.is_nested(column.type) else text,
    )


def _not_a(value: object, wanted: str, name: str, where: str) -> LabelError:
    shown = MASK if private_names() else quote_value(value)
    return LabelError(
        "not a truth", where=f"{where}, column {name!r}", expected=wanted, found=shown
    )


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


def find_new_labels(
    store: Store,
    partition: str,
    arrived: LabelBatch,
    keys: pa.Schema,
    source: str,
    first: datetime,
    now: datetime,
) -> tuple[LabelCounts, pa.Table]:
    """Count a night's labels; with those of them that its history does not hold yet.

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
    counts = LabelCounts(
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
    return counts, added


def set_arrival_time(rows: pa.Table, instant: datetime | None) -> pa.Table:
    """The rows, all with one arrival time; unchanged if it is None."""
    if instant is None:
        return rows
    place = rows.schema.get_field_index("arrived_at")
    arrived = pa.repeat(pa.scalar(instant, INSTANT), rows.num_rows)
    return rows.set_column(place, "arrived_at", arrived)


def _keys(store: Store, partition: str, keys: pa.Schema, table: str) -> pa.Table:
    read = store.prediction_batches if table == "predictions" else store.quarantine_batches
    rows = pa.Table.from_batches(
        [batch.cast(keys) for batch in read(partition, keys.names)], schema=keys
    )
    for name in keys.names:
        rows = rows.filter(pc.is_valid(rows.column(name)))
    return rows.group_by(keys.names).aggregate([])


def _first(keys: pa.Table) -> str:
    if not keys.num_rows:
        return "none: the night has no scored row"
    return show_key(keys.slice(0, 1).to_pylist()[0])
