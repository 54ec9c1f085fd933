"""An incident: a problem that people are notified of once, however many nights it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from assay.monitor.nights.night_status import affects_night
from assay.project.document import JsonNode

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
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "first": self.first,
            "last": self.last,
            "columns": list(self.columns),
            "sentence": self.sentence,
        }


def incidents_of_night(incidents: Sequence[Incident], partition: str) -> tuple[Incident, ...]:
    """The drift incidents that a night is part of."""
    return tuple(
        each for each in incidents if each.kind == "drift" and affects_night(each, partition)
    )


def parse_incident(node: JsonNode) -> Incident:
    """Parse an incident from JSON. Unknown keys are ignored."""
    return Incident(
        id=node.text("id"),
        kind=cast(Kind, node.one_of("kind", "drift", "run")),
        state=cast(IncidentState, node.one_of("state", "open", "recovered", "snoozed")),
        first=node.text("first"),
        last=node.text("last"),
        columns=node.texts("columns"),
        sentence=node.text("sentence"),
    )
