"""All incidents: of drift, and of nights without a published run.

Drift incidents come from ``reports/incidents.json``, which ``assay monitor --from --to`` writes.
For nights after those it covers, each stretch of nights over their limits is one, taken from the
nights' documents. Run incidents are stretches of nights that were held, failed or never ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.incident import (
    OF_NIGHTS,
    Incident,
    IncidentState,
    ListedIncidents,
    incidents_of_night,
)
from assay.monitor.nights.night import Night
from assay.monitor.nights.night_status import UNPUBLISHED
from assay.project.text.number_format import counted

NAMED = 3
"""The most nights, the last ones, whose notes are in the sentence of an incident of runs."""


@dataclass(frozen=True, slots=True)
class AllNights:
    """All nights, each with the incidents that it is part of.

    Attributes
    ----------
    incidents
        All incidents, also those of single nights and of runs.
    until
        The last night that was judged together with those before it; None if there is none.
    words
        Why the incidents are unknown; empty if they are known.
    """

    nights: tuple[Night, ...]
    incidents: tuple[Incident, ...] = ()
    until: str | None = None
    words: str = ""


def all_nights(facts: KnownNights) -> AllNights:
    """Combine the facts into nights and incidents. A damaged list of incidents is reported."""
    nights = facts.nights()
    if facts.unlisted is not None:
        return AllNights(tuple(nights), words=f"cannot be told: {facts.unlisted.line()}")
    found = incidents(facts.listed, nights)
    return AllNights(
        tuple(
            replace(each, incidents=incidents_of_night(found, each.partition)) for each in nights
        ),
        found,
        facts.listed.until,
    )


def incidents(
    listed: ListedIncidents, nights: Sequence[Night], reached: str | None = None
) -> tuple[Incident, ...]:
    """All incidents: of drift, from the file and from later nights, and of runs.

    Parameters
    ----------
    nights
        All nights in order, as an incident may begin before the first night that is shown.
    reached
        The last night that an earlier file covered: the current one may cover old nights only.
    """
    # `assay monitor --date` does not write the file, so its nights count by their documents.
    end = max((each for each in (listed.until, reached) if each is not None), default="")
    after = [night for night in nights if night.partition > end]
    return (*listed.incidents, *drift_incidents(after), *run_incidents(nights))


def drift_incidents(nights: Iterable[Night]) -> list[Incident]:
    """Stretches of nights over their limits, from the first crossing to the first night within.

    A night that was not monitored neither begins nor ends a stretch.
    """
    found: list[list[Night]] = []
    going = False
    recovered = 0
    for night in nights:
        if night.crossed:
            if not going:
                found.append([])
            found[-1].append(night)
            going = True
        elif night.crossed is False and going:
            going, recovered = False, len(found)
    return [
        _stretch(stretch, "recovered" if number < recovered else "open")
        for number, stretch in enumerate(found)
    ]


def _stretch(nights: list[Night], state: IncidentState) -> Incident:
    first, last = nights[0].partition, nights[-1].partition
    drift = nights[-1].drift
    reasons = drift.reasons if drift is not None else ()
    columns = sorted({name for night in nights if night.drift for name in night.drift.over})
    more = f"; and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    long = f" ({counted(len(nights), 'night')})" if len(nights) > 1 else ""
    return Incident(
        id=f"{OF_NIGHTS}{first}",
        kind="drift",
        state=state,
        first=first,
        last=last,
        columns=tuple(columns),
        sentence=f"{reasons[0] if reasons else 'limits crossed'}{more} on {last}{long}",
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
