"""``assay nightly``: what a schedule runs, each step whatever became of those before it.

Schedulers know success and failure, and skip what follows a failure. But a held night is no
failure, and it is exactly after one that people have to be told. So the order of the steps and the
meaning of their exit codes are here, once, and a schedule only has to run one command.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from assay.errors import (
    UNFORESEEN,
    AssayError,
    LimitCrossed,
    NightNotFound,
    NothingScored,
    RetrainAdvised,
    RunHeld,
    StoreError,
)
from assay.errors.base import attach_report, attached_report
from assay.errors.codes import ANSWERS
from assay.errors.machine import from_os_error
from assay.monitor.incidents.collect import all_nights
from assay.monitor.nights import facts
from assay.monitor.nights.night import UNPUBLISHED
from assay.performance.labels import NoLabelsYet
from assay.plan.apply import is_pending
from assay.project import interrupts, layout
from assay.project.params import Params
from assay.project.partitions import parse_day, usual_step
from assay.project.text import counted, first_few
from assay.store import open_store
from assay.store.delta.location import filesystem

log = logging.getLogger(__name__)

WORST = tuple(kind.exit_code for kind in (RetrainAdvised, LimitCrossed, RunHeld))
"""Answers, the worst last."""

Call = Callable[[Sequence[str]], Any]
"""Runs ``assay`` with these arguments. If JSON is asked for, it returns what was printed, or
attaches that to the error (`attach_report`)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command that was run, and the error that it ended with.

    ``fine`` if how it ended calls for nobody's attention.
    """

    command: tuple[str, ...]
    result: Any = None
    error: Exception | None = None
    fine: bool = True

    @property
    def shown(self) -> str:
        """The command as it can be typed."""
        return shlex.join(("assay", *self.command))

    @property
    def known(self) -> AssayError | None:
        """The error as one for people; None if there is none, or nobody foresaw it."""
        error = self.error
        return error if isinstance(error, AssayError) or error is None else from_os_error(error)

    @property
    def exit_code(self) -> int:
        if self.error is None:
            return 0
        return UNFORESEEN if self.known is None else self.known.exit_code

    @property
    def words(self) -> str:
        """What the error says, on one line; "" without one."""
        if self.error is None:
            return ""
        return " ".join(str(self.error).split()) if self.known is None else self.known.line()

    @property
    def failed(self) -> bool:
        return not self.fine and self.exit_code not in ANSWERS

    def document(self) -> dict[str, Any]:
        return {
            "command": self.shown,
            "exit_code": self.exit_code,
            "words": self.words or None,
            "result": self.result,
        }


@dataclass(frozen=True, slots=True)
class NightlySteps:
    """The steps in their order, and the exit code that they add up to."""

    steps: tuple[Step, ...]
    raised: bool = False
    """Whether the error of the step that decides follows."""

    @property
    def deciding(self) -> Step | None:
        """The first step that failed, else the worst answer; None if all is well.

        A held night is worse than a limit that was crossed, and that than an advice to train.
        """
        failed = (step for step in self.bad if step.failed)
        return next(failed, None) or max(
            self.bad, key=lambda step: WORST.index(step.exit_code), default=None
        )

    @property
    def bad(self) -> tuple[Step, ...]:
        """The steps that somebody should look at."""
        return tuple(step for step in self.steps if not step.fine)

    def document(self) -> dict[str, Any]:
        code = self.deciding.exit_code if self.deciding else 0
        return {"exit_code": code, "steps": [step.document() for step in self.steps]}


def run(
    root: Path, params: Params, call: Call, night: str | None = None, answers_ok: bool = False
) -> NightlySteps:
    """Apply a plan, score what is due, take labels, monitor, tell, ask whether to train again.

    It ends with the worst of what is open, whichever night it is from: `assay status` names it. A
    step that ends with an error does not keep the next ones from running; an interrupt does.

    Parameters
    ----------
    night
        Score this night instead of those that are due.
    answers_ok
        Do not raise for `ANSWERS`. For schedulers that know but success and failure; people are
        told by the alerts.

    Raises
    ------
    AssayError
        The error of the step that decides (`NightlySteps.deciding`), with all steps attached.
    """
    steps = _Steps(call)
    if _is_planned(root, params):
        steps.run(["apply"])
    steps.run(["score", "--due"] if night is None else ["score", "--date", night])
    try:
        known = known_nights(root, params)
    except AssayError as error:
        # What follows would fail in the same way, and what is known of alerts is in files.
        steps.note(("monitor",), error)
        known = OrderedDays((), {}, {})
    if known.all:
        _look_after(root, params, steps, known)
        if params.retention.days:
            steps.run(["vacuum"])
        _note_what_is_open(root, params, steps)
    done = NightlySteps(tuple(steps.done))
    decides = done.deciding
    if decides is None or (answers_ok and not decides.failed):
        return done
    why, others = decides.error, [each for each in done.bad if each is not decides]
    assert why is not None
    if others and isinstance(why, AssayError):
        named = "; ".join(f"{each.shown} ({each.exit_code})" for each in others)
        why = why.naming(f"It is not all: {named}.")
    raise attach_report(why, replace(done, raised=True))


def _is_planned(root: Path, params: Params) -> bool:
    """Whether there is a plan to apply; damage of the store is for that command to tell."""
    try:
        return is_pending(root, params)
    except StoreError:
        return True
    except AssayError:  # such as no version: told by scoring too
        return False


def _look_after(root: Path, params: Params, steps: _Steps, known: OrderedDays) -> None:
    last = known.all[-1]
    first = look_back(known.all, max(params.monitor.maturities))
    seen = [
        name
        for name, run_id in known.published.items()
        if known.decided.get(name) == run_id or (name < first and name in known.decided)
    ]
    # A night that cannot be looked at is given up in time, but not one that came after all others.
    since = min(first, seen[-1]) if seen else ""
    unseen = [name for name in known.published if since <= name and name not in set(seen)]
    start = min([*unseen, *list(known.published)[-1:], last])
    if params.labels.input is not None:
        asked = ["labels", "--from", min(first, start), "--to", last]
        steps.run(asked, fine=(NoLabelsYet, NothingScored))
    watch = ["monitor", "--from", start, "--to", last, "--notify"]
    if isinstance(steps.run(watch, fine=(NothingScored,)), NothingScored):
        steps.run(["alert"])  # nothing is published, but a run may be held or have failed
    if params.monitor.retrain:
        steps.run(["monitor", "--retrain-if", "--date", last], fine=(NothingScored,))


def _note_what_is_open(root: Path, params: Params, steps: _Steps) -> None:
    """Note, of nights before too, what calls for a person and no step has ended with."""
    told = {step.exit_code for step in steps.done if not step.fine}
    try:
        found: Sequence[AssayError] = open_matters(root, params)
    except AssayError as error:
        found = (error,)
    for each in found:
        if each.exit_code not in told:
            steps.note(("status",), each)


def open_matters(root: Path, params: Params) -> tuple[AssayError, ...]:
    """What is open of any night: nights without a published run or with a held one, and drift.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    every = all_nights(facts.load(root, open_store(root, params), ()))
    held = [night.partition for night in every.nights if night.held]
    absent = [night.partition for night in every.nights if night.state == "absent"]
    without = [
        night.partition
        for night in every.nights
        if night.state in UNPUBLISHED and night.partition not in {*held, *absent}
    ]
    drifted = [
        each.sentence for each in every.incidents if each.kind == "drift" and each.state == "open"
    ]
    nothing = "Where there will be none: assay retract RUN --because WHY"
    found: list[AssayError] = []
    if without:
        found.append(
            NothingScored(
                f"nothing is published of {counted(len(without), 'night')}",
                found=first_few(without),
                fix=f"assay night history --date DAY says why. {nothing}",
            )
        )
    if absent:
        found.append(
            NightNotFound(
                f"{counted(len(absent), 'night')} due and without input",
                found=first_few(absent),
                fix=f"assay score --due takes it up once it is there. {nothing}",
            )
        )
    if held:
        found.append(
            RunHeld(
                f"held before and waiting for a person: {counted(len(held), 'night')}",
                found=first_few(held),
                fix="assay status names each run, and what can be done about it",
            )
        )
    if drifted:
        found.append(LimitCrossed("; ".join(drifted), fix="docs/how-to/incident-is-open.md"))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class OrderedDays:
    """Nights in order.

    Attributes
    ----------
    all
        Those that any run tried.
    published, decided
        Night -> its published run, and the run that monitoring looked at last.
    """

    all: tuple[str, ...]
    published: Mapping[str, str]
    decided: Mapping[str, str]


def known_nights(root: Path, params: Params) -> OrderedDays:
    """The nights in the store whose names are dates.

    Raises
    ------
    StoreError
        The store cannot be read.
    """
    store = open_store(root, params)
    published = {name: run for name, run in store.visible_runs().items() if parse_day(name)}
    tried = {record.partition for record in store.runs() if parse_day(record.partition)}
    names = tuple(sorted(tried.union(published)))
    return OrderedDays(names, published, store.decided_runs())


def look_back(nights: Sequence[str], days: int) -> str:
    """The first day on which a night may have begun that ended ``days`` days before the last one.

    A night of a month or a week is named by its first day, and its rows come until the next.

    >>> look_back(["2013-06-30", "2013-07-01"], 30)
    '2013-06-01'
    >>> look_back(["2012-11-01", "2012-12-01", "2013-01-01"], 30)
    '2012-11-03'
    """
    known = [date.fromisoformat(name) for name in nights]
    return str(known[-1] - timedelta(days=days + usual_step(known) - 1))


class _Steps:
    """Runs steps one after the other and notes how each of them ended."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.done: list[Step] = []

    def run(self, command: list[str], fine: tuple[type[AssayError], ...] = ()) -> Exception | None:
        """Run one step. Returns its error, if it ended with one."""
        interrupts.raise_if_interrupted()
        log.info("nightly: %s", shlex.join(("assay", *command)))
        try:
            self.done.append(Step(tuple(command), self._call(command)))
        except Exception as error:
            self.note(tuple(command), error, isinstance(error, fine))
            return error
        return None

    def note(self, command: tuple[str, ...], error: Exception, fine: bool = False) -> None:
        """Note a step that ended with an error."""
        interrupts.raise_if_interrupted()
        report = attached_report(error)
        result = report if isinstance(report, dict | list) else None  # as JSON; see `Call`
        step = Step(command, result, error, fine)
        self.done.append(step)
        if not fine:
            log.warning("nightly: %s ended with %d", step.shown, step.exit_code)


# --------- keep the nights' reports in a bucket, for machines that are thrown away after each night
# What was told to people is in ``reports/``. A machine that starts with an empty one would tell
# everything again.

KEPT = (
    layout.NIGHTS, layout.PERFORMANCE, layout.INCIDENTS, layout.ALERTS,
    layout.INCIDENT, layout.RETRAIN, layout.FRONT, layout.RUNBOOK,
)  # fmt: skip
"""Files and folders that the commands of a night write, relative to the root."""


@contextmanager
def kept(root: Path, address: str | None) -> Iterator[None]:
    """Fetch the reports before the block and put them back after it, whatever became of it.

    Parameters
    ----------
    address
        A folder or a bucket's address; None does nothing.

    Raises
    ------
    StoreError
        The reports cannot be fetched or put back.
    """
    if address is None:
        yield
        return
    place, path = _open(address)
    local = pafs.LocalFileSystem()
    _copy(place, path.rstrip("/"), local, str(root.resolve()), address)
    try:
        yield
    except BaseException:
        try:
            _copy(local, str(root.resolve()), place, path.rstrip("/"), address)
        except StoreError as error:  # the first error says more
            log.warning("nightly: %s", error.line())
        raise
    _copy(local, str(root.resolve()), place, path.rstrip("/"), address)


def _open(address: str) -> tuple[pafs.FileSystem, str]:
    try:
        return filesystem(address if "://" in address else str(Path(address).resolve()))
    except (OSError, pa.ArrowException) as error:
        raise _unusable(address, error) from None


def _copy(
    source: pafs.FileSystem, start: str, target: pafs.FileSystem, end: str, address: str
) -> None:
    try:
        for name in KEPT:
            entry, place = source.get_file_info(f"{start}/{name}"), f"{end}/{name}"
            if entry.type == pafs.FileType.NotFound:
                continue
            folder = place if entry.type == pafs.FileType.Directory else place.rpartition("/")[0]
            target.create_dir(folder, recursive=True)
            pafs.copy_files(entry.path, place, source, target)
    except (OSError, pa.ArrowException) as error:
        raise _unusable(address, error) from None


def _unusable(address: str, error: Exception) -> StoreError:
    return StoreError(
        "reports cannot be kept there",
        where=address,
        found=" ".join(str(error).split())[:300],
        fix="Check the address after --reports-at and the credentials for it.",
    )
