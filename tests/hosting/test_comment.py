"""`assay report --format` and `assay comment`, from reports on disk to a server on loopback."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import GateNotPassed
from assay.gate.stage import run as gate
from assay.hosting.comment import collect
from assay.hosting.comment_changes import read_changes
from assay.project import layout
from assay.reports.champion import StageHolder
from tests.code_host import REPOSITORY, TOKEN, CodeHost

SHA = "0f3c2ab9" * 5


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """This test may itself run in CI."""
    for name in ("GITHUB_REPOSITORY", "CI_PROJECT_ID", "GITHUB_STEP_SUMMARY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


class Ci:
    """A run of GitHub Actions for pull request 4."""

    def __init__(self, server: CodeHost, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.server, self.event, self.file = server, folder / "event.json", folder / "summary.md"
        self.patch = patch
        self.pull_request(REPOSITORY)
        for name, value in server.environment(
            GITHUB_EVENT_PATH=str(self.event), GITHUB_STEP_SUMMARY=str(self.file)
        ).items():
            patch.setenv(name, value)

    def pull_request(self, repository: str) -> None:
        head = {"sha": SHA, "repo": {"full_name": repository}}
        self.event.write_text(json.dumps({"pull_request": {"number": 4, "head": head}}))

    @property
    def summary(self) -> str:
        return self.file.read_text(encoding="utf-8") if self.file.exists() else ""

    @property
    def comments(self) -> list[str]:
        return [each["body"] for each in self.server.on(4)]


@pytest.fixture
def ci(server: CodeHost, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Ci:
    return Ci(server, tmp_path_factory.mktemp("ci"), monkeypatch)


def assay(tiny: Any, *words: str) -> int:
    return main([*words, "--root", str(tiny.root)])


def test_the_verdict_is_printed_for_a_pull_request(
    tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gate(tiny.root, tiny.params)
    assert assay(tiny, "report", "--format", "github") == 0
    text = capsys.readouterr().out
    assert text.startswith("<!-- assay:gate:tiny -->\n\n## ✅ PASS: tiny, candidate prior\n")
    assert assay(tiny, "report", "--format", "gitlab", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["posted"]) == ("PASS", "none")


@pytest.mark.parametrize("words", [(), ("--format", "github", "--week", "2013-W36")])
def test_a_week_or_a_verdict_and_not_both(tiny: Any, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        assay(tiny, "report", *words)
    assert caught.value.code == 2


def test_a_verdict_about_something_else_counts_for_nothing(
    tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gate(tiny.root, tiny.params)
    tiny.write(layout.HOLDOUT_TABLE, "other rows")
    assert assay(tiny, "report", "--format", "github") == 0
    text = capsys.readouterr().out
    assert "NO VERDICT" in text and "- it is about another data" in text and "PASS" not in text


def test_one_comment_and_the_same_text_as_summary(
    tiny: Any, ci: Ci, capsys: pytest.CaptureFixture[str]
) -> None:
    gate(tiny.root, tiny.params)
    assert assay(tiny, "comment") == 0
    assert "posted        written" in capsys.readouterr().out
    (body,) = ci.comments
    assert ci.summary == f"{body}\n" and f"commit {SHA[:10]}" in body
    tiny.evaluation(metrics={"auc": {"value": 0.5, "low": 0.45, "high": 0.55}})
    with pytest.raises(GateNotPassed):
        gate(tiny.root, tiny.params)
    # Whatever the verdict: that the comment was written is this command's answer.
    assert assay(tiny, "comment") == 0
    (body,) = ci.comments
    assert "❌ FAIL" in body and ci.summary.endswith(f"{body}\n")


def test_without_a_verdict_the_comment_says_so(tiny: Any, ci: Ci) -> None:
    gate(tiny.root, tiny.params)
    assay(tiny, "comment")
    (tiny.root / layout.VERDICT).unlink()
    assert assay(tiny, "comment") == 0
    (body,) = ci.comments
    assert "NO VERDICT" in body and "gate has not run" in body


@pytest.mark.parametrize("status", [403, 404, None])
def test_a_fork_gets_the_summary_only_and_is_told(
    tiny: Any, ci: Ci, capsys: pytest.CaptureFixture[str], status: int | None
) -> None:
    ci.pull_request("mallory/late-flights")
    if status is None:
        ci.patch.setenv("GITHUB_TOKEN", "")
    else:
        ci.server.refuse("POST", status)
    assert assay(tiny, "comment") == 0
    said = capsys.readouterr()
    assert "comes from a fork and gets no comment" in said.err and "summary only" in said.err
    assert ci.comments == [] and "NO VERDICT" in ci.summary
    assert TOKEN not in said.err + said.out


def test_a_job_without_permission_is_told_which_it_needs(
    tiny: Any, ci: Ci, capsys: pytest.CaptureFixture[str]
) -> None:
    ci.server.refuse("POST", 403)
    assert assay(tiny, "comment") == 0
    assert "permissions: pull-requests: write" in capsys.readouterr().err


def test_a_broken_api_ends_with_61_after_the_summary(
    tiny: Any, ci: Ci, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    ci.server.refuse("GET .*comments", 502)
    assert assay(tiny, "comment") == 61
    said = capsys.readouterr()
    (line,) = [each for each in said.err.splitlines() if each.startswith("assay: ")]
    assert "it answered 502" in line and TOKEN not in line
    assert "NO VERDICT" in ci.summary
    ci.server.heal()
    assert assay(tiny, "comment") == 0
    assert len(ci.comments) == 1


def test_a_token_that_is_not_valid_is_an_error(tiny: Any, ci: Ci) -> None:
    ci.patch.setenv("GITHUB_TOKEN", "another")
    assert assay(tiny, "comment") == 61


def test_a_schedule_has_a_summary_only_or_says_which_pull_request(
    tiny: Any, ci: Ci, capsys: pytest.CaptureFixture[str]
) -> None:
    ci.event.write_text("{}")
    assert assay(tiny, "comment") == 0
    assert "about no pull request" in capsys.readouterr().err and ci.comments == []
    assert assay(tiny, "comment", "--pull-request", "4") == 0
    assert len(ci.comments) == 1
    ci.patch.delenv("GITHUB_STEP_SUMMARY")
    assert assay(tiny, "comment") == 2


def test_a_pull_request_that_is_named_and_not_there_is_an_error(tiny: Any, ci: Ci) -> None:
    ci.server.refuse("issues/5/comments", 404)
    assert assay(tiny, "comment", "--pull-request", "5") == 61
    ci.patch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary.md")
    assert assay(tiny, "comment") == 61


def test_outside_of_ci_it_says_how_to_print_it(
    tiny: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert assay(tiny, "comment") == 2
    assert "assay report --format github" in capsys.readouterr().err


def test_a_merge_request_of_gitlab(tiny: Any, server: CodeHost, monkeypatch: Any) -> None:
    server.author = {"login": "project_7_bot_1f", "type": ""}
    for name, value in server.gitlab_environment(CI_MERGE_REQUEST_IID="4").items():
        monkeypatch.setenv(name, value)
    for _ in range(2):
        assert assay(tiny, "comment") == 0
    (one,) = server.on(4)
    assert one["body"].startswith("<!-- assay:gate:tiny -->")


def git(root: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def promoted(tiny: Any) -> str:
    """Commit a champion that the gate judged, and write what the stage champion would."""
    gate(tiny.root, tiny.params)
    (tiny.root / ".gitignore").write_text("/models\n/data/prepared\n/reports/contract\n")
    git(tiny.root, "init", "--quiet")
    git(tiny.root, "add", "--all")
    git(tiny.root, "commit", "--quiet", "--message", "Train")
    commit, bundle = git(tiny.root, "rev-parse", "HEAD"), tiny.about()["bundle"]
    held = StageHolder(state="found", stage="prod", version="v0.1.0", commit=commit, bundle=bundle)
    tiny.write(layout.CHAMPION_FACTS, held.text())
    return commit


def parts(tiny: Any) -> dict[str, bool | None]:
    facts = collect(tiny.root, tiny.params)
    assert facts.changes is not None
    return {each.name: each.changed for each in facts.changes.parts}


def test_what_changed_since_the_champion(tiny: Any) -> None:
    promoted(tiny)
    same = dict.fromkeys(("model", "policy", "data", "contract", "code"), False)
    assert parts(tiny) == same
    tiny.policy("name: ranks late ones first, metric: auc, min: 0.6")
    tiny.write("tests/model/test_new.py", "def test_it(): pass\n")
    tiny.write(f"{layout.BUNDLE}/manifest.json", '{"files": {}, "x": 1}')
    tiny.reports()
    gate(tiny.root, tiny.params)
    facts = collect(tiny.root, tiny.params)
    assert facts.answer.problems == () and facts.changes is not None
    assert parts(tiny) == {**same, "model": True, "policy": True}
    policy = facts.changes.part("policy")
    assert policy.files == ("tests/model/test_new.py",)
    assert "gate.rules[ranks late ones first].min" in [each.key for each in policy.keys]
    assert facts.changes.policy_and_model


def test_a_verdict_about_something_else_proves_no_part_the_same(tiny: Any) -> None:
    promoted(tiny)
    tiny.write(layout.HOLDOUT_TABLE, "other rows")
    facts = collect(tiny.root, tiny.params)
    assert facts.answer.problems
    assert set(parts(tiny).values()) == {None}


def test_a_changed_contract_and_code_are_named_by_their_files(tiny: Any) -> None:
    tiny.write("data/__init__.py", "")
    tiny.write("data/source.py", "def rows(): ...\n")
    promoted(tiny)
    tiny.write("data/contract.py", "import data.more\n")
    tiny.write("data/source.py", "def rows(): return 1\n")
    tiny.reports()
    gate(tiny.root, tiny.params)
    changes = collect(tiny.root, tiny.params).changes
    assert changes is not None
    assert changes.part("contract").files == ("data/contract.py",)
    assert changes.part("code").files == ("data/source.py",)
    assert changes.part("code").changed and changes.part("contract").changed


def test_a_commit_that_this_clone_lacks_is_said(tiny: Any) -> None:
    promoted(tiny)
    held = StageHolder(
        state="found", stage="prod", version="v0.1.0", commit="1" * 40, bundle="sha256:b"
    )
    tiny.write(layout.CHAMPION_FACTS, held.text())
    changes = read_changes(tiny.root, tiny.params, None)
    assert changes is not None and "git fetch --unshallow" in changes.why
    assert changes.part("policy").changed is not False


def test_without_a_champion_nothing_changed(tiny: Any) -> None:
    assert collect(tiny.root, tiny.params).changes is None
