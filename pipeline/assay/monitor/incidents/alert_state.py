"""Which incidents need a message now: one when it opens, one when it recovers. Pure functions.

``reports/alerts.json`` records for each incident the last state that was sent. Without a webhook
nothing is sent, so nothing is recorded, and a webhook configured later receives all open incidents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.errors import DataError
from assay.monitor.nights.night import Incident, IncidentState, Kind, parse_incident
from assay.project import layout
from assay.project.document import JsonNode, parse_json

SCHEMA = 1
GONE: Mapping[Kind, str] = {
    "drift": "not among the incidents any more: its nights were monitored again",
    "run": "its first night has been published or taken back",
}
"""The sentence of an incident that was sent as open and no longer exists."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An incident and the last state that was sent: ``open``, ``recovered`` or None."""

    incident: Incident
    told: IncidentState | None = None

    def to_plain(self) -> dict[str, Any]:
        return {**self.incident.to_plain(), "told": self.told}


def alerts(incidents: Sequence[Incident], before: Sequence[Alert]) -> list[Alert]:
    """The current incidents, each with the last state that was sent.

    An incident that was sent as open and no longer exists counts as recovered. One that recovered
    before it was sent is left out.
    """
    told = {each.incident.id: each.told for each in before}
    here = {each.id for each in incidents}
    now = [Alert(each, told.get(each.id)) for each in incidents]
    gone = [
        replace(
            each,
            incident=replace(each.incident, state="recovered", sentence=GONE[each.incident.kind]),
        )
        for each in before
        if each.incident.id not in here and each.told == "open"
    ]
    kept = [each for each in (*now, *gone) if each.told or each.incident.state != "recovered"]
    return sorted(kept, key=lambda each: (each.incident.first, each.incident.id))


def select_due(found: Sequence[Alert]) -> list[Alert]:
    """The alerts that need a message now."""
    return [
        each
        for each in found
        if (each.incident.state == "open" and each.told != "open")
        or (each.incident.state == "recovered" and each.told == "open")
    ]


def mark_sent(found: Sequence[Alert], now: Sequence[Alert]) -> list[Alert]:
    """``found``, with the alerts of ``now`` marked as sent."""
    ids = {each.incident.id for each in now}
    return [
        replace(each, told=each.incident.state) if each.incident.id in ids else each
        for each in found
    ]


def document(
    name: str, found: Sequence[Alert], until: str | None, delivery: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of reports/alerts.json."""
    return {
        "schema": SCHEMA,
        "name": name,
        "until": until,
        "open": sum(each.incident.state == "open" for each in found),
        "alerts": [each.to_plain() for each in found],
        "delivery": dict(delivery),
    }


def parse_alerts(text: str) -> tuple[Alert, ...]:
    """Parse reports/alerts.json: the alerts that an earlier call recorded.

    Raises
    ------
    DataError
        It is not such a document.
    """

    def build(tree: JsonNode) -> tuple[Alert, ...]:
        tree.schema(SCHEMA)
        return tuple(Alert(parse_incident(node), _told(node)) for node in tree.nodes("alerts"))

    try:
        return parse_json(text, layout.ALERTS, "alert", "a list of alerts", build)
    except DataError as error:
        raise DataError(
            error.what,
            where=layout.ALERTS,
            fix="Delete it: what is open will be told again",
        ) from None


def _told(node: JsonNode) -> IncidentState | None:
    if node.get("told") is None:
        return None
    return "open" if node.one_of("told", "open", "recovered") == "open" else "recovered"
