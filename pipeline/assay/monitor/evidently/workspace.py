"""The Evidently workspace: a snapshot of each monitored night, and a dashboard over all of them.

The workspace is derived entirely from the documents of ``assay monitor``, the published runs, their
profiles and the known performance. Adding a night, updating one after its labels arrived, and
rebuilding everything are therefore one operation: write the missing snapshots, delete the outdated
ones. A snapshot's name is a hash of its night and facts, so file names alone show what is missing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from assay.monitor.evidently import page, snapshot_inputs
from assay.monitor.evidently.folder import (
    DASHBOARD,
    PROJECT,
    SNAPSHOTS,
    find_damage,
    project_of,
    set_aside,
    write,
)
from assay.monitor.evidently.snapshot_inputs import SnapshotContent, SnapshotInput
from assay.monitor.nights.facts import KnownNights
from assay.pages.page_layout import suppress_output
from assay.project.params import Params
from assay.project.text.number_format import counted
from assay.store import open_store

log = logging.getLogger(__name__)


@dataclass
class RefreshResult:
    """The result of updating a workspace.

    Attributes
    ----------
    folder
        Of the workspace.
    nights, written
        How many nights it has, and how many of their snapshots were written.
    aside
        Where a damaged workspace was moved, and why it counted as damaged.
    left_out
        Monitored nights that cannot be shown, and why.
    """

    folder: Path
    nights: int = 0
    written: int = 0
    aside: tuple[Path, str] | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Messages for people; none if all went well."""
        if self.aside is not None:
            place, why = self.aside
            yield (
                f"the Evidently workspace was damaged ({why}): it is {place} now, and was made "
                f"anew from {counted(self.nights, 'night')}"
            )
        if self.left_out:
            night, why = list(self.left_out.items())[-1]
            others = f", as {len(self.left_out) - 1} others" if len(self.left_out) > 1 else ""
            yield f"the Evidently workspace lacks the night {night}{others}: {why}"


def refresh(root: Path, params: Params, facts: KnownNights) -> RefreshResult | None:
    """Write the missing snapshots, and delete the outdated ones.

    Parameters
    ----------
    facts
        The nights' documents, and their known performance.

    Returns
    -------
    Refreshed or None
        None if ``monitor.workspace`` is null.
    """
    if params.monitor.workspace is None:
        return None
    done = RefreshResult(root / params.monitor.workspace)
    damage = find_damage(done.folder)
    if damage is not None:
        done.aside = (set_aside(done.folder), damage)
    project = done.folder / str(project_of(params.name))
    present = {path.stem for path in (project / SNAPSHOTS).glob("*.json")}
    wanted = {night.name(): night for night in snapshot_inputs.list_inputs(facts)}
    missing = {name: night for name, night in wanted.items() if str(name) not in present}
    for name, text in _missing_files(root, params, project, missing, done):
        write(done.folder, f"{project.name}/{name}", text)
    # Deleted last, so that a reader always finds an old or a new snapshot of a night.
    for old in present - {str(name) for name in wanted}:
        (project / SNAPSHOTS / f"{old}.json").unlink(missing_ok=True)
    done.nights = len(wanted) - len(done.left_out)
    return done


def _missing_files(
    root: Path,
    params: Params,
    project: Path,
    nights: Mapping[UUID, SnapshotInput],
    done: RefreshResult,
) -> Iterator[tuple[str, str]]:
    """Name and text of each file that the project's folder lacks, one night in memory at a time.

    Parameters
    ----------
    done
        Receives the nights that cannot be shown, and the number of snapshots.
    """
    if not (project / PROJECT).exists():
        yield PROJECT, _about(project.name, params.name)
    if not nights:
        return
    store = open_store(root, params)
    contents = snapshot_inputs.load_contents(root, params, store, nights, done.left_out)
    for name, night in contents:
        if not (project / DASHBOARD).exists():
            yield DASHBOARD, _dashboard(params.name, night)
        yield f"{SNAPSHOTS}/{name}.json", _snapshot(night)
        done.written += 1


def _snapshot(night: SnapshotContent) -> str:
    summary = night.summary
    about = {"night": summary.partition, "version": summary.version, "run": summary.run_id}
    return page.snapshot_json(night.told, night.at, about)


def _dashboard(name: str, night: SnapshotContent) -> str:
    with suppress_output():
        from assay.monitor.evidently.dashboard import dashboard

        return str(dashboard(name, night.told).json())


def _about(project: str, name: str) -> str:
    words = "Published nights, counted on all rows and judged by assay monitor."
    about = {"id": project, "name": name, "description": words, "version": "2"}
    return json.dumps(about, indent=2) + "\n"
