"""One night's facts: its run, its drift decision, its metrics and its incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import quote

from assay.project import layout
from assay.score.due import held_steps, step_words

if TYPE_CHECKING:
    from assay.monitor.drift.drift import DriftDecision
    from assay.monitor.drift.night_decision import NightDecision


EVIDENTLY = ".evidently.html"


def night_path(partition: str, suffix: str) -> str:
    """The path of a night's page (``.html``) or document (``.json``), relative to the root.

    Evidently's report of the night, if there is one, is `EVIDENTLY`.
    """
    return f"{layout.NIGHTS}/{quote(partition, safe=' ')}{suffix}"


NightState: TypeAlias = Literal[
    "published", "held", "failed", "absent", "unfinished", "retracted", "missing"
]
"""Whether a night has a published run, and if not, how its last run ended."""

UNPUBLISHED = frozenset[NightState]({"held", "failed", "absent", "unfinished"})
"""The states of a night that somebody has to do something about."""

STATUSES: Mapping[str, tuple[str, str]] = {
    "ok": ("within limits", ""),
    "drift": ("limits crossed", "▲"),
    "over": ("over a limit, no alarm", "△"),
    "incident": ("in an open incident", "!"),
    "snoozed": ("in a snoozed incident", "z"),
    "recovered": ("in a recovered incident", "○"),
    "unseen": ("not monitored", "?"),
    "held": ("held", "‖"),
    "failed": ("failed", "✕"),
    "absent": ("due, no input", "∅"),
    "unfinished": ("started, never ended", "…"),
    "retracted": ("taken back", "↶"),
    "missing": ("no run", "·"),
}
"""A night's status (its state, or for a published night the result of monitoring): its words, and
its symbol, so that the calendar can be read without colour."""

ALARMING = frozenset[str]({"drift", "incident"})
"""The statuses of a published night on which ``assay monitor`` exits with code 4."""


IncidentState: TypeAlias = Literal["open", "recovered", "snoozed"]
Kind: TypeAlias = Literal["drift", "run"]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Attributes
    ----------
    id
        Stable while the incident lasts.
    first, last
        The first and the last affected night.
    columns
        The affected columns; empty if the whole night is affected.
    sentence
        What happened, for people.
    of
        The kind of drift (answers, features or data); empty for other incidents.
    """

    id: str
    kind: Kind
    state: IncidentState
    first: str
    last: str
    columns: tuple[str, ...]
    sentence: str
    of: str = field(default="", compare=False)

    def to_plain(self) -> dict[str, Any]:
        plain = asdict(self) | {"columns": list(self.columns)}
        del plain["of"]
        return plain


def incidents_of_night(incidents: Sequence[Incident], partition: str) -> tuple[Incident, ...]:
    """The drift incidents that a night is part of."""
    return tuple(
        each for each in incidents if each.kind == "drift" and affects_night(each, partition)
    )


@dataclass(frozen=True, slots=True)
class MonitoringStatus:
    """A night's status.

    Attributes
    ----------
    incidents
        A sentence for each drift incident that the night is part of.
    """

    name: str
    incidents: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return STATUSES[self.name][0]

    @property
    def alarming(self) -> bool:
        return self.name in ALARMING

    def headline(self, partition: str) -> str:
        """The status as one sentence."""
        return f"{self.words[0].upper()}{self.words[1:]} on {partition}"


def affects_night(spell: Incident, partition: str) -> bool:
    """Whether a night is part of an incident: up to its last alarm, or until it recovers."""
    return spell.first <= partition and (spell.state != "recovered" or partition <= spell.last)


def decide_status(
    state: NightState, crossed: bool | None, incidents: Sequence[Incident] = ()
) -> MonitoringStatus:
    """Decide a night's status.

    Parameters
    ----------
    crossed
        Whether the night on its own crossed a drift limit; None if its published run was not
        monitored.
    incidents
        Those that the night is part of.
    """
    if state != "published":
        return MonitoringStatus(state)
    states = {each.state for each in incidents}
    if crossed is None:
        name: str = "unseen"
    elif crossed and not states:
        name = "over"  # within the false-alarm budget
    elif crossed and ("open" in states or "snoozed" not in states):
        name = "drift"
    elif "open" in states:
        name = "incident"
    elif "snoozed" in states:
        name = "snoozed"
    else:
        name = "recovered" if states else "ok"
    return MonitoringStatus(name, tuple(each.sentence for each in incidents))


@dataclass(frozen=True, slots=True)
class ShownMetric:
    """One metric of a night: estimated without labels, or computed from labels.

    Attributes
    ----------
    maturity_days
        How many days labels were waited for; 0 for an estimate.
    trusted
        False if it is an estimate that is not to be trusted.
    """

    value: float
    low: float | None
    high: float | None
    maturity_days: int
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Night:
    """One night.

    Attributes
    ----------
    note
        Why nothing was published, or how a later run of a published night ended.
    decision
        Who released or repaired the published run, and why.
    held
        The run that waits for somebody's decision; ``held_refused``: whether it refused rows.
    judged
        The decision about the published run; None if it was not monitored. ``unseen`` then says
        why, if that is known.
    page
        Whether the night has an HTML page.
    incidents
        The drift incidents that the night is part of.
    """

    partition: str
    state: NightState
    run_id: str = ""
    version: str = ""
    published_at: str = ""
    rows_read: int | None = None
    rows_scored: int | None = None
    rows_quarantined: int | None = None
    note: str = ""
    decision: str = ""
    held: str = ""
    held_refused: bool = False
    judged: NightDecision | None = None
    unseen: str = ""
    estimated: ShownMetric | None = None
    realized: ShownMetric | None = None
    page: bool = False
    incidents: tuple[Incident, ...] = ()

    @property
    def drift(self) -> DriftDecision | None:
        """The published run compared with its reference; None if it was not monitored."""
        return self.judged.drift if self.judged else None

    @property
    def crossed(self) -> bool | None:
        """Whether the published rows crossed a drift limit on this night; None if not monitored."""
        return self.drift.crossed if self.state == "published" and self.drift else None

    @property
    def status(self) -> MonitoringStatus:
        return decide_status(self.state, self.crossed, self.incidents)

    @property
    def quarantine_share(self) -> float | None:
        """Refused rows as a share of those read; None if nothing is known or was read."""
        if not self.rows_read or self.rows_quarantined is None:
            return None
        return self.rows_quarantined / self.rows_read

    def brief(self) -> tuple[str, ...]:
        """`reasons`, with each incident named by its id only, for lists of many nights."""
        others = len(self.reasons()) - len(self.status.incidents)
        named = tuple(f"{each.state} incident {each.id}" for each in self.incidents)
        return (*self.reasons()[:others], *(named if self.status.incidents else ()))

    def reasons(self) -> tuple[str, ...]:
        """What a person should read about the night, the most serious first."""
        reasons = [each for each in (self.note, self.decision) if each]
        if self.held:
            steps = held_steps(self.partition, self.held, self.held_refused)
            reasons.append(step_words(steps))
        if self.drift is not None and self.drift.crossed:
            reasons += self.drift.reasons
        if self.state == "published" and self.unseen:
            reasons.append(self.unseen)
        return (*reasons, *self.status.incidents)
