"""Several small nights, scored one after the other and published in one commit.

A commit takes longer than to score a thousand rows, so a long range of small nights would do little
else. Each night is still published whole or not at all, and is held or fails for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
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
from assay.score.journal import record_starts
from assay.score.night_outcome import NightOutcome
from assay.score.run import Attempt, RunReport, ScoredNight, Scoring, begin, score
from assay.score.work import Progress, no_progress
from assay.store import RunEvent, Store
from assay.store.publish import report_if_published

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import NightInput

ABOUT_ONE_NIGHT = (DataError, RunHeld, PublishConflict, RowCountMismatch)
"""Errors that concern one night only: the other nights of a range are still scored."""

SECONDS, MOST = 1.0, 32
"""About how long nights are scored before they are published, and how many they are at most: so
much work is lost if the command is killed."""

Step = Callable[["NightInput"], AbstractContextManager[Progress]]
"""Shows that a night is being scored."""


def score_night(
    params: Params,
    root: Path,
    pinned: PinnedVersion,
    store: Store,
    session: Callable[[], SparkSession],
    night: NightInput,
    progress: Progress = no_progress,
) -> RunReport:
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
    scoring: Scoring, nights: Sequence[NightInput], outcomes: list[NightOutcome], step: Step
) -> None:
    """Score nights, and publish those that may be in one commit.

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
    found: dict[str, NightOutcome] = {}
    try:
        _Group(scoring, found, step).score(nights)
    finally:
        outcomes += [found[night.value] for night in nights if night.value in found]


class _Group:
    """Nights on their way: those that are scored wait until they are published.

    A night's start is recorded when it begins, if it is the first, or just before it is published:
    nobody reads in the journal of nights that were never begun.
    """

    def __init__(self, scoring: Scoring, found: dict[str, NightOutcome], step: Step) -> None:
        self._scoring, self._store, self._step = scoring, scoring.store, step
        self._found = found
        self._scored: list[ScoredNight] = []
        self._recorded: Callable[[], None] = lambda: None
        self._begun: set[str] = set()
        """Runs whose start is recorded, or is being recorded."""

    def score(self, nights: Sequence[NightInput]) -> None:
        """Score nights, and publish after the last, or sooner if they take longer than thought."""
        turns = self._store.turns([night.value for night in nights])
        since = time.monotonic()
        for night in nights:
            self._stop_if_interrupted()
            self._score(night, turns[night.value])
            if night is nights[-1] or time.monotonic() - since >= SECONDS:
                self._stop_if_interrupted()
                self._publish()
                since = time.monotonic()

    def _stop_if_interrupted(self) -> None:
        try:
            interrupts.raise_if_interrupted()
        except KeyboardInterrupt as error:
            self._fail(None, time.monotonic(), error)
            raise

    def _score(self, night: NightInput, turn: int) -> None:
        attempt, started = None, time.monotonic()
        try:
            attempt = begin(self._scoring, night, turn)
            if not self._begun:
                self._begin_first(attempt)
            with self._step(night) as progress:
                ahead = [each.staged for each in self._scored]
                scored = score(self._scoring, attempt, ahead, self._recorded, progress)
            self._scored.append(scored)
        except RunHeld as error:
            self._found[night.value] = NightOutcome(night.value, "held", error=error)
        except ABOUT_ONE_NIGHT as error:
            self._fail(attempt, started, error)
            self._found[night.value] = NightOutcome(night.value, "failed", error=error)
        except Exception as error:
            # What was scored before it is whole.
            with suppress(AssayError):
                self._publish()
            self._fail(attempt, started, error)
            raise
        except BaseException as error:
            self._fail(attempt, started, error)
            raise

    def _begin_first(self, attempt: Attempt) -> None:
        # Only beside threads: what starts processes changes the environment, which a commit reads.
        local = attempt.log.carrier == "local"
        beside = local and bool(self._scoring.pinned.bundle.manifest.compiled["used"])
        self._begun.add(attempt.log.run_id)
        self._recorded = record_starts([attempt.log], self._scoring.pinned.warning, beside)

    def _publish(self) -> None:
        scored, self._scored = self._scored, []
        if not scored:
            return
        rest = [each.attempt.log for each in scored if each.staged.run_id not in self._begun]
        started = time.monotonic()
        try:
            if rest:
                self._begun.update(log.run_id for log in rest)
                record_starts(rest, self._scoring.pinned.warning, beside=False)
            _publish(self._store, scored, self._found)
        except BaseException as error:
            lost = [each.attempt for each in scored if _of(each) not in self._found]
            self._record_failures(lost, started, error)
            raise

    def _fail(self, attempt: Attempt | None, started: float, error: BaseException) -> None:
        """Record that a run failed, and the first one, if it waits to be published in vain."""
        lost = [] if attempt is None else [attempt]
        if not isinstance(error, ABOUT_ONE_NIGHT):
            lost += [each.attempt for each in self._scored if each.staged.run_id in self._begun]
        self._record_failures(lost, started, error)

    def _record_failures(
        self, attempts: Sequence[Attempt], started: float, error: BaseException
    ) -> None:
        """Record that runs failed, except those that are visible."""
        seconds = time.monotonic() - started
        # The user has to see the original error, even if the store cannot be written.
        with suppress(AssayError):
            self._recorded()
        with suppress(AssayError):
            failed = [
                each.log.entry("failed", seconds=seconds, detail=str(error)[:500])
                for each in attempts
                if self._store.visible_run(each.log.night.value) != each.log.run_id
            ]
            if failed:
                self._store.append_run_events(*failed)


def _publish(store: Store, scored: Sequence[ScoredNight], found: dict[str, NightOutcome]) -> None:
    """Publish runs and record that; ``found`` gets their outcomes."""
    started = time.monotonic()
    try:
        with report_if_published(store, {_of(each): each.staged.run_id for each in scored}):
            overtaken = store.publish_runs([each.staged for each in scored])
            share = (time.monotonic() - started) / len(scored)
            store.append_run_events(*(_ended(each, overtaken, share) for each in scored))
    except NotSynced:
        raise
    except StoreError:
        if len(scored) == 1:
            raise
        # One of them may be at fault; to publish a run again changes nothing.
        for each in scored:
            _publish(store, [each], found)
        return
    for each in scored:
        error = overtaken.get(each.staged.run_id)
        found[_of(each)] = (
            NightOutcome(_of(each), "published", each.report(share))
            if error is None
            else NightOutcome(_of(each), "failed", error=error)
        )


def _of(scored: ScoredNight) -> str:
    return scored.attempt.log.night.value


def _ended(scored: ScoredNight, overtaken: Mapping[str, PublishConflict], more: float) -> RunEvent:
    log, seconds = scored.attempt.log, scored.seconds + more
    error = overtaken.get(log.run_id)
    if error is not None:
        return log.entry("failed", seconds=seconds, detail=str(error)[:500])
    return log.entry("published", scored.tally, seconds)
