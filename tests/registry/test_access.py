"""Each act is refused without the right, in one line, and passes with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.errors import NotAllowed, NotARepository, ParamsError, UsageError
from assay.gate import waivers
from assay.project.params.access import Access, address_of
from assay.project.params.behaviour import WaiverParams
from assay.promotion.promote import promote, rollback
from assay.registry import access
from assay.registry.access import read_policy

LIST = "access: {{{act}: [ben@example.com]}}\n"


def become(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", name.title())
        monkeypatch.setenv(f"GIT_{role}_EMAIL", f"{name}@Example.com")


def only_ben(project: Any, act: str) -> None:
    text = (project.root / "params.yaml").read_text()
    project.write("params.yaml", text + LIST.format(act=act))
    project.commit()


def check(act: Callable[[], object], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada is refused in one line, and Ben is not."""
    become(monkeypatch, "ada")
    with pytest.raises(NotAllowed) as caught:
        act()
    assert caught.value.exit_code == 47
    assert caught.value.line() == (
        f"params.yaml of HEAD: access.{name}: Ada <ada@Example.com> may not {name} (expected one of"
        " ben@example.com). One of them types the same command. Who may is changed by a commit."
    )
    become(monkeypatch, "ben")
    act()


def test_promote(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    only_ben(project, "promote")
    before = project.tag_names()
    check(lambda: promote(project.root, project.params), "promote", monkeypatch)
    assert before == set() and len(project.tag_names()) == 2


def test_override(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    only_ben(project, "override")

    def act() -> None:
        promote(project.root, project.params, override=True, because="it must")

    check(act, "override", monkeypatch)


def test_rollback(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(project.root, project.params)
    project.another("two")
    promote(project.root, project.params)
    only_ben(project, "rollback")
    check(
        lambda: rollback(project.root, project.params, because="it erred"), "rollback", monkeypatch
    )


def test_waiver(project: Any) -> None:
    groups = "access: {groups: {operations: [ben@example.com]}, waiver: [operations]}\n"
    project.write("params.yaml", (project.root / "params.yaml").read_text() + groups)
    project.commit()
    until = waivers.last_day(waivers.today())

    def told(owner: str, last: object = until) -> list[str]:
        held = WaiverParams(rule="ranks", because="why", owner=owner, until=str(last))
        return [each.line() for each in waivers.not_allowed(project.root, [held])]

    (line,) = told("sales")
    assert line.startswith("params.yaml of HEAD: access.waiver: sales may not waive 'ranks'")
    assert told("operations") == told("Ben <ben@example.com>") == []
    assert told("sales", "2020-01-01") == [], "a waiver that has ended waives nothing"


def test_what_is_not_named_is_everybody_s_unless_default_says(project: Any) -> None:
    assert access.require(project.root, "promote") == "Ada <ada@example.com>"
    only_ben(project, "default")
    with pytest.raises(NotAllowed, match=r"access\.default: Ada .* may not retract"):
        access.require(project.root, "retract")


def test_the_default_branch_decides_and_not_the_branch_one_is_on(project: Any) -> None:
    project.git("remote", "add", "upstream", "https://example.invalid/x.git")
    only_ben(project, "release")
    project.git("update-ref", "refs/remotes/upstream/main", "HEAD")
    text = (project.root / "params.yaml").read_text().replace("ben@", "ada@")
    project.write("params.yaml", text)
    project.commit("I may now")
    with pytest.raises(NotAllowed, match=r"^params\.yaml of upstream/main: access\.release"):
        access.require(project.root, "release")
    project.git("update-ref", "refs/remotes/upstream/trunk", "HEAD")
    project.git("symbolic-ref", "refs/remotes/upstream/HEAD", "refs/remotes/upstream/trunk")
    access.require(project.root, "release")
    project.git("checkout", "--quiet", "--orphan", "pages")
    assert read_policy(project.root).ref == "refs/remotes/upstream/trunk"


def test_no_setting_of_a_clone_s_branch_chooses_which_remote_decides(project: Any) -> None:
    project.git("remote", "add", "origin", "https://example.invalid/x.git")
    only_ben(project, "release")
    project.git("update-ref", "refs/remotes/origin/main", "HEAD")
    project.git("remote", "add", "aaa", "https://example.invalid/mine.git")
    project.git("update-ref", "refs/remotes/aaa/main", "HEAD~1")
    project.git("config", f"branch.{project.git('branch', '--show-current')}.remote", "aaa")
    assert read_policy(project.root).ref == "refs/remotes/origin/main"
    project.git("remote", "rename", "origin", "bbb")
    with pytest.raises(NotARepository, match="which of git's remotes says who may"):
        read_policy(project.root)


def configure(git: Path, line: str) -> None:
    text = (git / "config").read_text().replace("bare = false", line)
    (git / "config").write_text(text)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "objects moved": lambda git: (git / "objects").rename(git.parent / "objects"),
    "objects lost": lambda git: [(git / "objects").rename(git / "o"), (git / "objects").mkdir()],
    "not a repository": lambda git: (git / "HEAD").unlink(),
    "called bare": lambda git: configure(git, "bare = true"),
    "a work tree elsewhere": lambda git: configure(git, "worktree = /"),
    "an empty ref": lambda git: [each.write_text("") for each in (git / "refs/heads").iterdir()],
    "an empty ref of the remote": lambda git: (git / "refs/remotes/up/main").write_text(""),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_where_git_cannot_be_read_the_work_tree_does_not_decide(project: Any, damage: str) -> None:
    only_ben(project, "forget")
    project.git("remote", "add", "up", "https://example.invalid/x.git")
    project.git("update-ref", "refs/remotes/up/main", "HEAD")
    text = (project.root / "params.yaml").read_text()
    project.write("params.yaml", text.replace(LIST.format(act="forget"), ""))
    if damage == "an empty ref":
        project.git("remote", "remove", "up")
    DAMAGE[damage](project.root / ".git")
    with pytest.raises(NotARepository, match=r"cannot read|failed"):
        access.require(project.root, "forget")


def test_a_damaged_repository_does_not_hand_over_to_one_further_up(project: Any) -> None:
    only_ben(project, "forget")
    (project.root / ".git" / "HEAD").unlink()
    subprocess.run(["git", "init", "--quiet"], cwd=project.root.parent, check=True)
    with pytest.raises(NotARepository, match="for it"):
        read_policy(project.root)


def test_the_work_tree_decides_where_no_commit_has_the_file(project: Any, tmp_path: Path) -> None:
    project.git("rm", "--quiet", "--cached", "params.yaml")
    project.git("commit", "--quiet", "--message", "no parameters")
    assert read_policy(project.root).ref is None
    new = tmp_path / "new"
    new.mkdir()
    assert read_policy(new).ref is None
    subprocess.run(["git", "init", "--quiet"], cwd=new, check=True)
    assert read_policy(new).ref is None


def test_a_policy_that_cannot_be_read_lets_nobody_act(project: Any) -> None:
    project.write("params.yaml", "access: {promote: nobody}\n")
    project.commit()
    project.git("checkout", "--quiet", "HEAD~1", "--", "params.yaml")
    with pytest.raises(ParamsError, match=r"params\.yaml of HEAD:1: access\.promote: expected a l"):
        read_policy(project.root)


def test_no_reason_is_asked_for_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a reason is needed"):
        access.require_with_reason(tmp_path, "release", " ")


@pytest.mark.parametrize(
    ("person", "address"),
    [
        ("Ana <Ana@Example.com>", "ana@example.com"),
        ("ana <1234+Ana@users.noreply.github.com>", "ana@users.noreply.github.com"),
        ("1234+ana@example.com", "1234+ana@example.com"),
        ("root", "root"),
    ],
)
def test_an_address_is_who_somebody_is(person: str, address: str) -> None:
    assert address_of(person) == address
    assert Access(promote=(person if "@" in person else "x@y",)).allows("promote", address) == (
        "@" in person
    )
