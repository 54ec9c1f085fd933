"""``assay monitor`` end to end on a real store: what it writes, says and refuses."""

from __future__ import annotations

import json
import logging
import re
from contextlib import suppress
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from assay.cli.__main__ import main
from assay.cli.result import to_json
from assay.errors import LimitCrossed, NothingScored, VersionUnknown
from assay.monitor import judge, monitor_nights
from assay.monitor.nights.night import EVIDENTLY, night_path
from assay.monitor.nights.summary import NightSummary
from assay.project import layout
from assay.project.params.inputs import Csv, Delta, Json, Parquet
from tests.monitored import PARAMS
from tests.performance.test_labels import NIGHT, at, truths
from tests.performance.test_labels import take as take_labels
from tests.shown import shown

ROWS = 300


def document(project: Any) -> dict[str, Any]:
    text = project.read(f"reports/nights/{NIGHT}.json")
    found: dict[str, Any] = json.loads(text)
    return found


def asked(project: Any) -> tuple[NightSummary, str]:
    """The night, with Evidently's report of it."""
    found = project.monitor(NIGHT, evidently=True)
    return found.summaries[-1], (project.root / night_path(NIGHT, EVIDENTLY)).read_text(
        encoding="utf-8"
    )


def test_an_ordinary_night(project: Any) -> None:
    project.score(NIGHT, "run-1")
    summary, report = asked(project)
    written = document(project)
    assert json.loads(to_json(summary)) == written
    assert written["crossed"] is False
    assert (written["run_id"], written["version"]) == ("run-1", "v0.1.0")
    assert written["bundle"] == project.digest
    assert [written[f"rows_{what}"] for what in ("read", "scored", "quarantined")] == [300, 298, 2]
    assert written["limits"]["nights"] == 30
    page = project.read(summary.page)
    assert "Within limits on 2013-02-01" in page and "Within limits" not in report
    assert f'href="{NIGHT}.evidently.html"' in page
    assert "a sample of 150 rows" in report
    assert written["broken_rules"] == {"x: finite": 2, "c: isin": 1}
    assert "2 rows in quarantine" in page
    expected = [each["metric"] for each in written["performance"] if each["estimated"]]
    assert "auc" in expected and '<th scope="row">auc</th>' in page
    names = sorted(path.name for path in (project.root / "reports/nights").iterdir())
    assert names == [f"{NIGHT}.evidently.html", f"{NIGHT}.html", f"{NIGHT}.json"]


@pytest.mark.parametrize(
    ("when", "shift", "there"),
    [
        ("alarming", 0.0, False),
        ("alarming", 2.0, True),
        ("never", 2.0, False),
        ("always", 0.0, True),
    ],
)
def test_evidently_reports_on_nights_that_somebody_will_look_at(
    project: Any, when: str, shift: float, there: bool
) -> None:
    project.set("monitor", evidently=when)
    project.score(NIGHT, "run-1", shift=shift)
    with suppress(LimitCrossed):
        project.monitor(NIGHT)
    page = project.read(f"reports/nights/{NIGHT}.html")
    assert (project.root / night_path(NIGHT, EVIDENTLY)).exists() == there
    assert ("--evidently" not in page) == there


def test_a_report_that_was_asked_for_is_brought_up_to_date(project: Any) -> None:
    project.score(NIGHT, "run-1")
    asked(project)
    project.score(NIGHT, "run-2")
    project.monitor(NIGHT)
    report = (project.root / night_path(NIGHT, EVIDENTLY)).read_text(encoding="utf-8")
    page = project.read(f"reports/nights/{NIGHT}.html")
    assert "run-2" in page and "assay retract" not in page
    assert "a sample of 150 rows" in report


def test_a_shifted_night_is_written_and_then_refused(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(
        LimitCrossed, match=r"night 2013-02-01: Limits crossed on .* prob"
    ) as caught:
        shown("monitor", project.monitor, NIGHT, alone=True)
    assert caught.value.exit_code == 4
    assert document(project)["crossed"] is True
    page = project.read(f"reports/nights/{NIGHT}.html")
    assert "Limits crossed" in page
    for step in (f"assay score --date {NIGHT}", "assay retract run-1 --because", "monitor.snooze"):
        assert step in page
    told = capsys.readouterr().out
    assert "Limits crossed on 2013-02-01" in told and "run-1" in told


def test_a_break_has_its_limit_beside_it_everywhere(
    project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    project.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(LimitCrossed):
        shown("monitor", project.monitor, NIGHT, alone=True)
    found = {each["column"]: each for each in document(project)["findings"]}
    (x,) = [each for each in found["x"]["breaks"] if each["what"] == "distance"]
    assert (x["value"], x["limit"]) == (found["x"]["distance"], found["x"]["break_limit"])
    words = f"distance {x['value']:.3f} beyond its break limit {x['limit']:.3f}"
    page = project.read(f"reports/nights/{NIGHT}.html")
    own = page[: page.index('<h2 id="evidently">')]
    assert f"x: {words}" in own
    for name in ("x", "c"):
        limits = (f"{found[name][which]:.3f}" for which in ("distance", "limit", "break_limit"))
        assert re.search(r"</td>\s*<td class=\"n\">".join(limits), own), name
    drawn = [f for f in found.values() if f["break_limit"] is not None]
    strips = own[: own.index('id="values"')]
    assert strips.count("stroke-dasharray") == len(drawn)
    told = capsys.readouterr().out
    assert f"{x['limit']:.3f}" in told and "a break limit is the most that sampling" in told


def test_a_night_beyond_a_break_limit_is_not_believed(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "params.yaml").write_text(PARAMS)
    project.score(NIGHT, "run-1", shift=0.8)
    assert main(["monitor", "--root", str(project.root), "--date", NIGHT]) == 4
    broken = {each["column"] for each in document(project)["findings"] if each["breaks"]}
    assert "x" in broken
    capsys.readouterr()
    assert main(["performance", "--root", str(project.root), "--metric", "auc"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"distrust.*\n.*\n.* x: distance 0\.\d+ beyond its break limit", told), told


def test_the_decision_needs_no_input_rows(project: Any) -> None:
    project.score(NIGHT, "run-1")
    for part in (project.root / "data/raw").rglob("*.parquet"):
        part.unlink()
    summary, report = asked(project)
    assert summary.decision.rows == 298
    assert "There is no sample of rows to look at" in " ".join(report.split())


def test_the_run_that_is_judged_is_the_last_published(project: Any) -> None:
    project.score(NIGHT, "run-1", shift=2.0)
    project.score(NIGHT, "run-2")
    project.log(NIGHT, "run-3", "failed")
    assert asked(project)[0].record.run_id == "run-2"


def test_no_sample_is_drawn_from_a_run_that_was_not_judged(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.score(NIGHT, "run-1")
    decided = judge.decide

    def overtaken(*arguments: Any, **named: Any) -> Any:
        project.score(NIGHT, "run-2")
        return decided(*arguments, **named)

    monkeypatch.setattr(judge, "decide", overtaken)
    summary, report = asked(project)
    assert summary.record.run_id == "run-1" and "There is no sample of rows to look at" in " ".join(
        report.split()
    )


def test_a_night_that_nobody_scored(project: Any) -> None:
    with pytest.raises(NothingScored, match=rf"assay score --date {NIGHT}"):
        project.monitor(NIGHT)
    for run_id, refused in (("run-8", 0), ("run-9", 3)):
        project.log(NIGHT, run_id, "held", rows=(300, 300 - refused, refused))
        with pytest.raises(NothingScored, match=rf"{run_id} is held.*release {run_id}") as caught:
            project.monitor(NIGHT)
        asked = f"assay quarantine show --run {run_id}" in caught.value.line()
        assert asked is (refused > 0)


def test_a_version_that_is_gone(project: Any) -> None:
    project.score(NIGHT, "run-1")
    project.git("tag", "--delete", "late-flights@v0.1.0")
    with pytest.raises(VersionUnknown, match="git fetch --tags"):
        project.monitor(NIGHT)


def test_other_tasks_are_judged_by_what_their_models_say(other_task: Any) -> None:
    other_task.score(NIGHT, "run-1")
    summary, report = asked(other_task)
    assert not summary.decision.crossed
    assert summary.decision.features == 2
    assert "a sample of 150 rows" in report
    scores = ["probability", "prediction"] if other_task.task == "multiclass" else ["prediction"]
    judged = [finding.column for finding in summary.decision.findings]
    assert sorted(judged) == sorted(["x", "c", *scores])
    page = other_task.read(summary.page)
    lines = [page.index(f'<th scope="row">{name}</th>') for name in (*scores, "x")]
    assert max(lines) == lines[-1]


def test_a_shift_in_what_other_models_say_crosses(other_task: Any) -> None:
    other_task.score(NIGHT, "run-1", shift=2.0)
    with pytest.raises(LimitCrossed, match=r"answers drifted: pr\w+"):
        other_task.monitor(NIGHT)


@pytest.mark.parametrize(
    ("given", "partitioned", "rows", "why"),
    [
        ({"format": "delta", "path": "lake"}, True, 150, ""),
        ({"format": "csv", "path": "data/raw"}, False, 0, "cannot be read any more"),
        ({"format": "csv", "path": "exports/{night}.csv"}, False, 150, ""),
        ({"format": "json", "path": "exports/{night}.json"}, False, 150, ""),
        ({"format": "delta", "path": "nowhere"}, False, 0, "there is no Delta table"),
        ({"format": "parquet", "path": "nowhere"}, False, 0, "there is no "),
    ],
)
def test_where_rows_to_look_at_come_from(
    project: Any, given: dict[str, str], partitioned: bool, rows: int, why: str
) -> None:
    project.score(NIGHT, "run-1")
    project.export(NIGHT)
    if partitioned:
        project.set("score", input=Delta(**given))
        project.score("2013-02-02", "run-2")
        project.score(NIGHT, "run-3")
    else:
        kinds = {"delta": Delta, "csv": Csv, "json": Json, "parquet": Parquet}
        project.set("score", input=kinds[given["format"]](**given))
    _, report = asked(project)
    assert ("a sample of 150 rows" in report) == bool(rows)
    assert why in report


UNKNOWN = "not known yet"


def take(project: Any, rows: pd.DataFrame, now: datetime) -> None:
    taken = take_labels(project, rows, now)
    measured = [each.record.partition for each in taken.measured]
    monitor_nights.try_write_again(project.root, project.params, measured)


def page(project: Any) -> str:
    text: str = project.read(f"reports/nights/{NIGHT}.html")
    return text


def test_labels_renew_the_page_and_keep_what_was_decided(
    project: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project.score(NIGHT, "run-1")
    rows = truths(project)
    before = project.monitor(NIGHT)
    assert UNKNOWN in page(project) and 'id="label"' not in page(project)
    take(project, rows, at(2))
    assert UNKNOWN not in page(project) and 'id="label"' in page(project)
    front = project.root / layout.FRONT
    assert front.exists(), "it shows how well the night was scored"
    front.unlink()
    written = project.read(f"reports/nights/{NIGHT}.json")
    document, former = json.loads(written), json.loads(to_json(before.summaries[0]))
    changed = {name for name in document if document[name] != former[name]}
    assert changed == {"label", "performance"}
    # Where drawing fails, the labels are taken all the same.
    monkeypatch.setattr(monitor_nights.PageWriter, "_write_page", None)
    with caplog.at_level(logging.WARNING):
        take(project, rows.assign(late=~rows["late"]), at(2).replace(hour=18))
    assert "the pages of the nights are not up to date" in caplog.text
    assert f"assay monitor --from {NIGHT} --to {NIGHT}" in caplog.text
    assert front.exists()


def test_a_night_that_was_not_monitored_gets_no_page(project: Any) -> None:
    project.score(NIGHT, "run-1")
    take(project, truths(project), at(2))
    assert not (project.root / "reports/nights").exists()
