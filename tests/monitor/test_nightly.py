"""The steps of a night: each runs whatever became of those before, and one exit code tells all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from assay.cli import __main__ as cli
from assay.errors import (
    AlertUndelivered,
    AssayError,
    LimitCrossed,
    NothingScored,
    ParamsError,
    RetrainAdvised,
    RunHeld,
    StoreError,
)
from assay.errors.base import attached_report
from assay.monitor import nightly
from assay.monitor.nightly import KnownNightNames, NightlySteps
from assay.performance.labels import NoLabelsYet
from assay.project import params
from assay.project.params import Params
from tests.projects import PARCELS, ROOT

NIGHTS = ("2013-06-30", "2013-07-01", "2013-07-02")


class Shell:
    """Runs nothing; ends commands with the errors that it was given, by their first words."""

    def __init__(self, **ends: Exception) -> None:
        self.ends, self.ran = ends, list[str]()

    def __call__(self, command: Sequence[str]) -> Any:
        line = " ".join(command)
        self.ran.append(line)
        if "--retrain-if" in command and "retrain" in self.ends:
            raise self.ends["retrain"]
        if "--retrain-if" not in command and command[0] in self.ends:
            raise self.ends[command[0]]
        return {"ran": line}


@pytest.fixture
def flights() -> Params:
    return params.load(ROOT)


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, NIGHTS, NIGHTS)


def know(
    monkeypatch: pytest.MonkeyPatch,
    every: Sequence[str],
    shown: Sequence[str],
    decided: Sequence[str] = (),
    **others: str,
) -> None:
    """The nights in the store. ``others`` are decided ones as other runs left them."""
    published = {night: f"run of {night}" for night in shown}
    runs = {**{night: f"run of {night}" for night in decided}, **others}
    known = KnownNightNames(tuple(every), published, runs)
    monkeypatch.setattr(nightly, "known_nights", lambda *_: known)


def end(root: Path, given: Params, shell: Shell, **more: Any) -> AssayError:
    with pytest.raises(AssayError) as caught:
        nightly.run(root, given, shell, **more)
    return caught.value


def test_the_steps_of_a_good_night(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell()
    know(monkeypatch, NIGHTS, NIGHTS, ["2013-06-30"])
    found = nightly.run(tmp_path, flights, shell)
    assert shell.ran == [
        "score --due",
        "labels --from 2013-06-02 --to 2013-07-02",
        "monitor --from 2013-07-01 --to 2013-07-02 --notify",
        "monitor --retrain-if --date 2013-07-02",
    ]
    assert found.deciding is None
    assert found.document()["exit_code"] == 0
    assert found.document()["steps"][0] == {
        "command": "assay score --due",
        "exit_code": 0,
        "words": None,
        "result": {"ran": "score --due"},
    }


def test_a_night_that_was_scored_again_is_looked_at_again(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell()
    know(monkeypatch, NIGHTS, NIGHTS, NIGHTS[1:], **{NIGHTS[0]: "the run before"})
    nightly.run(tmp_path, flights, shell)
    assert f"monitor --from {NIGHTS[0]} --to {NIGHTS[-1]} --notify" in shell.ran


def test_one_night_by_name(tmp_path: Path, flights: Params) -> None:
    shell = Shell()
    nightly.run(tmp_path, flights, shell, night="2013-07-02")
    assert shell.ran[0] == "score --date 2013-07-02"


def test_a_project_without_labels_and_rules_asks_for_none(tmp_path: Path) -> None:
    shell = Shell()
    nightly.run(tmp_path, params.load(PARCELS), shell)
    assert [line.split()[0] for line in shell.ran] == ["score", "monitor"]


@pytest.mark.parametrize(
    "error", [RunHeld("held"), StoreError("gone"), ParamsError(["no"]), ZeroDivisionError("x")]
)
def test_whatever_becomes_of_scoring_people_are_told(
    tmp_path: Path, flights: Params, error: Exception
) -> None:
    shell = Shell(score=error)
    with pytest.raises(type(error)) as caught:
        nightly.run(tmp_path, flights, shell)
    assert caught.value is error
    assert [line.split()[0] for line in shell.ran] == ["score", "labels", "monitor", "monitor"]
    report = attached_report(error)
    assert isinstance(report, NightlySteps)
    assert len(report.steps) == 4


def test_a_failure_decides_over_an_answer_and_the_first_over_later_ones(
    tmp_path: Path, flights: Params
) -> None:
    held, crossed, retrain = RunHeld("held"), LimitCrossed("over"), RetrainAdvised("train")
    lost, undelivered = StoreError("lost"), AlertUndelivered("offline")
    ends = {"score": held, "monitor": crossed, "retrain": retrain}
    for steps, first, others in (
        (ends, "held", "2013-07-02 --notify (4)"),
        ({"monitor": crossed, "retrain": retrain}, "over", "--retrain-if --date 2013-07-02 (6)"),
        ({"score": held, "labels": lost, "monitor": undelivered}, "lost", "score --due (51)"),
        ({"score": held, "monitor": undelivered}, "offline", "score --due (51)"),
    ):
        line = end(tmp_path, flights, Shell(**steps)).line()
        assert line.startswith(f"{first}. It is not all: assay ") and others in line


def test_answers_can_be_left_to_the_alerts_but_failures_cannot(
    tmp_path: Path, flights: Params
) -> None:
    ends = {"score": RunHeld("held"), "monitor": LimitCrossed("x"), "retrain": RetrainAdvised("y")}
    found = nightly.run(tmp_path, flights, Shell(**ends), answers_ok=True)
    assert [step.exit_code for step in found.steps] == [51, 0, 4, 6]
    lost = StoreError("lost")
    error = end(tmp_path, flights, Shell(score=RunHeld("h"), labels=lost), answers_ok=True)
    assert error.line() == "lost. It is not all: assay score --due (51)."


def test_labels_and_rules_that_have_nothing_yet_are_no_failure(
    tmp_path: Path, flights: Params
) -> None:
    ends = {"labels": NoLabelsYet("no truths"), "retrain": NothingScored("none")}
    found = nightly.run(tmp_path, flights, Shell(**ends))
    assert [step.exit_code for step in found.steps] == [0, 25, 0, 53]
    assert found.deciding is None


def test_a_source_of_labels_that_fails_is_a_failure(tmp_path: Path, flights: Params) -> None:
    from assay.errors import SourceError

    error = SourceError("unreachable")
    assert end(tmp_path, flights, Shell(labels=error)) is error


def test_the_very_first_night_is_told_also_if_it_is_held(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, ["2013-07-01"], [])
    held = RunHeld("held")
    shell = Shell(score=held, monitor=NothingScored("nothing is published"))
    assert end(tmp_path, flights, shell) is held
    assert shell.ran[2:4] == ["monitor --from 2013-07-01 --to 2013-07-01 --notify", "alert"]


def test_an_empty_store_has_nothing_to_look_after(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, [], [])
    shell = Shell()
    nightly.run(tmp_path, flights, shell)
    assert shell.ran == ["score --due"]


def test_a_store_that_cannot_be_read_is_a_failure(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = StoreError("unreachable")

    def fail(*_: object) -> KnownNightNames:
        raise lost

    monkeypatch.setattr(nightly, "known_nights", fail)
    assert end(tmp_path, flights, Shell()) is lost


def test_nights_that_were_not_looked_at_are_made_up_for(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    for looked_at, start in ((NIGHTS, "2013-07-02"), (NIGHTS[1:], "2013-06-30")):
        shell = Shell()
        know(monkeypatch, NIGHTS, NIGHTS, looked_at)
        nightly.run(tmp_path, flights, shell)
        assert f"monitor --from {start} --to 2013-07-02 --notify" in shell.ran


MONTHS = [f"2012-{month:02}-01" for month in range(6, 13)]


def test_of_months_that_were_made_up_for_each_is_looked_at_and_gets_its_labels(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    for last_seen in ([], MONTHS[:2]):
        shell = Shell()
        know(monkeypatch, MONTHS, MONTHS, last_seen)
        nightly.run(tmp_path, flights, shell)
        start = MONTHS[len(last_seen)]
        assert f"labels --from {start} --to 2012-12-01" in shell.ran
        assert f"monitor --from {start} --to 2012-12-01 --notify" in shell.ran


def test_labels_of_a_month_are_asked_for_until_its_last_rows_are_of_age(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, MONTHS, MONTHS, MONTHS)
    shell = Shell()
    nightly.run(tmp_path, flights, shell)
    # Of October the last rows were of age on 30 November, when November's night was scored.
    assert "labels --from 2012-10-03 --to 2012-12-01" in shell.ran


def test_a_night_that_cannot_be_looked_at_is_given_up_in_time(
    tmp_path: Path, flights: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell()
    know(monkeypatch, ["2013-01-01", *NIGHTS], ["2013-01-01", *NIGHTS], NIGHTS)
    nightly.run(tmp_path, flights, shell)
    assert "monitor --from 2013-07-02 --to 2013-07-02 --notify" in shell.ran


def test_an_interrupt_ends_it_at_once(tmp_path: Path, flights: Params) -> None:
    class Interrupted(Shell):
        def __call__(self, command: Sequence[str]) -> Any:
            super().__call__(command)
            raise KeyboardInterrupt

    shell = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        nightly.run(tmp_path, flights, shell)
    assert shell.ran == ["score --due"]


def test_every_command_of_a_night_is_one(tmp_path: Path, flights: Params) -> None:
    """What is run is what can be typed: the parser takes each line."""
    shell = Shell(monitor=NothingScored("x"))
    nightly.run(tmp_path, flights, shell, night="2013-07-02")
    parser = cli.build_parser()
    for line in shell.ran:
        parser.parse_args(line.split())


def test_the_command_line_shows_steps_and_ends_with_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from assay.score import stage

    def held(*_: object, **__: object) -> None:
        raise RunHeld("too few rows", where="night 2024-03-01")

    know(monkeypatch, [], [])
    monkeypatch.setattr(stage, "run", held)
    monkeypatch.setattr("assay.cli.command.Call._write_front_page", lambda _: None)
    project = tmp_path / "parcels"
    project.mkdir()
    (project / "params.yaml").write_text((PARCELS / "params.yaml").read_text())
    night = ["nightly", "--date", "2024-03-01", "--root", str(project)]
    assert cli.main(night) == 51
    shown = capsys.readouterr()
    assert "   51  assay score --date 2024-03-01  (an answer)" in shown.out
    assert (shown.out + shown.err).count("too few rows") == 1
    assert cli.main([*night, "--answers-ok"]) == 0
    capsys.readouterr()
    assert cli.main([*night, "--json"]) == 51
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 51
    assert told["steps"][0]["words"].startswith("night 2024-03-01: too few rows")
