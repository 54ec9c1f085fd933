"""The steps of a night: each runs whatever became of those before, and one exit code tells all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    SourceError,
    StoreError,
)
from assay.errors.base import attached_report
from assay.ops import nightly
from assay.ops.nightly import NightlySteps, OrderedDays
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


@dataclass
class Nights:
    """A project's nights, and what becomes of `assay nightly` there."""

    root: Path
    patch: pytest.MonkeyPatch
    params: Params = field(default_factory=lambda: params.load(ROOT))

    def know(
        self,
        every: Sequence[str] = NIGHTS,
        shown: Sequence[str] | None = None,
        decided: Sequence[str] = (),
        **others: str,
    ) -> None:
        """The nights in the store. ``others`` are decided ones as other runs left them."""
        shown = every if shown is None else shown
        published = {night: f"run of {night}" for night in shown}
        runs = {**{night: f"run of {night}" for night in decided}, **others}
        known = OrderedDays(tuple(every), published, runs)
        self.patch.setattr(nightly, "known_nights", lambda *_: known)
        self.have_open()

    def have_open(self, *errors: AssayError) -> None:
        """What is open of nights before."""
        self.patch.setattr(nightly, "open_matters", lambda *_: errors)

    def run(self, shell: Shell, **more: Any) -> NightlySteps:
        return nightly.run(self.root, self.params, shell, **more)

    def ran(self, **ends: Exception) -> list[str]:
        """The commands that were run."""
        shell = Shell(**ends)
        self.run(shell)
        return shell.ran

    def end(self, **ends: Exception) -> AssayError:
        """The error that it ends with."""
        with pytest.raises(AssayError) as caught:
            self.run(Shell(**ends))
        return caught.value


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    found = Nights(tmp_path, monkeypatch)
    found.know()
    return found


def test_the_steps_of_a_good_night(nights: Nights) -> None:
    nights.know(decided=["2013-06-30"])
    shell = Shell()
    found = nights.run(shell)
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


def test_a_night_that_was_scored_again_is_looked_at_again(nights: Nights) -> None:
    nights.know(decided=NIGHTS[1:], **{NIGHTS[0]: "the run before"})
    assert f"monitor --from {NIGHTS[0]} --to {NIGHTS[-1]} --notify" in nights.ran()


def test_one_night_by_name_and_every_command_is_one(nights: Nights) -> None:
    """What is run is what can be typed: the parser takes each line."""
    shell = Shell(monitor=NothingScored("x"))
    nights.run(shell, night="2013-07-02")
    assert shell.ran[0] == "score --date 2013-07-02"
    parser = cli.build_parser()
    for line in shell.ran:
        parser.parse_args(line.split())


def test_a_project_without_labels_and_rules_asks_for_none(nights: Nights) -> None:
    nights.params = params.load(PARCELS)
    assert [line.split()[0] for line in nights.ran()] == ["score", "monitor"]


@pytest.mark.parametrize(
    "error", [RunHeld("held"), StoreError("gone"), ParamsError(["no"]), ZeroDivisionError("x")]
)
def test_whatever_becomes_of_scoring_people_are_told(nights: Nights, error: Exception) -> None:
    shell = Shell(score=error)
    with pytest.raises(type(error)) as caught:
        nights.run(shell)
    assert caught.value is error
    assert [line.split()[0] for line in shell.ran] == ["score", "labels", "monitor", "monitor"]
    report = attached_report(error)
    assert isinstance(report, NightlySteps) and len(report.steps) == 4


def test_a_failure_decides_over_an_answer_and_the_first_over_later_ones(nights: Nights) -> None:
    held, crossed, retrain = RunHeld("held"), LimitCrossed("over"), RetrainAdvised("train")
    lost, undelivered = StoreError("lost"), AlertUndelivered("offline")
    ends = {"score": held, "monitor": crossed, "retrain": retrain}
    for steps, first, others in (
        (ends, "held", "2013-07-02 --notify (4)"),
        ({"monitor": crossed, "retrain": retrain}, "over", "--retrain-if --date 2013-07-02 (6)"),
        ({"score": held, "labels": lost, "monitor": undelivered}, "lost", "score --due (51)"),
        ({"score": held, "monitor": undelivered}, "offline", "score --due (51)"),
    ):
        line = nights.end(**steps).line()
        assert line.startswith(f"{first}. It is not all: assay ") and others in line


def test_answers_can_be_left_to_the_alerts_but_failures_cannot(nights: Nights) -> None:
    ends = {"score": RunHeld("held"), "monitor": LimitCrossed("x"), "retrain": RetrainAdvised("y")}
    found = nights.run(Shell(**ends), answers_ok=True)
    assert [step.exit_code for step in found.steps] == [51, 0, 4, 6]
    with pytest.raises(StoreError) as caught:
        nights.run(Shell(score=RunHeld("h"), labels=StoreError("lost")), answers_ok=True)
    assert caught.value.line() == "lost. It is not all: assay score --due (51)."


def test_what_is_open_from_before_decides_and_is_said_once(nights: Nights) -> None:
    held, lost = RunHeld("held before"), NothingScored("nothing of a night")
    nights.have_open(held, LimitCrossed("still over"))
    assert nights.end().line() == "held before. It is not all: assay status (4)."
    assert nights.end(monitor=LimitCrossed("over")).line().startswith("held before. It is not all")
    assert nights.end(labels=StoreError("gone")).line().startswith("gone. It is not all")
    tonight = nights.end(score=RunHeld("held tonight"))
    assert tonight.line().startswith("held tonight") and "status (51)" not in tonight.line()
    assert nights.run(Shell(), answers_ok=True).steps[-1].shown == "assay status"
    nights.have_open(lost, held)
    assert nights.end().line().startswith("nothing of a night. It is not all")
    nights.have_open()
    assert nights.run(Shell()).deciding is None


def test_labels_and_rules_that_have_nothing_yet_are_no_failure(nights: Nights) -> None:
    found = nights.run(Shell(labels=NoLabelsYet("no truths"), retrain=NothingScored("none")))
    assert [step.exit_code for step in found.steps] == [0, 25, 0, 53]
    assert found.deciding is None


def test_a_source_of_labels_that_fails_is_a_failure(nights: Nights) -> None:
    error = SourceError("unreachable")
    assert nights.end(labels=error) is error


def test_the_very_first_night_is_told_also_if_it_is_held(nights: Nights) -> None:
    nights.know(["2013-07-01"], [])
    held = RunHeld("held")
    shell = Shell(score=held, monitor=NothingScored("nothing is published"))
    with pytest.raises(RunHeld):
        nights.run(shell)
    assert shell.ran[2:4] == ["monitor --from 2013-07-01 --to 2013-07-01 --notify", "alert"]


def test_an_empty_store_has_nothing_to_look_after(nights: Nights) -> None:
    nights.know([])
    assert nights.ran() == ["score --due"]


def test_a_store_that_cannot_be_read_is_a_failure(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = StoreError("unreachable")

    def fail(*_: object) -> OrderedDays:
        raise lost

    monkeypatch.setattr(nightly, "known_nights", fail)
    assert nights.end() is lost


def test_nights_that_were_not_looked_at_are_made_up_for(nights: Nights) -> None:
    for looked_at, start in ((NIGHTS, "2013-07-02"), (NIGHTS[1:], "2013-06-30")):
        nights.know(decided=looked_at)
        assert f"monitor --from {start} --to 2013-07-02 --notify" in nights.ran()


MONTHS = [f"2012-{month:02}-01" for month in range(6, 13)]


def test_of_months_that_were_made_up_for_each_is_looked_at_and_gets_its_labels(
    nights: Nights,
) -> None:
    for last_seen in ([], MONTHS[:2]):
        nights.know(MONTHS, decided=last_seen)
        ran, start = nights.ran(), MONTHS[len(last_seen)]
        assert f"labels --from {start} --to 2012-12-01" in ran
        assert f"monitor --from {start} --to 2012-12-01 --notify" in ran


def test_labels_of_a_month_are_asked_for_until_its_last_rows_are_of_age(nights: Nights) -> None:
    nights.know(MONTHS, decided=MONTHS)
    # Of October the last rows were of age on 30 November, when November's night was scored.
    assert "labels --from 2012-10-03 --to 2012-12-01" in nights.ran()


def test_a_night_that_cannot_be_looked_at_is_given_up_in_time(nights: Nights) -> None:
    nights.know(["2013-01-01", *NIGHTS], decided=NIGHTS)
    assert "monitor --from 2013-07-02 --to 2013-07-02 --notify" in nights.ran()


def test_an_interrupt_ends_it_at_once(nights: Nights) -> None:
    class Interrupted(Shell):
        def __call__(self, command: Sequence[str]) -> Any:
            super().__call__(command)
            raise KeyboardInterrupt

    shell = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        nights.run(shell)
    assert shell.ran == ["score --due"]


def test_the_command_line_shows_steps_and_ends_with_the_code(
    nights: Nights,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from assay.score import stage

    def held(*_: object, **__: object) -> None:
        raise RunHeld("too few rows", where="night 2024-03-01")

    nights.know([])
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
