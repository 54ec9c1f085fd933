"""Incidents: what people are told about, one from its first night to its recovery.

Two kinds. Of drift: ``reports/incidents.json``, which ``assay monitor --from --to`` writes, and
of nights that it does not reach each stretch over their limits, from the nights' documents. Of
runs: nights in a row that were held or failed, until the first of them is published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from assay.errors import AssayError, DataError
from assay.monitor.nights.incident import Incident, IncidentState, Kind
from assay.monitor.nights.night import Night
from assay.monitor.nights.standing import inside
from assay.project import layout
from assay.project.jsonfile import Node, once

OF_NIGHTS = "drift-"
"""How the ids begin of incidents that are made of the nights' documents."""


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


@dataclass(frozen=True, slots=True)
class Known:
    """The incidents that there are.

    Attributes
    ----------
    until
        The last night that ``reports/incidents.json`` looked at; None without that file.
    """

    incidents: tuple[Incident, ...] = ()
    until: str | None = None

    def around(self, partition: str) -> tuple[Incident, ...]:
        """Those of the file that a night lies in; the others are the nights' own crossings."""
        return tuple(
            each
            for each in self.incidents
            if each.kind == "drift"
            and not each.id.startswith(OF_NIGHTS)
            and inside(each, partition)
        )


def read_incidents(root: Path) -> Known:
    """The incidents of ``reports/incidents.json``; none if there is no such file.

    Raises
    ------
    DataError
        It is there and is not what ``assay monitor`` wrote.
    """
    path = root / layout.INCIDENTS
    if not path.exists():
        return Known(())
    try:
        tree = Node(json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once), "")
        found = tuple(
            replace(incident_of(node, "drift"), of=node.maybe_text("kind") or "")
            for node in tree.nodes("incidents")
        )
        twice = {each.id for each in found if sum(each.id == one.id for one in found) > 1}
        if twice:
            raise ValueError(f"the id {min(twice)} is there twice")
        return Known(found, tree.text("to"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"not a list of incidents: {error}",
            where=layout.INCIDENTS,
            mend="Monitor the last nights again.",
        ) from None


def incidents(root: Path, nights: Sequence[Night], reached: str | None = None) -> Known:
    """All incidents: of drift, from the file, and from the nights that it does not reach; of runs.

    Parameters
    ----------
    nights
        All nights in order: an incident begins where it began, not where a page does.
    reached
        The last night that an earlier file looked at: this one may be of old nights only.

    Raises
    ------
    DataError
        As `read_incidents`.
    """
    listed = read_incidents(root)
    # Whoever monitors night by night must not wait for the file to be written again.
    end = max((each for each in (listed.until, reached) if each is not None), default="")
    after = [night for night in nights if night.partition > end]
    every = (*listed.incidents, *of_nights(after), *of_runs(nights))
    return replace(listed, incidents=every)


def stood(root: Path, nights: list[Night]) -> tuple[list[Night], Known, str]:
    """All nights, each with the incidents that it lies in, and all incidents.

    Returns
    -------
    The third is why the incidents cannot be told; empty if they can.
    """
    try:
        known = incidents(root, nights)
    except AssayError as error:
        return nights, Known(), f"cannot be told: {error.line()}"
    return [replace(each, incidents=known.around(each.partition)) for each in nights], known, ""


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
