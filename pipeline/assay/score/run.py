"""One attempt to score one night with one pinned version, and what is recorded of it.

A run starts before anything of its night is opened, so whatever becomes of it is recorded: how it
failed, or, if it was killed, that it started and never ended.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assay.errors import AssayError, RunHeld
from assay.model import prediction
from assay.model.bundle import REASONS
from assay.project import partitions
from assay.project.params import Carrier, Params, UniqueKey
from assay.project.text import counted
from assay.registry.pin import PinnedVersion
from assay.score import publication_checks
from assay.score.carriers import choose_carrier, open_night
from assay.score.due import not_a_day, step_sentence
from assay.score.duplicate_keys import DuplicateKeys, confirm_duplicates
from assay.score.inputs import formats as inputs
from assay.score.local import Progress, rows_per_batch
from assay.score.row_reasons import check_reasons, one_row_of
from assay.score.scoring_job import (
    Job,
    Tally,
    add_lineage,
    cached_explainer,
    check_row_counts,
    key_schema,
    total,
)
from assay.store import Run, StagedRun, Store, predictions_schema, quarantine_schema, write_part
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, STAMPED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import NightInput


@dataclass(frozen=True)
class Scoring:
    """What all runs of a command share.

    Attributes
    ----------
    session
        Called if Spark is needed, after every check that does not need it.
    aside
        Where files are written that are never to be published; None for the store.
    """

    params: Params
    root: Path
    pinned: PinnedVersion
    store: Store
    session: Callable[[], SparkSession]
    aside: Store | None = None

    @property
    def written(self) -> Store:
        """Where runs write their files."""
        return self.store if self.aside is None else self.aside

    def check(self) -> None:
        """Check, before a night begins, that the reasons of its rows can be told if asked for.

        Raises
        ------
        ParamsError
            They are asked of other rows than the model has.
        ReasonsUnknown
            The model's contributions cannot be computed exactly.
        """
        asked, bundle = self.params.score.reasons, self.pinned.bundle
        if asked is not None:
            check_reasons(asked, bundle.manifest.task)
            cached_explainer(bundle)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRun(Run):
    """A run that was published, with what only its counts tell; ``mean`` is the mean score."""

    rows_read: int
    rows_scored: int
    rows_quarantined: int
    seconds: float
    broken: Mapping[str, int]
    mean: float | None


@dataclass(frozen=True)
class NightOutcome:
    """The outcome of one night: ``published``, ``skipped``, ``held``, ``failed`` or ``absent``.

    Attributes
    ----------
    report
        The run, if it was published.
    run_id
        The run that was published before, if the night was skipped.
    unverified
        Why the version is unverified; None if it is verified.
    """

    partition: str
    outcome: str
    report: ScoredRun | None = None
    error: AssayError | None = None
    run_id: str | None = None
    unverified: str | None = None

    def document(self) -> dict[str, Any]:
        tree: dict[str, Any] = {"partition": self.partition, "outcome": self.outcome}
        if self.report is not None:
            known = asdict(self.report)
            tree |= {name: known[name] for name in SHOWN}
        if self.error is not None:
            tree |= {"error": self.error.line(), "exit_code": self.error.exit_code}
        if self.run_id is not None:
            tree["run_id"] = self.run_id
        return tree | {"unverified": self.unverified}


SHOWN = (
    *("run_id", "version", "bundle", "carrier", "scorer"),
    *("rows_read", "rows_scored", "rows_quarantined", "broken", "mean", "seconds"),
)
"""What the document of an outcome has of a published run."""


def new_run_id(now: datetime) -> str:
    """An id that sorts by time."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def new_run(name: str, partition: str, base: int, pinned: PinnedVersion | None = None) -> Run:
    """A run that starts now, and knows its version if there is one already.

    Parameters
    ----------
    base
        The turn of the partition (`Store.turn`).
    """
    now = datetime.now(UTC)
    run = Run(
        run_id=new_run_id(now),
        event="started",
        at=now,
        started_at=now,
        partition=partition,
        name=name,
        base=base,
    )
    if pinned is None:
        return run
    return replace(
        run,
        version=pinned.version.version,
        bundle=pinned.bundle.digest,
        contract=pinned.contract_digest,
        scorer=pinned.scorer,
    )


def failed(run: Run, error: BaseException) -> Run:
    """The event that a run ended with an error."""
    assert run.started_at is not None, "it was started by new_run"
    seconds = (datetime.now(UTC) - run.started_at).total_seconds()
    detail = str(error) or ("interrupted" if isinstance(error, KeyboardInterrupt) else "")
    return run.then("failed", (detail or type(error).__name__)[:500], seconds=seconds)


def record_never_begun(
    store: Store, name: str, nights: Iterable[str], error: BaseException
) -> None:
    """Record that nights with nothing published could not even begin, each as a run that failed.

    Does not raise: the user has to see ``error``, even if the store cannot be written.
    """
    with suppress(AssayError):
        visible = store.visible_runs()
        turns = store.turns([each for each in nights if each not in visible])
        lost = [new_run(name, night, turn) for night, turn in turns.items()]
        if lost:
            store.append_run_events(*lost, *(failed(each, error) for each in lost))


@dataclass
class Attempt:
    """A run on its way: `find` its input, `score` its rows; then it may be published.

    Attributes
    ----------
    run
        As far as it is known; its input and carrier are once they are found.
    staged
        Its files, once they are written; not visible yet.
    repeated
        Some keys that repeat, as text; empty if none does.
    """

    scoring: Scoring
    run: Run
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    staged: StagedRun | None = None
    repeated: str = ""

    def find(self) -> tuple[NightInput, Job, Carrier]:
        """Its input, job and carrier, once its start is recorded; nothing is written.

        Raises
        ------
        UsageError
            The night is no date, or the carrier cannot read its input.
        DataError
            The night's input is not as expected (`assay.score.inputs.formats.find_night`).
        """
        scoring, pinned = self.scoring, self.scoring.pinned
        partition_date(self.run.partition)
        publication_checks.check_budget(scoring.params.quarantine, pinned.contract)
        night = inputs.find_night(scoring.root, scoring.params, pinned.contract, self.run.partition)
        carrier = choose_carrier(scoring.params, night)
        if carrier != "local":
            scoring.session()
        self.run = replace(self.run, input=night.fingerprint, carrier=carrier)
        return night, make_job(scoring, night, self.run), carrier

    def score(self, ahead: Sequence[StagedRun], progress: Progress) -> None:
        """Stage a night (`stage`), and hold it if a publication check fails.

        Raises
        ------
        RunHeld
            Scored, but a publication check failed; that is recorded.
        """
        held = self.stage(ahead, progress)
        if held:
            store, run = self.scoring.store, self.run
            assert self.staged is not None, "it was staged above"
            files = store.hold(self.staged)
            event = self.counted(
                run.then("held", "; ".join(held), seconds=self.seconds, files=files)
            )
            store.append_run_events(event)
            # Keys are said here and now, and not kept: see `assay forget`.
            reasons = (*held, self.repeated) if self.repeated else held
            raise RunHeld(
                "scored but not published: " + "; ".join(reasons),
                where=f"night {run.partition}, run {run.run_id}",
                fix="Readers keep what they had. "
                + step_sentence(run.partition, run.run_id, self.tally.quarantined > 0),
            )

    def stage(self, ahead: Sequence[StagedRun], progress: Progress) -> tuple[str, ...]:
        """Check and score each row of a night; what comes out is written, and not visible yet.

        Parameters
        ----------
        ahead
            Runs of other nights that will be published before this one.

        Returns
        -------
        tuple of str
            Why it must not be published without a person, in counts; empty if it may be.
        """
        night, job, carrier = self.find()
        scoring, pinned, run = self.scoring, self.scoring.pinned, self.run
        started = time.monotonic()
        tally, counts, repeats = _scored(scoring, night, job, carrier, progress)
        inputs.check_unchanged(scoring.root, scoring.params, pinned.contract, night)
        for in_input in sorted(counts):
            check_row_counts(tally, in_input)
        self.tally, self.staged = tally, _staged(job, run, tally)
        held = _held(scoring, tally, night.value, repeats, ahead)
        if repeats is not None and repeats.examples:
            self.repeated = f"keys that repeat: {'; '.join(repeats.examples)}"
        self.seconds = time.monotonic() - started
        return held

    def counted(self, event: Run) -> Run:
        """An event with the rows of the run."""
        tally = self.tally
        return replace(
            event,
            rows_read=tally.rows,
            rows_scored=tally.scored,
            rows_quarantined=tally.quarantined,
        )

    def published(self, more: float) -> ScoredRun:
        """The event that it was published, in ``more`` seconds after it was scored."""
        name = prediction.score_column(self.scoring.pinned.bundle.manifest.task)
        score = self.tally.profile[name] if self.tally.profile else None
        scored = score.rows - score.nulls if score else 0
        event = self.counted(self.run.then("published", seconds=round(self.seconds + more, 3)))
        return ScoredRun(
            **{each.name: getattr(event, each.name) for each in fields(event)},
            broken=dict(self.tally.broken),
            mean=score.total / scored if score and scored else None,
        )


def partition_date(partition: str) -> date:
    """The partition's value as a date.

    Raises
    ------
    UsageError
        It is not a date.
    """
    day = partitions.parse_day(partition)
    if day is None:
        raise not_a_day(partition)
    return day


def make_job(scoring: Scoring, night: NightInput, run: Run) -> Job:
    """What a run's tasks do with the rows of its night."""
    params, pinned, store = scoring.params, scoring.pinned, scoring.written
    keys = key_schema(pinned.contract, night.schema)
    task = pinned.bundle.manifest.task

    def columns(schema: pa.Schema, whole: Collection[str] = ()) -> pa.Schema:
        # The partition's value is in the folder's name, not in the files. A column that Parquet
        # knows to be ``whole``, without nulls, is written in less time.
        fields = [each.with_nullable(each.name not in whole) for each in schema]
        return pa.schema([each for each in fields if each.name != store.column])

    wanted = params.quarantine.repeated_keys == "refuse" or _unique(pinned)
    files, asked = pinned.bundle.scoring_files, params.score.reasons
    if asked:
        files = {**files, REASONS: pinned.bundle.files[REASONS]}
    return Job(
        files=files,
        digest=pinned.bundle.digest,
        allow_types=params.bundle.allow_types,
        contract=pinned.contract,
        run=run,
        place=StoreLocation(store.uri, store.column, store.keep_days),
        predictions=columns(
            predictions_schema(store.column, keys, task, asked is not None),
            {*keys.names, *STAMPED},
        ),
        quarantine=columns(quarantine_schema(store.column, keys, bool(pinned.contract.private))),
        batch_rows=rows_per_batch(params.score.batch_rows, pinned.contract.width),
        keys=store.scratch_uri(run.run_id) if wanted else None,
        reasons=asked,
    )


def _scored(
    scoring: Scoring, night: NightInput, job: Job, carrier: Carrier, progress: Progress
) -> tuple[Tally, frozenset[int], DuplicateKeys | None]:
    """The tally, the input's own row counts, and the duplicate keys."""
    params, store = scoring.params, scoring.written
    try:
        with open_night(
            scoring.session, scoring.root, params, night, job.contract, carrier
        ) as rows:
            if job.reasons is not None:  # of a night that had to be landed, known but now
                job = replace(job, every=one_row_of(sum(file.rows for file in rows.night.files)))
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
            store.delete_scratch(job.run.run_id)


def _keys(store: Store, job: Job, tally: Tally) -> Iterator[pa.RecordBatch]:
    """The key columns of every row that was written, scored or quarantined."""
    columns = list(job.contract.keys)
    for file in tally.predictions:
        yield from store.file_batches(PREDICTIONS, file, columns)
    for file in tally.quarantine:
        yield from store.file_batches(QUARANTINE, file, columns)


def _staged(job: Job, run: Run, tally: Tally) -> StagedRun:
    """The staged run for publication; a night without scores is one empty file."""
    place, scored = job.place, tally.predictions
    if not scored:
        path = place.part_path_for(PREDICTIONS, run.partition, run.run_id, "none")
        empty = add_lineage(job.predictions.empty_table(), job.predictions, run)
        scored = (write_part(place.table_uri(PREDICTIONS), path, empty),)
    return StagedRun(
        run=run,
        predictions=scored,
        quarantine=tally.quarantine,
        profile=tally.profile,
        predictions_schema=job.predictions,
        quarantine_schema=job.quarantine,
    )


def _held(
    scoring: Scoring,
    tally: Tally,
    partition: str,
    repeats: DuplicateKeys | None,
    ahead: Sequence[StagedRun],
) -> tuple[str, ...]:
    params, pinned = scoring.params, scoring.pinned
    score = prediction.score_column(pinned.bundle.manifest.task)
    facts = publication_checks.collect_facts(
        tally,
        tally.quarantined,
        pinned.bundle,
        params,
        None if repeats is None else repeats.rows,
    )
    recent = scoring.store.recent_runs(
        partition, pinned.version.version, params.publish, score, ahead
    )
    held = publication_checks.hold_reasons(
        facts,
        pinned.rules.night,
        params.quarantine,
        params.publish,
        recent,
        partition_date(partition),
    )
    if repeats is not None and repeats.rows and not repeats.keys and not _unique(pinned):
        held = (
            *held,
            f"unique_key: {counted(repeats.rows, 'row')} with a repeated key, too many to name",
        )
    return held


def _unique(pinned: PinnedVersion) -> bool:
    """Whether the contract requires unique keys in a night."""
    return any(isinstance(rule, UniqueKey) for rule in pinned.rules.night)
