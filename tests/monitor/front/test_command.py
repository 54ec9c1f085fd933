"""``assay front`` on a real store, and after ``assay monitor``."""

from __future__ import annotations

import re
from typing import Any

import pytest

from assay.errors import LimitCrossed, StoreError
from assay.monitor.front import command
from tests.shown import shown

NIGHT = "2013-02-01"


def page(project: Any) -> str:
    text: str = project.read("reports/index.html")
    return text


def test_monitoring_a_night_writes_the_front_page_too(project: Any) -> None:
    project.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(LimitCrossed):
        project.monitor(NIGHT)
    html = page(project)
    assert f"nights/{NIGHT}.html" in html and "limits crossed" in html
    assert "v0.1.0, verdict" in html
    assert sorted(path.name for path in (project.root / "reports").iterdir()) == [
        "incidents.json",
        "index.html",
        "nights",
        "runbook.html",
    ]


def test_all_kinds_of_nights(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.score(NIGHT, "run-1")
    project.monitor(NIGHT)
    project.log("2013-02-02", "run-2", "held", rows=(900, 890, 10), detail="too many rows")
    project.log("2013-02-04", "run-3", "failed", detail="disk full")
    told = project.run(command.run).document()
    assert [(night["partition"], night["status"]) for night in told["nights"]] == [
        ("2013-02-01", "ok"),
        ("2013-02-02", "held"),
        ("2013-02-03", "missing"),
        ("2013-02-04", "failed"),
    ]
    assert told["champion"]["version"] == "v0.1.0"
    first, second, *_ = told["nights"]
    assert first["quarantine_share"] == pytest.approx(2 / 300)
    assert first["drifted_share"] == 0.0
    assert second["reasons"][0] == "held: too many rows"
    assert second["reasons"][1].startswith(
        "look at its refused rows: assay quarantine show --run run-2; fix the input and score the "
        "night again: assay score --date 2013-02-02; or"
    )
    assert "assay release run-2 --because WHY" in second["reasons"][1]
    html = page(project)
    assert "held: too many rows" in html and "assay release run-2 --because WHY" in html
    assert "<b>2 open; nights were" in html and "2013-02-04 has nothing published" in html
    shown("front", project.run, command.run, last=1)
    assert capsys.readouterr().out.startswith("page ")


def test_a_night_that_was_scored_again_is_not_called_fine(project: Any) -> None:
    project.score(NIGHT, "run-1")
    project.monitor(NIGHT)
    project.score(NIGHT, "run-2")
    (night,) = project.run(command.run).nights
    assert night.status.name == "unseen"
    assert night.unseen == "monitored as run run-1 left it; monitor it again"


def test_the_pages_of_the_stages_are_linked_where_they_are_there(empty_project: Any) -> None:
    made = ["reports/gate/index.html", "reports/contract/index.html"]
    for name in made:
        (empty_project.root / name).parent.mkdir(parents=True)
        (empty_project.root / name).touch()
    empty_project.run(command.run)
    links = re.findall(r'<a href="([^"#]+)">', page(empty_project))
    assert [f"reports/{link}" for link in links] == ["reports/runbook.html", *made]


def test_before_anything(empty_project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shown("front", empty_project.run, command.run)
    assert capsys.readouterr().out == "page  reports/index.html\n"
    assert "No night has been scored yet" in page(empty_project)
    assert "dvc repro made" not in page(empty_project)


def test_a_store_that_cannot_be_read_leaves_the_page_as_it_was(project: Any) -> None:
    project.score(NIGHT, "run-1")
    project.run(command.run)
    before = page(project)
    log = project.root / "store/predictions/_delta_log"
    next(log.glob("*.json")).write_text("{")
    with pytest.raises(StoreError):
        project.run(command.run)
    assert page(project) == before
