"""Runs: one value for an attempt to score a night, from its start to what the tables keep of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, get_args

import pyarrow as pa

from assay.columns.profile import Profile
from assay.errors import StoreError
from assay.project.text import first_few
from assay.store.delta.location import StagedFile, part_path

Event: TypeAlias = Literal[
    "started", "failed", "held", "planned", "published", "released", "retracted"
]
EVENTS: tuple[str, ...] = get_args(Event)
"""In the order in which they can happen to a run; ``planned`` is none of the runs table's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt to score a night: an event of it, as in the runs table, or all of them folded.

    Attributes
    ----------
    event
        What happened. Of a folded run its furthest state, independent of clocks: ``published`` if
        it was released, or if its rows are in the predictions table, even without an event.
    at, started_at
        Of this (or the last) and of the first event, with their time zone; None if no event of the
        run was kept.
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
        Of a held run what `Store.hold` returned; needed to release it, and in no folded run.
    """

    run_id: str
    event: Event
    partition: str
    at: datetime | None = None
    started_at: datetime | None = None
    name: str = ""
    version: str = ""
    bundle: str = ""
    contract: str = ""
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
        if self.at is not None and self.at.tzinfo is None:
            raise ValueError("an event's time must carry its zone")

    def then(self, event: Event, detail: str = "", **said: Any) -> Run:
        """The event that happens to the run now; it has counts and seconds only if given."""
        unsaid = dict.fromkeys(("rows_read", "rows_scored", "rows_quarantined", "seconds"))
        at: Any = {"event": event, "at": datetime.now(UTC), "detail": detail}
        return replace(self, **{**unsaid, **at, **said})

    @property
    def identity(self) -> dict[str, str]:
        """What its commit keeps of it, so that it is known even if its events are lost.

        ``version`` is renamed, as Delta's history has a field of that name.
        """
        kept = {name: str(getattr(self, name)) for name in IDENTITY}
        return {"model_version" if name == "version" else name: kept[name] for name in kept}

    @classmethod
    def of_commit(cls, metadata: Mapping[str, Any], run_id: str, partition: str) -> Run:
        """A published run as `identity` in the metadata of its commit describes it."""
        identity = {name: str(metadata.get(name, "")) for name in IDENTITY}
        identity |= {"run_id": run_id, "version": str(metadata.get("model_version", ""))}
        return cls(event="published", partition=partition, **identity)  # type: ignore[arg-type]


IDENTITY = ("run_id", "name", "version", "bundle", "contract", "input")
FACTS = tuple(each.name for each in fields(Run) if each.name not in ("files", "started_at"))
"""The columns of the runs table but for ``files``, which only a release needs."""


def parse_events(rows: Iterable[dict[str, Any]], where: str) -> list[Run]:
    """Rows of the runs table as events.

    Raises
    ------
    StoreError
        If a row is not a valid event.
    """
    try:
        events = [Run(**{name: row[name] for name in FACTS}) for row in rows]
        if any(run.at is None for run in events):
            raise ValueError("an event without a time")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError("holds a row that is no event", where=where, found=str(error)) from None
    return events


def fold(events: Iterable[Run]) -> list[Run]:
    """One run for all events of each, in order of start; the order of ``events`` does not matter.

    Later facts count, but an empty field of a later event does not clear the earlier value.
    """
    told: dict[str, Run] = {}
    for event in sorted(events, key=_order):
        known = {name: getattr(event, name) for name in FACTS}
        if event.event == "released":
            known["event"] = "published"
        earlier = told.get(event.run_id) or replace(event, started_at=event.at, files="")
        given = {name: value for name, value in known.items() if value not in (None, "")}
        told[event.run_id] = replace(earlier, **given)
    return sorted(told.values(), key=lambda run: (str(run.started_at), run.run_id))


def _order(event: Run) -> tuple[int, datetime]:
    # By kind before time: if the clock was set back, a run that ended must not look as if it had
    # just started, nor a retracted run as if it were published.
    return EVENTS.index(event.event), event.at or datetime.min.replace(tzinfo=UTC)


MOST_LISTED = 5


def format_runs(runs: Sequence[Run]) -> str:
    """The newest runs as one line of text, newest first; empty if there are none."""
    words = (f"{each.run_id} ({each.event}, {each.partition})" for each in reversed(runs))
    return first_few(words, MOST_LISTED)


@dataclass(frozen=True, kw_only=True)
class StagedRun:
    """A run whose files are written but not yet visible, with all that publishing it takes.

    Attributes
    ----------
    predictions
        At least one file: if every row was quarantined, one file with no rows.
    profile
        None if it is in the store already, or there is none.
    predictions_schema, quarantine_schema
        Of the tables; the partition column may be missing.
    """

    run: Run
    predictions: tuple[StagedFile, ...]
    quarantine: tuple[StagedFile, ...]
    profile: Profile | None
    predictions_schema: pa.Schema
    quarantine_schema: pa.Schema

    def __post_init__(self) -> None:
        part_path("column", self.partition, self.run_id, "0")  # rejects ids that name no file
        if not self.predictions:
            raise ValueError("a run publishes at least one file of predictions")

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def partition(self) -> str:
        return self.run.partition

    @property
    def base(self) -> int:
        """The turn of the partition when the run started: `Store.turn`."""
        return self.run.base or 0


def to_json(staged: StagedRun) -> str:
    """The files of a staged run and their columns, as one line of JSON."""
    tree = {
        "predictions_schema": _packed(staged.predictions_schema),
        "quarantine_schema": _packed(staged.quarantine_schema),
        "predictions": [asdict(file) for file in staged.predictions],
        "quarantine": [asdict(file) for file in staged.quarantine],
    }
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False)


def from_json(run: Run, where: str) -> StagedRun:
    """A held run with the files that `to_json` wrote for it, which are in ``run.files``.

    Raises
    ------
    StoreError
        If it is anything else; ``where`` it was found.
    """
    try:
        tree = json.loads(run.files)
        return StagedRun(
            run=run,
            predictions=tuple(StagedFile(**file) for file in tree["predictions"]),
            quarantine=tuple(StagedFile(**file) for file in tree["quarantine"]),
            profile=None,
            predictions_schema=_unpacked(tree["predictions_schema"]),
            quarantine_schema=_unpacked(tree["quarantine_schema"]),
        )
    except (KeyError, TypeError, ValueError, OSError, pa.ArrowException) as error:
        problem = f"{type(error).__name__}: {error}"
        raise StoreError(
            "what is known of the held run is not what was written", where=where, found=problem
        ) from None


def _packed(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize()).decode()


def _unpacked(text: Any) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
