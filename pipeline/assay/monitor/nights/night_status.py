"""A night's status, as one word and as text for people. Pure functions.

The status is decided only here. The front page, the night's page and document, ``assay status``,
``assay monitor`` and its exit code all use `decide_status`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

NightState: TypeAlias = Literal[
    "published", "held", "failed", "absent", "unfinished", "retracted", "missing"
]
"""Whether a night has a published run, and if not, how its last run ended."""

UNPUBLISHED = frozenset[NightState]({"held", "failed", "absent", "unfinished"})
"""The states of a night that somebody has to do something about."""

StatusName: TypeAlias = Literal[
    "ok",
    "drift",
    "over",
    "incident",
    "snoozed",
    "recovered",
    "unseen",
    "held",
    "failed",
    "absent",
    "unfinished",
    "retracted",
    "missing",
]
"""A night's status: its state, or for a published night the result of monitoring."""

WORDS: Mapping[StatusName, str] = {
    "ok": "within limits",
    "drift": "limits crossed",
    "over": "over a limit, no alarm",
    "incident": "in an open incident",
    "snoozed": "in a snoozed incident",
    "recovered": "in a recovered incident",
    "unseen": "not monitored",
    "held": "held",
    "failed": "failed",
    "absent": "due, no input",
    "unfinished": "started, never ended",
    "retracted": "taken back",
    "missing": "no run",
}

ALARMING = frozenset[StatusName]({"drift", "incident"})
"""The statuses of a published night on which ``assay monitor`` exits with code 4."""


class IncidentSpan(Protocol):
    """The fields of an incident that a night's status depends on."""

    @property
    def state(self) -> Literal["open", "recovered", "snoozed"]: ...
    @property
    def first(self) -> str: ...
    @property
    def last(self) -> str: ...


@dataclass(frozen=True, slots=True)
class MonitoringStatus:
    """A night's status.

    Attributes
    ----------
    incidents
        A sentence for each drift incident that the night is part of.
    """

    standing: StatusName
    incidents: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return WORDS[self.standing]

    @property
    def alarming(self) -> bool:
        return self.standing in ALARMING

    def headline(self, partition: str) -> str:
        """The status as one sentence."""
        return f"{self.words[0].upper()}{self.words[1:]} on {partition}"


def affects_night(spell: IncidentSpan, partition: str) -> bool:
    """Whether a night is part of an incident: up to its last alarm, or until it recovers."""
    return spell.first <= partition and (spell.state != "recovered" or partition <= spell.last)


def decide_status(
    state: NightState,
    crossed: bool | None,
    incidents: Iterable[tuple[IncidentSpan, str]] = (),
) -> MonitoringStatus:
    """Decide a night's status.

    Parameters
    ----------
    crossed
        Whether the night on its own crossed a drift limit; None if its published run was not
        monitored.
    incidents
        The incidents that the night is part of, each with its sentence.
    """
    mine = list(incidents)
    sentences = tuple(sentence for _, sentence in mine)
    if state != "published":
        return MonitoringStatus(state)
    if crossed is None:
        return MonitoringStatus("unseen", sentences)
    states = {spell.state for spell, _ in mine}
    if crossed and not states:
        return MonitoringStatus("over")  # within the false-alarm budget
    if crossed and ("open" in states or "snoozed" not in states):
        return MonitoringStatus("drift", sentences)
    if "open" in states:
        return MonitoringStatus("incident", sentences)
    if "snoozed" in states:
        return MonitoringStatus("snoozed", sentences)
    return MonitoringStatus("recovered" if states else "ok", sentences)
