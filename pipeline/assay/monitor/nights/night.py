"""One night's facts: its run, its drift decision, its metrics and its incidents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.monitor.nights.night_status import (
    MonitoringStatus,
    NightState,
    StatusName,
    decide_status,
)
from assay.score.due import held_steps, step_words

if TYPE_CHECKING:
    from assay.monitor.drift.drift import DriftDecision
    from assay.monitor.drift.night_decision import NightDecision
    from assay.monitor.nights.incident import Incident


@dataclass(frozen=True, slots=True)
class NightMetric:
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
    estimated: NightMetric | None = None
    realized: NightMetric | None = None
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
    def stand(self) -> MonitoringStatus:
        spells = [(each, each.sentence) for each in self.incidents]
        return decide_status(self.state, self.crossed, spells)

    @property
    def standing(self) -> StatusName:
        return self.stand.standing

    @property
    def quarantine_share(self) -> float | None:
        """Refused rows as a share of those read; None if nothing is known or was read."""
        if not self.rows_read or self.rows_quarantined is None:
            return None
        return self.rows_quarantined / self.rows_read

    def brief(self) -> tuple[str, ...]:
        """`reasons`, with each incident named by its id only, for lists of many nights."""
        told = len(self.reasons()) - len(self.stand.incidents)
        named = tuple(f"{each.state} incident {each.id}" for each in self.incidents)
        return (*self.reasons()[:told], *(named if self.stand.incidents else ()))

    def reasons(self) -> tuple[str, ...]:
        """What a person should read about the night, the most serious first."""
        found = [each for each in (self.note, self.decision) if each]
        if self.held:
            steps = held_steps(self.partition, self.held, self.held_refused)
            found.append(step_words(steps))
        if self.drift is not None and self.drift.crossed:
            found += self.drift.reasons
        if self.state == "published" and self.unseen:
            found.append(self.unseen)
        return (*found, *self.stand.incidents)
