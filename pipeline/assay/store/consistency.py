"""Consistency check between the history of runs and the other tables.

The tables are written separately, so each shows what another has lost. A published run must be the
visible run of its partition, unless the partition's turn shows a later change. A visible run's
record states how many rows it quarantined, and a visible run that scored rows has a profile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from assay.store.counts import COUNTED
from assay.store.delta import log
from assay.store.delta.location import StoreLocation, parse_run_id
from assay.store.delta.tables import PREDICTIONS, PROFILES, QUARANTINE, Staged
from assay.store.history import read_run_records, visible_runs_in
from assay.store.profiles import read_profiled_runs
from assay.store.runs import Run

Kind: TypeAlias = Literal["lost", "back", "unknown", "untold", "refused", "uncounted"]


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """A partition whose tables contradict each other.

    Attributes
    ----------
    kind
        ``lost``: the commit that published ``run_id`` is gone. ``back``: ``run_id`` is visible
        though it was retracted. ``unknown``: it is visible and has no event in ``runs``.
        ``untold``: it is visible, and its events say only that it started, or failed.
        ``refused``: some of its quarantined rows are missing. ``uncounted``: its profile is
        missing.
    shown
        The visible run, None if there is none.
    rows
        For ``refused``: the number of quarantined rows present, and the number recorded.
    """

    night: str
    kind: Kind
    run_id: str
    shown: str | None
    rows: tuple[int, int] = (0, 0)


def find_inconsistencies(
    place: StoreLocation,
    partition: str | None = None,
    *,
    profiled: Collection[str] | None = None,
) -> list[Inconsistency]:
    """Contradictions between the tables, sorted by partition; for one partition or all.

    Parameters
    ----------
    profiled
        The runs that the files of ``profiles`` were seen to hold. Others are looked for there. The
        log alone shows which partitions have profiles, not which runs, so it misses cases where a
        partition was scored more than once.
    """
    found = _once(place, partition, profiled)
    # Look twice: a run that is published between the reads of two tables is no contradiction.
    again = _once(place, partition, profiled) if found else []
    return [each for each in found if each in again]


def is_gone(place: StoreLocation, table: Staged) -> bool:
    """Whether there are predictions, and no such table."""
    opened = log.open_table(place.table_uri(PREDICTIONS))
    return opened is not None and log.open_table(place.table_uri(table)) is None


def _once(
    place: StoreLocation, partition: str | None, profiled: Collection[str] | None
) -> list[Inconsistency]:
    known = read_run_records(place, partition)
    opened = log.open_table(place.table_uri(PREDICTIONS))
    visible = visible_runs_in(place, opened)
    if partition is not None:
        visible = {night: run for night, run in visible.items() if night == partition}

    def turn(night: str) -> int:
        return 0 if opened is None else log.turn_of(opened, night)

    found = list(compare_runs(known, visible, turn))
    named = {each.night for each in found}  # report only the first problem of a partition
    shown = [
        record
        for record in known
        if visible.get(record.partition) == record.run_id and record.partition not in named
    ]
    found += [*_refused(place, partition, shown), *_uncounted(place, shown, profiled)]
    return sorted(found, key=lambda each: each.night)


def _refused(
    place: StoreLocation, partition: str | None, shown: list[Run]
) -> Iterator[Inconsistency]:
    """Visible runs for which quarantine holds fewer rows than their record states."""
    opened = log.open_table(place.table_uri(QUARANTINE))
    held: Counter[str | None] = Counter()
    for file in [] if opened is None else log.partition_files(opened, place.column, partition):
        held[parse_run_id(file.path)] += file.rows
    for record in shown:
        night, run_id, said = record.partition, record.run_id, record.rows_quarantined or 0
        if held[run_id] >= said or record.carrier == COUNTED:
            continue
        said -= 0 if opened is None else log.forgotten_rows(opened, run_id)
        if held[run_id] < said:
            yield Inconsistency(night, "refused", run_id, run_id, (held[run_id], said))


def _uncounted(
    place: StoreLocation, shown: list[Run], profiled: Collection[str] | None
) -> Iterator[Inconsistency]:
    """Visible runs that scored rows and have no profile."""
    if profiled is not None:
        lost = [each for each in shown if each.run_id not in profiled]
        kept = read_profiled_runs(place) if lost else set()  # published meanwhile
        lost = [each for each in lost if each.run_id not in kept]
    else:
        opened = log.open_table(place.table_uri(PROFILES))
        nights = set() if opened is None else {*log.partitions(opened, place.column)}
        lost = [each for each in shown if each.partition not in nights]
    for record in lost:
        if record.rows_scored:
            yield Inconsistency(record.partition, "uncounted", record.run_id, record.run_id)


def compare_runs(
    known: Iterable[Run], visible: Mapping[str, str], turn: Callable[[str], int]
) -> Iterator[Inconsistency]:
    """Contradictions between the run records and the visible runs.

    Parameters
    ----------
    known
        All runs of the partitions, in order of start.
    visible
        The visible run of each partition.
    turn
        Gives a partition's turn from the log of ``predictions``.
    """
    by_id = {record.run_id: record for record in known}
    last: dict[str, Run] = {}
    for record in by_id.values():
        # A visible run was published, even if it died before it recorded the event.
        shown = visible.get(record.partition) == record.run_id
        if shown or record.event in ("published", "retracted"):
            last[record.partition] = record
    for night, record in last.items():
        run_id = visible.get(night)
        if run_id == record.run_id:
            if record.event == "retracted":
                yield Inconsistency(night, "back", run_id, run_id)
            elif record.event != "published":
                yield Inconsistency(night, "untold", run_id, run_id)
        # The commit that publishes a run raises the turn above the run's base.
        elif record.event == "published" and turn(night) <= (record.base or 0):
            yield Inconsistency(night, "lost", record.run_id, run_id)
    for night, run_id in visible.items():
        if run_id not in by_id:
            yield Inconsistency(night, "unknown", run_id, run_id)
