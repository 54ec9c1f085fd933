"""``assay status`` tells what is there, and in words what is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from assay.cli.result import to_json
from assay.errors import LimitCrossed, StoreError
from assay.monitor import status, status_text
from assay.monitor.front import command as front
from assay.monitor.status import DriftStatus, MostDriftedColumn, Status
from assay.project.params.monitoring import Budget, Snooze
from assay.registry.verification import NOT_WRITTEN
from tests.advice import retrain_advice
from tests.performance.test_labels import at, take, truths, with_params
from tests.shown import shown

NIGHT = "2013-02-01"


def told(project: Any, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """The same status as JSON and as people see it."""
    capsys.readouterr()
    found = shown("status", project.run, status.run)
    return json.loads(to_json(found)), capsys.readouterr().out


def test_nothing_at_all(empty_project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    document, text = told(empty_project, capsys)
    assert document["champion"]["none"].startswith("no registry yet")
    assert "assay score" in document["night"]["none"]
    assert document["quarantine"] == {"none": "no night has been published yet"}
    assert "assay monitor" in document["drift"]["none"]
    assert "assay monitor --from" in document["incidents"]["none"]
    assert document["performance"] == {"none": "no labels of a published night yet: assay labels"}
    assert "no night has been published yet" in text


def test_a_repository_without_a_champion(
    empty_project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    empty_project.git("init", "--quiet")
    document, _ = told(empty_project, capsys)
    assert "assay promote" in document["champion"]["none"]


def test_everything(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.score("2013-01-31", "run-0")
    project.score(NIGHT, "run-1")
    project.monitor(NIGHT)
    document, text = told(project, capsys)
    champion = document["champion"]
    assert (champion["version"], champion["because"]) == ("v0.1.0", "it ranks")
    assert champion["bundle"] == project.digest
    # What no gate answered is no PASS.
    assert champion["verdict"] == "unknown"
    assert champion["unverified"] == NOT_WRITTEN
    assert document["night"]["run_id"] == "run-1"
    assert document["night"]["unpublished_run"] is None
    assert document["quarantine"]["rules"] == {"x: finite": 2, "c: isin": 1}
    assert (document["quarantine"]["rows"], document["quarantine"]["last_nights_rows"]) == (2, 4)
    assert document["drift"]["crossed"] is False
    for fact in ("v0.1.0", "300 rows read", "2 broke 'x: finite'", "within limits", "furthest"):
        assert fact in text


def test_what_people_look_at_waits_for_no_pandas(project: Any, params_text: str) -> None:
    project.score(NIGHT, "run-1")
    project.monitor(NIGHT)
    take(project, truths(project), at(28))
    (project.root / "params.yaml").write_text(params_text)
    code = (
        "import sys; from assay.cli.__main__ import main\n"
        "for words in sys.argv[1:]:\n"
        "    code = main(words.split())\n"
        "    if code or 'pandas' in sys.modules:\n"
        "        sys.exit(f'{words}: {code}')\n"
    )
    words = [f"night history --date {NIGHT}", "status", "front"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=project.root, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_version_that_was_rolled_back_to_says_so(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(project, capsys)[0]["champion"]["rolled_back"] is False
    tag = "late-flights#prod#2"
    trailers = f"Kind: rollback\nBecause: scores too high\nBundle: {project.digest}"
    project.git("tag", "--annotate", tag, "--message", f"{tag}\n\n{trailers}")
    document, text = told(project, capsys)
    assert document["champion"]["rolled_back"] is True
    assert "rolled back to, because scores too high" in text


def test_performance_is_told_beside_what_was_estimated(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, night in enumerate((NIGHT, "2013-02-02")):
        project.score(night, f"run-{number}")
        project.monitor(night)
        take(project, truths(project, night), at(number + 2), night=night)
    document, text = told(project, capsys)
    found = document["performance"]
    assert (found["metric"], found["partition"], found["maturity_days"]) == ("auc", "2013-02-02", 1)
    assert found["low"] < found["realized"] < found["high"] and found["nights"] == 2
    told_line = next(line for line in text.splitlines() if "on 2013-02-02, with the labels" in line)
    assert f"auc {found['realized']:.4g} (" in told_line
    assert f"{found['estimated']:.4g} was estimated" in " ".join(text.split())
    assert f"auc {found['mean_realized']:.4g} in the mean of the last 2 nights" in text


def test_a_held_run_after_the_last_night_is_told(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    later = datetime(2013, 2, 3, tzinfo=UTC)
    many = "; ".join(f"null share of column_{number} 0.30" for number in range(20))
    project.log("2013-02-02", "run-2", "held", detail=f"too few rows; {many}", at=later)
    document, text = told(project, capsys)
    assert document["night"]["run_id"] == "run-1"
    assert document["night"]["unpublished_run"]["event"] == "held"
    assert many in document["night"]["latest"]["reasons"][0]
    # As long as a screen has three lines for, and a sentence of its own.
    assert "too few rows" in text and "column_19" not in text


def test_nights_that_wait_for_a_person_are_told_whatever_came_after(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    assert told(project, capsys)[0]["night"]["waiting"] == []
    # Of a night that nobody sees, and of one that shows an earlier run.
    project.log("2013-01-02", "run-2", "held", detail="too few rows")
    project.log("2013-01-03", "run-3", "retracted")
    project.log(NIGHT, "run-4", "retracted")
    document, text = told(project, capsys)
    assert document["night"]["waiting"] == [
        {"partition": "2013-01-02", "state": "held", "run_id": "run-2"},
        {"partition": "2013-01-03", "state": "retracted", "run_id": "run-3"},
    ]
    assert "held, so a person decides (assay release RUN): 2013-01-02 (run run-2)" in text
    assert "retracted, so a person decides (assay score --date DAY): 2013-01-03 (run run-3)" in text


def test_a_column_over_another_limit_than_its_distance_s_says_which() -> None:
    over = "Wasserstein distance 0.393 over its limit 0.338"
    top = MostDriftedColumn(column="x", distance=0.14, limit=0.19, reasons=(over,))
    found = DriftStatus(
        headline="Within limits on 2013-02-01", version="v1", drifted=1, features=9, top=top,
        max_drifted_share=0.5, reasons=(), crossed=False, page="p", partition="2013-02-01",
        status="ok", run_id="r",
    )  # fmt: skip
    first, second, _ = status_text.drift_lines(found)
    assert first == ("Within limits on 2013-02-01 (v1), 1 of 9 features drifted (at most 50% may)")
    assert second == f"furthest: x: {over}"
    near = found.model_copy(update={"top": top.model_copy(update={"reasons": ()})})
    assert status_text.drift_lines(near)[1] == "furthest: x, distance 0.140, limit 0.190"


RULES = "monitor: {retrain: [{metric: auc, min: 0.7, maturity: 1}]}\n"
ADVICE = retrain_advice("train again, auc <is> low").tree()


def with_advice(project: Any, text: str) -> None:
    with_params(project, RULES)
    path = project.root / "reports/retrain.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_training_again_is_told_while_it_is_advised(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with_advice(project, json.dumps(ADVICE))
    document, text = told(project, capsys)
    assert document["retrain"] == {
        "version": "v0.1.0",
        "until": "2013-02-03",
        "reasons": ["train again, auc <is> low"],
    }
    line = (
        "train again, auc <is> low, looked at up to 2013-02-03. Next: train a challenger: dvc repro"
    )
    assert line in " ".join(text.replace("│", " ").split())
    project.run(front.run)
    html = project.read("reports/index.html")
    assert "train again, auc &lt;is&gt; low, looked at" in html and "dvc repro" in html


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**ADVICE, "advised": False}),
        json.dumps({**ADVICE, "advised": False, "rules": ADVICE["rules"][1:]}),
        json.dumps({**ADVICE, "version": "v0.0.9"}),
        json.dumps(ADVICE)[:60],
    ],
)
def test_advice_of_another_version_or_a_damaged_file_is_not_told(
    project: Any, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    with_advice(project, text)
    document, words = told(project, capsys)
    assert document["retrain"] is None and "dvc repro" not in words
    project.run(front.run)
    assert "challenger" not in project.read("reports/index.html")


def test_advice_counts_for_nothing_once_there_are_no_rules(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with_advice(project, json.dumps(ADVICE))
    with_params(project, "")
    assert told(project, capsys)[0]["retrain"] is None


def test_open_incidents(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    known = Snooze(column="x", because="a test", owner="ops", until="2013-12-31")
    changed = {"snooze": (known,), "budget": Budget(nights=1, of=1), "evidently": "never"}
    project.set("monitor", **changed)
    project.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(LimitCrossed):
        project.monitor(NIGHT)
    document, text = told(project, capsys)
    (found,) = document["incidents"]["open"]
    assert (found["id"], found["kind"], found["since"]) == (f"{NIGHT}-answers", "answers", NIGHT)
    assert found["columns"] == ["probability"]
    assert (document["incidents"]["to"], document["incidents"]["snoozed"]) == (NIGHT, 1)
    assert f"1 open, 1 snoozed; nights were looked at together up to {NIGHT}" in text
    assert f"{NIGHT}-answers: the model's answers drifted" in " ".join(text.split())
    project.score("2013-02-02", "run-2")
    project.monitor("2013-02-02")
    assert "none open; nights" in told(project, capsys)[1]


def test_a_broken_part_does_not_hide_the_others(project: Any) -> None:
    project.score(NIGHT, "run-1")
    (project.root / "store/runs/_delta_log/00000000000000000000.json").write_text("nonsense")
    with pytest.raises(StoreError, match="runs: is not a readable Delta table") as caught:
        project.run(status.run)
    assert isinstance(caught.value.report, Status)
    document = json.loads(to_json(caught.value.report))
    assert document["damaged"] == caught.value.lines() and len(caught.value.lines()) == 1
    assert document["champion"]["version"] == "v0.1.0"
    assert document["night"]["none"].startswith("cannot be told")
    assert document["drift"]["none"].startswith("cannot be told")


def test_a_night_that_predictions_lost_is_told_as_fsck_tells_it(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    assert told(project, capsys)[0]["damaged"] == []
    shutil.rmtree(project.root / "store/predictions")
    with pytest.raises(StoreError) as caught:
        shown("status", project.run, status.run)
    assert caught.value.exit_code == 52 and "champion" in capsys.readouterr().out
    store = project.store
    of_fsck = [each.line() for each in store.check() if NIGHT in each.what]
    assert caught.value.lines() == of_fsck
    assert "run run-1 was published, but the table shows no run" in of_fsck[0]
