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
    turns = scoring.store.turns([night.value for night in nights])
    attempts = [begin(scoring, night, turns[night.value]) for night in nights]
    # Only beside threads: what starts processes changes the environment, which a commit reads.
    local = all(each.log.carrier == "local" for each in attempts)
    beside = local and bool(scoring.pinned.bundle.manifest.compiled["used"])
    journals = [each.log for each in attempts]
    recorded = record_starts(journals, scoring.pinned.warning, beside)
    found: dict[str, NightOutcome] = {}
    started = time.monotonic()
    try:
        _score_each(scoring, attempts, recorded, found, step)
    except BaseException as error:
        with suppress(AssayError):
            recorded()
        rest = [each for each in attempts if each.log.night.value not in found]
        _record_failures(scoring.store, rest, time.monotonic() - started, error)
        raise
    finally:
        outcomes += [found[night.value] for night in nights if night.value in found]


def _score_each(
    scoring: Scoring,
    attempts: Sequence[Attempt],
    recorded: Callable[[], None],
    found: dict[str, NightOutcome],
    step: Step,
) -> None:
    """Score nights, and publish after the last, or sooner if they take longer than was thought."""
    scored: list[ScoredNight] = []
    since = time.monotonic()
    for attempt in attempts:
        interrupts.raise_if_interrupted()
        night, started = attempt.log.night, time.monotonic()
        try:
            with step(night) as progress:
                ahead = [each.staged for each in scored]
                scored.append(score(scoring, attempt, ahead, recorded, progress))
        except RunHeld as error:
            found[night.value] = NightOutcome(night.value, "held", error=error)
        except ABOUT_ONE_NIGHT as error:
            recorded()
            _record_failures(scoring.store, [attempt], time.monotonic() - started, error)
            found[night.value] = NightOutcome(night.value, "failed", error=error)
        except AssayError:
            with suppress(AssayError):
                _publish(scoring.store, scored, found)
            raise
        if attempt is attempts[-1] or time.monotonic() - since >= SECONDS:
            interrupts.raise_if_interrupted()
            _publish(scoring.store, scored, found)
            scored.clear()
            since = time.monotonic()


def _publish(store: Store, scored: Sequence[ScoredNight], found: dict[str, NightOutcome]) -> None:
    """Publish runs and record that; ``found`` gets their outcomes."""
    if not scored:
        return
    started = time.monotonic()
    try:
        with report_if_published(store, {_of(each): each.staged.run_id for each in scored}):
            overtaken = store.publish_runs([each.staged for each in scored])
            share = (time.monotonic() - started) / len(scored)
            store.append_run_events(*(_ended(each, overtaken, share) for each in scored))
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


def _record_failures(
    store: Store, attempts: Sequence[Attempt], seconds: float, error: BaseException
) -> None:
    """Record that runs failed, except those that are visible."""
    # The user has to see the original error, even if the store cannot be written.
    with suppress(AssayError):
        failed = [
            each.log.entry("failed", seconds=seconds, detail=str(error)[:500])
            for each in attempts
            if store.visible_run(each.log.night.value) != each.log.run_id
        ]
        if failed:
            store.append_run_events(*failed)
