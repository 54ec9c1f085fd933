"""What was decided about nights long ago is not decided again, and holds only while it is true."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from assay.columns.break_limits import Break
from assay.errors import LimitCrossed
from assay.monitor.drift.baselines import WeekdayDistances
from assay.monitor.drift.budget import Alarm, RaisedAlarms
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.drift.night_decision import NightDecision, read_decisions
from assay.monitor.nights.history import Published
from assay.project import layout
from assay.project.params.monitoring import Budget

OLD = ["2013-02-01", "2013-02-02", "2013-02-03"]
NEAR, LAST = "2013-02-20", "2013-02-22"


@pytest.fixture
def project(project: Any) -> Any:
    """Three nights long ago, shifted at the end, one a few days ago, and last night."""
    for night in (*OLD, NEAR, LAST):
        project.score(night, f"run-{night}", shift=0.2 if night in OLD[1:] else 0.0)
    budget = Budget(nights=2, of=3, false_alarms=20)
    changed = {"budget": budget, "baseline_weeks": 1, "evidently": "never"}
    given = project.params
    project.params = given.model_copy(update={"monitor": given.monitor.model_copy(update=changed)})
    return project


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The nights whose profiles are looked at."""
    seen: list[str] = []
    real = Published.profile

    def profile(self: Published) -> Any:
        seen.append(self.record.partition)
        return real(self)

    monkeypatch.setattr(Published, "profile", profile)
    return seen


def monitored(project: Any) -> str:
    """The incidents over all nights, as their file has them after last night was monitored."""
    with suppress(LimitCrossed):
        project.monitor(LAST)
    return project.read(layout.INCIDENTS)


def test_old_nights_are_decided_once_and_their_incident_stays(
    project: Any, parsed: list[str]
) -> None:
    whole = monitored(project)
    assert '"recovered"' in whole and OLD[1] in whole
    assert {*parsed} == {*OLD, NEAR, LAST}
    parsed.clear()
    assert monitored(project) == whole
    assert {*parsed} == {LAST}
    shutil.rmtree(project.root / "store/decisions")
    assert monitored(project) == whole, "a store of an Assay that kept none is read"


def test_a_night_that_was_scored_again_is_decided_again(project: Any, parsed: list[str]) -> None:
    monitored(project)
    project.score(OLD[1], "run-again")
    parsed.clear()
    without = monitored(project)
    assert {*parsed} == {OLD[1], LAST} and OLD[1] not in without
    shutil.rmtree(project.root / "store/decisions")
    assert monitored(project) == without


def test_other_limits_decide_all_again(project: Any, parsed: list[str]) -> None:
    monitored(project)
    project.set("monitor", limits={"x": 0.9})
    parsed.clear()
    monitored(project)
    assert {*parsed} >= {*OLD}


def test_labels_of_nights_before_widen_what_is_expected_of_the_next(project: Any) -> None:
    with suppress(LimitCrossed):
        project.monitor(OLD[0], NEAR)
    record = {each.partition: each for each in project.store.runs()}[NEAR]

    def expected(metric: str) -> Any:
        with suppress(LimitCrossed):
            project.monitor(LAST)
        rows = project.store.performance([LAST], slices=False).to_pylist()
        return next(row for row in rows if row["metric"] == metric and row["estimated"])

    before, other = expected("brier"), expected("accuracy")
    assert before["low"] is not None and before["why"] is None
    labelled = {
        "date": NEAR, "run_id": record.run_id, "model_version": record.version,
        "bundle": record.bundle, "maturity_days": 1, "slice": "", "metric": "brier", "value": 0.9,
        "low": None, "high": None, "rows": 300, "labelled_share": 1.0, "estimated": False,
        "at": record.at, "trusted": None, "why": None,
    }  # fmt: skip
    project.store.append_performance([labelled])
    after = expected("brier")
    assert after["low"] < before["low"] and after["high"] > before["high"]
    assert "1.19 times as wide" in after["why"] and "1.19 times" in project.read(
        f"{layout.NIGHTS}/{LAST}.html"
    )
    assert expected("accuracy") == other and expected("brier") == after


number = st.none() | st.floats(allow_nan=False)
finding = st.builds(
    DriftFinding,
    column=st.text(),
    distance=number,
    limit=number,
    reasons=st.lists(st.text()).map(tuple),
    breaks=st.lists(st.builds(Break, st.text(), st.floats(allow_nan=False), st.just(1.0))).map(
        tuple
    ),
    effect=number,
)
decision = st.builds(
    DriftDecision,
    reasons=st.lists(st.text()).map(tuple),
    drifted=st.lists(st.text()).map(tuple),
    findings=st.lists(finding, max_size=3).map(tuple),
    quantile=st.just(0.95),
)


@given(
    st.builds(
        NightDecision,
        drift=decision,
        weekday=st.builds(WeekdayDistances, distances=st.dictionaries(st.text(), number)),
        alarms=st.builds(RaisedAlarms, alarms=st.lists(st.builds(Alarm), max_size=2).map(tuple)),
    )
)
def test_what_is_kept_comes_back(before: NightDecision) -> None:
    text = before.row("night")["decision"]
    after = TypeAdapter(NightDecision).validate_json(text)
    # By their words: not a number does not equal itself.
    assert repr(after) == repr(before)


def test_a_decision_in_another_form_is_none(project: Any) -> None:
    monitored(project)
    store = project.store
    known = read_decisions(store)
    assert list(known) == [*OLD, NEAR, LAST]
    store.append_decisions([{**known[LAST].row(store.column), "decision": '{"more": 1}'}])
    assert list(read_decisions(store)) == [*OLD, NEAR]
    monitored(project)
    assert read_decisions(store) == known


def test_a_night_that_was_taken_back_is_void_once_monitored(project: Any) -> None:
    monitored(project)
    store = project.store
    store.retract(f"run-{OLD[2]}", "Ada", "of another day")
    assert OLD[2] in read_decisions(store), "it is not looked at yet"
    assert OLD[2] not in monitored(project)
    assert list(read_decisions(store)) == [*OLD[:2], NEAR, LAST]
