"""Whether the history of runs and the other tables of a run tell the same story.

Each is written without the other, so each shows what the other has lost: a published run is the
visible one of its night, or its night changed hands since, which the night's turn counts. A run
that is visible says how many rows it refused, and has kept counts of the rows that it scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from assay.store.delta import log
from assay.store.delta.files import run_of
from assay.store.delta.place import Place
from assay.store.delta.tables import PREDICTIONS, PROFILES, QUARANTINE
from assay.store.history import records, visible_in
from assay.store.profiles import runs_kept
from assay.store.runs import RunRecord

Kind: TypeAlias = Literal["lost", "back", "unknown", "refused", "uncounted"]


@dataclass(frozen=True, slots=True)
class Discord:
    """A night of which the two tell different stories.

    Attributes
    ----------
    kind
        ``lost``: the commit that published ``run_id`` is gone. ``back``: ``run_id`` is visible,
        though it was taken back. ``unknown``: it is visible, and has no event. ``refused``: rows
        that it refused are gone. ``uncounted``: its profile is.
    shown
        The run that readers see, None if there is none.
    rows
        Of refused rows, how many there are and how many there were.
    """

    night: str
    kind: Kind
    run_id: str
    shown: str | None
    rows: tuple[int, int] = (0, 0)


def discords(place: Place, partition: str | None = None, *, read: bool = False) -> list[Discord]:
    """Nights of which the tables tell different stories, sorted; all or one.

    Parameters
    ----------
    read
        Read whose profiles there are. The log alone says of which nights, which is less where a
        night was scored more than once.

    Raises
    ------
    StoreError
        If one of the tables cannot be read.
    """
    found = _once(place, partition, read)
    # A run that is published between two looks makes a difference that is none.
    again = _once(place, partition, read) if found else []
    return [each for each in found if each in again]


def _once(place: Place, partition: str | None, read: bool) -> list[Discord]:
    known = records(place, partition)
    opened = log.open_table(place.table_uri(PREDICTIONS))
    visible = visible_in(place, opened)
    if partition is not None:
        visible = {night: run for night, run in visible.items() if night == partition}

    def turn(night: str) -> int:
        return 0 if opened is None else log.turn_of(opened, night)

    found = list(compared(known, visible, turn))
    told = {each.night for each in found}  # of these the rest is no other damage
    shown = [
        record
        for record in known
        if visible.get(record.partition) == record.run_id and record.partition not in told
    ]
    found += [*_refused(place, partition, shown), *_uncounted(place, shown, read)]
    return sorted(found, key=lambda each: each.night)


def _refused(place: Place, partition: str | None, shown: list[RunRecord]) -> Iterator[Discord]:
    """Visible runs of which quarantine holds fewer rows than they say that they refused."""
    opened = log.open_table(place.table_uri(QUARANTINE))
    held: Counter[str | None] = Counter()
    for file in [] if opened is None else log.active(opened, place.column, partition):
        held[run_of(file.path)] += file.rows
    for record in shown:
        night, run_id, said = record.partition, record.run_id, record.rows_quarantined or 0
        if held[run_id] < said:
            yield Discord(night, "refused", run_id, run_id, (held[run_id], said))


def _uncounted(place: Place, shown: list[RunRecord], read: bool) -> Iterator[Discord]:
    """Visible runs that scored rows, and of which there is no profile."""
    if read:
        kept = runs_kept(place)
        lost = [each for each in shown if each.run_id not in kept]
    else:
        opened = log.open_table(place.table_uri(PROFILES))
        nights = set() if opened is None else {*log.partitions(opened, place.column)}
        lost = [each for each in shown if each.partition not in nights]
    for record in lost:
        if record.rows_scored:
            yield Discord(record.partition, "uncounted", record.run_id, record.run_id)


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
