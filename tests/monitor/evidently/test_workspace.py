"""The workspace is what documents and store say, each night once, whatever happened to it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assay.monitor import monitor_night, night_writer
from assay.monitor.evidently import workspace
from assay.monitor.evidently.folder import project_of
from assay.monitor.evidently.page import ReportPage
from assay.monitor.nights.facts import KnownNights, load
from assay.pages.page_layout import suppress_output
from assay.store import open_store

NIGHTS = ("2013-02-01", "2013-02-02")
FOLDER = ".assay/evidently"


@pytest.fixture(autouse=True)
def plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        night_writer.page, "render_page", lambda title, ours, shown: ReportPage(title)
    )


@pytest.fixture
def shown(project: Any) -> Any:
    """Two nights, monitored, with a workspace."""
    own = project.params.monitor.model_copy(update={"workspace": FOLDER})
    project.params = project.params.model_copy(update={"monitor": own})
    for night in NIGHTS:
        project.score(night, f"run-{night[-2:]}")
        monitor(project, night)
    return project


def monitor(project: Any, night: str) -> workspace.RefreshResult | None:
    """Monitor a night, and bring the workspace up to date as `assay ui` does."""
    monitor_night.run(project.root, project.params, night)
    return workspace.refresh(project.root, project.params, facts(project))


def facts(project: Any) -> KnownNights:
    return load(project.root, open_store(project.root, project.params))


def folder_of(project: Any) -> Path:
    found: Path = project.root / FOLDER / str(project_of("late-flights"))
    return found


def snapshots(project: Any) -> dict[str, dict[str, Any]]:
    """Night -> its snapshot."""
    paths = sorted((folder_of(project) / "snapshots").iterdir())
    found = [json.loads(path.read_text()) for path in paths]
    assert len({each["metadata"]["night"] for each in found}) == len(found), (
        "a night is there twice"
    )
    return {each["metadata"]["night"]: each for each in found}


def values(snapshot: dict[str, Any]) -> dict[tuple[str, ...], float]:
    found = {}
    for result in snapshot["metric_results"].values():
        params = result["metric_value_location"]["metric"]["params"]
        name = (params["type"].split(":")[-1], *(params[key] for key in ("column", "metric")
                if key in params))  # fmt: skip
        found[name] = result["value"]
    return found


def test_evidently_itself_finds_the_nights_and_their_dashboard(shown: Any) -> None:
    with suppress_output():
        from evidently.ui.workspace import Workspace

        opened = Workspace(str(shown.root / FOLDER))
        (project,) = opened.search_project("late-flights")
        found = [opened.get_run(project.id, name) for name in opened.list_runs(project.id)]
        board = opened.get_dashboard(project.id)
    nights = {each.timestamp.isoformat(): each for each in found if each}
    assert set(nights) == {f"{night}T00:00:00" for night in NIGHTS}
    one = nights[f"{NIGHTS[0]}T00:00:00"]
    document = json.loads((shown.root / f"reports/nights/{NIGHTS[0]}.json").read_text())
    known = values(json.loads(one.json()))
    assert known["DriftShare",] == document["drifted_share"]
    assert known["QuarantineShare",] == 2 / 300
    distances = {each["column"]: each["distance"] for each in document["findings"]}
    assert {name[1]: value for name, value in known.items() if name[0] == "ColumnDistance"} == (
        distances
    )
    kinds = {f"evidently:metric_v2:{name[0]}" for name in known}
    drawn = {value.metric for panel in board.panels for value in panel.values}
    # What labels say comes later, and what is in alarm once nights are looked at together.
    later = ("RealizedPerformance", "AlarmShare")
    assert drawn - kinds == {f"evidently:metric_v2:{name}" for name in later}
    assert board.tabs[0].panels == [panel.id for panel in board.panels]


def test_the_same_night_again_changes_nothing(shown: Any) -> None:
    before = {path: path.stat().st_mtime_ns for path in (shown.root / FOLDER).rglob("*.json")}
    monitor(shown, NIGHTS[0])
    after = {path: path.stat().st_mtime_ns for path in (shown.root / FOLDER).rglob("*.json")}
    assert after == before


def test_a_night_that_was_scored_again_is_replaced(shown: Any) -> None:
    shown.score(NIGHTS[0], "run-again")
    workspace.refresh(shown.root, shown.params, facts(shown))
    assert set(snapshots(shown)) == {NIGHTS[1]}, "what readers see now was not monitored"
    monitor(shown, NIGHTS[0])
    assert snapshots(shown)[NIGHTS[0]]["metadata"]["run"] == "run-again"
    assert set(snapshots(shown)) == set(NIGHTS)


def test_a_night_that_was_taken_back_is_gone(shown: Any) -> None:
    open_store(shown.root, shown.params).retract("run-02", "Ada", "of another day")
    workspace.refresh(shown.root, shown.params, facts(shown))
    assert set(snapshots(shown)) == {NIGHTS[0]}


def test_what_labels_say_is_there_once_they_came(shown: Any) -> None:
    store = open_store(shown.root, shown.params)
    row = {
        store.column: NIGHTS[0], "run_id": "run-01", "model_version": "v0.1.0",
        "bundle": shown.digest, "maturity_days": 7, "slice": "", "metric": "auc", "value": 0.625,
        "low": 0.5, "high": 0.7, "rows": 290, "labelled_share": 0.9, "estimated": False,
        "at": datetime(2013, 2, 9, tzinfo=UTC),
    }  # fmt: skip
    store.append_performance([row, {**row, "slice": "c=a", "value": 0.1}])
    before = snapshots(shown)[NIGHTS[1]]
    done = workspace.refresh(shown.root, shown.params, facts(shown))
    assert done is not None and (done.nights, done.written) == (2, 1)
    assert values(snapshots(shown)[NIGHTS[0]])["RealizedPerformance", "auc"] == 0.625
    assert snapshots(shown)[NIGHTS[1]] == before


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda mine: next((mine / "snapshots").iterdir()).write_text('{"report": '), "is no JSON"),
        (lambda mine: next((mine / "snapshots").iterdir()).write_text("{}"), "is not what Evid"),
        (lambda mine: (mine / "dashboard.json").write_bytes(b"\xff"), "dashboard.json is no JSON"),
        (lambda mine: (mine / "metadata.json").write_text("[]"), "metadata.json is not what"),
    ],
)
def test_a_damaged_workspace_is_set_aside_and_made_anew(shown: Any, harm: Any, words: str) -> None:
    names = sorted(path.name for path in folder_of(shown).rglob("*.json"))
    harm(folder_of(shown))
    done = monitor(shown, NIGHTS[1])
    assert done is not None
    (line,) = done.lines()
    assert words in line and line.endswith("was made anew from 2 nights")
    assert sorted(path.name for path in folder_of(shown).rglob("*.json")) == names
    (aside,) = (shown.root / ".assay").glob("evidently-damaged-2*Z")
    assert sorted(path.name for path in aside.rglob("*.json")) == names
    assert set(snapshots(shown)) == set(NIGHTS)


def test_a_file_in_its_place_is_set_aside_too(shown: Any) -> None:
    (shown.root / FOLDER).rename(shown.root / "elsewhere")
    (shown.root / FOLDER).write_text("mine")
    done = workspace.refresh(shown.root, shown.params, facts(shown))
    assert done is not None and done.aside is not None
    assert done.aside[0].read_text() == "mine" and set(snapshots(shown)) == set(NIGHTS)


def test_what_others_put_there_is_let_be(shown: Any) -> None:
    other = shown.root / FOLDER / ("0" * 8)
    other.mkdir()
    (other / "metadata.json").write_text('{"id": "x", "name": "theirs"}')
    panels = folder_of(shown) / "dashboard.json"
    panels.write_text('{"tabs": [], "panels": []}')
    workspace.refresh(shown.root, shown.params, facts(shown))
    assert (other / "metadata.json").exists() and panels.read_text() == '{"tabs": [], "panels": []}'


def test_monitoring_itself_needs_no_evidently(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "evidently", None)
    project.score(NIGHTS[0], "run-1")
    monitor_night.run(project.root, project.params, NIGHTS[0])
    page = (project.root / f"reports/nights/{NIGHTS[0]}.html").read_text()
    assert "assay monitor --date 2013-02-01 --evidently" in page


def test_nights_that_cannot_be_shown_are_told_in_one_line(shown: Any) -> None:
    (shown.root / FOLDER).rename(shown.root / "elsewhere")
    for night in NIGHTS:
        (shown.root / f"reports/nights/{night}.json").write_text("{}")
    done = workspace.refresh(shown.root, shown.params, facts(shown))
    assert done is not None and done.nights == 0
    (line,) = done.lines()
    assert "lacks the night 2013-02-02, as 1 others: its document is not what" in line


def test_null_switches_it_off(project: Any) -> None:
    project.score(NIGHTS[0], "run-1")
    monitor_night.run(project.root, project.params, NIGHTS[0])
    assert workspace.refresh(project.root, project.params, facts(project)) is None
    assert not (project.root / FOLDER).exists()
