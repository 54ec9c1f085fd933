"""What was decided about a night: a row of the store's table ``decisions``.

Alarms over several nights depend on all nights before. A decision depends on the run that published
the night, on its bundle and on ``monitor`` in params.yaml, so it is not made again as long as these
are the same. Incidents and the status of each night follow from these rows
(`assay.monitor.incidents.collect`); documents and pages are written from them and never read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.drift.budget import RaisedAlarms
from assay.monitor.drift.drift import DriftDecision
from assay.project.params import Monitor
from assay.project.params.monitoring import Snooze
from assay.project.partitions import parse_day
from assay.store import Run, Store

FORM = 1
"""Grows whenever the same night would be decided otherwise: then it is decided again."""


@dataclass(frozen=True, slots=True)
class NightDecision:
    """The decision about one run of a night.

    Attributes
    ----------
    rules
        A digest of all that decided beside the run: Assay's version, ``monitor`` in params.yaml,
        and the code of the project's own measures.
    drift
        The night compared with its reference.
    weekday
        Its distances from the same weekdays before it; informational.
    alarms
        Its alarms within the false-alarm budget, given the nights before it.
    snoozed
        The columns in alarm whose alarms were snoozed.
    quiet
        How many nights without an alarm end an incident.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="constants")

    partition: str
    run_id: str
    bundle: str
    rules: str
    drift: DriftDecision
    weekday: WeekdayDistances
    alarms: RaisedAlarms
    snoozed: tuple[str, ...]
    quiet: int

    @property
    def in_alarm(self) -> tuple[str, ...]:
        """The columns in alarm that are not snoozed."""
        columns = dict.fromkeys(alarm.question.column for alarm in self.alarms.alarms)
        return tuple(name for name in columns if name not in self.snoozed)

    def holds(self, record: Run, rules: str) -> bool:
        """Whether deciding about this run by these rules would come to the same."""
        return (self.run_id, self.bundle, self.rules) == (record.run_id, record.bundle, rules)

    def row(self, column: str) -> dict[str, Any]:
        """The decision as a row of the table, whose partition column is ``column``."""
        text = _adapter().dump_json(self).decode()
        return {
            column: self.partition,
            "run_id": self.run_id,
            "bundle": self.bundle,
            "decision": text,
        }


def digest_of_rules(limits: Monitor, code: str = "") -> str:
    """`NightDecision.rules` of a decision that is made now.

    Parameters
    ----------
    code
        The project's own code that measures (`assay.monitor.drift.measures.code_of`).
    """
    return hashlib.sha256(f"{version('assay')} {FORM}\n{limits!r}{code}".encode()).hexdigest()


def read_decisions(store: Store) -> dict[str, NightDecision]:
    """Night -> the decision about it, in order.

    One that another Assay wrote in a form that this one cannot read is left out: to this one the
    night was not monitored.
    """
    decisions = {}
    for night, text in store.decisions().items():
        try:
            decisions[night] = _adapter().validate_json(text)
        except ValidationError:
            continue
    return decisions


def append_decisions(
    store: Store,
    now: Mapping[str, NightDecision],
    before: Mapping[str, NightDecision],
    void: Mapping[str, NightDecision],
) -> None:
    """Append the decisions that differ from those before, and that the ``void`` ones are void."""
    changed = [each.row(store.column) for night, each in now.items() if before.get(night) != each]
    gone = [{**each.row(store.column), "decision": None} for each in void.values()]
    store.append_decisions([*changed, *gone])


@cache
def _adapter() -> TypeAdapter[NightDecision]:
    return TypeAdapter(NightDecision)


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
