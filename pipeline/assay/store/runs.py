"""The history of runs: appended events, and records folded from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

from assay.errors import StoreError

Event: TypeAlias = Literal["started", "failed", "held", "published", "released", "retracted"]
EVENTS: tuple[str, ...] = get_args(Event)
"""In the order in which they can happen to a run."""

RunState: TypeAlias = Literal["started", "failed", "held", "published", "retracted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """One row of the runs table.

    Attributes
    ----------
    at
        With its time zone.
    input
        Fingerprint of the input; empty if changes of the input could not be detected.
    carrier, scorer
        How the rows were read and scored.
    base
        The turn of the partition when the run started: `Store.turn`.
    seconds
        Since the run's start.
    by, because
        Who released or retracted the run, and why.
    files
        For a held run, what `Store.hold` returned; needed to release it.
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
    """One run: its events folded into one record, later facts over earlier ones.

    Attributes
    ----------
    event
        The furthest state of the run, independent of clocks. It is ``published`` if the run was
        released, or if its rows are in the predictions table, even without an event.
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
"""All fields of an event except ``files``, which only a release needs."""


def parse_events(rows: Iterable[dict[str, Any]], where: str) -> list[RunEvent]:
    """Rows of the runs table as events.

    Raises
    ------
    StoreError
        If a row is not a valid event.
    """
    try:
        return [RunEvent(**{name: row[name] for name in FACTS}) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError("holds a row that is no event", where=where, found=str(error)) from None


def fold(events: Iterable[RunEvent]) -> list[RunRecord]:
    """One record per run, in order of start; the order of ``events`` does not matter."""
    told: dict[str, dict[str, Any]] = {}
    for event in sorted(events, key=_order):
        known = _known(event)
        earlier = told.setdefault(event.run_id, {**known, "started_at": event.at})
        # An empty field of a later event does not clear the earlier value.
        earlier.update((name, value) for name, value in known.items() if value not in (None, ""))
    records = [RunRecord(**known) for known in told.values()]
    return sorted(records, key=lambda record: (str(record.started_at), record.run_id))


def _order(event: RunEvent) -> tuple[int, datetime]:
    # By kind before time: if the clock was set back, a run that ended must not look as if it had
    # just started, nor a retracted run as if it were published.
    return EVENTS.index(event.event), event.at


def _known(event: RunEvent) -> dict[str, Any]:
    known = {name: getattr(event, name) for name in FACTS}
    if event.event == "released":
        known["event"] = "published"
    return known


def to_commit_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Commit metadata; ``version`` is renamed, as Delta's history has a field of that name."""
    renamed = {"version": "model_version"}
    return {renamed.get(name, name): value for name, value in metadata.items()}


def from_commit_metadata(metadata: Mapping[str, Any], run_id: str, partition: str) -> RunRecord:
    """The record of a published run whose events are lost, from what `to_commit_metadata` wrote."""
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


def format_runs(runs: Sequence[RunRecord]) -> str:
    """The newest runs as one line of text, newest first; empty if there are none."""
    newest = list(reversed(runs))[:MOST_LISTED]
    words = ", ".join(f"{each.run_id} ({each.event}, {each.partition})" for each in newest)
    more = len(runs) - len(newest)
    return f"{words} and {more} more" if more > 0 else words
