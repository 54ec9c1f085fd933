"""All incidents: of drift, and of nights without a published run.

Drift incidents are folded from the decisions about all nights, run incidents from stretches of
nights that were held, failed or never ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from assay.monitor.drift.night_decision import NightDecision
from assay.monitor.incidents.drift_incident import DriftIncident, group_alarms
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.night import UNPUBLISHED, Incident, Night, incidents_of_night
from assay.project.text import counted

NAMED = 3
"""The most nights, the last ones, whose notes are in the sentence of an incident of runs."""


@dataclass(frozen=True, slots=True)
class AllNights:
    """All nights, each with the incidents that it is part of.

    Attributes
    ----------
    incidents
        All incidents.
    until
        The last night that was judged; None if there is none.
    """

    nights: tuple[Night, ...]
    incidents: tuple[Incident, ...] = ()
    until: str | None = None


def all_nights(facts: KnownNights) -> AllNights:
    """Combine the facts into nights and incidents."""
    return combine_incidents(facts.nights(), facts.decisions)


def combine_incidents(nights: Sequence[Night], decisions: Mapping[str, NightDecision]) -> AllNights:
    """The incidents, and each night with those that it is part of.

    Parameters
    ----------
    decisions
        Night -> the decision about it, in order.
    """
    drift = (_of_drift(each) for each in group_alarms(decisions.values()))
    found = (*drift, *run_incidents(nights))
    return AllNights(
        tuple(
            replace(each, incidents=incidents_of_night(found, each.partition)) for each in nights
        ),
        found,
        max(decisions, default=None),
    )


def _of_drift(found: DriftIncident) -> Incident:
    return Incident(
        id=found.id,
        kind="drift",
        state=found.state,
        first=found.first,
        last=found.last,
        columns=found.columns,
        sentence=found.sentence(),
        of=found.kind,
    )


def run_incidents(nights: Iterable[Night]) -> list[Incident]:
    """Stretches of nights without a published run because runs were held, failed or never ended.

    All are open: when its first night is published or retracted, an incident disappears.
    """
    found: list[list[Night]] = []
    before = False
    for night in nights:
        now = night.state in UNPUBLISHED
        if now and not before:
            found.append([])
        if now:
            found[-1].append(night)
        before = now
    return [_unpublished(stretch) for stretch in found]


def _unpublished(nights: list[Night]) -> Incident:
    first, last = nights[0].partition, nights[-1].partition
    if len(nights) == 1:
        sentence = f"{first} has nothing published: {nights[0].note}"
    else:
        sentence = (
            f"{counted(len(nights), 'night')} from {first} to {last} have nothing published; "
            + "; ".join(f"{each.partition} {each.note}" for each in nights[-NAMED:])
        )
    return Incident(f"run-{first}", "run", "open", first, last, (), sentence)
