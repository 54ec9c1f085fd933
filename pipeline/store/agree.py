"""Whether the history of runs and the log of predictions tell the same story.

Each is written without the other, so each shows what the other has lost: a published run is the
visible one of its night, or its night changed hands since, which the night's turn counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.store import log
from pipeline.store.history import records, visible_in
from pipeline.store.place import Place
from pipeline.store.runs import RunRecord
from pipeline.store.tables import PREDICTIONS

Kind: TypeAlias = Literal["lost", "back", "unknown"]


@dataclass(frozen=True, slots=True)
class Discord:
    """A night of which the two tell different stories.

    Attributes
    ----------
    kind
        ``lost``: the commit that published ``run_id`` is gone. ``back``: ``run_id`` is visible,
        though it was taken back. ``unknown``: it is visible, and has no event.
    shown
        The run that readers see, None if there is none.
    """

    night: str
    kind: Kind
    run_id: str
    shown: str | None


def discords(place: Place, partition: str | None = None) -> list[Discord]:
    """Nights of which the two tables tell different stories, sorted; all or one.

    Raises
    ------
    StoreError
        If one of the tables cannot be read.
    """
    found = _once(place, partition)
    # A run that is published between two looks makes a difference that is none.
    again = _once(place, partition) if found else []
    return [each for each in found if each in again]


def _once(place: Place, partition: str | None) -> list[Discord]:
    known = records(place, partition)
    opened = log.open_table(place.table_uri(PREDICTIONS))
    visible = visible_in(place, opened)
    if partition is not None:
        visible = {night: run for night, run in visible.items() if night == partition}

    def turn(night: str) -> int:
        return 0 if opened is None else log.turn_of(opened, night)

    return sorted(compared(known, visible, turn), key=lambda each: each.night)


def compared(
    known: Iterable[RunRecord], visible: Mapping[str, str], turn: Callable[[str], int]
) -> Iterator[Discord]:
    """Where the two differ.

    Parameters
    ----------
    known
        All runs of the nights, in order of their starts.
    visible
        The run that readers of a night see, by night.
    turn
        How often a night has changed hands, as the log of predictions counts it.
    """
    by_id = {record.run_id: record for record in known}
    last: dict[str, RunRecord] = {}
    for record in by_id.values():
        # What is visible was published, even if it died before it could say so.
        shown = visible.get(record.partition) == record.run_id
        if shown or record.event in ("published", "retracted"):
            last[record.partition] = record
    for night, record in last.items():
        run_id = visible.get(night)
        if run_id == record.run_id:
            if record.event == "retracted":
                yield Discord(night, "back", run_id, run_id)
        # A commit that publishes a run leaves its night at a later turn than the run's base.
        elif record.event == "published" and turn(night) <= (record.base or 0):
            yield Discord(night, "lost", record.run_id, run_id)
    for night, run_id in visible.items():
        if run_id not in by_id:
            yield Discord(night, "unknown", run_id, run_id)
