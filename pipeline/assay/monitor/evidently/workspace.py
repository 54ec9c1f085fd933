"""The workspace that ``evidently ui`` serves: a run for each night that has Evidently's report."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

from assay.pages.templating import suppress_output

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

SNAPSHOTS = "snapshots"
"""Evidently's name for the runs of a project, in a folder named by the project's id."""


def project_id(name: str) -> UUID:
    """The id of the project that shows the nights of the model ``name``."""
    return uuid5(NAMESPACE_URL, f"assay:{name}")


def runs_folder(workspace: Path, name: str) -> Path:
    """The folder with a file for each run."""
    return workspace / str(project_id(name)) / SNAPSHOTS


def create_project(workspace: Path, name: str) -> None:
    """Make the workspace and its project, with two panels over the nights, unless it is there."""
    if runs_folder(workspace, name).parent.exists():
        return
    with suppress_output():
        from evidently.sdk.models import DashboardPanelPlot, PanelMetric, ProjectModel
        from evidently.sdk.panels import line_plot_panel, text_panel
        from evidently.ui.workspace import Workspace

        panels: list[DashboardPanelPlot] = [
            text_panel(
                f"{name}: samples of nights",
                "Nothing is decided here: assay monitor decides on all rows of each night.",
            ),
            line_plot_panel(
                "Share of the features that Evidently finds drifted in the sample",
                [PanelMetric(metric="DriftedColumnsCount", metric_labels={"value_type": "share"})],
            ),
            line_plot_panel(
                "Evidently's drift score of each column of the sample",
                [PanelMetric(metric="ValueDrift", legend="{{column}}")],
            ),
        ]
        about = ProjectModel(id=project_id(name), name=name, description="Nights, by samples.")
        made = Workspace.create(str(workspace)).add_project(about)
        for panel in panels:
            made.dashboard.add_panel(panel)


def add_run(workspace: Path, name: str, partition: str, run: Snapshot) -> None:
    """Add a night's run, or replace it.

    ``Workspace.add_run`` gives each run a new id, so it would show a night as often as it was
    monitored. The file is written elsewhere and moved in, so a server that watches the folder never
    reads half of one.
    """
    create_project(workspace, name)
    target = runs_folder(workspace, name) / f"{uuid5(project_id(name), partition)}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.parent, prefix=".evidently-") as scratch:
        made = Path(scratch) / target.name
        made.write_text(str(run.dumps()), encoding="utf-8")
        made.replace(target)
