"""Which nights to score: those of a range, or those that are due; and what to do about a held one.

A night is due if it has input, and nobody has scored or decided about it yet. Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from assay.errors import UsageError
from assay.project import partitions
from assay.store import Run

DECIDED: Mapping[str, str] = {"held": "assay release RUN", "retracted": "assay score --date DAY"}
"""States of a night's last run in which a person decides what happens next -> how to say so."""

UNDECIDED = frozenset({"started", "failed"})
"""States of a run that came to no scores."""

WITHOUT_INPUT = "due, and without input"
"""How the failed run of such a night begins to say why."""

FEW = 3
"""Fewer nights do not tell whether they are days or weeks; they are taken for days."""

NEWEST = 7
"""The newest nights that are looked at for changes of their input, and for nights without any."""

TWO_WEEKS = timedelta(days=14)
"""Nights of fewer days do not tell that a weekday has none."""


@dataclass(frozen=True)
class DueNights:
    """The nights that are due, oldest first, and what was left out.

    Attributes
    ----------
    first, last
        The first and the last night with input that were considered; None if there are none.
    left
        Nights with input and nothing visible that wait for a person: night -> ``held`` or
        ``retracted``.
    after
        The last day of the holdout, if nights begin after it because none was published or held.
    absent
        Nights that are due and have no input: `nights_without_input`.
    ignored
        Partition values of the input that are no days.
    changed
        Published nights whose input has changed since, and which are not scored again.
    """

    nights: tuple[str, ...]
    first: str | None = None
    last: str | None = None
    left: Mapping[str, str] = field(default_factory=dict)
    after: str | None = None
    absent: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def find_due_nights(
    available: Iterable[str],
    visible: Iterable[str],
    runs: Sequence[Run],
    start: str | None = None,
    end: str | None = None,
    after: str = "",
    today: date | None = None,
) -> DueNights:
    """The nights that have input, nothing visible, and no person to wait for.

    Without ``start`` they begin at the first night that is published or held. So a night between
    two published ones is due too: its input came late, or its run failed. If there is none, they
    begin after the holdout: the model has learnt from older ones, or was judged by them.

    Parameters
    ----------
    available
        Partition values of the input.
    visible
        Nights with a published run.
    runs
        Every run of the store, in order of start. The last one of a night tells its state.
    start, end
        Leave out the nights before and after these days.
    after
        The last day of the holdout.
    today
        For nights after the last one with input; None leaves them out.
    """
    values = sorted(set(available))
    days = [value for value in values if is_day(value)]
    published = set(visible)
    waiting = nights_waiting((), runs)
    known = sorted(published | {night for night, run in waiting.items() if run.event == "held"})
    new = start is None and not known
    start = start or next(iter(known), min((day for day in days if day > after), default=after))
    asked = [day for day in days if start <= day and day > (after if new else "")]
    asked = [day for day in asked if end is None or day <= end]
    there = {*days, *filter(is_day, published)}
    absent = nights_without_input(there, None if today is None else last_expected(runs, today))
    open_ = [day for day in asked if day not in published]
    return DueNights(
        nights=tuple(day for day in open_ if day not in waiting),
        first=asked[0] if asked else None,
        last=asked[-1] if asked else None,
        left={day: waiting[day].event for day in open_ if day in waiting},
        after=after if new else None,
        absent=tuple(
            day
            for day in absent
            if start <= day and (end is None or day <= end) and day not in waiting
        ),
        ignored=tuple(value for value in values if not is_day(value)),
    )


def nights_without_input(there: Iterable[str], until: date | None = None) -> list[str]:
    """The days among the `NEWEST` nights, and after them, on which one is missing.

    Nights follow each other at their usual step (`assay.project.partitions.missing_dates`). A
    weekday on which no night ever was is none that is missing, once two weeks are known.

    Parameters
    ----------
    there
        Days with input or something published.
    until
        Also the days after the last one, up to this one.
    """
    known = sorted(map(date.fromisoformat, there))
    weekdays = {day.weekday() for day in known}
    if not known or known[-1] - known[0] < TWO_WEEKS or partitions.usual_step(known) > 1:
        weekdays = set(range(7))
    missing = partitions.missing_dates(known, until)
    return [str(day) for day in missing if day > known[-NEWEST:][0] and day.weekday() in weekdays]


def last_expected(runs: Sequence[Run], today: date) -> date | None:
    """The last night whose input should be there by now, from when the newest were first tried.

    None unless they were tried on different days, as by a schedule: nights of the past that are
    scored together say nothing about when the next one comes.
    """
    tried: dict[str, date] = {}
    for run in runs:
        if is_day(run.partition) and run.started_at is not None:
            tried.setdefault(run.partition, run.started_at.date())
    newest = [(date.fromisoformat(night), tried[night]) for night in sorted(tried)[-NEWEST:]]
    if len({at for _, at in newest}) < FEW:
        return None
    return today - max(at - night for night, at in newest)


def nights_waiting(visible: Iterable[str], runs: Sequence[Run]) -> dict[str, Run]:
    """The nights that wait for a person, in order: night -> the run that was held or retracted.

    Parameters
    ----------
    visible
        Nights with a published run, which are left out unless a later run of theirs was held.
    runs
        Every run of the store, in order of start.
    """
    published = set(visible)
    return {
        night: run
        for night, run in sorted(_last_runs(runs).items())
        if run.event in DECIDED and (run.event == "held" or night not in published)
    }


def _last_runs(runs: Sequence[Run]) -> dict[str, Run]:
    """The last run of each night; after a held or retracted one only one that scored counts.

    A run that failed or was killed may have begun before that one, and decides nothing about it.
    """
    last: dict[str, Run] = {}
    for run in runs:
        before = last.get(run.partition)
        if before is None or before.event not in DECIDED or run.event not in UNDECIDED:
            last[run.partition] = run
    return last


def nights_between(first: date, last: date, available: Iterable[str] = ()) -> list[str]:
    """Every day from ``first`` to ``last``, both included, or the weeks or months among them.

    Where the nights that the input holds (``available``) usually lie further apart than a day, a
    day without input is no missing night: only those that are there are named. If there is none,
    ``first`` is named all the same, so that somebody says so.
    """
    known = [parsed for value in available if (parsed := partitions.parse_day(value)) is not None]
    if len(known) < FEW or partitions.usual_step(known) == 1:
        return [str(first + timedelta(days=offset)) for offset in range((last - first).days + 1)]
    return [str(day) for day in sorted(known) if first <= day <= last] or [str(first)]


def parse_range(first: str, last: str, option: str = "--from") -> tuple[date, date]:
    """The days from ``first``, which an option names, to ``last``, which ``--to`` names.

    Raises
    ------
    UsageError
        One of them is no date, or ``last`` is before ``first``.
    """
    start, end = parse_option(first, option), parse_option(last, "--to")
    if end < start:
        raise UsageError("--to lies before --from", expected=f"{first} or later", found=last)
    return start, end


def parse_option(text: str, option: str) -> date:
    """The day that an option names; errors as for `parse_range`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            "not a day",
            where=f"{option} {text}",
            expected="a date such as 2013-07-01",
            found=str(error).rpartition(": ")[2],
        ) from None


def not_a_day(partition: str) -> UsageError:
    """The error that a night is named by something else."""
    return UsageError("not a day", where=f"night {partition}", expected="a date such as 2013-07-01")


def is_day(value: str) -> bool:
    """Whether a partition value is a day as ``assay score --date`` takes it."""
    day = partitions.parse_day(value)
    return day is not None and str(day) == value


@dataclass(frozen=True, slots=True)
class HeldStep:
    """One thing to do, in words that a colon and the command may follow."""

    words: str
    command: str


def held_steps(partition: str, run_id: str, any_refused: bool) -> tuple[HeldStep, ...]:
    """The steps for a held run, in the order in which a person takes or skips them.

    Parameters
    ----------
    any_refused
        Whether rows of the run are in quarantine. A run can be held for other reasons, such as its
        number of rows; then there are no rows to look at.
    """
    look = HeldStep("look at its refused rows", f"assay quarantine show --run {run_id}")
    return (
        *((look,) if any_refused else ()),
        HeldStep(
            "fix the input and score the night again",
            f"assay score --date {shlex.quote(partition)}",
        ),
        HeldStep("or publish it as it is", f"assay release {run_id} --because WHY"),
    )


def step_words(steps: Iterable[HeldStep]) -> str:
    """The steps as one line of text.

    Examples
    --------
    >>> step_words(held_steps("2013-07-01", "r1", any_refused=False)[1:])
    'or publish it as it is: assay release r1 --because WHY'
    """
    return "; ".join(f"{each.words}: {each.command}" for each in steps)


def step_sentence(partition: str, run_id: str, any_refused: bool) -> str:
    """The steps as a sentence, for an error's next step."""
    words = step_words(held_steps(partition, run_id, any_refused))
    return words[0].upper() + words[1:]
