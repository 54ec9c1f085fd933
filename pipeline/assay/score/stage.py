"""Score one night or a range of nights in one Spark session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import BooksUnbalanced, DataError, RunHeld, RunOvertaken, UsageError, after
from assay.project import interrupts
from assay.project.params import Params
from assay.registry.pin import Pinned, pin
from assay.score.inputs import find as inputs
from assay.score.night_outcome import NightOutcome
from assay.score.progress import Progress, Sink
from assay.score.run import score_night
from assay.score.spark.session import Starting
from assay.store import RunRecord, Store, open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assay.score.inputs.types import NightInput

ABOUT_ONE_NIGHT = (DataError, RunHeld, RunOvertaken, BooksUnbalanced)
"""Errors that say nothing about the other nights of a range: those are scored all the same."""


def nights(first: str, last: str) -> list[str]:
    """Every day from ``first`` to ``last``, both included.

    Raises
    ------
    UsageError
        One of them is no date, or they are the wrong way round.
    """
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise UsageError(
            "not a day",
            where="--date, --from or --to",
            expected="a date such as 2013-07-01",
            found=str(error).rpartition(": ")[2],
        ) from None
    if end < start:
        raise UsageError("--to lies before --from", expected=f"{first} or later", found=last)
    return [str(start + timedelta(days=offset)) for offset in range((end - start).days + 1)]


@dataclass(frozen=True)
class Nights:
    """What became of each night so far, and the store that they were published to."""

    store: str
    outcomes: list[NightOutcome]


def run(
    root: Path,
    params: Params,
    first: str,
    last: str,
    force: bool = False,
    carrier: str | None = None,
    sink: Sink | None = None,
) -> Nights:
    """Score the nights from ``first`` to ``last`` with what is promoted now.

    The version is resolved once for all of them. A night that the same version has published
    from the same input under the same contract is skipped, so that a range that was cut short
    goes on where it stopped. A night that cannot be published does not keep the others from
    being scored; the command ends with the error of the first of them. Whatever it ends with, the
    nights so far are on the error.

    Parameters
    ----------
    force
        Score also what is published already.
    carrier
        Instead of ``score.carrier`` in params.yaml.
    sink
        Where progress is shown; by default the log.
    """
    wanted = nights(first, last)
    if carrier is not None:
        score = params.score.model_copy(update={"carrier": carrier})
        params = params.model_copy(update={"score": score})
    done = Nights(params.store, [])
    try:
        _score(root, params, wanted, done.outcomes, force, Progress(len(wanted), sink))
    except BaseException as error:
        after(error, done)
        raise
    for each in done.outcomes:
        if each.error is not None:
            raise each.error.after(done)
    return done


def _score(
    root: Path,
    params: Params,
    wanted: list[str],
    outcomes: list[NightOutcome],
    force: bool,
    progress: Progress,
) -> None:
    """Add what becomes of each night to ``outcomes``."""
    from assay.registry import fetch, verification, versions

    with ExitStack() as at_the_end:
        known, stage = versions.state(root, params.name), params.registry.stage
        version = versions.chosen(known, params.name, stage)
        # Java takes seconds to start; the bundle and the contract are loaded meanwhile.
        spark = Starting(params, root)
        at_the_end.callback(spark.stop)
        text = fetch.verdict_of(root, version)
        doubt = verification.doubt_of_holder(known, version, stage, text)
        pinned = replace(pin(root, params, version), doubt=doubt)
        store = open_store(root, params)
        if pinned.doubt:
            progress.say(f"score: {pinned.warning}")
        if not pinned.bundle.manifest.compiled["used"]:
            progress.say(f"score: {pinned.version.version} scores with {pinned.scorer}")
        for number, night in enumerate(wanted, start=1):
            name = f"score: night {night} ({number} of {len(wanted)}), {pinned.version.version}"
            progress.step(name)
            found = _one(root, params, pinned, store, spark.session, night, force, progress, name)
            outcomes.append(replace(found, unverified=pinned.doubt))
            progress.done()
            if found.error is not None and len(wanted) > 1:
                progress.say(f"score: {found.error.line()}")


def _one(
    root: Path,
    params: Params,
    pinned: Pinned,
    store: Store,
    spark: Callable[[], SparkSession],
    value: str,
    force: bool,
    progress: Progress,
    name: str,
) -> NightOutcome:
    interrupts.check()
    try:
        night = inputs.find(root, params, pinned.contract, value)
        done = None if force else store.published_run(value)
        if done is not None and store.lost(value):
            progress.say(
                f"score: what was published of night {value} is gone or damaged, "
                "so it is scored again"
            )
        elif done is not None and same(done, pinned, night):
            return NightOutcome(value, "skipped", run_id=done.run_id)
        report = score_night(params, root, pinned, store, spark, night, progress.within(name))
    except ABOUT_ONE_NIGHT as error:
        return NightOutcome(value, "held" if isinstance(error, RunHeld) else "failed", error=error)
    return NightOutcome(value, "published", report)


def same(done: RunRecord, pinned: Pinned, night: NightInput) -> bool:
    """Whether a published run scored just this input with this version and contract.

    An input that cannot be told from a changed one, such as a database, never counts as the
    same.
    """
    return night.fingerprint != "" and (
        done.version,
        done.bundle,
        done.contract,
        done.input,
    ) == (
        pinned.version.version,
        pinned.bundle.digest,
        pinned.contract_digest,
        night.fingerprint,
    )
