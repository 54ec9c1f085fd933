"""A person's word on one run: publish it although it was held, or take it back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assay.project.params import Params
from assay.registry.person import person
from assay.store import Retracted, open_store


@dataclass(frozen=True)
class Released:
    """A held run that readers see now, and whose word that was."""

    run_id: str
    partition: str
    version: str
    rows_scored: int | None
    rows_quarantined: int | None
    by: str
    because: str

    def plain(self) -> dict[str, Any]:
        told = asdict(self)
        return {"released": told.pop("run_id"), **told}


@dataclass(frozen=True)
class TakenBack:
    """A run that readers do not see any more, and whose word that was."""

    done: Retracted
    by: str
    because: str

    def plain(self) -> dict[str, Any]:
        told = {**asdict(self.done), "by": self.by, "because": self.because}
        told["retracted"] = told.pop("run_id")
        return told


def release(root: Path, params: Params, run_id: str, because: str) -> Released:
    """Publish a held run after all; the runs table keeps who did it, and why.

    Raises
    ------
    UsageError
        No reason was given.
    RunUnknown
        There is no such run, or it is not held.
    RunOvertaken
        The night changed hands since the run started: score it again.
    StoreError
        The run's files are not there any more as they were written.
    """
    by = person(root, because)
    record = open_store(root, params).release(run_id, by, because.strip())
    return Released(
        run_id=run_id,
        partition=record.partition,
        version=record.version,
        rows_scored=record.rows_scored,
        rows_quarantined=record.rows_quarantined,
        by=by,
        because=because.strip(),
    )


def retract(root: Path, params: Params, run_id: str, because: str) -> TakenBack:
    """Take the visible run of a night back; the runs table keeps who did it, and why.

    Raises
    ------
    UsageError
        No reason was given.
    RunUnknown
        There is no such run, or it is not the one that readers see.
    """
    by = person(root, because)
    done = open_store(root, params).retract(run_id, by, because.strip())
    return TakenBack(done, by, because.strip())
