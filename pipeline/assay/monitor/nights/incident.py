"""An incident: a problem that people are notified of once, however many nights it lasts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from assay.errors import DataError
from assay.monitor.nights.night_status import affects_night
from assay.project import layout
from assay.project.jsonfile import JsonNode, reject_duplicate_keys

IncidentState: TypeAlias = Literal["open", "recovered", "snoozed"]
Kind: TypeAlias = Literal["drift", "run"]

OF_NIGHTS = "drift-"
"""Id prefix of incidents that are built from the documents of single nights."""


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
        The kind of drift (answers, features or data) in ``reports/incidents.json``; empty for other
        incidents.
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
    """The incidents from ``reports/incidents.json`` that a night is part of.

    Incidents built from the documents of single nights are left out.
    """
    return tuple(
        each
        for each in incidents
        if each.kind == "drift"
        and not each.id.startswith(OF_NIGHTS)
        and affects_night(each, partition)
    )


@dataclass(frozen=True, slots=True)
class ListedIncidents:
    """The content of ``reports/incidents.json``.

    Attributes
    ----------
    until
        The last night it covers; None without that file.
    """

    incidents: tuple[Incident, ...] = ()
    until: str | None = None


def parse_incident(node: JsonNode, kind: Kind | None = None) -> Incident:
    """Parse an incident from JSON. Unknown keys are ignored."""
    return Incident(
        id=node.text("id"),
        kind=kind or cast(Kind, node.one_of("kind", "drift", "run")),
        state=cast(IncidentState, node.one_of("state", "open", "recovered", "snoozed")),
        first=node.text("first"),
        last=node.text("last"),
        columns=node.texts("columns"),
        sentence=node.text("sentence"),
    )


def read_incidents(root: Path) -> ListedIncidents:
    """Read ``reports/incidents.json``; no incidents if there is no such file.

    Raises
    ------
    DataError
        The file is damaged, or an incident id occurs twice.
    """
    path = root / layout.INCIDENTS
    if not path.exists():
        return ListedIncidents()
    try:
        tree = JsonNode(
            json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=reject_duplicate_keys),
            "",
        )
        found = tuple(
            replace(parse_incident(node, "drift"), of=node.maybe_text("kind") or "")
            for node in tree.nodes("incidents")
        )
        twice = {each.id for each in found if sum(each.id == one.id for one in found) > 1}
        if twice:
            raise ValueError(f"the id {min(twice)} is there twice")
        return ListedIncidents(found, tree.text("to"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"not a list of incidents: {error}",
            where=layout.INCIDENTS,
            mend="Monitor the last nights again.",
        ) from None
