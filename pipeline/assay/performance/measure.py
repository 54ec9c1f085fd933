"""Measure a published night's performance at each label maturity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import NothingScored, PublishConflict
from assay.metrics import sampling_units
from assay.model.prediction import PREDICTION, PROBABILITIES, PROBABILITY
from assay.performance import label_drift, realized_metrics
from assay.performance.realized_metrics import (
    KnownLabels,
    LabelledRows,
    RealizedMetric,
    calibration,
    measure_realized,
    select_labelled,
)
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.project.tasks import Task
from assay.score.inputs.format import InputUnreadable
from assay.score.inputs.formats import open_input
from assay.store.labels import labels_as_of

if TYPE_CHECKING:
    import pandas as pd

    from assay.columns.features import Floats
    from assay.model.bundle import Bundle
    from assay.model.manifest import Manifest
    from assay.store import Run, Store

ROW = "__row"
"""The column that holds row numbers beside the keys; a reserved name."""

_ANSWER: Mapping[Task, tuple[str, pa.DataType]] = {
    "binary": (PROBABILITY, pa.float64()),
    "multiclass": (PROBABILITIES, pa.list_(pa.float64())),
    "regression": (PREDICTION, pa.float64()),
}


@dataclass(frozen=True)
class MaturityMeasurement:
    """The measured performance of a night at one maturity.

    Attributes
    ----------
    final
        Whether the day of the maturity is over, so that only a corrected date of arrival can change
        it, and the last one labels that arrive later.
    late, late_count
        Labelled rows whose first label arrived after that day, and whether they count all the same:
        of the last maturity only.
    calibration
        Over all labelled rows: see `assay.performance.realized_metrics.calibration`.
    """

    days: int
    final: bool
    numbers: tuple[RealizedMetric, ...]
    calibration: tuple[Mapping[str, float], ...]
    late: int = 0
    late_count: bool = False


@dataclass(frozen=True)
class MeasuredRun:
    """A night's measured performance, its run, and why slices are missing, if they are."""

    record: Run
    rows: int
    maturities: tuple[MaturityMeasurement, ...]
    no_slices: str

    def rows_of_table(self, column: str, at: datetime) -> Iterator[dict[str, Any]]:
        """The rows for the performance table."""
        same = {
            column: self.record.partition,
            "run_id": self.record.run_id,
            "model_version": self.record.version,
            "bundle": self.record.bundle,
            "estimated": False,
            "at": at,
        }
        for measured in self.maturities:
            for number in measured.numbers:
                # The column of that name says why an estimate is not trusted.
                row = {**asdict(number), "why": None}
                yield {**same, "maturity_days": measured.days, **row}

    def tree(self) -> dict[str, Any]:
        """The content of the night's JSON document, with the calibration tables."""
        about = ("partition", "run_id", "version", "bundle")
        return {
            "schema": 1,
            **{name: getattr(self.record, name) for name in about},
            "rows": self.rows,
            "no_slices": self.no_slices or None,
            "maturities": [asdict(each) for each in self.maturities],
        }


def measure(
    root: Path, params: Params, store: Store, record: Run, loaded: Bundle, now: datetime
) -> MeasuredRun:
    """Compute every metric of a night at every maturity that it has reached.

    Each counts the labels that arrived by the end of its day, and the last one all that ever did.

    Memory grows with the rows of the night, because AUC needs the order of all of them.

    Raises
    ------
    NothingScored
        The night has no scored rows.
    PublishConflict
        Another run published the night meanwhile.
    """
    night, keys, why = _night(root, params, store, record, loaded.manifest)
    if store.visible_run(record.partition) != record.run_id:
        raise PublishConflict(
            "another run published the night meanwhile",
            where=f"night {record.partition}",
            fix="Run assay labels again.",
        )
    history = store.label_history(record.partition)
    day = parse_day(record.partition)
    reached = (
        ()
        if day is None
        else realized_metrics.reached_maturities(day, params.monitor.maturities, now)
    )
    measured = []
    ever = _truths(labels_as_of(history, _names(keys)), keys)
    for days in reached:
        assert day is not None, "a night without a day has no maturity"
        until = realized_metrics.maturity_end(day, days)
        in_time = _truths(labels_as_of(history, _names(keys), until), keys)
        # The last one never closes: a label that comes late is counted somewhere.
        last = days == max(params.monitor.maturities)
        truths = ever if last else in_time
        numbers = (
            *measure_realized(
                night,
                truths,
                params.evaluate.confidence,
                params.evaluate.min_slice_rows,
                realized_metrics.learn(night.task, loaded.reference.label),
            ),
            *label_drift.measure_label_drift(
                loaded.reference.label, night.task, truths, len(night)
            ),
        )
        table = calibration(select_labelled(night, truths))
        late = len(ever.rows) - len(in_time.rows)
        measured.append(MaturityMeasurement(days, now >= until, numbers, tuple(table), late, last))
    return MeasuredRun(record, len(night), tuple(measured), why)


def _names(keys: pa.Table) -> list[str]:
    return [name for name in keys.column_names if name != ROW]


def _night(
    root: Path, params: Params, store: Store, record: Run, manifest: Manifest
) -> tuple[LabelledRows, pa.Table, str]:
    """The scored rows, their keys and row numbers, and why slices are missing."""
    names = [name for name in manifest.keys if name != store.column]
    answer, kind = _ANSWER[manifest.task]
    read = list(store.prediction_batches(record.partition, [*names, answer]))
    if not read:
        raise NothingScored("the night has no scored rows", where=f"night {record.partition}")
    table = pa.Table.from_batches(read)
    table = table.filter(pc.is_valid(table.column(answer)))
    scores = _scores(table.column(answer).cast(kind), len(manifest.classes))
    keys = table.select(names).append_column(ROW, pa.array(np.arange(len(table))))
    unit = params.evaluate.unit
    wanted = manifest.slices
    if unit not in (sampling_units.NIGHT, sampling_units.ROW, *wanted):
        wanted = (*wanted, unit)
    slices, why = _slices(root, params, record.partition, wanted, keys)
    units = sampling_units.SamplingUnits.rows(len(keys))
    if unit in slices.columns:
        units = sampling_units.SamplingUnits.of(unit, slices[unit])
        slices = slices[[name for name in slices.columns if name in manifest.slices]]
    night = LabelledRows(manifest.task, scores, slices, units, manifest.classes, manifest.threshold)
    return night, keys, why


def _scores(column: pa.ChunkedArray, classes: int) -> Floats:
    flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    values: Floats = flat.to_numpy().astype(np.float64)
    return values.reshape(len(column), classes) if classes else values


def _slices(
    root: Path, params: Params, partition: str, wanted: Sequence[str], keys: pa.Table
) -> tuple[pd.DataFrame, str]:
    """These fields of each row: keys, and columns that the input still has."""
    names = _names(keys)
    mine = [name for name in wanted if name in names]
    others = [name for name in wanted if name not in (*names, params.ingest.partition_by)]
    sliced, why = keys.select([*mine, ROW]), ""
    if others:
        try:
            read = _input(root, params, partition, [*names, *others], keys)
            sliced = keys.select([*names, ROW]).join(read, names, join_type="left outer")
        except InputUnreadable as reason:
            why = str(reason)
    ordered = sliced.sort_by(ROW)
    shown = [name for name in wanted if name in ordered.column_names]
    frame: pd.DataFrame = ordered.select(shown).to_pandas()
    return frame, why


def _input(
    root: Path, params: Params, partition: str, columns: list[str], keys: pa.Table
) -> pa.Table:
    """The input's rows by key, with keys in the types of the predictions' keys."""
    names, read = _names(keys), []
    for batch in open_input(root, params).rows(partition, columns):
        lacking = [name for name in columns if name not in batch.schema.names]
        if lacking:
            raise InputUnreadable(f"its input lacks {', '.join(lacking)}")
        table = pa.Table.from_batches([batch]).select(columns)
        for place, name in enumerate(names):
            try:
                cells = table.column(name).cast(keys.schema.field(name).type)
            except pa.ArrowException:
                raise InputUnreadable(f"its input has {name} in another type") from None
            table = table.set_column(place, name, cells)
        read.append(table)
    if not read:
        raise InputUnreadable("its input has no rows any more")
    fields = [(name, "first") for name in columns if name not in names]
    # A duplicate key was scored twice; its slice comes from the first row.
    once = (
        pa.concat_tables(read, promote_options="permissive")
        .group_by(names, use_threads=False)
        .aggregate(fields)
    )
    return once.rename_columns([*names, *(name for name, _ in fields)])


def _truths(known: pa.Table, keys: pa.Table) -> KnownLabels:
    joined = keys.join(known, _names(keys), join_type="inner").sort_by(ROW)
    return KnownLabels(
        joined.column(ROW).to_numpy().astype(np.intp),
        joined.column("truth").to_numpy(),
    )
