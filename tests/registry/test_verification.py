"""A version's tags held against its commit's verdict: what a hand-made tag cannot hide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.cli.result import to_json
from assay.monitor import status
from assay.project import digests
from assay.promotion.promote import promote
from assay.registry.verification import NOT_WRITTEN, verify_assignment, verify_version
from assay.registry.versions import UNKNOWN, Assignment, Version
from assay.reports.verdict import Finding, Outcome
from tests.gate.build import changed
from tests.shown import shown as shown_by
from tests.verdicts import verdict

BUNDLE = f"sha256:{'a' * 64}"
PASSED = verdict(
    Finding(rule="ranks", kind="rule", outcome=Outcome.PASS, detail="auc"), bundle=BUNDLE
)
FAILED = changed(
    PASSED,
    outcome=Outcome.FAIL,
    findings=(changed(PASSED.findings[0], outcome=Outcome.FAIL),),
)
TEXT, NO = PASSED.text(), FAILED.text()
GOOD = Version(
    "m1",
    "v0.1.0",
    "1" * 40,
    BUNDLE,
    digests.digest_content(TEXT),
    "Ada",
    "2013",
    "",
    outcome="PASS",
)


def test_tags_that_say_what_the_verdict_says() -> None:
    assert verify_version(GOOD, TEXT) is None
    failed = changed(GOOD, verdict=digests.digest_content(NO), outcome="FAIL", override="it must")
    assert verify_version(failed, NO) is None
    assert (
        verify_version(changed(GOOD, verdict=UNKNOWN, outcome="none", override="it must"), None)
        is None
    )


@pytest.mark.parametrize(
    ("version", "text", "why"),
    [
        (changed(GOOD, bundle=UNKNOWN), TEXT, "name no bundle"),
        (changed(GOOD, outcome=None), TEXT, NOT_WRITTEN),
        (changed(GOOD, outcome="none"), TEXT, "there was no verdict"),
        (changed(GOOD, outcome="FAIL and PASS"), TEXT, "say FAIL and PASS, its verdict PASS"),
        (GOOD, None, "no verdict can be had"),
        (GOOD, NO, "another verdict than its commit holds"),
        (changed(GOOD, verdict=digests.digest_content("{}")), "{}", "not a verdict"),
        (changed(GOOD, bundle="sha256:f"), TEXT, "about another bundle"),
        (changed(GOOD, verdict=digests.digest_content(NO)), NO, "say PASS, its verdict FAIL"),
        (
            changed(GOOD, verdict=digests.digest_content(NO), outcome="FAIL"),
            NO,
            "nobody overruled it",
        ),
    ],
)
def test_tags_that_say_something_else(version: Version, text: str | None, why: str) -> None:
    found = verify_version(version, text)
    assert found is not None
    assert why in found


def test_a_stage_given_by_hand_is_in_doubt_though_its_version_is_not() -> None:
    move = Assignment(
        tag="x#prod#1",
        stage="prod", version="v0.1.0", at="2013", by="Ada", why="", kind="promote",
        verdict=GOOD.verdict, outcome="PASS",
    )  # fmt: skip
    assert verify_assignment(move, GOOD, None) is None
    assert verify_assignment(move, GOOD, "its verdict is FAIL") == "its verdict is FAIL"
    assert verify_assignment(changed(move, outcome=None), GOOD, None) == NOT_WRITTEN
    assert "another verdict" in (verify_assignment(changed(move, verdict=None), GOOD, None) or "")
    assert "no version" in (verify_assignment(move, None, None) or "")
    assert verify_assignment(changed(move, kind="unassign", outcome=None), None, None) is None


def test_versions_shows_a_tag_made_by_hand_as_unverified(
    project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(project.root, project.params, because="it ranks")
    commit = project.judged(Outcome.FAIL)
    message = f"by hand\n\nCommit: {commit}\nBundle: {BUNDLE}\nVerdict: {BUNDLE}\nOutcome: PASS\n"
    project.git("tag", "--annotate", "late-flights@v9.0.0", "--message", message)
    capsys.readouterr()
    root = ("--root", str(project.root))
    assert main(["versions", "--json", *root]) == 0
    told = {each["version"]: each for each in json.loads(capsys.readouterr().out)["versions"]}
    assert told["v0.1.0"]["unverified"] is None
    assert "another verdict" in told["v9.0.0"]["unverified"]
    monkeypatch.setenv("COLUMNS", "250")
    assert main(["versions", *root]) == 0
    shown = capsys.readouterr().out
    assert "PASS, unverified" in shown
    assert "v9.0.0 is unverified: its tags name another verdict than its commit holds." in shown


def test_status_says_of_the_champion_what_versions_says(
    project: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    promote(project.root, project.params, because="it ranks")
    capsys.readouterr()
    shown_by("status", status.run, project.root, project.params)
    shown = capsys.readouterr().out
    assert "v0.1.0, verdict PASS" in shown
    assert "unverified" not in shown
    commit = project.judged(Outcome.FAIL)
    message = f"by hand\n\nCommit: {commit}\nBundle: {BUNDLE}\nVerdict: {BUNDLE}\nOutcome: PASS\n"
    for tag in ("late-flights@v9.0.0", "late-flights#prod#2"):
        project.git("tag", "--annotate", tag, "--message", message)
    why = "its tags name another verdict than its commit holds"
    told = shown_by("status", status.run, project.root, project.params)
    champion = json.loads(to_json(told))["champion"]
    assert (champion["version"], champion["verdict"]) == ("v9.0.0", "unknown")
    assert champion["unverified"] == why
    shown = capsys.readouterr().out
    assert "v9.0.0, verdict unknown, unverified" in shown
    assert f"v9.0.0 is unverified: {why}." in shown
