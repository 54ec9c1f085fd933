"""An incident: what people are told about once, however many nights it lasts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

IncidentState: TypeAlias = Literal["open", "recovered", "snoozed"]
Kind: TypeAlias = Literal["drift", "run"]


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Attributes
    ----------
    id
        The same for the same incident, however long it lasts.
    first, last
        The first and the last night that it was seen on.
    columns
        Those that it is about; none if it is about the whole night.
    sentence
        What happened, for people.
    of
        What ``assay monitor`` says it is of: answers, features or data; empty for others.
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
