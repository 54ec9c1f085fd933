"""``assay vacuum``: delete files that the store no longer needs, or list them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.errors import UsageError
from assay.project.params import Params
from assay.store import VacuumResult, open_store


@dataclass(frozen=True)
class VacuumReport:
    """What was deleted from each table of a store, or would be."""

    store: str
    dry_run: bool
    keep_days: int
    tables: tuple[VacuumResult, ...]


def run(
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
