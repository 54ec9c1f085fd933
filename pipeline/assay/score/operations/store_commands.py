"""Commands on the store: ``assay vacuum``, ``fsck``, ``history``, ``release`` and ``retract``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.errors import NothingScored, UsageError
from assay.project.params import Params
from assay.project.partitions import parse_day
from assay.registry import access
from assay.score.due import not_a_day
from assay.store import Damage, Retraction, Run, StoreDamaged, VacuumResult, open_store
from assay.store.retention import ExpiredRows


@dataclass(frozen=True)
class VacuumReport:
    """What was deleted from each table of a store, or would be.

    Attributes
    ----------
    expired
        Rows that were older than ``retention`` in params.yaml says, by table.
    """

    store: str
    dry_run: bool
    keep_days: int
    tables: tuple[VacuumResult, ...]
    expired: tuple[ExpiredRows, ...] = ()


def vacuum(
    root: Path, params: Params, keep_days: int | None = None, dry_run: bool = False
) -> VacuumReport:
    """Delete leftovers and replaced versions of all nights, and shorten the tables' logs.

    Parameters
    ----------
    keep_days
        How many days to keep replaced files; default is ``publish.keep_days``.
    dry_run
        Only report what would be done.

    Raises
    ------
    UsageError
        Less than a day: current readers would lose the files that they read.
    """
    days = params.publish.keep_days if keep_days is None else keep_days
    if days < 1:
        raise UsageError(
            "readers at work may still need what was replaced today",
            where="--keep-days",
            expected="at least 1",
            found=str(days),
        )
    done = open_store(root, params).vacuum(days, dry_run)
    return VacuumReport(params.store, dry_run, days, tuple(done))


@dataclass(frozen=True)
class FsckReport:
    """The damage found in a store, repaired or not."""

    store: str
    damages: tuple[Damage, ...]


def fsck(root: Path, params: Params, fix: bool = False) -> FsckReport:
    """Check every table's log, and read every file that the tables consist of.

    Parameters
    ----------
    fix
        Repair what can be repaired without losing a row that can still be read.

    Raises
    ------
    assay.store.StoreDamaged
        With a line for each damage that remains. The result is attached to the error.
    """
    report = FsckReport(params.store, tuple(open_store(root, params).check(fix)))
    left = [each.line() for each in report.damages if not each.fixed]
    if left:
        raise StoreDamaged(left).attach_report(report)
    return report


@dataclass(frozen=True)
class RunHistory:
    """The events of a night's runs, the first one first.

    Attributes
    ----------
    visible
        The run that readers see, from the files of the predictions table; None if there is none.
    lost
        Whether no event tells that this run was published: it was killed right after its commit, or
        events were lost.
    """

    partition: str
    events: tuple[Run, ...]
    visible: Run | None
    lost: bool

    def document(self) -> dict[str, Any]:
        """As JSON values; times are ISO 8601 in UTC."""
        return {
            "partition": self.partition,
            "visible": None if self.visible is None else self.visible.run_id,
            "events": [_plain(event) for event in self.events],
        }


def history(root: Path, params: Params, night: str) -> RunHistory:
    """Collect a night's events.

    Raises
    ------
    NothingScored
        No run of the night has begun.
    UsageError
        It is no day.
    StoreError
        The store is damaged or cannot be read.
    """
    store = open_store(root, params)
    events, visible = store.run_events(night), store.published_run(night)
    if not events and visible is None:
        if parse_day(night) is None:
            raise not_a_day(night)
        raise NothingScored(
            f"no run of {store.column}={night} has begun",
            where=store.uri,
            fix="Run assay score for it; assay front shows the nights that there are.",
        )
    return RunHistory(night, tuple(events), visible, _is_lost(events, visible))


def _is_lost(events: Sequence[Run], visible: Run | None) -> bool:
    recorded = {event.run_id for event in events if event.event in ("published", "released")}
    return visible is not None and visible.run_id not in recorded


def _plain(event: Run) -> dict[str, Any]:
    kept = asdict(event)
    for name in ("partition", "files", "base", "started_at"):
        del kept[name]
    return {**kept, "at": event.at.isoformat() if event.at else None}


# ------------ decisions of a person about a run: release a held one, or retract a published one


@dataclass(frozen=True)
class ReleaseReport:
    """A released run, with who released it and why."""

    run_id: str
    partition: str
    version: str
    rows_scored: int | None
    rows_quarantined: int | None
    by: str
    because: str

    def document(self) -> dict[str, Any]:
        tree = asdict(self)
        return {"released": tree.pop("run_id"), **tree}


def release(root: Path, params: Params, run_id: str, because: str) -> ReleaseReport:
    """Publish a held run; the runs table records who did it, and why. Again changes nothing.

    Raises
    ------
    UsageError
        No reason was given.
    NotAllowed
        The person may not release.
    RunUnknown
        There is no such run, or it is not held.
    PublishConflict
        The night changed since the run started: score it again.
    """
    by = access.require_with_reason(root, "release", because)
    record = open_store(root, params).release(run_id, by, because.strip())
    return ReleaseReport(
        run_id=run_id,
        partition=record.partition,
        version=record.version,
        rows_scored=record.rows_scored,
        rows_quarantined=record.rows_quarantined,
        by=record.by,
        because=record.because,
    )


def retract(root: Path, params: Params, run_id: str, because: str) -> Retraction:
    """Withdraw a run of a night; the runs table records who and why. Again does nothing.

    Raises
    ------
    UsageError
        No reason was given.
    NotAllowed
        The person may not retract.
    RunUnknown
        There is no such run, or it is neither the visible one nor the last one.
    """
    by = access.require_with_reason(root, "retract", because)
    return open_store(root, params).retract(run_id, by, because.strip())
