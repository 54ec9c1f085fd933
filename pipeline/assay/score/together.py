"""Several small nights, scored one after the other and published in one commit.

A commit takes longer than to score a thousand rows, so a long range of small nights would do little
else. Each night is still published whole or not at all, and is held or fails for itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from assay.score.journal import Journal, record_starts
from assay.score.night_outcome import NightOutcome
from assay.score.run import RunReport, ScoredNight, Scoring, begin, score
from assay.score.work import Progress, no_progress
from assay.store import RunEvent, Store
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
    found: dict[str, NightOutcome] = {}
    try:
        _Group(scoring, found, step).score(nights)
    finally:
        outcomes += [found[night] for night in nights if night in found]


class _Group:
    """Nights on their way: those that are scored wait until they are published."""

    def __init__(self, scoring: Scoring, found: dict[str, NightOutcome], step: Step) -> None:
        self._scoring, self._store, self._step = scoring, scoring.store, step
        self._found = found
        self._scored: list[ScoredNight] = []
        self._logs: dict[str, Journal] = {}

    def score(self, nights: Sequence[str]) -> None:
        """Score nights, and publish after the last, or sooner if they take longer than thought."""
        store, pinned = self._store, self._scoring.pinned
        name, turns = self._scoring.params.name, store.turns(nights)
        self._logs = {
            night: Journal(
                store=store, name=name, partition=night, pinned=pinned, base=turns[night]
            )
            for night in nights
        }
        try:
            record_starts(list(self._logs.values()), pinned.warning)
            since = time.monotonic()
            for night in nights:
                interrupts.raise_if_interrupted()
                self._score(night)
                if night == nights[-1] or time.monotonic() - since >= SECONDS:
                    interrupts.raise_if_interrupted()
                    self._publish()
                    since = time.monotonic()
        except BaseException as error:
            self._record_failures(self._logs, error)
            raise

    def _score(self, night: str) -> None:
        try:
            with self._step(night) as progress:
                attempt = begin(self._scoring, self._logs[night])
                self._logs[night] = attempt.log
                ahead = [each.staged for each in self._scored]
                self._scored.append(score(self._scoring, attempt, ahead, progress))
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
            failed = [
                self._logs[night].failed(error)
                for night in nights
                if night not in self._found
                and self._store.visible_run(night) != self._logs[night].run_id
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
    return scored.attempt.log.partition


def _ended(scored: ScoredNight, overtaken: Mapping[str, PublishConflict], more: float) -> RunEvent:
    log, seconds = scored.attempt.log, scored.seconds + more
    error = overtaken.get(log.run_id)
    if error is not None:
        return log.failed(error)
    return log.entry("published", scored.tally, seconds)
