"""Incidents: what people are told about, one from its first night to its recovery.

Two kinds. Of drift: ``reports/incidents.json``, which ``assay monitor --from --to`` writes, and
of nights that it does not reach each stretch over their limits, from the nights' documents. Of
runs: nights in a row that were held or failed, until the first of them is published.
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
    around,
)
from assay.monitor.nights.night import Night


@dataclass(frozen=True, slots=True)
class AllNights:
    """All nights, each with the incidents that it lies in.

    Attributes
    ----------
    incidents
        All that there are, also those of single nights and of runs.
    until
        The last night that was looked at together with those before it; None if none was.
    words
        Why the incidents cannot be told; empty if they can.
    """

    nights: tuple[Night, ...]
    incidents: tuple[Incident, ...] = ()
    until: str | None = None
    words: str = ""


def all_nights(facts: KnownNights) -> AllNights:
    """Fold what is known into nights and incidents; a damaged list of incidents is told."""
    nights = facts.nights()
    if facts.unlisted is not None:
        return AllNights(tuple(nights), words=f"cannot be told: {facts.unlisted.line()}")
    found = incidents(facts.listed, nights)
    return AllNights(
        tuple(replace(each, incidents=around(found, each.partition)) for each in nights),
        found,
        facts.listed.until,
    )


def incidents(
    listed: ListedIncidents, nights: Sequence[Night], reached: str | None = None
) -> tuple[Incident, ...]:
    """All incidents: of drift, from the file, and from the nights that it does not reach; of runs.

    Parameters
    ----------
    nights
        All nights in order: an incident begins where it began, not where a page does.
    reached
        The last night that an earlier file looked at: this one may be of old nights only.
    """
    # Whoever monitors night by night must not wait for the file to be written again.
    end = max((each for each in (listed.until, reached) if each is not None), default="")
    after = [night for night in nights if night.partition > end]
    return (*listed.incidents, *of_nights(after), *of_runs(nights))


def of_nights(nights: Iterable[Night]) -> list[Incident]:
    """Stretches of nights over their limits, from the first crossing to the first night within.

    A night that was not monitored says nothing: it neither begins nor ends one.
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
    long = f" ({len(nights)} nights)" if len(nights) > 1 else ""
    return Incident(
        id=f"{OF_NIGHTS}{first}",
        kind="drift",
        state=state,
        first=first,
        last=last,
        columns=tuple(columns),
        sentence=f"{reasons[0] if reasons else 'limits crossed'}{more} on {last}{long}",
    )


def of_runs(nights: Iterable[Night]) -> list[Incident]:
    """Stretches of nights that runs held or failed, and that readers see nothing of.

    All are open: one is over when its first night is published or taken back, and then it is
    not among these any more.
    """
    found: list[list[Night]] = []
    before = False
    for night in nights:
        now = night.state in ("held", "failed")
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
            f"{len(nights)} nights from {first} to {last} have nothing published; "
            f"the last: {nights[-1].note}"
        )
    return Incident(f"run-{first}", "run", "open", first, last, (), sentence)
