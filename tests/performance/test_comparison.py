"""Estimates beside what turned out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.cli.__main__ import build_parser
from assay.cli.result import to_json
from assay.errors import UsageError
from assay.performance import comparison as beside
from assay.performance.comparison import by_week, pairs, run, summarize
from assay.store import open_store
from tests.shown import show, shown


def row(night: str, value: float | None, **more: Any) -> dict[str, Any]:
    known = {
        "date": night, "metric": "auc", "slice": "", "maturity_days": 7, "value": value,
        "low": None, "high": None, "rows": 100, "labelled_share": 0.9, "estimated": False,
    }  # fmt: skip
    return {**known, **more}


def guess(night: str, value: float) -> dict[str, Any]:
    return row(night, value, estimated=True, maturity_days=None, rows=110)


def test_a_night_has_both_one_or_the_other() -> None:
    table = [
        guess("2013-07-01", 0.75), row("2013-07-01", 0.7), row("2013-07-01", 0.6, maturity_days=1),
        guess("2013-07-02", 0.75), row("2013-07-03", 0.7), row("2013-07-03", 0.1, slice="a=b"),
    ]  # fmt: skip
    found = pairs(table, "date", "auc", "", 7)
    assert [(pair.estimated, pair.realized) for pair in found] == [
        (0.75, 0.7), (0.75, None), (None, 0.7),
    ]  # fmt: skip
    assert found[0].error == pytest.approx(0.05)
    assert found[1].error is None


def test_a_week_is_the_mean_of_the_nights_that_have_both() -> None:
    nights = ["2013-07-01", "2013-07-07", "2013-07-08"]
    table = [guess(night, 0.8) for night in nights]
    table += [row(nights[0], 0.7), row(nights[1], 0.6, rows=300), row(nights[2], None)]
    (week,) = by_week(pairs(table, "date", "auc", "", 7))
    assert (week.night, week.rows) == ("2013-07-01", 400)
    assert week.realized == pytest.approx(0.625)
    assert week.error == pytest.approx(0.175)


def test_the_command(project: Any, capsys: pytest.CaptureFixture[str]) -> None:

    with pytest.raises(UsageError, match="no night has auc"):
        project.run(beside.run, "auc")
    with pytest.raises(
        UsageError, match=r"no night has such a metric .*one of .*auc, .*found 'nonsense'"
    ):
        project.run(beside.run, "nonsense")
    project.score("2013-02-01", "r1")
    stamp = {"run_id": "r1", "model_version": "v0.1.0", "bundle": project.digest, "at": None}
    rows = [row("2013-02-01", 0.7), guess("2013-02-01", 0.75)]
    project.store.append_performance({**each, **stamp} for each in rows)
    shown("performance", project.run, beside.run, "auc", days=7)
    assert "the estimate was off by 0.050 on the mean of 1" in capsys.readouterr().out
    found = shown("performance", project.run, beside.run, "auc", days=7, by="week")
    head = capsys.readouterr().out
    assert "week" in head and "night" not in head
    (pair,) = json.loads(to_json(found))["pairs"]
    assert pair["night"] == "2013-01-28"
    with pytest.raises(
        UsageError, match=r"no night has such a metric .*one of auc, found 'nonsense'"
    ):
        project.run(beside.run, "nonsense", days=7)
    with pytest.raises(UsageError, match=r"no night has such a metric .*one of auc, found 'rmse'"):
        project.run(beside.run, "rmse", days=7)
    with pytest.raises(UsageError, match=r"no night has auc in such a slice .*found 'a=b'"):
        project.run(beside.run, "auc", "a=b", days=7)
    with pytest.raises(UsageError, match="no such maturity"):
        project.run(beside.run, "auc", days=8)


def test_an_estimate_that_doubts_itself_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    known = {"metric": "auc", "slice": "", "rows": 10, "labelled_share": 1.0, "maturity_days": None}
    estimate = {**known, "estimated": True, "value": 0.9, "trusted": False, "why": "x: 90% unlike"}
    truth = {**known, "estimated": False, "value": 0.4, "low": 0.3, "high": 0.5, "maturity_days": 1}
    found = beside.pairs(
        [{**each, "date": "2013-07-01"} for each in (estimate, truth)], "date", "auc", "", 1
    )
    assert [pair.distrust for pair in found] == ["x: 90% unlike"]
    assert [week.distrust for week in beside.by_week(found)] == ["on 1 of 1 nights"]
    show("performance", beside.PerformancePairs("auc", "", 1, "night", tuple(found)))
    assert "x: 90% unlike" in capsys.readouterr().out


def test_a_slice_that_is_too_small_is_said_not_to_be_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = [{**guess("2013-07-01", 0.7), "slice": "a=b", "rows": 30}]
    found = pairs(table, "date", "auc", "a=b", 7, least=100)
    show("performance", beside.PerformancePairs("auc", "a=b", 7, "night", tuple(found)))
    assert "30 rows, fewer than 100" in capsys.readouterr().out


NIGHT = "2013-02-01"


def test_each_metric_shows_its_newest_known_night_and_the_mean_error() -> None:
    table = [
        guess("2013-07-01", 0.8), row("2013-07-01", 0.7), guess("2013-07-02", 0.8),
        row("2013-07-02", 0.5), guess("2013-07-03", 0.9), row("2013-07-01", 0.2, metric="brier"),
        guess("2013-07-01", 0.4) | {"metric": "mean_predicted"},
        row("2013-07-01", 0.1, slice="a=b"),
        row("2013-07-01", None, metric="f1"),
    ]  # fmt: skip
    auc, brier, predicted = summarize(table, "date", "", 7)
    assert [each.metric for each in (auc, brier, predicted)] == ["auc", "brier", "mean_predicted"]
    assert (auc.newest.night, len(auc.pairs)) == ("2013-07-02", 3)
    assert auc.mean_error == pytest.approx(0.2)
    assert (predicted.newest.night, predicted.mean_error) == ("2013-07-01", None)
    (sliced,) = summarize(table, "date", "a=b", 7)
    assert sliced.newest.realized == 0.1
    (week,) = summarize(table, "date", "", 7, "week")
    assert (week.metric, len(week.pairs)) == ("auc", 1)


def test_without_a_metric_the_command_shows_them_all(
    project: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    root, params = project.root, project.params
    assert build_parser().parse_args(["performance"]).metric is None
    with pytest.raises(UsageError, match="no night has a metric yet"):
        run(root, params)
    project.score(NIGHT, "r1")
    stamp = {"run_id": "r1", "model_version": "v0.1.0", "bundle": project.digest, "at": None}
    known = [row(NIGHT, 0.7), guess(NIGHT, 0.75), row(NIGHT, 0.2, metric="brier")]
    open_store(root, params).append_performance({**each, **stamp} for each in known)
    shown("performance", run, root, params, days=7)
    _, _, auc, brier, last = capsys.readouterr().out.splitlines()
    assert auc.split() == ["auc", "1", NIGHT, "0.7500", "0.7000", *["0.0500"] * 2, "90.0%"]
    assert brier.split() == ["brier", "1", NIGHT, "0.2000", "90.0%"]
    assert last == "realized after 7 days; night by night: assay performance --metric auc"
    with pytest.raises(UsageError, match="no night has a metric in such a slice"):
        run(root, params, slice="origin=X", days=7)
    with pytest.raises(UsageError, match="no such maturity"):
        run(root, params, days=8)
    tree = json.loads(to_json(run(root, params, days=7, by="week")))
    assert [(each["metric"], each["pairs"][0]["night"]) for each in tree["metrics"]] == [
        ("auc", "2013-01-28")
    ]
