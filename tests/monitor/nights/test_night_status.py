"""Where a night stands, decided once and said in the same words wherever it is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.cli import __main__ as cli
from assay.errors import LimitCrossed
from assay.monitor import status
from assay.monitor.nights.night import STATUSES, Incident, affects_night, decide_status
from assay.project.params.monitoring import Budget
from tests.shown import shown

DAYS = ("2013-02-01", "2013-02-02", "2013-02-03", "2013-02-04")


def incident(state: Any, first: str = DAYS[0], last: str = DAYS[1]) -> Incident:
    return Incident("2013-02-02-features", "drift", state, first, last, ("x",), f"x is {state}")


@pytest.mark.parametrize(
    ("state", "partition", "lies_in"),
    [
        ("open", "2013-01-31", False),
        ("open", DAYS[0], True),
        ("open", DAYS[3], True),  # it is not over
        ("snoozed", DAYS[3], True),
        ("recovered", DAYS[1], True),
        ("recovered", DAYS[2], False),
    ],
)
def test_the_nights_of_an_incident(state: Any, partition: str, lies_in: bool) -> None:
    assert affects_night(incident(state), partition) is lies_in


@pytest.mark.parametrize(
    ("crossed", "states", "status", "alarming"),
    [
        (False, [], "ok", False),
        (False, ["recovered"], "recovered", False),
        (False, ["recovered", "snoozed"], "snoozed", False),
        (False, ["snoozed", "open"], "incident", True),
        (True, [], "over", False),  # within the false-alarm budget
        (True, ["recovered"], "drift", True),
        (True, ["snoozed", "open"], "drift", True),
        (True, ["snoozed"], "snoozed", False),
        (None, ["open"], "unseen", False),
    ],
)
def test_the_gravest_decides(
    crossed: bool | None, states: list[str], status: str, alarming: bool
) -> None:
    found = decide_status("published", crossed, [incident(each) for each in states])
    assert (found.name, found.alarming) == (status, alarming)
    assert found.incidents == tuple(f"x is {each}" for each in states)
    assert ("within limits" in found.headline("n").lower()) is (status == "ok")


def test_what_is_not_published_is_in_no_incident_of_drift() -> None:
    assert decide_status("held", True, [incident("open")]).name == "held"


@pytest.fixture
def looked_at(project: Any) -> Any:
    """Two shifted nights and one within its limits: an incident is open on the last."""
    for day, shift in zip(DAYS, (0.0, 2.0, 2.0, 0.0), strict=True):
        project.score(day, f"run-{day[-2:]}", shift=shift)
    budget = Budget(nights=2, of=3, false_alarms=20)
    project.set("monitor", budget=budget, evidently="never")
    return project


def test_every_page_and_the_exit_code_say_the_same(
    looked_at: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    root, params = looked_at.root, looked_at.params
    page = root / f"reports/nights/{DAYS[3]}.html"
    with pytest.raises(LimitCrossed, match=f"In an open incident on {DAYS[3]}") as many:
        shown("monitor", looked_at.monitor, DAYS[0], DAYS[3])
    told = capsys.readouterr()
    assert "2 limits crossed, 1 within limits, 1 in an open incident" in told.out
    assert "ithin limits" not in told.err

    with pytest.raises(LimitCrossed, match=f"In an open incident on {DAYS[3]}") as one:
        shown("monitor", looked_at.monitor, DAYS[3], alone=True)
    assert many.value.exit_code == one.value.exit_code == 4
    assert f"In an open incident on {DAYS[3]}" in capsys.readouterr().out

    assert page.read_text().count(f"In an open incident on {DAYS[3]}") == 2  # title and heading
    assert "Within limits" not in page.read_text()
    document = json.loads(page.with_suffix(".json").read_text())
    assert (document["status"], document["crossed"]) == ("incident", False)
    assert "features drifted: x; since 2013-02-02" in document["incidents"][1]
    html = (root / "reports/index.html").read_text()
    assert f"{DAYS[3]}</a>: in an open incident" in html and 'class="card bad"' in html
    shown("status", status.run, root, params)
    text = capsys.readouterr().out
    assert f"{DAYS[3]}: in an open incident" in text
    assert f"In an open incident on {DAYS[3]}" in text and "within limits" not in text


def test_pages_go_on_saying_what_became_of_it(looked_at: Any) -> None:
    root = looked_at.root
    with pytest.raises(LimitCrossed):
        looked_at.monitor(DAYS[0], DAYS[3])
    page = root / f"reports/nights/{DAYS[3]}.html"
    looked_at.score("2013-02-05", "run-05")
    looked_at.monitor("2013-02-05")  # the second quiet night ends it
    assert "Within limits on 2013-02-04" in page.read_text()
    assert json.loads(page.with_suffix(".json").read_text())["status"] == "ok"
    first = json.loads((root / f"reports/nights/{DAYS[2]}.json").read_text())
    assert first["status"] == "drift" and first["incidents"][0].endswith("by 2013-02-05")
    assert first["in_alarm"] == ["probability", "x"]


def test_all_words_differ() -> None:
    for each in zip(*STATUSES.values(), strict=True):
        assert len(set(each)) == len(STATUSES)


RELEASE = "assay.score.operations.store_commands"


@pytest.mark.parametrize(
    ("argv", "module", "name", "shown"),
    [
        (["score", "--date", DAYS[0]], "assay.score.stage", "run", "nights.score_lines"),
        (["promote"], "assay.promotion.promote", "promote", "versions.promoted_lines"),
        (
            ["rollback", "--because", "b"],
            "assay.promotion.promote",
            "rollback",
            "versions.moved_lines",
        ),
        (
            ["release", "r", "--because", "b"],
            "assay.score.operations.store_commands",
            "release",
            "nights.release_lines",
        ),
        (
            ["retract", "r", "--because", "b"],
            "assay.score.operations.store_commands",
            "retract",
            "nights.retract_lines",
        ),
    ],
)
def test_what_changes_the_front_page_writes_it(
    argv: list[str],
    module: str,
    name: str,
    shown: str,
    project: Any,
    params_text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (project.root / "params.yaml").write_text(params_text)
    monkeypatch.setattr(f"assay.cli.show.{shown}", lambda found, **_: ())
    monkeypatch.setattr(f"{module}.{name}", lambda *given, **more: project.score(DAYS[0], "run-1"))
    assert cli.main([*argv, "--root", str(project.root)]) == 0
    page = project.root / "reports/index.html"
    assert f"{DAYS[0]}: not monitored" in page.read_text()
    page.unlink()
    page.mkdir()  # nothing can be written there
    monkeypatch.setattr(f"{module}.{name}", lambda *given, **more: None)
    assert cli.main([*argv, "--root", str(project.root)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("assay: reports/index.html is not up to date:")
