"""Assay's numbers as Evidently's metrics: the same values, the same answers, no opinion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.columns.features import FrameFeatures
from assay.columns.grid import SCORE_GRID
from assay.columns.profile_counter import compute_profile
from assay.columns.reference import build_reference
from assay.model.prediction import PROBABILITY as SCORE
from assay.monitor.drift.drift import decide
from assay.monitor.evidently.page import snapshot, snapshot_json
from assay.monitor.nights.content import ReportContent, metric_contents, night_content
from assay.monitor.nights.metric_cells import format_interval
from assay.monitor.nights.night_status import MonitoringStatus
from assay.monitor.nights.summary import NightSummary
from assay.pages.page_layout import suppress_output
from assay.project.params import Monitor

with suppress_output():  # it warns while it is imported
    import evidently  # noqa: F401


def rows(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": rng.normal(size=count),
            "y": rng.normal(size=count),
            "c": rng.choice(["a", "b"], count),
            SCORE: rng.beta(2, 5, count),
        }
    )


def number(metric: str, value: float, days: int | None = None) -> dict[str, Any]:
    return {
        "metric": metric,
        "estimated": days is None,
        "maturity_days": days,
        "value": value,
        "low": value - 0.01,
        "high": value + 0.01,
        "rows": 290,
        "labelled_share": None if days is None else 0.97,
    }


KNOWN = (number("auc", 0.71), number("auc", 0.69, 1), number("auc", 0.66, 7), number("f1", 0.4))


@pytest.fixture(scope="module")
def told() -> ReportContent:
    before, tonight = rows(3000, 0), rows(300, 1)
    nights = pd.Series(np.arange(3000) % 10).astype(str)
    reference = build_reference(before, nights, ["x", "y"], ["c"], {SCORE: SCORE_GRID})
    tonight["x"] += 2.0
    tonight.loc[:90, "y"] = np.nan
    counted = compute_profile(FrameFeatures(tonight), reference.grid)
    limits = Monitor(limits={"y": 0.5, "c": 0.5, SCORE: 0.5})
    decision = decide(reference, counted, limits, 300)
    summary = NightSummary(
        *("late-flights", "2013-07-01", "run-1", "v0.1.0", "sha256:ab", "sha256:cd"),
        *(
            "2013-07-02 01:00:00 UTC",
            303,
            300,
            3,
            150,
            "page.html",
            limits,
            decision,
            MonitoringStatus("ok"),
        ),
        performance=KNOWN,
        in_alarm=("x", "y", SCORE),
    )
    return night_content(summary, reference, "binary", counted)


def shown(told: ReportContent) -> Any:
    with suppress_output():
        return snapshot(told)


def test_values_are_assays_own(told: ReportContent) -> None:
    found = shown(told)
    values = {
        (each["config"]["type"].split(":")[-1], *_name(each["config"])): each["value"]
        for each in found.dict()["metrics"]
    }
    assert values["DriftShare",] == told.drifted_share == 1 / 3
    # Two features in alarm with the nights before, whatever this night says by itself.
    assert (values["AlarmShare",], values["DriftLimit",]) == (2 / 3, 0.5)
    assert values["ColumnLimit", SCORE] == 0.5
    assert values["QuarantineShare",] == 3 / 303
    assert values["ScoredRows",] == 300
    assert values["NullShare",] == pytest.approx(91 / 1200)
    mean = told.score_column.now.total / 300  # type: ignore[union-attr]
    assert values["ScoreMean",] == mean
    assert values["EstimatedPerformance", "auc"] == 0.71
    assert values["RealizedPerformance", "auc"] == 0.66, "the longest maturity counts"
    assert ("RealizedPerformance", "f1") not in values
    distances = {each.name: each.finding.distance for each in told.columns}
    assert {name: values["ColumnDistance", name] for name in distances} == distances


def _name(config: dict[str, Any]) -> list[str]:
    return [config[key] for key in ("column", "metric") if key in config]


def test_answers_are_assays_own(told: ReportContent) -> None:
    tests = {each.name: each for each in shown(told).tests_results}
    found = {name: test.status.value for name, test in tests.items()}
    # x lies beyond what nights explain, and so do the nulls of y.
    assert found == {
        "The night by itself": "FAIL",
        "x": "FAIL",
        "y": "FAIL",
        "c": "SUCCESS",
        SCORE: "SUCCESS",
    }
    assert tests["The night by itself"].description == "; ".join(told.reasons)
    assert tests["x"].description.startswith("distance ")


def test_evidently_repeats_an_answer_that_its_number_contradicts(told: ReportContent) -> None:
    calm = replace(
        told,
        crossed=False,
        reasons=(),
        columns=tuple(replace(each, standing="ok", words="fine") for each in told.columns),
    )
    assert {each.status.value for each in shown(calm).tests_results} == {"SUCCESS"}


def test_a_column_without_a_distance_has_no_number_but_an_answer(told: ReportContent) -> None:
    gone = replace(
        told.columns[0], now=None, finding=replace(told.columns[0].finding, distance=None)
    )
    found = shown(replace(told, columns=(gone, *told.columns[1:])))
    types = {
        each["config"]["type"].split(":")[-1]
        for each in found.dict()["metrics"]
        if each["config"].get("column") == gone.name
    }
    assert types == {"ColumnNotCompared"}
    assert gone.name in {each.name for each in found.tests_results}


def test_there_is_a_picture_of_every_column(told: ReportContent) -> None:
    pictures = json.loads(shown(told).dumps())["widgets"]
    (table,) = [each for each in pictures if each["type"] == "big_table"]
    drawn = {each["title"] for each in table["additionalGraphs"] if each["type"] == "big_graph"}
    assert drawn == {f"{each.name}: {each.words}" for each in told.columns}
    bars = next(each for each in table["additionalGraphs"] if each["title"].startswith("x: dist"))
    reference, night = bars["params"]["data"]
    assert sum(reference["y"]) == pytest.approx(1, abs=1e-3)
    assert sum(night["y"]) == pytest.approx(1, abs=1e-3)
    titles = [each["title"] for each in pictures]
    assert "Performance" in titles and "What the columns hold" in titles


def test_names_are_the_same_every_night(told: ReportContent) -> None:
    other = replace(told, title="2013-07-02", rows_scored=17, rows_quarantined=0, drifted=0)
    one, two = (shown(each).to_snapshot_model().metric_results for each in (told, other))
    assert list(one) == list(two)


def test_any_evidently_can_read_it(told: ReportContent) -> None:
    code = """
import sys
from evidently.core.report import Snapshot
found = Snapshot.loads(sys.stdin.read())
assert not [name for name in sys.modules if name.startswith("assay")]
print(found.get_name(), len(found.tests_results), len(found.get_html_str(as_iframe=False)) > 1e6)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=snapshot_json(told, datetime(2013, 7, 1), {"version": "v0.1.0"}),
        capture_output=True,
        text=True,
        env={**os.environ, "DO_NOT_TRACK": "1", "PYTHONPATH": ""},
        check=True,
    )
    assert done.stdout.split() == ["2013-07-01", "5", "True"]


def test_a_number_without_a_value_is_left_out() -> None:
    none = {**number("auc", 0.0, 30), "value": None}
    (auc,) = metric_contents("binary", [*KNOWN[:3], none])
    assert (auc.maturity_days, auc.realized and auc.realized.value) == (7, 0.66)


def test_an_estimate_that_doubts_itself_is_shown_with_its_reason() -> None:
    row = {"metric": "auc", "estimated": True, "maturity_days": None, "value": 0.92, "rows": 9}
    row |= {"low": None, "high": None, "labelled_share": None}
    why = "x: 100% values unlike any in the reference"
    for known, words in (
        ({**row, "trusted": False, "why": why}, f"0.920, not to be trusted: {why}"),
        ({**row, "trusted": True, "why": "3.0 positives expected"}, "0.920"),
        (row, "0.920"),
    ):
        (found,) = metric_contents("binary", [known])
        assert format_interval(found.estimated) == words
