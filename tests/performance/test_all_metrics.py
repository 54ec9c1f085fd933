"""What there is of every metric, when nobody asked for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.cli.document import to_json
from assay.cli.parser import build_parser
from assay.cli.show import performance
from assay.errors import UsageError
from assay.performance.all_metrics import run, summarize
from assay.store import open_store
from tests.performance.test_comparison import guess, row
from tests.shown import shown

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
    shown(performance.all_metrics_lines, run, root, params, days=7)
    assert capsys.readouterr().out.splitlines() == [
        "metric  nights  newest night     estimated  realized   error  mean error  labelled",
        "auc          1  2013-02-01           0.750     0.700   0.050       0.050     90.0%",
        "brier        1  2013-02-01                     0.200                         90.0%",
        "realized after 7 days; night by night: assay performance --metric auc",
    ]
    with pytest.raises(UsageError, match="no night has a metric in such a slice"):
        run(root, params, "origin=X", days=7)
    with pytest.raises(UsageError, match="no such maturity"):
        run(root, params, days=8)
    tree = json.loads(to_json(run(root, params, days=7, by="week")))
    assert [(each["metric"], each["pairs"][0]["night"]) for each in tree["metrics"]] == [
        ("auc", "2013-01-28")
    ]
