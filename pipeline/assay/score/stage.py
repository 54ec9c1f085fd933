"""``assay score``: scores a night, a range of nights, or those due, with one version."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assay.errors import AssayError, DataError, NightNotFound, StoreError
from assay.errors.base import attach_report
from assay.project import interrupts
from assay.project.params import Params
from assay.registry.pin import pin_verified
from assay.score.carriers import needs_spark
from assay.score.due import (
    NEWEST,
    WITHOUT_INPUT,
    DueNights,
    find_due_nights,
    is_day,
    last_expected,
    nights_between,
    nights_without_input,
    parse_option,
    parse_range,
)
from assay.score.inputs import files
from assay.score.inputs.formats import open_input
from assay.score.local import Progress as TaskProgress
from assay.score.progress import Progress
from assay.score.run import NightOutcome, Scoring, record_never_begun
from assay.score.spark.register import register
from assay.score.spark.session import BackgroundSession
from assay.score.together import how_many, score_together
from assay.store import Run, Store, open_store
from assay.store.delta.tables import PREDICTIONS


def named_nights(root: Path, params: Params, first: str, last: str) -> list[str]:
    """The nights from ``first`` to ``last``, both included (`assay.score.due.nights_between`).

    Raises
    ------
    UsageError
        One of them is not a date, or ``last`` is before ``first``.
    NightNotFound
        The input has no night of a day that nobody expects: it is yet to come, lies before all that
        there ever was, or is one of the past that is not due (`nights_without_input`). That is no
        failed run: a mistyped day would wait for a person ever after, and what runs on a schedule
        looks from the first to the last day that anybody tried.
    SourceError
        The input cannot be accessed; that is recorded as a failure of each of the nights.
    """
    start, end = parse_range(first, last, "--date" if first == last else "--from")
    store = open_store(root, params)
    source = open_input(root, params)
    # Somewhere it is tomorrow already.
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    try:
        visible = sorted(store.visible_runs())
        tried = {run.partition for run in store.runs()}
    except StoreError:
        return nights_between(start, end)  # whoever scores them ends with it
    next_one = visible and visible[-1] < str(start) <= str(tomorrow)
    usual = start == end and (next_one or str(start) in tried)
    if usual or not source.lists_nights:
        return nights_between(start, end)
    try:
        listed = source.nights()
    except AssayError as error:
        every = nights_between(start, end, visible)
        record_never_begun(store, params.name, every, error)
        raise
    nights = nights_between(start, end, listed)
    known = sorted({*listed, *visible})
    first = known[0] if known else ""
    late = {*nights_without_input(filter(is_day, known))}
    for night in (nights[-1], nights[0]):
        inside = len(nights) > 1 or night in late or not known or known[-1] < night
        if night not in listed and not (first <= night <= str(tomorrow) and inside):
            where, column = "params.yaml: score.input", params.ingest.partition_by
            raise files.missing_night_error(
                where, column, night, sorted(listed), "at least one", files.no_nights_fix(column)
            )
    return nights


@dataclass(frozen=True)
class ScoringOutcomes:
    """The outcomes of the nights so far, and the store that they were published to.

    ``due`` states how the nights were found; None if they were named.
    """

    store: str
    outcomes: list[NightOutcome]
    due: DueNights | None = None

    def document(self) -> list[dict[str, Any]]:
        """Each night that was scored, and as ``absent`` each that is due and has no input."""
        without = self.due.absent if self.due else ()
        absent = [NightOutcome(night, "absent") for night in without]
        return [each.document() for each in (*self.outcomes, *absent)]


def run(
    root: Path,
    params: Params,
    first: str,
    last: str,
    force: bool = False,
    carrier: str | None = None,
) -> ScoringOutcomes:
    """Score the nights from ``first`` to ``last`` with the promoted version.

    The version is resolved once for all nights. A night is skipped if the same version has already
    published it from the same input under the same contract, so an interrupted range can be
    resumed. If a night cannot be published, the others are still scored; the command then ends with
    the first night's error, which names the others that are not. The outcomes so far are attached
    to any error.

    Parameters
    ----------
    force
        Also score nights that are already published.
    carrier
        Overrides ``score.carrier`` of params.yaml.
    """
    wanted = named_nights(root, params, first, last)
    return _all(root, params, wanted, ScoringOutcomes(params.store, []), force, carrier)


def score_nights(root: Path, params: Params, wanted: list[str]) -> ScoringOutcomes:
    """Score some nights, otherwise as `run`."""
    return _all(root, params, wanted, ScoringOutcomes(params.store, []), False, None)


def run_due(
    root: Path,
    params: Params,
    first: str | None = None,
    last: str | None = None,
    carrier: str | None = None,
) -> ScoringOutcomes:
    """Score every night that is due (`assay.score.due`), oldest first; otherwise as `run`.

    If none is due, no version is needed. A night that is due and has no input is recorded as one
    that failed, once.

    Parameters
    ----------
    first, last
        Leave out the nights before and after these days. Without ``first``, nights are due from
        the first one on that is published or held, else from the day after the holdout.

    Raises
    ------
    NightNotFound
        The input holds no night at all.
    """
    start = None if first is None else str(parse_option(first, "--from"))
    end = None if last is None else str(parse_option(last, "--to"))
    store, today = open_store(root, params), datetime.now(UTC).date()
    visible, runs = store.visible_runs(), store.runs()
    try:
        available = _available(root, params)
    except AssayError as error:
        until = last_expected(runs, today)
        late = nights_without_input(filter(is_day, visible), until)
        record_never_begun(store, params.name, late, error)
        raise
    due = find_due_nights(
        available, visible, runs, start, end, str(params.prepare.holdout.end), today
    )
    tried = {run.partition for run in runs}
    nothing = NightNotFound(
        WITHOUT_INPUT,
        where="params.yaml: score.input",
        fix="Once it is there: assay score --due",
    )
    new = [night for night in due.absent if night not in tried]
    record_never_begun(store, params.name, new, nothing)
    due = _with_changed(root, params, store, due, set(available) & set(visible), set(due.left))
    done = ScoringOutcomes(params.store, [], due)
    if not due.nights:
        return done
    return _all(root, params, list(due.nights), done, False, carrier)


def _available(root: Path, params: Params) -> tuple[str, ...]:
    """The partition values that the input holds; there is at least one."""
    available = open_input(root, params).nights()
    if not available:
        raise NightNotFound(
            "the input has no partitions",
            where="params.yaml: score.input",
            expected="at least one",
            fix=files.no_nights_fix(params.ingest.partition_by),
        )
    return available


def _with_changed(
    root: Path, params: Params, store: Store, due: DueNights, known: set[str], waiting: set[str]
) -> DueNights:
    """The nights that are due, and of the newest published ones those whose input has changed.

    These are named and not scored again, as a person may rely on what they have.
    """
    inside = (night for night in known if (due.first or night) <= night <= (due.last or night))
    days = sorted(night for night in inside if is_day(night) and night not in waiting)
    newest = days[-NEWEST:]
    changed = []
    for record in store.published_runs(newest):
        with suppress(DataError):  # it would be told if the night were scored
            fingerprint = open_input(root, params).fingerprint(record.partition)
            if fingerprint and record.input and fingerprint != record.input:
                changed.append(record.partition)
    return replace(due, changed=tuple(changed))


def _all(
    root: Path,
    params: Params,
    wanted: list[str],
    done: ScoringOutcomes,
    force: bool,
    carrier: str | None,
) -> ScoringOutcomes:
    """Score each night; raises the first night's error after the last night."""
    if carrier is not None:
        score = params.score.model_copy(update={"carrier": carrier})
        params = params.model_copy(update={"score": score})
    began = datetime.now(UTC)
    try:
        _score(root, params, wanted, done.outcomes, force, Progress(len(wanted)))
    except BaseException as error:
        attach_report(error, done)
        if isinstance(error, Exception):
            with suppress(AssayError):
                _record_left(params, open_store(root, params), wanted, began, error)
        raise
    errors = [(each, each.error) for each in done.outcomes if each.error is not None]
    if not errors:
        return done
    _, first = errors[0]
    if others := ", ".join(f"{each.partition} ({each.outcome})" for each, _ in errors[1:]):
        first = first.naming(f"Not published either: {others}.")
    raise first.attach_report(done)


def _record_left(
    params: Params, store: Store, wanted: Sequence[str], began: datetime, error: Exception
) -> None:
    """Record the nights that an error kept from being begun since ``began``."""
    tried = {run.partition for run in store.runs() if run.started_at and run.started_at >= began}
    record_never_begun(store, params.name, [each for each in wanted if each not in tried], error)


def _score(
    root: Path,
    params: Params,
    wanted: list[str],
    outcomes: list[NightOutcome],
    force: bool,
    progress: Progress,
) -> None:
    """Score each night, and append its outcome to ``outcomes``."""
    from assay.registry import versions

    with ExitStack() as at_the_end:
        known, stage = versions.read_state(root, params.name), params.registry.stage
        version = versions.select_champion(known, params.name, stage)
        # Java takes seconds to start; bundle and contract are loaded in the meantime.
        spark = BackgroundSession(params, root)
        at_the_end.callback(spark.stop)
        if needs_spark(params):
            spark.start()
        pinned = pin_verified(root, params, known, version, stage)
        store = open_store(root, params)
        if pinned.doubt:
            progress.say(f"score: {pinned.warning}")
        if not pinned.bundle.manifest.compiled["used"]:
            progress.say(f"score: {pinned.version.version} scores with {pinned.scorer}")
        scoring = Scoring(params, root, pinned, store, spark.session)
        scoring.check()
        _score_all(scoring, wanted, outcomes, force, progress)
        try:
            _register(scoring, outcomes)
        except AssayError as error:
            if not any(each.error for each in outcomes):
                raise
            progress.say(f"score: {error.line()}")  # a night's own error is the command's


def _register(scoring: Scoring, outcomes: Sequence[NightOutcome]) -> None:
    """Let the catalog know the predictions, where params.yaml says so and a night is published."""
    name, reports = scoring.params.publish.as_table, (each.report for each in outcomes)
    run = next((report for report in reports if report and report.rows_scored), None)
    if name and run:
        uri, column = scoring.store.table_uri(PREDICTIONS), scoring.params.ingest.partition_by
        register(scoring.session(), name, uri, column, run.partition, run.run_id)


def _score_all(
    scoring: Scoring,
    wanted: list[str],
    outcomes: list[NightOutcome],
    force: bool,
    progress: Progress,
) -> None:
    """Score each night, small ones several at a time."""
    number = {night: place for place, night in enumerate(wanted, start=1)}
    version, size = scoring.pinned.version.version, 1
    waiting: list[str] = []

    @contextmanager
    def step(night: str) -> Iterator[TaskProgress]:
        name = f"score: night {night} ({number[night]} of {len(wanted)}), {version}"
        progress.step(name)
        try:
            yield progress.task_callback(name)
        finally:
            progress.done()

    def add(ended: Sequence[NightOutcome]) -> None:
        for each in ended:
            # The first error is that of the command, which prints it at its end.
            failed = any(one.error is not None for one in outcomes)
            outcomes.append(replace(each, unverified=scoring.pinned.doubt))
            if each.error is not None and failed:
                progress.say(f"score: {each.error.line()}")

    def flush() -> int:
        ended: list[NightOutcome] = []
        started = time.monotonic()
        try:
            score_together(scoring, waiting, ended, step)
        finally:
            add(ended)
        many = len(waiting)
        waiting.clear()
        return how_many(time.monotonic() - started, many)

    for night in wanted:
        interrupts.raise_if_interrupted()
        done = None if force else _up_to_date(scoring, night, progress)
        if done is None:
            waiting.append(night)
        if waiting and (len(waiting) >= size or done is not None):
            size = flush()
        if done is not None:
            with step(night):
                add([NightOutcome(night, "skipped", run_id=done.run_id)])
    if waiting:
        flush()


def _up_to_date(scoring: Scoring, night: str, progress: Progress) -> Run | None:
    """The published run, if it scored the same input with the same version and contract.

    None for an input whose changes cannot be detected, such as a database. To look is no run: only
    what is published already can be left as it is.
    """
    pinned = scoring.pinned
    done = scoring.store.published_run(night)
    if done is None:
        return None
    if scoring.store.has_lost_data(night):
        progress.say(
            f"score: what was published of night {night} is gone or damaged, so it is scored again"
        )
        return None
    with suppress(DataError):  # the run that follows meets it too, and records it
        fingerprint = open_input(scoring.root, scoring.params).fingerprint(night)
        same = (pinned.version.version, pinned.bundle.digest, pinned.contract_digest, fingerprint)
        if fingerprint and same == (done.version, done.bundle, done.contract, done.input):
            return done
    return None
