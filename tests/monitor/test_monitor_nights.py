"""``assay monitor --from --to`` on a real store: documents, incidents, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.cli import __main__ as cli
from assay.cli.result import to_json
from assay.errors import LimitCrossed, NothingScored, StoreError, UsageError, VersionUnknown
from assay.monitor.nights import history
from assay.project.params.monitoring import Budget, Snooze
from assay.registry import pin
from assay.store.delta import rows
from tests.shown import shown

DAYS = [f"2013-02-{day:02}" for day in range(1, 9)]


@pytest.fixture(autouse=True)
def without_evidently(project: Any) -> None:
    """It has tests of its own, and takes a second a night."""
    project.set("monitor", evidently="never")


def scored(project: Any, shifts: str) -> Any:
    """A night a character: ``!`` is shifted, ``#`` by far, a space is not scored."""
    by = {"!": 0.2, "#": 2.0}
    for day, shift in zip(DAYS, shifts, strict=False):
        if shift != " ":
            project.score(day, f"run-{day[-2:]}", shift=by.get(shift, 0.0))
    project.set("monitor", budget=Budget(nights=2, of=3, false_alarms=20))
    return project


def book(project: Any) -> dict[str, Any]:
    found: dict[str, Any] = project.read_json("reports/incidents.json")
    return found


def test_ordinary_nights_have_no_incident(project: Any) -> None:
    scored(project, ".. .")
    found = project.monitor(DAYS[0], DAYS[3])
    assert json.loads(to_json(found)) == book(project)
    assert book(project)["nights"] == [DAYS[0], DAYS[1], DAYS[3]]
    assert (book(project)["incidents"], book(project)["open"]) == ([], 0)
    blind = book(project)["blind_columns"]
    assert set(blind) <= {"x", "c", "probability"} and bool(blind) == bool(book(project)["blind"])
    written = sorted(path.name for path in (project.root / "reports/nights").iterdir())
    assert written == [f"{DAYS[day]}.{kind}" for day in (0, 1, 3) for kind in ("html", "json")]


def test_a_shift_is_one_incident_and_exit_4(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    scored(project, "..!!")
    with pytest.raises(
        LimitCrossed, match=r"Limits crossed on 2013-02-04; 2 incidents open at"
    ) as said:
        shown("monitor", project.monitor, DAYS[0], DAYS[3])
    assert said.value.exit_code == 4
    answers, features = book(project)["incidents"]
    assert answers["columns"] == ["probability"] and features["columns"] == ["x"]
    assert (answers["id"], answers["first"], answers["state"]) == (
        f"{DAYS[3]}-answers",
        DAYS[2],
        "open",
    )
    assert answers["sentence"].startswith("the model's answers drifted: probability; since")
    told = capsys.readouterr().out
    assert f"{DAYS[3]}-answers" in told
    assert "drift: 4 nights judged, 1 in alarm; 2 of 2 incidents open" in told


def test_a_gross_break_is_an_incident_on_its_first_night(project: Any) -> None:
    scored(project, ".#")
    with pytest.raises(LimitCrossed, match=r"2 incidents open at the end"):
        project.monitor(DAYS[0], DAYS[1])
    assert [each["id"] for each in book(project)["incidents"]] == [
        f"{DAYS[1]}-answers",
        f"{DAYS[1]}-features",
    ]
    (alarm, *_) = book(project)["alarms"][DAYS[1]]
    finding = project.read_json(f"reports/nights/{DAYS[1]}.json")["findings"]
    (broken,) = [each for each in finding if each["column"] == alarm["column"]]
    assert alarm["because"] == (
        f"distance {broken['distance']:.3f} beyond its break limit {broken['break_limit']:.3f}"
    )
    assert (alarm["p"], alarm["since"]) == (None, DAYS[1])


def test_the_incident_recovers_and_does_not_depend_on_the_first_night(project: Any) -> None:
    scored(project, ".!!..")
    project.monitor(DAYS[0], DAYS[4])
    whole = book(project)["incidents"]
    assert [each["state"] for each in whole] == ["recovered"] * 2
    assert whole[0]["recovered"] == DAYS[4]
    project.monitor(DAYS[4])
    assert book(project)["incidents"] == whole
    assert book(project)["nights"] == [DAYS[4]]


def test_a_snoozed_incident_is_shown_and_does_not_fail(project: Any) -> None:
    scored(project, ".!!")
    snoozes = tuple(
        Snooze(column=column, because="a test", owner="ops", until=DAYS[2])
        for column in ("x", "probability", "slip")
    )
    project.set("monitor", snooze=snoozes)
    project.monitor(DAYS[0], DAYS[2])
    assert {each["state"] for each in book(project)["incidents"]} == {"snoozed"}
    assert [each["state"] for each in book(project)["snoozes"]] == [
        "active",
        "active",
        "no such column",
    ]


def test_pages_are_written_for_the_asked_nights_and_where_a_status_changed(project: Any) -> None:
    scored(project, "..")
    project.monitor(DAYS[0], DAYS[1])
    pages = [project.root / f"reports/nights/{day}.html" for day in DAYS[:2]]
    for page in pages:
        page.write_text("seen")
    project.score(DAYS[1], "run-again", shift=0.08)
    project.monitor(DAYS[1])
    assert f"Over a limit, no alarm on {DAYS[1]}" in pages[1].read_text()
    assert pages[0].read_text() == "seen"
    project.score(DAYS[0], "run-other")
    project.monitor(DAYS[1])
    assert "run-other" in pages[0].read_text(), "its old page was about another run"


def test_one_night_and_many_come_to_the_same(project: Any) -> None:
    scored(project, ".!!")
    document = project.root / f"reports/nights/{DAYS[2]}.json"
    ends = []
    for first in (DAYS[0], DAYS[2]):
        with pytest.raises(LimitCrossed, match=r"2 incidents open at the end"):
            project.monitor(first, DAYS[2])
        ends.append((document.read_text(), book(project)["incidents"]))
    assert ends[0] == ends[1]


def test_the_weekday_baseline_asks_other_nights(project: Any) -> None:
    scored(project, "..")
    project.set("monitor", baseline="weekday")
    project.monitor(DAYS[0], DAYS[1])
    assert book(project)["baseline"] == "weekday"
    assert book(project)["blind"] == DAYS[:2]  # nothing is usual yet


def test_only_published_runs_are_read_and_in_one_scan(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(project, "!.")
    project.score(DAYS[0], "run-again")
    project.log(DAYS[1], "run-dead", "failed")
    scans = []
    real = rows.select
    monkeypatch.setattr(rows, "select", lambda *given: scans.append(given[1]) or real(*given))
    store = project.store
    found = history.read_published(store, DAYS)
    assert [each.record.run_id for each in found] == ["run-again", "run-02"]
    assert scans.count("profiles") == 1
    for each in found:
        assert each.profile() == store.profile(each.record.run_id, each.record.partition)
    assert history.read_published(store, ["1999-01-01"]) == []
    with pytest.raises(StoreError, match="no profile was kept"):
        history.Published(found[0].record, {}, "here").profile()


def test_an_earlier_night_of_a_lost_version_is_left_out(
    project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored(project, "...")
    real = pin.load_run_bundle

    def lost(root: Any, params: Any, record: Any) -> Any:
        if record.run_id == "run-01":
            raise VersionUnknown("not registered here", where="run-01")
        return real(root, params, record)

    monkeypatch.setattr(pin, "load_run_bundle", lost)
    with pytest.raises(VersionUnknown):
        project.monitor(DAYS[0], DAYS[1])
    shown("monitor", project.monitor, DAYS[1], DAYS[2])
    assert book(project)["left_out"] == {DAYS[0]: "run-01: not registered here"}
    assert f"{DAYS[0]} is left out" in capsys.readouterr().out


def test_nights_that_make_no_sense(project: Any) -> None:
    with pytest.raises(UsageError, match="wrong way round"):
        project.monitor(DAYS[1], DAYS[0])
    with pytest.raises(NothingScored, match="assay score --from"):
        project.monitor(DAYS[0], DAYS[1])


@pytest.mark.parametrize("given", [[], ["--from", "a"], ["--date", "a", "--to", "b"]])
def test_the_command_line_asks_which_nights(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["monitor", *given]) == 2
    assert "assay monitor: say which nights" in capsys.readouterr().err
