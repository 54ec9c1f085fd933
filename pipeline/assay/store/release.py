"""Release a held run, or retract a published one, or one that is to stay unpublished."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from assay.errors import PublishConflict, RunUnknown, StoreError
from assay.project.text import suggest
from assay.store.delta import log, rows
from assay.store.delta.location import StagedFile, StoreLocation, parse_run_id
from assay.store.delta.tables import PREDICTIONS, QUARANTINE, RUNS
from assay.store.history import (
    commit_of,
    partition_commits,
    read_partition_view,
    read_partition_views,
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
from assay.store.runs import FACTS, Run, StagedRun, format_runs, from_json, to_json

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
        tree = asdict(self)
        tree["retracted"] = tree.pop("run_id")
        return tree


def append_events(
    place: StoreLocation, *events: Run, only_if: Callable[[], bool] | None = None
) -> bool:
    """Append events to the runs table, in one commit; ``only_if`` as for `rows.append`."""
    names = (*FACTS, "files")
    return rows.append(
        place, RUNS, ({name: getattr(each, name) for name in names} for each in events), only_if
    )


def hold(place: StoreLocation, staged: StagedRun) -> str:
    """Hold a run until a person releases it; returns ``files`` of its ``held`` event.

    Raises
    ------
    StoreError
        If a file is not there as described, or the profile cannot be written.
    """
    check_files(place, staged)
    append_profiles(place, [staged])
    return to_json(staged)


def read_held_run(place: StoreLocation, run_id: str) -> StagedRun | None:
    """The staged run that was kept when a run was held; None if it never was."""
    wanted = {"run_id": run_id, "event": "held"}
    events = rows.select(place, RUNS, wanted).to_pylist()
    return (
        from_json(Run(**events[-1]), f"{place.table_uri(RUNS)}, run {run_id}") if events else None
    )


def release(place: StoreLocation, run_id: str, by: str, because: str) -> Run:
    """Publish a held run.

    Raises
    ------
    RunUnknown
        If there is no such run, or it is neither held nor released already.
    PublishConflict
        If the partition changed since the run started.
    StoreError
        If its files no longer exist as they were written.
    """
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
        append_events(place, record.then("released", by=by, because=because))
    return replace(record, event="published", by=by, because=because)


def retract(place: StoreLocation, run_id: str, by: str, because: str) -> Retraction:
    """Withdraw the visible run of a partition, in one commit; or have its last run published never.

    The run that was published before it becomes visible again, if its files still exist (they are
    kept for ``keep_days``). Otherwise the partition is empty. What is visible stays where the last
    run was held, failed or never ended; then nobody waits for it any more.

    Raises
    ------
    RunUnknown
        If there is no such run, or it is neither the visible one, nor the last one, nor retracted
        already.
    """
    record = _record(place, run_id, "retracted")
    partition = record.partition
    now = read_partition_view(place, PREDICTIONS, partition)
    facts = {"event": "retracted", "retracted": run_id, "by": by, "because": because}
    visible = visible_run_id(place, now, partition)
    if record.event == "retracted" and visible != run_id:
        _tell_already("retracted", record)
        return Retraction(run_id, partition, visible, record.by, record.because)
    if visible == run_id:
        before = _before(place, record, now)
        back = None if before is None else before.run_id
        try:
            if before is None:
                unpublish(place, partition, now.turn, facts)
            else:
                publish(place, before, **facts)
        except PublishConflict:
            raise _wrong_state(place, record, "retracted", "visible") from None
    elif record.event != "published" and record == read_run_records(place, partition)[-1]:
        back = visible
    else:
        # Complete a retraction that was killed before it recorded its event.
        commits = partition_commits(place, PREDICTIONS, partition)
        done = [entry for entry in commits if entry.get("retracted") == run_id]
        if not done:
            raise _wrong_state(place, record, "retracted", "visible")
        back = done[0].get("run_id")
    detail = f"back to run {back or 'none'}"
    append_events(place, record.then("retracted", detail, by=by, because=because))
    return Retraction(run_id, partition, back, by, because)


def _tell_already(done: str, record: Run) -> None:
    who = f", by {record.by}: {record.because}" if record.by else ""
    _LOG.info("run %s was %s already%s", record.run_id, done, who)


def _before(place: StoreLocation, record: Run, now: log.PartitionView) -> StagedRun | None:
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
    complete = str(sum(file.rows for file in refused)) == facts.get("quarantined")
    if (
        not complete
        or find_missing_files(uri, old.files)
        or find_missing_files(refused_uri, refused)
    ):
        return None
    return StagedRun(
        run=replace(Run.of_commit(facts, run_id, partition), base=now.turn),
        predictions=old.files,
        quarantine=refused,
        profile=None,
        predictions_schema=log.schema_of(uri),
        quarantine_schema=log.schema_of(refused_uri),
    )


def _refused(place: StoreLocation, partition: str, run_id: str) -> tuple[StagedFile, ...]:
    """The quarantine files that a run added when it was published."""
    entry = commit_of(place, QUARANTINE, partition, run_id)
    if entry is None:
        return ()
    then = log.open_table(place.table_uri(QUARANTINE), entry["version"])
    files = log.partition_view(then, place.column, partition).files
    return tuple(file for file in files if parse_run_id(file.path) == run_id)


def _record(place: StoreLocation, run_id: str, done: str) -> Run:
    known = read_run_records(place, run_id=run_id)
    if known:
        return known[0]
    wanted = "held" if done == "released" else "published"
    every = read_runs(place)
    fit = format_runs(_that_can_be(place, wanted, every))
    raise RunUnknown(
        f"there is no run {run_id} to be {done}",
        where=place.uri,
        expected=f"one that is {wanted}: {fit}" if fit else f"one that is {wanted}: there is none",
        fix=suggest(run_id, (each.run_id for each in every), 0.8)
        or "assay score names its run in what it prints.",
    )


def _that_can_be(place: StoreLocation, wanted: str, runs: Sequence[Run]) -> list[Run]:
    """The runs with an event; of held ones those that no other run of their night overtook."""
    fit = [each for each in runs if each.event == wanted]
    if wanted != "held":
        return fit
    now = read_partition_views(place, PREDICTIONS, sorted({each.partition for each in fit}))
    return [each for each in fit if each.base == now[each.partition].turn]


def _wrong_state(place: StoreLocation, record: Run, done: str, wanted: str) -> RunUnknown:
    partition = record.partition
    shown = visible_run_id(place, read_partition_view(place, PREDICTIONS, partition), partition)
    if wanted == "visible":
        every = read_run_records(place, partition)
        others = [each for each in every if each.run_id == shown or each is every[-1]]
    else:
        others = _that_can_be(place, wanted, read_run_records(place, partition))
    state = "published" if shown == record.run_id else record.event
    replaced = state == "published" and shown != record.run_id
    return RunUnknown(
        f"run {record.run_id} cannot be {done}",
        where=f"{place.column}={partition}",
        expected=f"a run that is {wanted}: {format_runs(others) or 'the night has none'}",
        found=f"it is {state}" + (", and was replaced since" if replaced else ""),
    )
