"""``assay fsck``: checks the store for damage and says how to repair it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.project.params import Params
from assay.store import Damage, StoreDamaged, open_store


@dataclass(frozen=True)
class FsckReport:
    """The damage found in a store, repaired or not."""

    store: str
    damages: tuple[Damage, ...]


def run(root: Path, params: Params, fix: bool = False) -> FsckReport:
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
    found = FsckReport(params.store, tuple(open_store(root, params).check(fix)))
    left = [each.line() for each in found.damages if not each.fixed]
    if left:
        raise StoreDamaged(left).attach_report(found)
    return found
