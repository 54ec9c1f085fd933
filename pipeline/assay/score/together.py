"""Several small nights, scored one after the other and published in one commit.

A commit takes longer than to score a thousand rows, so a long range of small nights would do little
else. Each night is still published whole or not at all, and is held or fails for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import (
    AssayError,
    DataError,
    NotSynced,
    PublishConflict,
    RowCountMismatch,
    RunHeld,
    StoreError,
)
from assay.project import interrupts
from assay.project.params import Params
from assay.registry.pin import PinnedVersion
from assay.score.local import Progress, no_progress
from assay.score.run import Attempt, NightOutcome, ScoredRun, Scoring, failed, new_run
from assay.store import Run, StagedRun, Store
from assay.store.publish import report_if_published

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ABOUT_ONE_NIGHT = (DataError, RunHeld, PublishConflict, RowCountMismatch)
"""Errors that concern one night only: the other nights of a range are still scored."""

SECONDS, MOST = 1.0, 32
"""About how long nights are scored before they are published, and how many they are at most: so
much work is lost if the command is killed."""

Step = Callable[[str], AbstractContextManager[Progress]]
"""Shows that a night is being scored."""


def score_night(
    params: Params,
    root: Path,
    pinned: PinnedVersion,
    store: Store,
    session: Callable[[], SparkSession],
    night: str,
    progress: Progress = no_progress,
) -> ScoredRun:
    """Score one night and publish it; on failure, the visible run stays.

    Parameters
    ----------
    session
        Called if Spark is needed, after every check that does not need it.

    Raises
    ------
    RunHeld
        Scored, but a publication check failed.
    """
    outcomes: list[NightOutcome] = []
    scoring = Scoring(params, root, pinned, store, session)
    scoring.check()
    score_together(scoring, [night], outcomes, lambda _: nullcontext(progress))
    (outcome,) = outcomes
    if outcome.error is not None:
        raise outcome.error
    assert outcome.report is not None, "a night without an error is published"
    return outcome.report


def how_many(seconds: float, nights: int) -> int:
    """How many of the next nights to publish together, if so many took ``seconds``.

    >>> how_many(0.05, 1), how_many(3.0, 1)
    (20, 1)
    """
    return max(1, min(MOST, int(SECONDS * nights / max(seconds, 0.001))))


def score_together(
    scoring: Scoring, nights: Sequence[str], outcomes: list[NightOutcome], step: Step
) -> None:
    """Score nights, and publish those that may be in one commit.

    That they all start is recorded before anything of the first one is opened. A run that came to
    no end is recorded as failed, also after an interrupt; if the process is killed, it stays one
    that started and never ended.

    Parameters
    ----------
    outcomes
        Each night's outcome is appended, in order; after an error those of the nights that were
        published before it.

    Raises
    ------
    AssayError
        One that concerns more than one night. What was scored before is published all the same,
        except after an interrupt.
    """
    by_night: dict[str, NightOutcome] = {}
    try:
        _Group(scoring, by_night, step).score(nights)
    finally:
        outcomes += [by_night[night] for night in nights if night in by_night]


class _Group:
    """Nights on their way: those that are scored wait until they are published."""

    def __init__(self, scoring: Scoring, found: dict[str, NightOutcome], step: Step) -> None:
        self._scoring, self._store, self._step = scoring, scoring.store, step
        self._found = found
        self._scored: list[Attempt] = []
        self._attempts: dict[str, Attempt] = {}

    def score(self, nights: Sequence[str]) -> None:
        """Score nights, and publish after the last, or sooner if they take longer than thought."""
        store, pinned = self._store, self._scoring.pinned
        name, turns = self._scoring.params.name, store.turns(nights)
        self._attempts = {
            night: Attempt(self._scoring, new_run(name, night, turns[night], pinned))
            for night in nights
        }
        try:
            starts = [each.run for each in self._attempts.values()]
            store.append_run_events(*(replace(run, detail=pinned.warning) for run in starts))
            since = time.monotonic()
            for night in nights:
                interrupts.raise_if_interrupted()
                self._score(night)
                if night == nights[-1] or time.monotonic() - since >= SECONDS:
                    interrupts.raise_if_interrupted()
                    self._publish()
                    since = time.monotonic()
        except BaseException as error:
            self._record_failures(self._attempts, error)
            raise

    def _score(self, night: str) -> None:
        try:
            with self._step(night) as progress:
                attempt = self._attempts[night]
                attempt.score(_staged(self._scored), progress)
                self._scored.append(attempt)
        except RunHeld as error:
            self._found[night] = NightOutcome(night, "held", error=error)
        except ABOUT_ONE_NIGHT as error:
            self._record_failures([night], error)
            self._found[night] = NightOutcome(night, "failed", error=error)
        except Exception:
            # What was scored before it is whole.
            with suppress(AssayError):
                self._publish()
            raise

    def _publish(self) -> None:
        scored, self._scored = self._scored, []
        if scored:
            _publish(self._store, scored, self._found)

    def _record_failures(self, nights: Iterable[str], error: BaseException) -> None:
        """Record that runs failed, except those that have ended or are visible."""
        # The user has to see the original error, even if the store cannot be written.
        with suppress(AssayError):
            runs = [self._attempts[night].run for night in nights if night not in self._found]
            ends = [
                failed(run, error)
                for run in runs
                if self._store.visible_run(run.partition) != run.run_id
            ]
            if ends:
                self._store.append_run_events(*ends)


def _staged(scored: Sequence[Attempt]) -> list[StagedRun]:
    return [each.staged for each in scored if each.staged is not None]


def _publish(store: Store, scored: Sequence[Attempt], found: dict[str, NightOutcome]) -> None:
    """Publish runs and record that; ``found`` gets their outcomes."""
    started = time.monotonic()
    ends: dict[str, NightOutcome] = {}
    try:
        with report_if_published(store, {each.run.partition: each.run.run_id for each in scored}):
            overtaken = store.publish_runs(_staged(scored))
            share = (time.monotonic() - started) / len(scored)
            events: list[Run] = []
            for each in scored:
                night, error = each.run.partition, overtaken.get(each.run.run_id)
                if error is None:
                    report = each.published(share)
                    events.append(report)
                    ends[night] = NightOutcome(night, "published", report)
                else:
                    events.append(failed(each.run, error))
                    ends[night] = NightOutcome(night, "failed", error=error)
            store.append_run_events(*events)
    except NotSynced:
        raise
    except StoreError:
        if len(scored) == 1:
            raise
        # One of them may be at fault; to publish a run again changes nothing.
        for each in scored:
            _publish(store, [each], found)
        return
    found.update(ends)
