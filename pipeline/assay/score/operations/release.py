"""Manual decisions about a run: release a held one, or retract a published one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.project.params import Params
from assay.registry import access
from assay.store import Retraction, open_store


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
        told = asdict(self)
        return {"released": told.pop("run_id"), **told}


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
    """Withdraw the visible run of a night; the runs table records who and why. Again does nothing.

    Raises
    ------
    UsageError
        No reason was given.
    NotAllowed
        The person may not retract.
    RunUnknown
        There is no such run, or it is not the visible one.
    """
    by = access.require_with_reason(root, "retract", because)
    return open_store(root, params).retract(run_id, by, because.strip())
