"""An incident: what people are told about once, however many nights it lasts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from assay.errors import DataError
from assay.monitor.nights.standing import inside
from assay.project import layout
from assay.project.jsonfile import Node, once

IncidentState: TypeAlias = Literal["open", "recovered", "snoozed"]
Kind: TypeAlias = Literal["drift", "run"]

OF_NIGHTS = "drift-"
"""How the ids begin of incidents that are made of the nights' documents."""


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


def around(incidents: Sequence[Incident], partition: str) -> tuple[Incident, ...]:
    """Those of nights together that a night lies in; the others are nights' own crossings."""
    return tuple(
        each
        for each in incidents
        if each.kind == "drift" and not each.id.startswith(OF_NIGHTS) and inside(each, partition)
    )


@dataclass(frozen=True, slots=True)
class ListedIncidents:
    """What ``reports/incidents.json`` says.

    Attributes
    ----------
    until
        The last night that it looked at; None without that file.
    """

    incidents: tuple[Incident, ...] = ()
    until: str | None = None


def incident_of(node: Node, kind: Kind | None = None) -> Incident:
    """An incident as JSON holds it; keys that only others need are let be.

    Raises
    ------
    ValueError
        A key is missing or of another kind.
    """
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
    """The incidents of ``reports/incidents.json``; none if there is no such file.

    Raises
    ------
    DataError
        It is there and is not what ``assay monitor`` wrote.
    """
    path = root / layout.INCIDENTS
    if not path.exists():
        return ListedIncidents()
    try:
        tree = Node(json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once), "")
        found = tuple(
            replace(incident_of(node, "drift"), of=node.maybe_text("kind") or "")
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
