"""``assay labels`` on a real store: what is taken, what is measured, and what is refused."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pydantic import TypeAdapter

from assay.cli.show.nights import labels_lines
from assay.errors import LabelError, NothingScored, RetrainAdvised, SourceError, UsageError
from assay.monitor import status
from assay.performance import comparison, labels, realized_metrics, retrain
from assay.project import partitions
from assay.project.params import parse
from assay.project.params.inputs import Input
from assay.reports.retrain import RetrainAdvice, read_advice
from tests.shown import shown

NIGHT = "2013-02-01"


def at(day: int, month: int = 2) -> datetime:
    return datetime(2013, month, day, 12, tzinfo=UTC)


def truths(project: Any, night: str = NIGHT, every: int = 1, seed: int = 5) -> pd.DataFrame:
    """Truths of a night's scored rows, drawn from what the model says."""
    table = project.store.predictions(night).to_pandas()
    late = np.random.default_rng(seed).random(len(table)) < table["probability"]
    return table[["at", "flight"]].assign(late=late).iloc[::every]


def take(project: Any, rows: pd.DataFrame, now: datetime, night: str = NIGHT, **more: Any) -> Any:
    file = project.root / "truths.csv"
    rows.to_csv(file, index=False)
    given = (project.root, project.params, night, night, file)
    return shown("labels", labels.run, *given, now=now, **more)


def numbers(project: Any, metric: str = "auc", slice: str = "") -> dict[int, dict[str, Any]]:
    rows = project.store.performance().to_pylist()
    return {
        row["maturity_days"]: row
        for row in rows
        if (row["metric"], row["slice"]) == (metric, slice)
    }


def with_params(project: Any, text: str) -> None:
    from tests.monitored import PARAMS

    monitor = "monitor: {sample_rows: 150, workspace: null}\n"
    project.params = parse(PARAMS.replace(monitor, "") + text, "params.yaml")


def test_truths_are_taken_once_and_measured(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    rows = truths(project, every=2)
    (first,) = take(project, rows, at(2)).taken
    assert (first.truths, first.new, first.corrected) == (149, 149, 0)
    out = capsys.readouterr().out
    assert "2013-02-01: 149 truths (149 new)" in out
    assert "50.0% of 298 rows labelled; may change until the day is over" in out
    assert "after 1 day: auc" in out
    (again,) = take(project, rows, at(3)).taken
    assert (again.new, again.corrected) == (0, 0)
    capsys.readouterr()
    take(project, rows, at(20, month=3))
    out = capsys.readouterr().out
    assert "after 1, 7 and 30 days: auc" in out and out.count("after") == 1
    store = project.store
    assert store.label_history(NIGHT).num_rows == 149
    assert set(store.label_history(NIGHT).column("by").to_pylist()) == {"Ada <ada@example.com>"}
    found = numbers(project)[1]
    assert (found["run_id"], found["rows"], found["labelled_share"]) == ("run-1", 149, 0.5)
    assert found["low"] < found["value"] < found["high"]


def test_a_metric_without_an_interval_says_why(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    (measured,) = take(project, truths(project).head(12), at(2)).measured
    assert "; no interval: " in (out := capsys.readouterr().out)
    assert re.search(r"no interval: \d+ positives and \d+ negatives, fewer than 10 of a label", out)
    tree = measured.tree()["maturities"][0]["numbers"][0]
    assert (tree["metric"], tree["low"]) == ("auc", None) and "fewer than 10" in tree["why"]
    rows = project.store.performance(NIGHT).to_pylist()
    assert {row["why"] for row in rows} == {None}


def test_an_earlier_maturity_keeps_what_was_known_then(project: Any) -> None:
    project.score(NIGHT, "run-1")
    rows = truths(project)
    take(project, rows, at(2))
    before = numbers(project)[1]["value"]
    (corrected,) = take(project, rows.assign(late=~rows["late"]), at(5)).taken
    assert (corrected.new, corrected.corrected) == (0, 298)
    take(project, rows.assign(late=~rows["late"]), at(9))
    found = numbers(project)
    assert set(found) == {1, 7}
    assert found[1]["value"] == before
    assert found[7]["value"] == pytest.approx(1 - before)
    assert project.store.label_history(NIGHT).num_rows == 2 * 298


def test_slices_come_from_the_input_and_their_rows_have_to_be_enough(project: Any) -> None:
    with_params(project, "evaluate: {min_slice_rows: 100}\n")
    project.score(NIGHT, "run-1")
    take(project, truths(project), at(2))
    by = {value: numbers(project, slice=f"c={value}")[1] for value in "ab"}
    assert sum(each["rows"] for each in by.values()) == 298
    document = json.loads((project.root / labels.performance_path(NIGHT)).read_text())
    (day,) = document["maturities"]
    assert (day["days"], day["final"], document["no_slices"]) == (1, False, None)
    assert sum(each["rows"] for each in day["calibration"]) == 298


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_slices_come_from_an_input_of_text_too(project: Any, kind: str) -> None:
    with_params(project, "evaluate: {min_slice_rows: 100}\n")
    project.score(NIGHT, "run-1")
    project.export(NIGHT)
    given = TypeAdapter(Input).validate_python(
        {"format": kind, "path": f"exports/{{night}}.{kind}"}
    )
    project.set("score", input=given)
    take(project, truths(project), at(2))
    assert sum(numbers(project, slice=f"c={value}")[1]["rows"] for value in "ab") == 298


def test_without_its_input_a_night_has_no_slices_and_says_so(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    (project.root / f"data/raw/date={NIGHT}/part.parquet").unlink()
    take(project, truths(project), at(2))
    assert "slices that need the input are missing" in capsys.readouterr().out
    assert numbers(project)[1]["rows"] == 298


def test_keys_that_the_night_refused_or_never_saw_are_counted_and_kept(project: Any) -> None:
    project.score(NIGHT, "run-1")
    more = pd.DataFrame(
        {"at": pd.Timestamp(NIGHT), "flight": [0, 1, 9999], "late": [True, False, True]}
    )
    (found,) = take(project, pd.concat([truths(project), more]), at(2)).taken
    assert (found.truths, found.quarantined, found.unknown) == (301, 2, 1)
    assert project.store.labels(NIGHT).num_rows == 301


def test_another_nights_truths_are_refused(project: Any) -> None:
    project.score(NIGHT, "run-1")
    rows = truths(project)
    with pytest.raises(LabelError, match="none of 298 keys is of this night"):
        take(project, rows.assign(flight=rows["flight"] + 5000), at(2))
    assert project.store.labelled_partitions() == []


def test_a_key_with_two_truths_takes_nothing(project: Any) -> None:
    project.score(NIGHT, "run-1")
    rows = truths(project)
    twice = pd.concat([rows, rows.head(1).assign(late=~rows["late"].head(1))])
    with pytest.raises(LabelError, match="has two truths"):
        take(project, twice, at(2))
    assert project.store.labelled_partitions() == []


def test_truths_that_came_before_now_say_when(project: Any) -> None:
    project.score(NIGHT, "run-1")
    take(project, truths(project), at(1, month=6), instant="2013-02-05")
    found = numbers(project)
    assert found[1]["value"] is None
    assert found[1]["labelled_share"] == 0
    assert found[7]["labelled_share"] == 1
    with pytest.raises(UsageError, match="in the future"):
        take(project, truths(project), at(1), instant="2013-06-01")
    with pytest.raises(UsageError, match="no day and no time"):
        take(project, truths(project), at(1), instant="soon")


def publish_truths(project: Any, night: str) -> None:
    table = pa.Table.from_pandas(truths(project, night).assign(date=night), preserve_index=False)
    partitions.write(table, project.root / "data/truths", "date", "part")


def truths_in_files(project: Any, night: str, kind: str) -> None:
    """A file of a night's truths, whose name says the night."""
    rows = truths(project, night)
    if kind == "csv":
        rows.to_csv(project.root / f"truths-{night}.csv", index=False, sep=";")
    else:
        written = {"orient": "records", "lines": True, "date_format": "iso", "date_unit": "us"}
        rows.to_json(project.root / f"truths-{night}.json", **written)


INPUTS = {
    "folders": "data/truths",
    "csv": '{format: csv, path: "truths-{night}.csv", options: {sep: ;}}',
    "json": '{format: json, path: "truths-{night}.json"}',
}


@pytest.mark.parametrize("source", INPUTS)
def test_nights_take_their_truths_from_the_input(project: Any, source: str) -> None:
    with_params(project, f"labels: {{input: {INPUTS[source]}, known_after_days: 1}}\n")
    nights = ["2013-02-01", "2013-02-02", "2013-02-03"]
    for number, night in enumerate(nights):
        project.score(night, f"run-{number}")
    for night in nights[:2]:
        if source == "folders":
            publish_truths(project, night)
        else:
            truths_in_files(project, night, source)
    done = project.run(labels.run, nights[0], nights[-1], now=at(1, month=5))
    assert [each.partition for each in done.taken] == nights[:2]
    assert list(done.absent) == nights[2:]
    # As if they had been brought on the day after their night.
    table = project.store.performance()
    assert set(table.column("maturity_days").to_pylist()) == {1, 7, 30}
    assert set(table.column("labelled_share").to_pylist()) == {1.0}
    with pytest.raises(SourceError, match="no truths of any of these nights"):
        project.run(labels.run, nights[2], nights[2], now=at(1, month=5))


def test_a_file_as_input_says_how_it_is_taken(project: Any) -> None:
    with_params(project, "labels: {input: truths.csv}\n")
    (project.root / "truths.csv").touch()
    told = r"is one file.*assay labels --date DAY --rows truths\.csv"
    with pytest.raises(SourceError, match=told):
        project.run(labels.run, NIGHT, NIGHT, now=at(2))


def test_a_night_that_matured_since_is_measured_with_the_next(project: Any) -> None:
    for number, night in enumerate(["2013-02-01", "2013-02-07"]):
        project.score(night, f"run-{number}")
    take(project, truths(project), at(2))
    assert set(numbers(project)) == {1}
    done = take(project, truths(project, "2013-02-07"), at(8), night="2013-02-07")
    assert {each.record.partition for each in done.measured} == {"2013-02-01", "2013-02-07"}
    rows = project.store.performance("2013-02-01").to_pylist()
    assert {row["maturity_days"] for row in rows} == {1, 7}


def test_a_file_of_several_nights(project: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "assay")
    nights = ["2013-02-01", "2013-02-02", "2013-02-09"]
    for number, night in enumerate(nights):
        project.score(night, f"run-{number}")
    whole = pd.concat([truths(project, night).assign(date=night) for night in nights])
    file = project.root / "truths.parquet"
    whole.to_parquet(file)
    done = project.run(labels.run, nights[0], nights[1], file, now=at(20))
    assert [record.getMessage() for record in caplog.records] == [
        f"{what} the labels of {night} ({number} of 2)"
        for what in ("looked for", "measured with")
        for number, night in enumerate(nights[:2], 1)
    ]
    assert [each.truths for each in done.taken] == [298, 298]
    assert done.elsewhere == 298
    whole.drop(columns="date").to_parquet(file)
    with pytest.raises(UsageError, match="do not say which night"):
        project.run(labels.run, nights[0], nights[1], file, now=at(20))


def test_nights_are_stored_together_and_those_before_one_that_fails_are(project: Any) -> None:
    nights = ["2013-02-01", "2013-02-02", "2013-02-03"]
    for number, night in enumerate(nights):
        project.score(night, f"run-{number}")
    rows = [truths(project, night).assign(date=night) for night in nights]
    rows[2] = pd.concat([rows[2], rows[2].head(1).assign(late=~rows[2].head(1)["late"])])
    file = project.root / "truths.csv"
    pd.concat(rows).to_csv(file, index=False)
    given = (project.root, project.params, nights[0], nights[2], file)
    with pytest.raises(LabelError, match="two truths"):
        labels.run(*given, now=at(5))
    counts = [project.store.label_history(night).num_rows for night in nights]
    assert counts == [len(rows[0]), len(rows[1]), 0]
    assert len([*(project.root / "store" / "labels" / "_delta_log").glob("*.json")]) == 1


def test_stored_labels_are_compared_with_a_newer_run_without_their_file(project: Any) -> None:
    nights = [NIGHT, "2013-02-02"]
    for number, night in enumerate(nights):
        project.score(night, f"run-{number}")
        take(project, truths(project, night), at(20, month=3), night)
    project.run(comparison.run, "auc")
    for number, night in enumerate(nights):
        project.score(night, f"run-{number}b")
    words = r"the labels of 2 nights \(2013-02-01 is the first\) are not yet compared with their"
    command = "assay labels --from 2013-02-01 --to 2013-02-02"
    for metric in ("auc", None):
        with pytest.raises(UsageError, match=f"{words} newest runs. Run {command} first"):
            project.run(comparison.run, metric)
    told = project.run(status.run).performance
    assert re.match(f"{words} newest runs: {command}$", told.none)
    done = project.run(labels.run, *nights, now=at(20, month=3))
    assert (done.taken, [each.record.run_id for each in done.measured]) == (
        [],
        ["run-0b", "run-1b"],
    )
    again = project.run(labels.run, NIGHT, NIGHT, now=at(20, month=3))
    assert [each.record.run_id for each in again.measured] == ["run-0b"]
    assert len(project.run(comparison.run, "auc").pairs) == 2
    assert project.run(status.run).performance.partition == nights[1]
    project.score(NIGHT, "run-0c")
    with pytest.raises(UsageError, match="in such a slice"):
        project.run(comparison.run, slice="carrier=ZZ")
    assert realized_metrics.overdue_words([NIGHT]) == (
        f"the labels of 1 night ({NIGHT}) are not yet compared with its newest run",
        f"assay labels --date {NIGHT}",
    )


def test_what_cannot_be_asked_for(project: Any) -> None:
    with pytest.raises(NothingScored):
        take(project, pd.DataFrame({"at": [], "flight": [], "late": []}), at(2))
    project.score(NIGHT, "run-1")
    with pytest.raises(UsageError, match="nobody says where the truths are"):
        project.run(labels.run, NIGHT, NIGHT, now=at(2))
    # What a schedule runs each night is green as long as nobody has labels.
    none = project.run(labels.run, NIGHT, NIGHT, now=at(2), patient=True)
    (line,) = labels_lines(none)
    assert "no night has labels yet" in line
    with pytest.raises(NothingScored, match="no run has published"):
        take(project, truths(project), at(9), night="2013-02-08")
    with pytest.raises(UsageError, match="--to is before --from"):
        project.run(labels.run, "2013-02-02", NIGHT, now=at(9))
    with pytest.raises(NothingScored, match="any of these nights"):
        project.run(labels.run, "2013-03-01", "2013-03-02", now=at(9))


def test_other_tasks(other_task: Any) -> None:
    other_task.score(NIGHT, "run-1")
    store = other_task.store
    table = store.predictions(NIGHT).to_pandas()
    rows = table[["at", "flight"]].assign(late=table["prediction"])
    take(other_task, rows, at(2))
    metric, wanted = ("accuracy", 1) if other_task.task == "multiclass" else ("rmse", 0)
    assert numbers(other_task, metric)[1]["value"] == wanted


def test_retraining_is_advised_on_matured_nights(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = "{metric: auc, min: 0.6, maturity: 1, nights: 2, of: 3}"
    with_params(project, f"monitor: {{retrain: [{rule}]}}\n")
    for day in (1, 2, 3):
        project.score(f"2013-02-0{day}", f"run-{day}")
    for day in (1, 2):
        night = f"2013-02-0{day}"
        rows = truths(project, night)
        take(project, rows.assign(late=~rows["late"]), at(day + 1), night=night)
    found = shown("monitor", project.run, retrain.run, now=at(9))
    assert [each.state for each in found.rules] == ["waiting"]
    assert "cannot be told yet, 2 of 3 nights have matured" in capsys.readouterr().out
    take(project, truths(project, "2013-02-03"), at(4), night="2013-02-03")
    with pytest.raises(RetrainAdvised) as caught:
        project.run(retrain.run, now=at(9))
    assert caught.value.exit_code == 6
    assert "auc after 1 day is not at least 0.6 on 2 of the last 3 nights" in caught.value.line()
    written = project.read_json("reports/retrain.json")
    assert isinstance(caught.value.report, RetrainAdvice)
    assert caught.value.report.tree() == written
    assert written["advised"] is True
    assert [each["crossed"] for each in written["rules"][0]["looked_at"]] == [True, True, False]
    assert read_advice(project.root) == caught.value.report


def test_nights_together_are_compared_with_what_training_says(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = (
        "{metric: brier_skill, min: 0, maturity: 1, pool: 5}",
        "{metric: accuracy, min: 0, maturity: 1, pool: 6}",
    )
    with_params(project, f"monitor: {{retrain: [{', '.join(rules)}]}}\n")

    def known(days: range, flipped: bool) -> None:
        for day in days:
            night = f"2013-02-{day:02}"
            project.score(night, f"run-{day}")
            rows = truths(project, night, seed=day)
            take(project, rows.assign(late=rows["late"] != flipped), at(day + 1), night=night)

    known(range(1, 6), flipped=False)
    label = project.reference().label
    share = label.profile.counts[1] / sum(label.profile.counts)
    rate = numbers(project, "mean_observed")[1]["value"]
    wanted = rate * (1 - share) ** 2 + (1 - rate) * share**2
    assert numbers(project, "constant_loss")[1]["value"] == pytest.approx(wanted)
    found = shown("monitor", project.run, retrain.run, now=at(9))
    assert [each.state for each in found.rules] == ["fine", "waiting"]
    assert "5 of 6 nights have matured" in capsys.readouterr().out
    together = found.rules[0].pooled
    assert together is not None and together.low < together.value < together.high
    known(range(6, 11), flipped=True)
    with pytest.raises(
        RetrainAdvised, match="train again, brier_skill after 1 day is not at"
    ) as is_:
        project.run(retrain.run, now=at(20))
    assert "over the last 5 nights together" in is_.value.what


def test_advice_shows_on_the_front_page_at_once(project: Any) -> None:
    from assay.cli.__main__ import main
    from tests.monitored import PARAMS

    rule = "retrain: [{metric: auc, min: 0.6, maturity: 1}], sample_rows"
    (project.root / "params.yaml").write_text(PARAMS.replace("sample_rows", rule))
    project.score(NIGHT, "run-1")
    rows = truths(project)
    take(project, rows.assign(late=~rows["late"]), at(2))
    page = project.root / "reports/index.html"
    page.unlink(missing_ok=True)
    assert main(["monitor", "--root", str(project.root), "--retrain-if"]) == 6
    assert "train again, auc after 1 day is not at least 0.6" in page.read_text(encoding="utf-8")


def test_commands_end_to_end(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from assay.cli.__main__ import main
    from tests.monitored import PARAMS

    (project.root / "params.yaml").write_text(PARAMS)
    project.score(NIGHT, "run-1")
    file = project.root / "truths.csv"
    truths(project).to_csv(file, index=False)
    root = ["--root", str(project.root)]
    given = ["labels", *root, "--date", NIGHT, "--rows", str(file), "--json"]
    assert main([*given, "--arrived", "2013-02-02"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["nights"][0]["new"] == 298
    assert [each["days"] for each in document["measured"][0]["maturities"]] == [1, 7, 30]
    assert main(["labels", *root, "--from", NIGHT]) == 2
    assert main(["monitor", *root]) == 2
    assert main(["monitor", *root, "--retrain-if"]) == 10
    assert "expected at least one rule for --retrain-if" in capsys.readouterr().err
    assert Path(project.root / labels.performance_path(NIGHT)).is_file()


def test_labels_that_arrive_after_the_last_maturity_are_counted_and_said(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    take(project, truths(project), at(10, month=4))
    out = capsys.readouterr().out
    assert "after 1 and 7 days: auc no value, 0.0% of 298 rows labelled; 298 arrived later" in out
    assert "not counted here (--arrived DAY corrects when)" in out
    found = numbers(project)
    assert [found[days]["rows"] for days in (1, 7, 30)] == [0, 0, 298]
    assert "298 arrived later, counted here all the same" in out


def test_a_wrong_date_of_arrival_is_corrected_on_record(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    project.score(NIGHT, "run-1")
    take(project, truths(project), at(10, month=4))
    capsys.readouterr()
    (told,) = take(project, truths(project), at(11, month=4), instant="2013-02-05").taken
    assert (told.new, told.corrected, told.redated) == (0, 0, 298)
    out = capsys.readouterr().out
    assert "298 truths (298 known already, now dated earlier)" in out
    assert "after 7 and 30 days: auc" in out and "after 1 day: auc no value" in out
    assert [numbers(project)[days]["rows"] for days in (1, 7, 30)] == [0, 298, 298]
    history = project.store.label_history(NIGHT)
    assert history.num_rows == 596
    assert set(history.column("by").to_pylist()) == {"Ada <ada@example.com>"}
    # Once more, or with a later day, nothing is news.
    for day in ("2013-02-05", "2013-02-20"):
        (again,) = take(project, truths(project), at(12, month=4), instant=day).taken
        assert (again.new, again.redated) == (0, 0)
