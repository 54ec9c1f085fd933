"""A night's document is read back as what was written, or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from assay.columns.break_limits import Break
from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.nights.night_status import MonitoringStatus
from assay.monitor.nights.summary import NightSummary, overall_metrics
from assay.monitor.nights.summary_read import parse_summary
from assay.monitor.performance.label_drift import LabelDrift
from assay.project.params import Monitor


def row(metric: str, value: float | None, days: int | None = None, slice: str = "") -> Any:
    known = {"metric": metric, "slice": slice, "estimated": days is None, "maturity_days": days}
    return {**known, "value": value, "low": 0.1, "high": None, "rows": 7, "run_id": "run-1"}


def written() -> NightSummary:
    far = DriftFinding(
        "x", 0.4, 0.1, 0.2, 0.0, 0.0, 0.1, None, True, True, False, ("far",), 0.3, 1.5
    )
    far = replace(far, breaks=(Break("distance", 0.4, 0.3),), break_limit=0.3)
    far = replace(far, ks_break_limit=0.25, null_break_limit=0.2)
    gone = DriftFinding("y", None, None, None, None, None, 0.1, None, True, True, True, ("gone",))
    decision = DriftDecision(True, ("y: gone",), 300, ("x", "y"), 2, 0.99, 30, (gone, far))
    performance = [row("auc", 0.7), row("auc", 0.6, 7, "c=a"), row("f1", None, 1), row("auc", 0.71)]
    return NightSummary(
        *("late-flights", "2013-07-01", "run-1", "v0.1.0", "sha256:ab", "sha256:cd", "unknown"),
        *(303, 300, 3, 150, "page.html", Monitor(max_drifted_share=0.25), decision),
        stand=MonitoringStatus("incident", ("features drifted: x; still open",)),
        in_alarm=("x",),
        weekday=WeekdayDistances(("2013-06-24",), {"x": 0.2, "y": None}),
        label=LabelDrift(7, 290, 0.97, 0.02, None, 0.1, 0.05, None),
        broken_rules={"x: finite": 3},
        performance=overall_metrics(performance),
    )


def test_there_and_back() -> None:
    before = written()
    assert parse_summary(before.to_json(), Monitor(max_drifted_share=0.25)) == before
    other = parse_summary(before.to_json(), Monitor(max_drifted_share=0.9))
    assert other.limits.max_drifted_share == 0.25, "it was decided by the limit of that night"


def test_only_numbers_over_all_rows_are_kept_and_the_last_of_each() -> None:
    found = written().performance
    assert [(each["metric"], each["value"], each["maturity_days"]) for each in found] == [
        ("auc", 0.71, None),
        ("f1", None, 1),
    ]


def test_documents_of_earlier_versions_lack_some_keys_and_later_ones_have_more() -> None:
    tree = json.loads(written().to_json())
    for name in ("standing", "incidents", "in_alarm"):
        del tree[name]
    for name in ("ks", "wasserstein_limit", "breaks", "break_limit", "ks_break_limit"):
        del tree["findings"][1][name]
    for name in ("trusted", "why"):
        del tree["performance"][0][name]
    tree |= {"of a later version": 1}
    found = parse_summary(json.dumps(tree), Monitor())
    assert (found.stand.standing, found.in_alarm) == ("drift", None)
    (_, far) = found.decision.findings
    assert (far.column, far.breaks, far.break_limit, far.effect) == ("x", (), None, None)
    assert found.performance[0]["trusted"] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tree: tree.pop("findings"), "findings is missing"),
        (lambda tree: tree.update(schema=2), "schema is 2"),
        (lambda tree: tree["findings"][0].update(distance="near"), r"findings\[0\].distance"),
        (lambda tree: tree["broken_rules"].update(rule=-1), "broken_rules.rule"),
        (lambda tree: tree["performance"][0].update(rows=0.5), r"performance\[0\].rows"),
        (lambda tree: tree["findings"][0].pop("effect"), r"findings\[0\].effect is missing"),
        (lambda tree: tree["label"].update(rows=None), "label.rows is null, not a whole number"),
        (lambda tree: tree.update(standing="well"), "standing is 'well', not one of ok, drift"),
        (lambda tree: tree.pop("incidents"), "incidents is missing"),
    ],
)
def test_anything_else_is_refused(change: Any, words: str) -> None:
    tree = json.loads(written().to_json())
    change(tree)
    with pytest.raises(ValueError, match=words):
        parse_summary(json.dumps(tree), Monitor())
