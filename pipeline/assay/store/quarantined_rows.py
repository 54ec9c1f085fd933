"""The quarantined rows of a run, published or held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from assay.errors import NothingScored, RunUnknown
from assay.store import history
from assay.store.delta import rows
from assay.store.delta.files import StagedFile
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import QUARANTINE
from assay.store.release import read_held_run
from assay.store.runs import RunRecord, format_runs


@dataclass(frozen=True)
class RunQuarantine:
    """A run that is ``published`` or ``held``, and its quarantine files."""

    run: RunRecord
    files: tuple[StagedFile, ...]

    def batches(
        self, place: StoreLocation, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Its rows, a batch at a time."""
        return rows.batches(place, QUARANTINE, self.files, columns)


def find_quarantine(
    place: StoreLocation, partition: str | None, run_id: str | None = None
) -> RunQuarantine:
    """The quarantine of one run, or of the newest published or held run of a partition.

    Parameters
    ----------
    partition
        None if ``run_id`` determines it.

    Raises
    ------
    NothingScored
        No run of the partition is published or held.
    RunUnknown
        There is no such run, or it is neither published nor held.
    """
    if run_id is not None:
        known = history.read_run_records(place, partition, run_id)
        if not known:
            raise _unknown(f"there is no run {run_id}", place, history.read_runs(place, partition))
        partition = known[0].partition
    assert partition is not None, "the command line asks for one or the other"
    every = history.read_runs(place, partition)
    seen = history.published_run(place, partition)
    kept = [run for run in every if run.event == "held" and (seen is None or _after(run, seen))]
    kept = ([] if seen is None else [seen]) + kept
    if run_id is not None:
        kept = [run for run in every if run.event == "held"] + ([] if seen is None else [seen])
        kept = [run for run in kept if run.run_id == run_id]
        if not kept:
            words = f"run {run_id} is neither held nor what readers see"
            raise _unknown(words, place, every)
    if not kept:
        raise NothingScored(
            f"no run has published {place.column}={partition}, and none is held",
            where=place.uri,
            fix=f"Score it: assay score --date {partition}",
        )
    last = kept[-1]
    if last.event == "held":
        staged = read_held_run(place, last.run_id)
        assert staged is not None, "its state says that it has the event"
        return RunQuarantine(last, staged.quarantine)
    return RunQuarantine(last, history.require_visible_run(place, partition).quarantine)


def _after(run: RunRecord, seen: RunRecord) -> bool:
    return (str(run.started_at), run.run_id) > (str(seen.started_at), seen.run_id)


def _unknown(words: str, place: StoreLocation, runs: Sequence[RunRecord]) -> RunUnknown:
    shown = format_runs([run for run in runs if run.event in ("published", "held")])
    return RunUnknown(
        words,
        where=place.uri,
        expected=f"one of {shown}" if shown else "one that is published or held: there is none",
    )
