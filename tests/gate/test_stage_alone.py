"""The stage with a stand-in for the pytest process: what is written, and what it is bound to."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import DataError, GateNotPassed, MemoryShort, StageInputMissing
from assay.gate import stage, waivers
from assay.gate.provenance import InputDigests
from assay.gate.pytest_run.record import PytestRecord
from assay.gate.pytest_run.run import PytestRun
from assay.model.bundle_files import verified_digest
from assay.project import digests, layout
from assay.reports.raw_rows import RawRows
from assay.reports.verdict import Finding, JudgedChampion, ModelTests, Outcome, Verdict
from tests.gate import build

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
SOON = (waivers.today() + timedelta(days=30)).isoformat()
FILES = ("verdict.json", "verdict.md", "index.html")
TEST = "tests/model/test_it.py::test_holds"


class Stand:
    """In place of pytest: saw every rule as it is, and one test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tiny: Any) -> None:
        self.tiny = tiny
        self.test = "passed"
        self.without_champion: list[str] = []
        self.code = 0
        self.crash: str | None = None
        self.short_of_memory = ""
        self.meanwhile: Callable[[], object] = lambda: None
        self.asked: list[Any] = []
        monkeypatch.setattr(stage, "run_pytest", self)

    def __call__(self, root: Any, tests: str, decided: Any) -> PytestRun:
        self.asked.append((root, tests))
        self.meanwhile()
        rules = {f"params.yaml::{each.finding.title}": each.finding for each in decided}
        seen = PytestRecord(
            collected=[TEST, *rules],
            policy=list(rules),
            outcomes={TEST: self.test, **{node: told(each) for node, each in rules.items()}},
            details={TEST: "boom"},
            without_champion=self.without_champion,
            places=[TEST],
            short_of_memory=self.short_of_memory,
        )
        return PytestRun(seen, self.code, "pytest's own words", self.crash)

    def run(self) -> Verdict:
        return stage.run(self.tiny.root, self.tiny.params).verdict

    def shown(self, capsys: pytest.CaptureFixture[str], *options: str) -> str:
        """What ``assay stage gate`` prints."""
        main(["stage", "gate", *options, "--root", str(self.tiny.root)])
        return capsys.readouterr().out

    def judged(self) -> Verdict:
        """The verdict as it was written, whatever it says."""
        with contextlib.suppress(GateNotPassed):
            self.run()
        text = (self.tiny.root / layout.VERDICT).read_text(encoding="utf-8")
        return Verdict.parse(text, layout.VERDICT)


def told(finding: Finding) -> str:
    if finding.outcome is PASS:
        return "passed"
    return "failed" if finding.blocks else "xfailed"


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch, tiny: Any) -> Stand:
    return Stand(monkeypatch, tiny)


def test_the_verdict_is_bound_to_what_is_here(stand: Stand, tiny: Any) -> None:
    tiny.evaluation(types=["a.B"])
    tiny.comparison(build.comparison(build.difference(0.0)))
    found = stand.run()
    assert found == stand.judged()
    assert (found.outcome, found.name, found.candidate) == (PASS, "tiny", "prior")
    assert found.bundle == verified_digest(tiny.root / layout.BUNDLE)
    assert found.data == digests.data(tiny.root)
    assert found.contract == digests.worktree_contract(tiny.root, tiny.params)
    assert found.policy == digests.policy(tiny.root, tiny.params)
    assert found.code == digests.code(tiny.root, tiny.params)
    assert found.types == ("a.B",)
    assert found.champion == JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:a")
    assert stand.asked[0] == (tiny.root, "tests/model")


def test_everything_is_written_also_for_a_failure(stand: Stand, tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    found = stand.judged()
    folder = tiny.root / layout.GATE_REPORT
    assert found.outcome is FAIL
    written = (folder / "verdict.md").read_text(encoding="utf-8")
    assert written.startswith("## ❌ FAIL: tiny, ")
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "<title>FAIL: tiny, candidate prior</title>" in html
    assert "95% interval" in html


def test_findings_come_worst_kind_first(stand: Stand, tiny: Any) -> None:
    """What was measured about something else, then waivers, the session, rules and tests."""
    tiny.evaluation(name="other")
    tiny.policy(
        waivers='[{rule: "t::gone", because: so, owner: us, until: "' + SOON + '"}]',
        behaviour="[{name: calm, check: invariance, change: {column: x, add: 1}, within: 1,"
        " owner: us, because: so}]",
    )
    tiny.comparison(build.alone("unreadable"))
    stand.crash = "pytest ended with exit code 3: boom"
    assert [each.rule for each in stand.judged().findings] == [
        "what was measured is about what is here now",
        "every waiver is of something that is there",
        "pytest",
        "ranks late ones first",
        "no place is left behind",
        "no place is left behind",
        "calm",
        TEST,
        "the champion can be compared with",
    ]


def test_a_waived_champion_does_not_decide(stand: Stand, tiny: Any) -> None:
    tiny.policy(
        waivers='[{rule: "the champion can be compared with", because: so, owner: us,'
        ' until: "' + SOON + '"}]'
    )
    tiny.comparison(build.alone("unreadable"))
    found = stand.judged()
    assert (found.outcome, found.champion.state) == (PASS, "unreadable")
    assert [each.exemption_reason for each in found.findings if not each.decides] == [
        f"waived until {SOON}"
    ]


@pytest.mark.parametrize(
    ("outcome", "expected"), [("passed", PASS), ("failed", FAIL), ("skipped", INCONCLUSIVE)]
)
def test_a_test_counts(stand: Stand, outcome: str, expected: Outcome) -> None:
    stand.test = outcome
    assert stand.judged().outcome is expected


def test_a_test_that_needs_a_champion_decides_once_there_is_one(stand: Stand, tiny: Any) -> None:
    stand.test, stand.without_champion = "skipped", [TEST]
    assert stand.judged().outcome is PASS
    tiny.comparison(build.comparison(build.difference(0.0)))
    assert stand.judged().outcome is INCONCLUSIVE


def test_a_crash_and_an_exit_code_that_nothing_explains_fail(stand: Stand) -> None:
    stand.crash = "pytest ended with exit code 3: boom"
    assert stand.judged().outcome is FAIL
    stand.crash, stand.code = None, 1
    assert stand.judged().outcome is FAIL


@pytest.mark.parametrize("end", ["", "-6: memory allocation of 8 bytes failed", "1: MemoryError"])
def test_without_memory_there_is_no_verdict(stand: Stand, tiny: Any, end: str) -> None:
    stand.run()
    if end:
        stand.crash = f"pytest ended with exit code {end}"
    else:
        stand.short_of_memory = f"{TEST}: MemoryError"
    with pytest.raises(MemoryShort, match="there is no verdict"):
        stand.run()
    assert not [name for name in FILES if (tiny.root / layout.GATE_REPORT / name).exists()]


def test_a_missing_folder_of_tests_fails(stand: Stand, tiny: Any) -> None:
    shutil.rmtree(tiny.root / "tests/model")
    assert [each.rule for each in stand.judged().blocking] == ["tests/model"]


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (f"{layout.BUNDLE}/manifest.json", "bundle"),
        (layout.HOLDOUT_TABLE, "data"),
        ("data/contract.py", "contract"),
        ("tests/model/test_it.py", "policy"),
    ],
)
def test_what_changes_while_the_gate_runs_fails(
    stand: Stand, tiny: Any, file: str, what: str
) -> None:
    stand.meanwhile = lambda: tiny.write(file, '{"files": {}}  ')
    found = stand.judged()
    assert [each.detail for each in found.blocking] == [f"{what} changed while the gate ran"]


def test_a_report_that_changes_while_the_gate_runs_fails(stand: Stand, tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    stand.meanwhile = tiny.evaluation
    changed, found = stand.judged().blocking
    assert changed.detail == "reports changed while the gate ran"
    # What was decided before pytest began stands, whatever the report says now.
    assert found.detail.startswith("auc 0.1, ") and "misses the limit" in found.detail


def test_no_older_file_outlives_an_error(stand: Stand, tiny: Any) -> None:
    stand.run()
    folder = tiny.root / layout.GATE_REPORT
    (folder / "junit.xml").write_text("old")
    (folder / "notes.txt").write_text("mine")
    assert all((folder / name).is_file() for name in FILES)
    tiny.write(layout.EVALUATION, "{}")
    with pytest.raises(DataError):
        stand.run()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_the_first_run_makes_the_folder(stand: Stand, tiny: Any) -> None:
    assert not (tiny.root / layout.GATE_REPORT).exists()
    stand.run()
    # Somebody deletes all reports: git keeps no empty folder.
    shutil.rmtree(tiny.root / layout.GATE_REPORT)
    stand.run()
    shutil.rmtree((tiny.root / layout.GATE_REPORT).parent)
    with pytest.raises(StageInputMissing):
        stand.run()


def test_json_is_the_only_output(
    stand: Stand, tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out = stand.shown(capsys, "--json")
    text = (tiny.root / layout.VERDICT).read_text(encoding="utf-8")
    assert out == text
    assert list(json.loads(text))[:2] == ["schema", "outcome"]


def refusal(stand: Stand) -> str:
    with pytest.raises(GateNotPassed) as caught:
        stand.run()
    assert caught.value.exit_code == 3
    return caught.value.line()


def test_the_refusal_names_what_stands_in_the_way(stand: Stand, tiny: Any) -> None:
    tiny.evaluation(metrics={"auc": {"value": 0.1, "low": 0.1, "high": 0.1}})
    stand.test = "skipped"
    assert refusal(stand) == (
        "reports/gate/verdict.json: the verdict is FAIL (found 'ranks late ones first' FAIL; "
        f"'{TEST}' INCONCLUSIVE). The reasons are in reports/gate/verdict.md."
    )


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, " and 1 more"), (12, " and 4 more")])
def test_the_refusal_names_eight_and_counts_the_rest(
    stand: Stand, tiny: Any, count: int, more: str
) -> None:
    tiny.policy(*(f"name: rule {number}, metric: auc, min: 0.99" for number in range(count)))
    line = refusal(stand)
    assert line.count("' FAIL") == 8
    assert f"'rule 7' FAIL{more})" in line
    assert "rule 8" not in line


def test_the_verdict_is_bound_to_the_reports_and_counts_the_tests(stand: Stand) -> None:
    shutil.rmtree(stand.tiny.root / layout.GATE_REPORT, ignore_errors=True)
    found = stand.judged()
    assert found.reports == InputDigests.of(stand.tiny.root, stand.tiny.params).reports
    assert found.reports is not None
    assert found.tests == ModelTests(collected=1, ran=1)


def test_the_verdict_says_whose_word_the_rows_are(tiny: Any, stand: Stand) -> None:
    """As far as somebody asked the source about the very rows that are here."""
    assert stand.run().rows is None
    asked = RawRows(nights=61, raw=None, committed_by="Ada", why="no route to the table")
    asked.write(tiny.root)
    assert stand.run().rows == asked
    told = "Rows as committed by Ada: the source could not be read (no route to the table)."
    for name in ("verdict.md", "index.html"):
        assert told in (tiny.root / layout.GATE_REPORT / name).read_text()
    build.changed(asked, raw="0123.dir").write(tiny.root)
    assert stand.run().rows is None
