"""Columns whose alarms are known about: they are shown, and count again after a day.

A snooze goes by the night that an alarm is about, not by the day on which somebody looks, so
nights that are monitored again come out the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from assay.project.params.drift import Snooze
from assay.project.partitions import day_of


@dataclass(frozen=True, slots=True)
class Snoozed:
    """A snooze and what became of it: ``active``, ``expired`` or ``no such column``."""

    snooze: Snooze
    state: str


def covering(snoozes: Sequence[Snooze], column: str, partition: str) -> Snooze | None:
    """The snooze that covers an alarm about a column on a night, the longest if several do.

    A night that is no day is covered by none: nobody could tell when that ends.
    """
    day = day_of(partition)
    if day is None:
        return None
    mine = [each for each in snoozes if each.column == column and day <= each.until]
    return max(mine, key=lambda each: each.until, default=None)


def states(
    snoozes: Sequence[Snooze], columns: Collection[str], partition: str
) -> tuple[Snoozed, ...]:
    """What each snooze is worth on a night; a name with a slip in it silences nothing.

    Parameters
    ----------
    columns
        Those that were looked at.
    """

    def state(each: Snooze) -> str:
        if each.column not in columns:
            return "no such column"
        day = day_of(partition)
        return "active" if day is not None and day <= each.until else "expired"

    return tuple(Snoozed(each, state(each)) for each in snoozes)
