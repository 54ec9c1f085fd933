"""Release a held run, or retract a published one."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import pyarrow as pa

from assay.errors import PublishConflict, RunUnknown, StoreError
from assay.store.delta import log, rows
from assay.store.delta.files import StagedFile, parse_run_id
from assay.store.delta.location import StoreLocation
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, RUNS, RUNS_SCHEMA
from assay.store.history import (
    commit_of,
    partition_commits,
    read_partition_view,
    read_run_records,
    read_runs,
    visible_run_id,
)
from assay.store.profiles import append_profiles
from assay.store.publish import (
    check_files,
    find_missing_files,
    publish,
    report_if_published,
    unpublish,
)
from assay.store.runs import Event, RunEvent, RunRecord, format_runs
from assay.store.staged_run import StagedRun, from_json, to_json

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retraction:
    """A retracted run, the run that is visible now, if any, and who retracted it and why."""

    run_id: str
    partition: str
    back_to: str | None
    by: str
    because: str

    def document(self) -> dict[str, Any]:
        told = asdict(self)
        told["retracted"] = told.pop("run_id")
        return told


def append_events(place: StoreLocation, *events: RunEvent) -> None:
    """Append events to the runs table, in one commit."""
    found = [{name: getattr(event, name) for name in RUNS_SCHEMA.names} for event in events]
    rows.append(place, RUNS, pa.Table.from_pylist(found, RUNS_SCHEMA))


def hold(place: StoreLocation, staged: StagedRun) -> str:
    """Check that a run could be published later; returns what its ``held`` event has to keep."""
    check_files(place, staged)
    append_profiles(place, [staged])
    return to_json(staged)


def read_held_run(place: StoreLocation, run_id: str) -> StagedRun | None:
    """The staged run that was kept when a run was held; None if it never was."""
    wanted = {"run_id": run_id, "event": "held"}
    texts = rows.select(place, RUNS, RUNS_SCHEMA, wanted, ["files"]).column("files").to_pylist()
    where = f"{place.table_uri(RUNS)}, run {run_id}"
    return from_json(texts[-1], where) if texts else None


def release(place: StoreLocation, run_id: str, by: str, because: str) -> RunRecord:
    """Publish a held run; see `Store.release`."""
    record = _record(place, run_id, "released")
    if record.event != "held":
        now = read_partition_view(place, PREDICTIONS, record.partition)
        if record.by and visible_run_id(place, now, record.partition) == run_id:
            _tell_already("released", record)
            return record
        raise _wrong_state(place, record, "released", "held")
    staged = read_held_run(place, run_id)
    assert staged is not None, "its state says that it has the event"
    with report_if_published(place, {record.partition: run_id}):
        publish(place, staged, event="released", by=by, because=because)
        _append(place, record, "released", by, because)
    return replace(record, event="published", by=by, because=because)


def retract(place: StoreLocation, run_id: str, by: str, because: str) -> Retraction:
    """Take a published run back; see `Store.retract`."""
    record = _record(place, run_id, "retracted")
    partition = record.partition
    now = read_partition_view(place, PREDICTIONS, partition)
    said = {"event": "retracted", "retracted": run_id, "by": by, "because": because}
    visible = visible_run_id(place, now, partition)
    if record.event == "retracted" and visible != run_id:
        _tell_already("retracted", record)
        return Retraction(run_id, partition, visible, record.by, record.because)
    if visible == run_id:
        before = _before(place, record, now)
        back = None if before is None else before.run_id
        try:
            if before is None:
                unpublish(place, partition, now.turn, said)
            else:
                publish(place, before, **said)
        except PublishConflict:
            raise _wrong_state(place, record, "retracted", "visible") from None
    else:
        # Complete a retraction that was killed before it recorded its event.
        told = partition_commits(place, PREDICTIONS, partition)
        done = [entry for entry in told if entry.get("retracted") == run_id]
        if not done:
            raise _wrong_state(place, record, "retracted", "visible")
        back = done[0].get("run_id")
    _append(place, record, "retracted", by, because, f"back to run {back or 'none'}")
    return Retraction(run_id, partition, back, by, because)


def _tell_already(done: str, record: RunRecord) -> None:
    who = f", by {record.by}: {record.because}" if record.by else ""
    _LOG.info("run %s was %s already%s", record.run_id, done, who)


def _before(place: StoreLocation, record: RunRecord, now: log.PartitionView) -> StagedRun | None:
    """The run that was visible before, if all its files still exist unchanged.

    That run was never retracted: only a visible run can be, and a retracted run leaves the sequence
    of visible runs.
    """
    partition = record.partition
    uri, refused_uri = place.table_uri(PREDICTIONS), place.table_uri(QUARANTINE)
    try:
        entry = commit_of(place, PREDICTIONS, partition, record.run_id)
        if entry is None or entry["version"] == 0:
            return None
        old = log.partition_view(log.open_table(uri, entry["version"] - 1), place.column, partition)
        run_id = visible_run_id(place, old, partition)
        facts = None if run_id is None else commit_of(place, PREDICTIONS, partition, run_id)
        if run_id is None or facts is None:
            return None
        refused = _refused(place, partition, run_id)
    except StoreError:
        return None  # the log does not go back that far any more
    told = str(sum(file.rows for file in refused)) == facts.get("quarantined")
    if not told or find_missing_files(uri, old.files) or find_missing_files(refused_uri, refused):
        return None
    names = ("name", "bundle", "contract", "input")
    return StagedRun(
        run_id=run_id,
        partition=partition,
        facts={
            "run_id": run_id,
            "version": facts.get("model_version", ""),
            **{name: facts.get(name, "") for name in names},
        },
        predictions=old.files,
        quarantine=refused,
        profile=None,
        predictions_schema=log.schema_of(uri),
        quarantine_schema=log.schema_of(refused_uri),
        base=now.turn,
    )


def _refused(place: StoreLocation, partition: str, run_id: str) -> tuple[StagedFile, ...]:
    """The quarantine files that a run added when it was published."""
    entry = commit_of(place, QUARANTINE, partition, run_id)
    if entry is None:
        return ()
    then = log.open_table(place.table_uri(QUARANTINE), entry["version"])
    files = log.partition_view(then, place.column, partition).files
    return tuple(file for file in files if parse_run_id(file.path) == run_id)


def _record(place: StoreLocation, run_id: str, done: str) -> RunRecord:
    known = read_run_records(place, run_id=run_id)
    if known:
        return known[0]
    wanted = "held" if done == "released" else "published"
    every = read_runs(place)
    near = get_close_matches(run_id, [record.run_id for record in every], n=1, cutoff=0.8)
    fit = format_runs([record for record in every if record.event == wanted])
    raise RunUnknown(
        f"there is no run {run_id} to be {done}",
        where=place.uri,
        expected=f"one that is {wanted}: {fit}" if fit else f"one that is {wanted}: there is none",
        fix=f"Did you mean {near[0]}?" if near else "assay score names its run in what it prints.",
    )


def _wrong_state(place: StoreLocation, record: RunRecord, done: str, wanted: str) -> RunUnknown:
    partition = record.partition
    shown = visible_run_id(place, read_partition_view(place, PREDICTIONS, partition), partition)
    if wanted == "visible":
        others = [each for each in read_run_records(place, partition) if each.run_id == shown]
    else:
        others = [each for each in read_run_records(place, partition) if each.event == wanted]
    state = "published" if shown == record.run_id else record.event
    replaced = state == "published" and shown != record.run_id
    return RunUnknown(
        f"run {record.run_id} cannot be {done}",
        where=f"{place.column}={partition}",
        expected=f"a run that is {wanted}: {format_runs(others) or 'the night has none'}",
        found=f"it is {state}" + (", and was replaced since" if replaced else ""),
    )


def _append(
    place: StoreLocation, record: RunRecord, event: Event, by: str, because: str, detail: str = ""
) -> None:
    append_events(
        place,
        RunEvent(
            run_id=record.run_id,
            event=event,
            at=datetime.now(UTC),
            partition=record.partition,
            name=record.name,
            version=record.version,
            bundle=record.bundle,
            contract=record.contract,
            input=record.input,
            carrier=record.carrier,
            scorer=record.scorer,
            base=record.base,
            detail=detail,
            by=by,
            because=because,
        ),
    )
