"""The workspace has a run for each night with a report, once however often it was monitored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.monitor import monitor_nights
from assay.monitor.evidently import workspace

NIGHTS = ("2013-02-01", "2013-02-02")


@pytest.fixture
def shown(project: Any) -> Any:
    monitor = project.params.monitor.model_copy(update={"workspace": "work/evidently"})
    project.params = project.params.model_copy(update={"monitor": monitor})
    for night in NIGHTS:
        project.score(night, f"run-{night[-2:]}")
    return project


def runs(project: Any) -> dict[str, tuple[str, str]]:
    """Night -> file and time of its run."""
    folder: Path = workspace.runs_folder(project.root / "work/evidently", "late-flights")
    found = {path.name: json.loads(path.read_bytes()) for path in folder.glob("*")}
    return {run["name"]: (name, run["timestamp"]) for name, run in found.items()}


def test_a_night_is_one_run_however_often_it_is_monitored(shown: Any) -> None:
    for night in (*NIGHTS, NIGHTS[0]):
        monitor_nights.run(shown.root, shown.params, night, night, evidently=True)
    found = runs(shown)
    assert sorted(found) == list(NIGHTS)
    assert [at for _, at in found.values()] == [f"{night}T00:00:00" for night in found]


def test_evidently_finds_the_run_and_what_its_panels_plot(shown: Any) -> None:
    monitor_nights.run(shown.root, shown.params, NIGHTS[0], NIGHTS[0], evidently=True)
    from evidently.ui.workspace import Workspace

    here = Workspace(str(shown.root / "work/evidently"))
    (project,) = here.search_project("late-flights")
    (name,) = here.list_runs(project.id)
    run = here.get_run(project.id, name)
    assert run is not None and run.name == NIGHTS[0]
    computed = {
        value.metric_value_location.metric.params["type"] for value in run.metric_results.values()
    }
    plotted = {each.metric for panel in project.dashboard.model().panels for each in panel.values}
    assert len(plotted) == 2 and plotted <= computed


def test_a_night_without_a_report_has_no_run(shown: Any) -> None:
    monitor_nights.run(shown.root, shown.params, NIGHTS[0], NIGHTS[0])
    assert runs(shown) == {}
