"""The disks that a project's files lie on, and the room on each."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from assay.monitor.doctor.judge_machine import Disk


def read_disks(root: Path, store: str | None) -> list[Disk]:
    """Each disk once, with what Assay keeps on it.

    Parameters
    ----------
    store
        As in params.yaml; one with a scheme is on no disk of this machine. None if unknown.
    """
    places = {"the project": root, "temporary files": Path(tempfile.gettempdir())}
    if store is not None and "://" not in store:
        places["the store"] = root / store
    found: dict[int, Disk] = {}
    for use, place in places.items():
        there = next(each for each in (place, *place.resolve().parents) if each.exists())
        device = there.stat().st_dev
        uses = (*found[device].uses, use) if device in found else (use,)
        room = shutil.disk_usage(there)
        found[device] = Disk(uses, room.free, room.total)
    return list(found.values())
