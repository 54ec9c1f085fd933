"""What has to be said now: once when an incident opens, once when it is over.

Pure. ``reports/alerts.json`` remembers for each incident what was said of it last; without a
webhook nothing is said, so nothing is remembered, and one that is configured later hears of
everything that is open then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.errors import DataError
from assay.monitor.nights.incident import OF_NIGHTS, Incident, IncidentState, Kind, incident_of
from assay.project import jsonfile, layout
from assay.project.jsonfile import Node

SCHEMA = 1
GONE: Mapping[Kind, str] = {
    "drift": "not among the incidents any more: its nights were monitored again",
    "run": "its first night has been published or taken back",
}
"""What is said of an incident that was told open and is not there any more."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An incident, and what was said of it last: ``open``, ``recovered`` or nothing yet."""

    incident: Incident
    told: IncidentState | None = None

    def to_plain(self) -> dict[str, Any]:
        return {**self.incident.to_plain(), "told": self.told}


def alerts(
    incidents: Sequence[Incident], until: str | None, before: Sequence[Alert]
) -> list[Alert]:
    """The incidents of now with what was said of them.

    One that was told open and is not there any more is over; one that was over before anybody
    heard of it is left out. What the file said of drift stays where it lasted longer than the
    nights that the file looks at now: old nights may be monitored again.

    Parameters
    ----------
    until
        The last night that the file looks at.
    """
    stays = {each.incident.id: each for each in before if _beyond(each.incident, until)}
    told = {each.incident.id: each.told for each in before}
    here = {each.id for each in incidents} | set(stays)
    now = [Alert(each, told.get(each.id)) for each in incidents if each.id not in stays]
    gone = [
        replace(
            each,
            incident=replace(each.incident, state="recovered", sentence=GONE[each.incident.kind]),
        )
        for each in before
        if each.incident.id not in here and each.told == "open"
    ]
    kept = [
        each
        for each in (*now, *gone, *stays.values())
        if each.told or each.incident.state != "recovered"
    ]
    return sorted(kept, key=lambda each: (each.incident.first, each.incident.id))


def _beyond(incident: Incident, until: str | None) -> bool:
    of_file = incident.kind == "drift" and not incident.id.startswith(OF_NIGHTS)
    return of_file and until is not None and incident.last > until


def due(found: Sequence[Alert]) -> list[Alert]:
    """Those that somebody must be told of now."""
    return [
        each
        for each in found
        if (each.incident.state == "open" and each.told != "open")
        or (each.incident.state == "recovered" and each.told == "open")
    ]


def said(found: Sequence[Alert], now: Sequence[Alert]) -> list[Alert]:
    """``found`` with those of ``now`` marked as said."""
    ids = {each.incident.id for each in now}
    return [
        replace(each, told=each.incident.state) if each.incident.id in ids else each
        for each in found
    ]


@dataclass(frozen=True, slots=True)
class Memory:
    """What an earlier call left.

    Attributes
    ----------
    until
        The last night that any ``reports/incidents.json`` looked at; None if there was none.
    """

    alerts: tuple[Alert, ...] = ()
    until: str | None = None


def document(
    name: str, found: Sequence[Alert], until: str | None, delivery: Mapping[str, Any]
) -> dict[str, Any]:
    """reports/alerts.json."""
    return {
        "schema": SCHEMA,
        "name": name,
        "until": until,
        "open": sum(each.incident.state == "open" for each in found),
        "alerts": [each.to_plain() for each in found],
        "delivery": dict(delivery),
    }


def read(text: str) -> Memory:
    """What a document remembers.

    Raises
    ------
    DataError
        It is none.
    """

    def build(tree: Node) -> Memory:
        tree.schema(SCHEMA)
        found = tuple(Alert(incident_of(node), _told(node)) for node in tree.nodes("alerts"))
        return Memory(found, tree.maybe_text("until"))

    try:
        return jsonfile.parse(text, layout.ALERTS, "alert", "a list of alerts", build)
    except DataError as error:
        raise DataError(
            error.what,
            where=layout.ALERTS,
            mend="Delete it: what is open will be told again",
        ) from None


def _told(node: Node) -> IncidentState | None:
    if node.get("told") is None:
        return None
    return "open" if node.one_of("told", "open", "recovered") == "open" else "recovered"
