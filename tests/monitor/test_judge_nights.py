"""What was decided about nights long ago is not decided again, and holds only while it is true."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.columns.break_limits import Break
from assay.errors import LimitCrossed
from assay.monitor import monitor_range, night_writer
from assay.monitor.drift import kept_decisions
from assay.monitor.drift.drift import DriftDecision, DriftFinding
from assay.monitor.drift.kept_decisions import KEPT, KeptDecision
from assay.monitor.nights.history import Published
from assay.project import layout
from assay.project.params import Monitor
from assay.project.params.drift import Budget

OLD = ["2013-02-01", "2013-02-02", "2013-02-03"]
NEAR, LAST = "2013-02-20", "2013-02-22"


@pytest.fixture
def project(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three nights long ago, shifted at the end, one a few days ago, and last night."""
    monkeypatch.setattr(
        night_writer.page,
        "render_page",
        lambda title, ours, *_: f"<h1>{title}</h1>{ours}",
    )
    for night in (*OLD, NEAR, LAST):
        project.score(night, f"run-{night}", shift=0.2 if night in OLD[1:] else 0.0)
    changed = {"budget": Budget(nights=2, of=3, false_alarms=20), "baseline_weeks": 1}
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
        monitor_range.run(project.root, project.params, LAST, LAST)
    return (project.root / layout.INCIDENTS).read_text(encoding="utf-8")


def test_old_nights_are_decided_once_and_their_incident_stays(
    project: Any, parsed: list[str]
) -> None:
    whole = monitored(project)
    assert '"recovered"' in whole and OLD[1] in whole
    assert {*parsed} == {*OLD, NEAR, LAST}
    parsed.clear()
    assert monitored(project) == whole
    assert {*parsed} == {NEAR, LAST}, "those that last night is compared with are read"
    (project.root / KEPT).unlink()
    assert monitored(project) == whole


def test_a_night_that_was_scored_again_is_decided_again(project: Any, parsed: list[str]) -> None:
    monitored(project)
    project.score(OLD[1], "run-again")
    parsed.clear()
    without = monitored(project)
    assert {*parsed} == {OLD[1], NEAR, LAST} and OLD[1] not in without
    (project.root / KEPT).unlink()
    assert monitored(project) == without


def test_other_limits_decide_all_again(project: Any, parsed: list[str]) -> None:
    monitored(project)
    limits = project.params.monitor.model_copy(update={"limits": {"x": 0.9}})
    project.params = project.params.model_copy(update={"monitor": limits})
    parsed.clear()
    monitored(project)
    assert {*parsed} >= {*OLD}


def test_a_file_edited_by_hand_counts_for_nothing(project: Any, parsed: list[str]) -> None:
    whole = monitored(project)
    path = project.root / KEPT
    kept = path.read_text(encoding="utf-8")
    for wrong in (kept.replace("true", "false"), kept[:-9], "", "[]", "{}\n{}"):
        path.write_text(wrong, encoding="utf-8")
        parsed.clear()
        assert monitored(project) == whole
        assert {*parsed} >= {*OLD}


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


@given(st.dictionaries(st.text(), st.builds(KeptDecision, st.text(), st.text(), decision)))
def test_what_is_kept_comes_back(
    tmp_path_factory: pytest.TempPathFactory, decisions: dict[str, KeptDecision]
) -> None:
    root, limits = tmp_path_factory.mktemp("kept"), Monitor()
    kept_decisions.keep(root, limits, decisions)
    # By their words: not a number does not equal itself.
    assert repr(kept_decisions.read(root, limits)) == repr(decisions)
