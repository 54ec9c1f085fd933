"""`assay gate verdict`: the verdict itself is asked, never a text in it."""

from __future__ import annotations

import html
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.errors import GateNotPassed, TrackedByGit
from assay.gate import verdict_command, verdict_text
from assay.gate import verdict_command as asked_again
from assay.gate.stage import run
from assay.gate.verdict_command import differences, require_same
from assay.project import layout
from assay.reports.verdict import JudgedChampion, Outcome
from tests.gate import build
from tests.verdicts import verdict


def test_a_pass_is_said_and_ends_with_0(tiny: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(tiny.root, tiny.params)
    assert main(["gate", "verdict", "--root", str(tiny.root)]) == 0
    capsys.readouterr()
    assert main(["gate", "verdict", "--json", "--root", str(tiny.root)]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "PASS"

    text = (tiny.root / layout.VERDICT).read_text()
    tiny.evaluation(metrics={"auc": {"value": 0.9, "low": 0.85, "high": 0.95}})
    with pytest.raises(GateNotPassed, match=r"another set of reports.*has observed 0\.8 in it"):
        asked_again.run(tiny.root, tiny.params)
    tiny.evaluation()
    asked_again.run(tiny.root, tiny.params)
    (tiny.root / layout.VERDICT).write_text(
        text.replace('"severity": "block"', '"severity": "warn"')
    )
    with pytest.raises(GateNotPassed, match="its findings come to FAIL"):
        asked_again.run(tiny.root, tiny.params)


def test_a_fail_with_a_pass_among_its_findings_ends_with_3(tiny: Any) -> None:
    with pytest.raises(GateNotPassed, match=r"verdict\.json: gate has not run"):
        asked_again.run(tiny.root, tiny.params)
    tiny.evaluation(metrics={"auc": {"value": 0.5, "low": 0.45, "high": 0.55}})
    with pytest.raises(GateNotPassed):
        run(tiny.root, tiny.params)
    assert '"outcome": "PASS"' in (tiny.root / layout.VERDICT).read_text()
    assert main(["gate", "verdict", "--root", str(tiny.root)]) == GateNotPassed.exit_code
    (tiny.root / verdict_text.MARKDOWN).write_text("# PASS")
    with pytest.raises(GateNotPassed, match=r"verdict\.md says something else"):
        asked_again.run(tiny.root, tiny.params)


def test_a_verdict_is_about_what_its_model_tests_import(tiny: Any) -> None:
    tiny.write("data/limits.py", "from data.inner import LEAST\n")
    tiny.write("data/inner.py", "LEAST = 1\n")
    tiny.write(
        "tests/model/test_it.py",
        "def test_it():\n    from data.limits import LEAST\n    assert LEAST == 1\n",
    )
    run(tiny.root, tiny.params)
    asked_again.run(tiny.root, tiny.params)
    tiny.write("data/inner.py", "LEAST = 2\n")
    with pytest.raises(GateNotPassed, match="about another code"):
        asked_again.run(tiny.root, tiny.params)


@pytest.mark.parametrize(
    ("names", "more"),
    [(("data", "contract", "policy"), ""), (("data", "contract", "policy", "code"), " and 1 more")],
)
def test_three_reasons_are_named_and_the_rest_is_counted(
    tiny: Any, names: tuple[str, ...], more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tiny.root, tiny.params)
    monkeypatch.setattr(asked_again.verdict_verification, "find_discrepancies", lambda *_: [])
    path = tiny.root / layout.VERDICT
    tree = json.loads(path.read_text())
    for name in names:
        tree[name] = "sha256:0"
    path.write_text(json.dumps(tree))
    with pytest.raises(GateNotPassed) as caught:
        asked_again.run(tiny.root, tiny.params)
    assert caught.value.found is not None
    assert caught.value.found.count("; ") == 2
    assert caught.value.found.endswith(f"another policy{more}")


@pytest.mark.parametrize("text", [b"", b"garbage", b"\xff", b"null", b"[" * 100_000, b"9" * 9_999])
def test_what_is_no_verdict_ends_with_3_and_one_line(
    tiny: Any, text: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write(layout.VERDICT, "")
    (tiny.root / layout.VERDICT).write_bytes(text)
    assert main(["gate", "verdict", "--root", str(tiny.root)]) == GateNotPassed.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{layout.VERDICT}: " in line


def test_a_project_whose_git_tracks_rows_gets_no_verdict(tiny: Any) -> None:
    run(tiny.root, tiny.params)
    subprocess.run(["git", "init", "--quiet"], cwd=tiny.root, check=True)
    tiny.write("data/raw/day=1/part.csv", "rows")
    subprocess.run(["git", "add", "data/raw", layout.HOLDOUT_TABLE], cwd=tiny.root, check=True)
    with pytest.raises(TrackedByGit, match="found data/prepared, data/raw"):
        run(tiny.root, tiny.params)
    assert not (tiny.root / layout.VERDICT).exists()
    subprocess.run(["git", "rm", "-rq", "--cached", "data"], cwd=tiny.root, check=True)
    run(tiny.root, tiny.params)


def test_in_ci_the_page_says_too_that_another_verdict_was_committed(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the check and its comment do; on a laptop the page stays what dvc.lock says."""
    run(tiny.root, tiny.params)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    page, verdict = tiny.root / layout.GATE_PAGE, tiny.root / layout.VERDICT
    here, plain = verdict.read_text(), page.read_text()
    bundle = json.loads(here)["bundle"]
    verdict.write_text(here.replace(bundle, "sha256:" + "0" * 64))
    for command in (["init", "--quiet"], ["add", layout.VERDICT], ["commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *command], cwd=tiny.root, check=True)
    verdict.write_text(here)
    with pytest.raises(GateNotPassed, match="does not say what was committed"):
        asked_again.run(tiny.root, tiny.params, committed=True)
    assert page.read_text() == plain
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/parcels")
    with pytest.raises(GateNotPassed, match="does not say what was committed"):
        asked_again.run(tiny.root, tiny.params, committed=True)
    text = html.unescape(page.read_text())
    assert "NOT WHAT WAS COMMITTED" in text and f"bundle {bundle[:19]}" in text
    assert "\n".join(verdict_command.JUDGE_AGAIN) in text


HERE = verdict()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def commit(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / {"verdict": layout.VERDICT, "lock": layout.DVC_LOCK}[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in (["add", "--all"], ["commit", "--quiet", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def test_the_same_verdict_counts(repository: Path) -> None:
    commit(repository, verdict=HERE.text(), lock="")
    assert require_same(repository, HERE)


def test_where_nothing_is_committed_there_is_nothing_to_compare(repository: Path) -> None:
    commit(repository)
    assert not require_same(repository, HERE)
    commit(repository, lock="")
    with pytest.raises(GateNotPassed, match="the commit holds no verdict"):
        require_same(repository, HERE)


def test_what_is_no_verdict_is_refused(repository: Path) -> None:
    commit(repository, verdict="{}", lock="")
    with pytest.raises(GateNotPassed):
        require_same(repository, HERE)


@pytest.mark.parametrize(
    "change",
    [
        {"bundle": "sha256:" + "1" * 64},
        {"data": "sha256:" + "1" * 64},
        {"contract": "sha256:" + "1" * 64},
        {"policy": "sha256:" + "1" * 64},
        {"code": "sha256:" + "1" * 64},
        {"outcome": Outcome.PASS},
        {"name": "other"},
        {
            "champion": JudgedChampion(
                state="compared", version="v0.1.0", bundle="sha256:" + "2" * 64
            )
        },
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_difference_is_named(change: dict[str, Any]) -> None:
    (found,) = differences(HERE, build.changed(HERE, **change))
    assert found[0] == next(iter(change))
    assert found[1] != found[2]


def test_what_the_champion_s_own_bundle_was_compared_with_does_not_matter() -> None:
    """It is not promoted again, so no verdict beside today's champion is asked of its author."""
    champion = JudgedChampion(state="compared", version="v0.2.0", bundle=HERE.bundle)
    assert differences(build.changed(HERE, champion=champion), HERE) == []


def test_a_digest_is_told_with_twelve_digits() -> None:
    other = build.changed(HERE, data="sha256:0123456789ab" + "c" * 52)
    assert differences(HERE, other) == [("data", HERE.data[:19], "sha256:0123456789ab")]


def test_another_bundle_is_refused_with_both(repository: Path) -> None:
    other = build.changed(HERE, bundle="sha256:" + "1" * 64)
    commit(repository, verdict=other.text(), lock="")
    with pytest.raises(GateNotPassed, match=r"expected bundle sha256:.*found bundle sha256:1111"):
        require_same(repository, HERE)
