"""One run: one attempt to score one night with one pinned version."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from assay.errors import RunHeld, UsageError
from assay.model import prediction
from assay.project import partitions
from assay.project.params import Carrier, Params, UniqueKey
from assay.project.text import counted
from assay.registry.pin import PinnedVersion
from assay.score import output, publication_checks
from assay.score.carriers import choose_carrier, open_night
from assay.score.duplicate_keys import DuplicateKeys, confirm_duplicates
from assay.score.held_steps import step_sentence
from assay.score.inputs import discovery as inputs
from assay.score.journal import Journal
from assay.score.scoring_job import Job
from assay.score.tally import Tally, check_row_counts, total
from assay.score.work import Progress, rows_per_batch
from assay.store import StagedRun, Store, predictions_schema, quarantine_schema, write_part
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import PREDICTIONS, QUARANTINE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import NightInput


@dataclass(frozen=True)
class RunReport:
    """The result of a published run; ``mean`` is the mean score."""

    partition: str
    run_id: str
    version: str
    bundle: str
    carrier: str
    scorer: str
    rows_read: int
    rows_scored: int
    rows_quarantined: int
    broken: dict[str, int]
    mean: float | None
    seconds: float


@dataclass(frozen=True)
class Scoring:
    """What all runs of a command share.

    Attributes
    ----------
    session
        Called if Spark is needed, after every check that does not need it.
    """

    params: Params
    root: Path
    pinned: PinnedVersion
    store: Store
    session: Callable[[], SparkSession]


@dataclass(frozen=True)
class Attempt:
    """A run that has found its input, and has read nothing of it yet."""

    log: Journal
    pinned: PinnedVersion
    night: NightInput
    job: Job
    carrier: Carrier


@dataclass(frozen=True)
class ScoredNight:
    """A run whose files are written, and which may be published."""

    attempt: Attempt
    staged: StagedRun
    tally: Tally
    seconds: float

    def report(self, more: float = 0.0) -> RunReport:
        """What is told of it; ``more`` are seconds that publishing took."""
        log, pinned, tally = self.attempt.log, self.attempt.pinned, self.tally
        name = prediction.score_column(pinned.bundle.manifest.task)
        score = tally.profile[name] if tally.profile else None
        counted = score.rows - score.nulls if score else 0
        return RunReport(
            partition=log.partition,
            run_id=log.run_id,
            version=pinned.version.version,
            bundle=pinned.bundle.digest,
            carrier=self.attempt.carrier,
            scorer=pinned.scorer,
            rows_read=tally.rows,
            rows_scored=tally.scored,
            rows_quarantined=tally.quarantined,
            broken=dict(tally.broken),
            mean=score.total / counted if score and counted else None,
            seconds=round(self.seconds + more, 3),
        )


def begin(scoring: Scoring, log: Journal) -> Attempt:
    """Find the input of a run whose start is recorded; nothing is written.

    Raises
    ------
    UsageError
        The night is no date, or the carrier cannot read its input.
    DataError
        The night's input is not as expected (`assay.score.inputs.discovery.find_night`).
    """
    params, pinned, store = scoring.params, scoring.pinned, scoring.store
    partition_date(log.partition)
    publication_checks.check_budget(params.quarantine, pinned.contract)
    night = inputs.find_night(scoring.root, params, pinned.contract, log.partition)
    carrier = choose_carrier(params, night)
    if carrier != "local":
        scoring.session()
    version, digest = pinned.version.version, pinned.bundle.digest
    stamp = output.Lineage(log.run_id, version, digest, log.started)
    return Attempt(
        replace(log, input=night.fingerprint, carrier=carrier),
        pinned,
        night,
        _job(params, pinned, store, night, stamp),
        carrier,
    )


def score(
    scoring: Scoring,
    attempt: Attempt,
    ahead: Sequence[StagedRun],
    progress: Progress,
) -> ScoredNight:
    """Check and score each row of a night; what comes out is written, and not visible yet.

    Parameters
    ----------
    ahead
        Runs of other nights that will be published before this one.

    Raises
    ------
    RunHeld
        Scored, but a publication check failed; that is recorded.
    """
    log, job, night, pinned = attempt.log, attempt.job, attempt.night, attempt.pinned
    params, store = scoring.params, scoring.store
    started = time.monotonic()
    tally, counts, repeats = _scored(scoring, night, job, attempt.carrier, progress)
    inputs.check_unchanged(scoring.root, params, pinned.contract, night)
    for in_input in sorted(counts):
        check_row_counts(tally, in_input)
    staged = _staged(job, log, tally)
    held = _held(params, pinned, store, tally, night.value, repeats, ahead)
    seconds = time.monotonic() - started
    if held:
        files = store.hold(staged)
        store.append_run_events(log.entry("held", tally, seconds, "; ".join(held), files))
        raise RunHeld(
            "scored but not published: " + "; ".join(held),
            where=f"night {night.value}, run {log.run_id}",
            fix="Readers keep what they had. "
            + step_sentence(night.value, log.run_id, tally.quarantined > 0),
        )
    return ScoredNight(attempt, staged, tally, seconds)


def partition_date(partition: str) -> date:
    """The partition's value as a date.

    Raises
    ------
    UsageError
        It is not a date.
    """
    found = partitions.parse_day(partition)
    if found is None:
        raise UsageError(
            "not a day", where=f"--date {partition}", expected="a date such as 2013-07-01"
        )
    return found


def _job(
    params: Params, pinned: PinnedVersion, store: Store, night: NightInput, stamp: output.Lineage
) -> Job:
    keys = output.key_schema(pinned.contract, night.schema)
    task = pinned.bundle.manifest.task

    def columns(schema: pa.Schema) -> pa.Schema:
        # The partition's value is in the folder's name, not in the files.
        return schema.remove(schema.get_field_index(store.column))

    wanted = params.quarantine.repeated_keys == "refuse" or _unique(pinned)
    return Job(
        files=pinned.bundle.scoring_files,
        digest=pinned.bundle.digest,
        allow_types=params.bundle.allow_types,
        contract=pinned.contract,
        stamp=stamp,
        partition=night.value,
        place=StoreLocation(store.uri, store.column, store.keep_days),
        predictions=columns(predictions_schema(store.column, keys, task)),
        quarantine=columns(quarantine_schema(store.column, keys)),
        batch_rows=rows_per_batch(params.score.batch_rows, len(pinned.contract.columns)),
        keys=store.scratch_uri(stamp.run_id) if wanted else None,
    )


def _scored(
    scoring: Scoring, night: NightInput, job: Job, carrier: Carrier, progress: Progress
) -> tuple[Tally, frozenset[int], DuplicateKeys | None]:
    """The tally, the input's own row counts, and the duplicate keys."""
    params, store = scoring.params, scoring.store
    try:
        with open_night(
            scoring.session, scoring.root, params, night, job.contract, carrier
        ) as rows:
            parts, counts = rows.run(job, progress)
            first = total(parts)
            if job.keys is None:
                return first, counts, None
            suspects = rows.duplicate_hashes(first.keys)
            repeats = confirm_duplicates(job.contract, suspects, lambda: _keys(store, job, first))
            if not repeats.keys or params.quarantine.repeated_keys != "refuse":
                return first, counts, repeats
            # Rare: everything is scored and written again, without the rows that are refused.
            store.delete_staged_files(PREDICTIONS, first.predictions)
            store.delete_staged_files(QUARANTINE, first.quarantine)
            parts, counts = rows.run(replace(job, keys=None, repeats=repeats), progress)
            return total(parts), counts, repeats
    finally:
        if job.keys is not None:
            store.delete_scratch(job.stamp.run_id)


def _keys(store: Store, job: Job, tally: Tally) -> Iterator[pa.RecordBatch]:
    """The key columns of every row that was written, scored or quarantined."""
    columns = list(job.contract.keys)
    for file in tally.predictions:
        yield from store.file_batches(PREDICTIONS, file, columns)
    for file in tally.quarantine:
        yield from store.file_batches(QUARANTINE, file, columns)


def _staged(job: Job, log: Journal, tally: Tally) -> StagedRun:
    """The staged run for publication; a night without scores is one empty file."""
    stamp, place = job.stamp, job.place
    scored = tally.predictions
    if not scored:
        path = place.part_path_for(PREDICTIONS, job.partition, stamp.run_id, "none")
        empty = output.add_lineage(job.predictions.empty_table(), job.predictions, stamp)
        scored = (write_part(place.table_uri(PREDICTIONS), path, empty),)
    return StagedRun(
        run_id=stamp.run_id,
        partition=job.partition,
        facts=log.commit_metadata(),
        predictions=scored,
        quarantine=tally.quarantine,
        profile=tally.profile,
        predictions_schema=job.predictions,
        quarantine_schema=job.quarantine,
        base=log.base,
    )


def _held(
    params: Params,
    pinned: PinnedVersion,
    store: Store,
    tally: Tally,
    partition: str,
    repeats: DuplicateKeys | None,
    ahead: Sequence[StagedRun],
) -> tuple[str, ...]:
    score = prediction.score_column(pinned.bundle.manifest.task)
    facts = publication_checks.collect_facts(
        tally,
        tally.quarantined,
        pinned.bundle,
        params,
        None if repeats is None else repeats.rows,
    )
    recent = store.recent_runs(partition, pinned.version.version, params.publish, score, ahead)
    found = publication_checks.hold_reasons(
        facts,
        pinned.rules.night,
        params.quarantine,
        params.publish,
        recent,
        partition_date(partition),
    )
    if repeats is not None and repeats.rows and not repeats.keys and not _unique(pinned):
        found = (
            *found,
            f"unique_key: {counted(repeats.rows, 'row')} with a repeated key, too many to name",
        )
    if found and repeats is not None and repeats.examples:
        found = (*found, f"keys that repeat: {'; '.join(repeats.examples)}")
    return found


def _unique(pinned: PinnedVersion) -> bool:
    """Whether the contract requires unique keys in a night."""
    return any(isinstance(rule, UniqueKey) for rule in pinned.rules.night)
