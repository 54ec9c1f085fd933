"""Waivers cover what they name until their last day, and never change an outcome."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.gate import waivers
from assay.project.params.behaviour import GateParams, WaiverParams
from assay.reports import verdict
from assay.reports.verdict import Finding, Outcome
from tests.gate import build

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
LAST = date(2020, 5, 31)


def finding(outcome: Outcome = FAIL, rule: str = "ranks", where: str | None = None) -> Finding:
    return Finding(rule=rule, kind="rule", outcome=outcome, detail="so it is", slice=where)


def waiver(rule: str = "ranks", where: str | None = None, until: date = LAST) -> WaiverParams:
    values = {"rule": rule, "slice": where, "because": "a fix is coming", "owner": "us"}
    return WaiverParams.model_validate({**values, "until": until.isoformat()})


def covered(some: Finding, *given: WaiverParams, now: date = LAST) -> Finding:
    (found,) = waivers.apply_waivers([some], given, now)
    return found


@pytest.mark.parametrize("days", [89, 90, 91, 36500])
def test_a_waiver_ends_within_ninety_days(days: int) -> None:
    given = (waiver(until=LAST), waiver("calm", until=LAST + timedelta(days=days)))
    lines = list(waivers.too_long(given, LAST))
    if days <= 90:
        assert lines == []
        return
    (line,) = lines
    assert line == (
        f"params.yaml: gate.waivers[1].until: a waiver of 'calm' for too long, expected a day up "
        f"to 2020-08-29, 90 days from now, found {LAST + timedelta(days=days)}. Renew it then, or "
        "change the rule in gate.rules"
    )


@pytest.mark.parametrize("outcome", [FAIL, INCONCLUSIVE])
def test_a_waiver_covers_until_its_last_day(outcome: Outcome) -> None:
    told = verdict.Waiver(because="a fix is coming", owner="us", until="2020-05-31")
    for now in (LAST - timedelta(days=400), LAST):
        found = covered(finding(outcome), waiver(), now=now)
        assert found.waiver == told
        assert (found.outcome, found.waiver_ended) == (outcome, None)
        assert not found.decides
    found = covered(finding(outcome), waiver(), now=LAST + timedelta(days=1))
    assert found.waiver is None
    assert found.blocks
    assert found.waiver_ended == "2020-05-31"


@pytest.mark.parametrize(
    ("fix", "told"),
    [
        (None, "Renew until under gate.waivers, or fix it."),
        ("Take it out.", "Take it out. Or renew until under gate.waivers."),
    ],
)
def test_that_it_ended_is_said_once(fix: str | None, told: str) -> None:
    some = finding().model_copy(update={"fix": fix})
    ended = covered(some, waiver(), now=LAST + timedelta(days=1))
    # The gate asks twice: when a rule is evaluated, and of all that pytest confirmed.
    again = covered(ended, waiver(), now=LAST + timedelta(days=1))
    assert ended == again
    assert (again.detail, again.fix) == (some.detail, some.fix)
    assert (again.statement, again.advice) == ("so it is (its waiver ended on 2020-05-31)", told)


def test_what_passes_needs_no_waiver() -> None:
    assert covered(finding(PASS), waiver()) == finding(PASS)
    late = LAST + timedelta(days=1)
    assert covered(finding(PASS), waiver(), now=late) == finding(PASS)


def test_a_waiver_covers_what_it_names() -> None:
    jfk = finding(where="origin=JFK")
    assert covered(jfk, waiver()).waiver is not None
    assert covered(jfk, waiver(where="origin=JFK")).waiver is not None
    assert covered(jfk, waiver(where="origin=EWR")) == jfk
    assert covered(finding(), waiver(where="origin=JFK")) == finding()
    assert covered(finding(), waiver("other")) == finding()


def test_the_waiver_that_lasts_longest_counts() -> None:
    short, long = waiver(until=date(2020, 6, 1)), waiver(until=date(2020, 7, 1))
    for some in ((short, long), (long, short)):
        found = covered(finding(), *some)
        assert found.waiver is not None and found.waiver.until == "2020-07-01"
        found = covered(finding(), *some, now=date(2020, 6, 15))
        assert found.waiver is not None
        found = covered(finding(), *some, now=date(2020, 8, 1))
        assert found.waiver_ended == "2020-07-01"


@given(st.sampled_from(Outcome), st.dates(), st.dates())
def test_a_waiver_never_changes_an_outcome(outcome: Outcome, until: date, now: date) -> None:
    found = covered(finding(outcome), waiver(until=until), now=now)
    assert found.outcome is outcome
    assert (found.waiver is not None) is (outcome is not PASS and now <= until)


def test_every_finding_comes_back_in_its_place() -> None:
    some = [finding(rule="a"), finding(PASS, "b"), finding(rule="c")]
    found = waivers.apply_waivers(some, [waiver("c")], LAST)
    assert [each.rule for each in found] == ["a", "b", "c"]
    assert [each.waiver is None for each in found] == [True, True, False]


def test_today_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    before = datetime.now(UTC).date()
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert before <= waivers.today() <= datetime.now(UTC).date()
    finally:
        monkeypatch.undo()
        time.tzset()


def policy(*given: WaiverParams) -> GateParams:
    rules = (build.rule("ranks", metric="auc", min=0.5),)
    return GateParams(tests="tests/model", rules=rules, waivers=given)


def committed(root: Path, ahead: float) -> None:
    """A repository whose newest commit is from ``ahead`` seconds in the future."""
    at = f"{int(time.time() + ahead)} +0000"
    env = {**os.environ, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    for command in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(["git", *command], cwd=root, env=env, check=True)


def test_without_waivers_nothing_is_wrong_with_them(tmp_path: Path) -> None:
    committed(tmp_path, 10 * 86400)
    assert waivers.waiver_findings(tmp_path, policy(), [finding()]) == ()


def test_a_clock_behind_the_newest_commit_cannot_tell(tmp_path: Path) -> None:
    committed(tmp_path, 86400 + 600)
    (found,) = waivers.waiver_findings(tmp_path, policy(waiver()), [finding()])
    assert found.blocks and found.outcome is FAIL
    assert found.rule == "the clock can tell whether a waiver has ended"
    seconds = int(found.detail.partition("clock is ")[2].split()[0])
    assert 86400 < seconds <= 86400 + 600
    assert found.detail.endswith("s behind the newest commit: set it")
    assert (found.kind, found.owner) == ("rule", "assay")
    assert found.because == "a waiver ends on its day, whatever the clock says"


def test_a_clock_may_be_a_little_behind(tmp_path: Path) -> None:
    committed(tmp_path, 86400 - 600)
    assert waivers.waiver_findings(tmp_path, policy(waiver()), [finding()]) == ()


def test_the_slack_is_a_day_to_the_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.registry import git

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Clock:
            return cls(2020, 1, 1, tzinfo=tz)

    midnight = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
    monkeypatch.setattr(waivers, "datetime", Clock)
    for seconds, wrong in ((86400, False), (86401, True)):
        monkeypatch.setattr(git, "head_time", lambda root, at=midnight + seconds: at)
        found = waivers.waiver_findings(tmp_path, policy(waiver()), [finding()])
        assert bool(found) is wrong


def test_outside_a_repository_there_is_nothing_to_hold_the_clock_against(tmp_path: Path) -> None:
    assert waivers.waiver_findings(tmp_path, policy(waiver()), [finding()]) == ()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (waiver(where="origin=JKF"), "ranks[origin=JKF]"),
        (waiver("tests/model/test_it.py::test_gone"), "tests/model/test_it.py::test_gone"),
    ],
)
def test_a_waiver_of_nothing_is_told(tmp_path: Path, given: WaiverParams, name: str) -> None:
    there = finding(where="origin=JFK")
    (found,) = waivers.waiver_findings(tmp_path, policy(given), [there])
    assert found.rule == "every waiver is of something that is there"
    assert found.detail == f"nothing is called '{name}', which is waived"
    assert (found.outcome, found.severity, found.kind) == (FAIL, "warn", "rule")
    assert (found.owner, found.blocks) == ("us", False)
    assert found.because == "a waiver of a name with a typo in it protects nothing"
    both = waivers.waiver_findings(tmp_path, policy(waiver(), given), [finding(PASS), there])
    assert len(both) == 1
