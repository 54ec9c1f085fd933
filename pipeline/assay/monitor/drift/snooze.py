"""Snoozes: columns whose alarms are known and do not count until a given day.

A snooze is compared with the night that an alarm is about, not with today, so that monitoring a
night again gives the same result.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from assay.project.params.monitoring import Snooze
from assay.project.partitions import parse_day


@dataclass(frozen=True, slots=True)
class SnoozeState:
    """A snooze and its state: ``active``, ``expired`` or ``no such column``."""

    snooze: Snooze
    state: str


def find_snooze(snoozes: Sequence[Snooze], column: str, partition: str) -> Snooze | None:
    """The snooze that covers a column's alarm on a night; the longest, if several do.

    A night that is no date is never covered, because the snooze could not end.
    """
    day = parse_day(partition)
    if day is None:
        return None
    mine = [each for each in snoozes if each.column == column and day <= each.until]
    return max(mine, key=lambda each: each.until, default=None)


def states(
    snoozes: Sequence[Snooze], columns: Collection[str], partition: str
) -> tuple[SnoozeState, ...]:
    """The state of each snooze on a night. One that names no column silences nothing.

    Parameters
    ----------
    columns
        The monitored columns.
    """

    def state(each: Snooze) -> str:
        if each.column not in columns:
            return "no such column"
        day = parse_day(partition)
        return "active" if day is not None and day <= each.until else "expired"

    return tuple(SnoozeState(each, state(each)) for each in snoozes)
