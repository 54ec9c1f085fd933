"""The history of runs: events as they were appended, records as they add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

from assay.errors import StoreError

Event: TypeAlias = Literal["started", "failed", "held", "published", "released", "retracted"]
EVENTS: tuple[str, ...] = get_args(Event)
"""In the order in which a run can meet them."""

RunState: TypeAlias = Literal["started", "failed", "held", "published", "retracted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """One row of the runs table.

    Attributes
    ----------
    at
        With its zone.
    input
        Fingerprint of what was scored; empty if it cannot be told from a changed one.
    carrier, scorer
        How the rows were read and scored.
    base
        The turn of the partition that the run started from: `Store.turn`.
    seconds
        Since the run's start.
    by, because
        Who released or retracted the run, and why.
    files
        Of a held run what it takes to release it: what `Store.hold` gave back.
    """

    run_id: str
    event: Event
    at: datetime
    partition: str
    name: str
    version: str
    bundle: str
    contract: str
    input: str = ""
    carrier: str = ""
    scorer: str = ""
    base: int | None = None
    rows_read: int | None = None
    rows_scored: int | None = None
    rows_quarantined: int | None = None
    seconds: float | None = None
    detail: str = ""
    by: str = ""
    because: str = ""
    files: str = ""

    def __post_init__(self) -> None:
        if self.event not in EVENTS:
            raise ValueError(f"event {self.event!r}: expected one of {', '.join(EVENTS)}")
        if self.at.tzinfo is None:
            raise ValueError("an event's time must carry its zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: its events folded into one, later facts over earlier ones.

    Attributes
    ----------
    event
        How far it came, whatever clocks say; ``published`` if it was released, or if its rows
        are what the predictions table holds, whatever was or was not written down afterwards.
    started_at, at
        Of the first and the last event; None if no event of the run was kept.
    """

    run_id: str
    event: RunState
    partition: str
    name: str
    version: str
    bundle: str
    contract: str
    input: str
    carrier: str
    scorer: str
    base: int | None
    rows_read: int | None
    rows_scored: int | None
    rows_quarantined: int | None
    seconds: float | None
    detail: str
    by: str
    because: str
    started_at: datetime | None
    at: datetime | None


FACTS = tuple(each.name for each in fields(RunEvent) if each.name != "files")
"""Everything about an event but what only a release needs."""


def events_of(rows: Iterable[dict[str, Any]], where: str) -> list[RunEvent]:
    """Rows of the runs table as events.

    Raises
    ------
    StoreError
        If a row is no event.
    """
    try:
        return [RunEvent(**{name: row[name] for name in FACTS}) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError("holds a row that is no event", where=where, found=str(error)) from None


def fold(events: Iterable[RunEvent]) -> list[RunRecord]:
    """One record a run, in order of their starts; the order of ``events`` does not matter."""
    records: dict[str, RunRecord] = {}
    for event in sorted(events, key=_order):
        earlier = records.get(event.run_id)
        records[event.run_id] = _first(event) if earlier is None else _later(earlier, event)
    return sorted(records.values(), key=lambda record: (str(record.started_at), record.run_id))


def _order(event: RunEvent) -> tuple[int, datetime]:
    # By kind before time: a clock that was set back must not make a run that ended look as if
    # it had just begun, nor one that was taken back as if it were published.
    return EVENTS.index(event.event), event.at


def _first(event: RunEvent) -> RunRecord:
    return RunRecord(**_known(event), started_at=event.at)


def _later(record: RunRecord, event: RunEvent) -> RunRecord:
    # What an event does not say is not denied by it.
    said = {name: value for name, value in _known(event).items() if value not in (None, "")}
    return replace(record, **said)


def _known(event: RunEvent) -> dict[str, Any]:
    known = {name: getattr(event, name) for name in FACTS}
    if event.event == "released":
        known["event"] = "published"
    return known


def to_commit(metadata: Mapping[str, str]) -> dict[str, str]:
    """What is kept in a commit: ``version`` under another name, as Delta's history has its own."""
    renamed = {"version": "model_version"}
    return {renamed.get(name, name): value for name, value in metadata.items()}


def from_commit(metadata: Mapping[str, Any], run_id: str, partition: str) -> RunRecord:
    """What `to_commit` left of a published run, for want of events."""
    return RunRecord(
        run_id=run_id,
        event="published",
        partition=partition,
        name=str(metadata.get("name", "")),
        version=str(metadata.get("model_version", "")),
        bundle=str(metadata.get("bundle", "")),
        contract=str(metadata.get("contract", "")),
        input=str(metadata.get("input", "")),
        carrier="",
        scorer="",
        base=None,
        rows_read=None,
        rows_scored=None,
        rows_quarantined=None,
        seconds=None,
        detail="",
        by="",
        because="",
        started_at=None,
        at=None,
    )


MOST_LISTED = 5


def listed(runs: Sequence[RunRecord]) -> str:
    """Runs by name, the newest first, for people to choose from; empty without any."""
    newest = list(reversed(runs))[:MOST_LISTED]
    words = ", ".join(f"{each.run_id} ({each.event}, {each.partition})" for each in newest)
    more = len(runs) - len(newest)
    return f"{words} and {more} more" if more > 0 else words
