"""One run: one attempt to score one night with one pinned version."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipeline.errors import AssayError, RunHeld, UsageError
from pipeline.params import Params, UniqueKey
from pipeline.score import hold, night, output, spark
from pipeline.score.pin import Pinned
from pipeline.score.tally import Tally, check_books
from pipeline.store import RunEvent, Store, predictions_schema, quarantine_schema, write_part
from pipeline.store.runs import Event
from pipeline.store.tables import PREDICTIONS, QUARANTINE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class RunReport:
    """How a run that was published went."""

    partition: str
    run_id: str
    version: str
    bundle: str
    rows_read: int
    rows_scored: int
    rows_quarantined: int
    broken: dict[str, int]
    mean_probability: float | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def score_night(
    params: Params,
    root: Path,
    pinned: Pinned,
    store: Store,
    session: Callable[[], SparkSession],
    partition: str,
) -> RunReport:
    """Score one night and publish it, or leave what readers see as it was.

    Parameters
    ----------
    session
        Called when Spark is needed, after all that can go wrong without it.

    Raises
    ------
    NightNotFound, NightEmpty, SchemaMismatch, SourceError
        The input; nothing was started.
    RunHeld
        Scored, but a rule says that it must not be published.
    RunError
        Anything else; nothing was published.
    """
    started = time.monotonic()
    as_of = _day(partition)
    found = night.find(
        root / params.score.input, params.ingest.partition_by, partition, pinned.contract
    )
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    stamp = output.Stamp(run_id, pinned.version.version, pinned.bundle.digest, now)
    log = _Log(store, pinned, params.name, partition, run_id)
    log.event("started")
    try:
        job = _job(params, pinned, store, found, stamp)
        active = session()
        tally = spark.run(active, found, job)
        check_books(tally, found.rows)
        duplicates = None
        if any(isinstance(rule, UniqueKey) for rule in pinned.rules.night):
            duplicates = spark.duplicate_keys(active, found, pinned.contract.keys)
        held = hold.reasons(
            tally, pinned.rules.night, params.score.max_quarantine_share, duplicates, as_of
        )
        if held:
            log.event("held", tally, time.monotonic() - started, "; ".join(held))
            raise RunHeld(
                "scored but not published: " + "; ".join(held),
                where=f"night {partition}, run {run_id}",
                mend="Readers keep what they had. Mend the input and score the night again.",
            )
        _publish(job, log, tally)
    except RunHeld:
        raise
    except BaseException as error:
        # What went wrong first is what the user has to hear of, even if the store is gone.
        with suppress(AssayError):
            log.event("failed", seconds=time.monotonic() - started, detail=str(error)[:500])
        raise
    seconds = time.monotonic() - started
    log.event("published", tally, seconds)
    return _report(partition, stamp, tally, seconds)


def _day(partition: str) -> date:
    try:
        return date.fromisoformat(partition)
    except ValueError:
        raise UsageError(
            "not a day", where=f"--date {partition}", expected="a date such as 2013-07-01"
        ) from None


def _job(
    params: Params, pinned: Pinned, store: Store, found: night.Night, stamp: output.Stamp
) -> spark.Job:
    keys = output.key_schema(pinned.contract, found.schema)

    def columns(schema: pa.Schema) -> pa.Schema:
        # The partition's value is in the folder's name, not in the files.
        return schema.remove(schema.get_field_index(store.column))

    return spark.Job(
        files=pinned.files,
        digest=pinned.bundle.digest,
        allow_types=params.bundle.allow_types,
        contract=pinned.contract,
        stamp=stamp,
        partition=found.value,
        store=store,
        predictions=columns(predictions_schema(store.column, keys)),
        quarantine=columns(quarantine_schema(store.column, keys)),
    )


def _publish(job: spark.Job, log: _Log, tally: Tally) -> None:
    """Everything under the run's id first; the commit to predictions makes it visible."""
    stamp, store, partition = job.stamp, job.store, job.partition
    facts = {
        "run_id": stamp.run_id,
        "name": log.name,
        "version": stamp.version,
        "bundle": stamp.bundle,
        "contract": log.pinned.contract_digest,
    }
    scored = tally.predictions
    if not scored:
        # A night whose rows were all refused is published as a night without scores.
        path = store.new_file(PREDICTIONS, partition, stamp.run_id, "none")
        empty = job.predictions.empty_table()
        scored = (write_part(store.table_uri(PREDICTIONS), path, empty),)
    store.publish(QUARANTINE, job.quarantine, partition, tally.quarantine, facts)
    if tally.profile is not None:
        store.write_profile(stamp.run_id, partition, stamp.version, stamp.bundle, tally.profile)
    store.publish(PREDICTIONS, job.predictions, partition, scored, facts)


def _report(partition: str, stamp: output.Stamp, tally: Tally, seconds: float) -> RunReport:
    score = tally.profile["probability"] if tally.profile else None
    counted = score.rows - score.nulls if score else 0
    return RunReport(
        partition=partition,
        run_id=stamp.run_id,
        version=stamp.version,
        bundle=stamp.bundle,
        rows_read=tally.rows,
        rows_scored=tally.scored,
        rows_quarantined=tally.quarantined,
        broken=dict(tally.broken),
        mean_probability=score.total / counted if score and counted else None,
        seconds=round(seconds, 3),
    )


@dataclass(frozen=True)
class _Log:
    store: Store
    pinned: Pinned
    name: str
    partition: str
    run_id: str

    def event(
        self,
        event: Event,
        tally: Tally | None = None,
        seconds: float | None = None,
        detail: str = "",
    ) -> None:
        self.store.append_run_event(
            RunEvent(
                run_id=self.run_id,
                event=event,
                at=datetime.now(UTC),
                partition=self.partition,
                name=self.name,
                version=self.pinned.version.version,
                bundle=self.pinned.bundle.digest,
                contract=self.pinned.contract_digest,
                rows_read=tally.rows if tally else None,
                rows_scored=tally.scored if tally else None,
                rows_quarantined=tally.quarantined if tally else None,
                seconds=seconds,
                detail=detail,
            )
        )
