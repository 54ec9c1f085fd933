"""Score rows of the holdout through a carrier, and compare with the training code row by row.

The rows are one night's input. This runs the code of a scoring run up to publication: inspect the
input, distribute it with Spark, validate, score and write on the workers. Only the store is a
temporary folder.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.columns.features import Floats
from assay.contract.definition import Contract
from assay.errors import NightEmpty
from assay.metrics.evaluator import Ints
from assay.model import prediction
from assay.model.bundle import Bundle
from assay.project import layout
from assay.project.params import Carrier, Params
from assay.project.params.inputs import Parquet
from assay.project.tasks import Task
from assay.score.carriers import choose_carrier, open_night
from assay.score.inputs import formats as inputs
from assay.score.local import no_progress, rows_per_batch
from assay.score.scoring_job import Job, check_row_counts, key_schema, total
from assay.store import Run, predictions_schema, quarantine_schema
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import PREDICTIONS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


NIGHT = "rehearsal"
"""Partition and run id of the rehearsal."""

LOCAL_MASTER = "local[2]"
"""Spark master if params.yaml names a cluster, whose workers cannot see the temporary folder."""


def local_params(params: Params, night: Path) -> Params:
    """``params`` with the rehearsed night as input and a local Spark."""
    spec = Parquet(format="parquet", path=str(night))
    score = params.score.model_copy(update={"input": spec, "carrier": "auto"})
    return local_spark(params).model_copy(update={"score": score})


def local_spark(params: Params) -> Params:
    """``params`` with a Spark on this machine."""
    master = params.spark.master if params.spark.master.startswith("local") else LOCAL_MASTER
    spark = params.spark.model_copy(update={"master": master})
    return params.model_copy(update={"spark": spark})


def resolve_carriers(params: Params, own: Params, contract: Contract) -> list[Carrier]:
    """The carriers to rehearse, each once; ``auto`` is what it is for a night of this size.

    Parameters
    ----------
    own
        The result of `local_params`, for finding the night. But ``spark.master`` of ``params``
        counts: on a cluster, ``auto`` is Spark.
    """
    night = inputs.find_night(Path(), own, contract, NIGHT)
    carriers: dict[Carrier, None] = {}
    for asked in params.rehearse.carriers:
        score = own.score.model_copy(update={"carrier": asked})
        carriers[choose_carrier(params.model_copy(update={"score": score}), night)] = None
    return list(carriers)


def select_rows(holdout: pa.Table, contract: Contract, rows: int) -> pa.Table:
    """At most ``rows`` rows, evenly spaced over the table, without duplicate keys.

    Only the columns of the scoring contract are kept: a night has no label.

    Parameters
    ----------
    contract
        The contract at scoring time: ``Contract.without_label()``.

    Raises
    ------
    NightEmpty
        The table has no rows.
    """
    table = holdout.select([field.name for field in contract.fields])
    first = ~table.select(list(contract.keys)).to_pandas().duplicated().to_numpy()
    places = np.flatnonzero(first)
    if not len(places):
        raise NightEmpty(
            "no row to rehearse with",
            where=layout.HOLDOUT_TABLE,
            fix="Widen prepare.holdout in params.yaml",
        )
    spread = np.linspace(0, len(places) - 1, min(rows, len(places))).round().astype(np.intp)
    return table.take(pa.array(places[spread]))


def write_night(rows: pa.Table, folder: Path, column: str) -> Path:
    """Write ``rows`` below ``folder`` as a night partition; returns the Parquet file."""
    night = folder / f"{column}={NIGHT}"
    night.mkdir(parents=True)
    path = night / "part-00000.parquet"
    # Several row groups, as in a real night: each is scored by a separate task.
    pq.write_table(rows, path, row_group_size=max(1, -(-rows.num_rows // 4)))
    return path


def key_columns(rows: pa.Table, contract: Contract) -> pa.Table:
    """The key columns with the types of the predictions table."""
    return rows.select(list(contract.keys)).cast(key_schema(contract, rows.schema))


def score_with_carrier(
    session: Callable[[], SparkSession],
    params: Params,
    bundle: Bundle,
    contract: Contract,
    carrier: Carrier,
    store: Path,
) -> tuple[pa.Table, float]:
    """The predictions of the night through one carrier, and the run time in seconds.

    Parameters
    ----------
    params
        The result of `local_params`.
    contract
        The contract at scoring time: ``Contract.without_label()``.
    store
        Folder for the output of the run.
    """
    night = inputs.find_night(Path(), params, contract, NIGHT)
    job = _job(params, bundle, contract, night.schema, store)
    began = time.monotonic()
    with open_night(session, Path(), params, night, contract, carrier) as rows:
        parts, counts = rows.run(job, no_progress)
        tally = total(parts)
    for in_input in counts:
        check_row_counts(tally, in_input)
    seconds = time.monotonic() - began
    base = job.place.table_uri(PREDICTIONS)
    tables = [pq.read_table(f"{base}/{one.path}", partitioning=None) for one in tally.predictions]
    return pa.concat_tables(tables) if tables else job.predictions.empty_table(), seconds


def _job(
    params: Params, bundle: Bundle, contract: Contract, schema: pa.Schema | None, store: Path
) -> Job:
    now, column = datetime.now(UTC), params.ingest.partition_by
    run = Run(
        run_id=NIGHT,
        event="started",
        partition=NIGHT,
        version=NIGHT,
        bundle=bundle.digest,
        started_at=now,
    )
    keys = key_schema(contract, schema)

    def columns(of_table: pa.Schema) -> pa.Schema:
        return of_table.remove(of_table.get_field_index(column))

    return Job(
        files=bundle.scoring_files,
        digest=bundle.digest,
        allow_types=bundle.allow_types,
        contract=contract,
        run=run,
        place=StoreLocation(str(store), column),
        predictions=columns(predictions_schema(column, keys, bundle.manifest.task)),
        quarantine=columns(quarantine_schema(column, keys, bool(contract.private))),
        batch_rows=rows_per_batch(params.score.batch_rows, contract.width),
        keys=None,
    )


@dataclass(frozen=True)
class ExpectedPredictions:
    """The expected predictions, from the training code.

    Attributes
    ----------
    keys
        Key columns with the types of the predictions table.
    scores
        Scores as defined by `assay.columns.features.Scorer`.
    classes
        Classes of a multiclass model, in the order of its scores.
    """

    task: Task
    keys: pa.Table
    scores: Floats
    classes: tuple[str, ...] = ()
    threshold: float = 0.5


def count_differences(
    wanted: ExpectedPredictions, got: pa.Table, tolerance: float
) -> tuple[int, float | None]:
    """Number of rows that differ, and the largest difference between two scores.

    A row differs if it has another score, another prediction or no score, for example because it
    was quarantined. A duplicate row also counts.

    Parameters
    ----------
    got
        The predictions table: key columns and those of `assay.model.prediction.prediction_columns`.
    tolerance
        Largest difference of equal scores. For a regression it is relative if the score is above
        1, as in the check of compiled models against scikit-learn.

    Returns
    -------
    rows, largest
        ``largest`` is None if no row has both scores.
    """
    ours, theirs, others = _matched(wanted.keys, got)
    rows = wanted.keys.num_rows
    expected, found = wanted.scores[ours], _scores(wanted, got)[theirs]
    apart = np.abs(found - expected)
    if wanted.task == "regression":
        apart = apart / np.maximum(1.0, np.abs(expected))
    if apart.ndim == 2:
        apart = apart.max(axis=1)
    columns = prediction.prediction_columns(wanted.task, wanted.classes, wanted.threshold, expected)
    # For a regression the prediction is the score, which is compared with a tolerance above.
    flipped = np.zeros(len(ours), dtype=np.bool_)
    if wanted.task != "regression":
        flipped = (
            _objects(columns[prediction.PREDICTION]) != _objects(got[prediction.PREDICTION])[theirs]
        )
    # Not "apart > tolerance": NaN must count as different.
    same = (apart <= tolerance) & ~flipped
    known = apart[np.isfinite(apart)]
    return min(rows, rows - int(same.sum()) + others), float(known.max()) if len(known) else None


def _matched(keys: pa.Table, got: pa.Table) -> tuple[Ints, Ints, int]:
    """Positions of matching rows in both tables, and the number of unmatched rows of ``got``."""
    names: Sequence[str] = keys.column_names
    ours = keys.append_column("ours", pa.array(np.arange(keys.num_rows)))
    theirs = got.select(names).append_column("theirs", pa.array(np.arange(got.num_rows)))
    both = ours.join(theirs, list(names), join_type="inner")
    left, right = (both[name].to_numpy().astype(np.intp) for name in ("ours", "theirs"))
    _, first = np.unique(left, return_index=True)
    return left[first], right[first], got.num_rows - len(first)


def _scores(wanted: ExpectedPredictions, got: pa.Table) -> Floats:
    if wanted.task != "multiclass":
        column = got[prediction.score_column(wanted.task)]
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    none = [np.nan] * len(wanted.classes)
    lists = [row or none for row in got[prediction.PROBABILITIES].to_pylist()]
    return np.array(lists, dtype=np.float64).reshape(got.num_rows, len(wanted.classes))


def _objects(column: Any) -> Any:
    return np.array(column.to_pylist(), dtype=object)
