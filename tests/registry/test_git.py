from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.errors import NotARepository, PromotionRefused, VersionUnknown
from assay.registry import git


def run(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    run(root, "init", "--quiet")
    (root / "a.txt").write_text("old\n")
    (root / ".gitignore").write_text("ignored\n")
    run(root, "add", "--all")
    run(root, "commit", "--quiet", "--message", "one")
    return root


def test_a_plain_folder_is_no_repository(tmp_path: Path) -> None:
    for ask in (git.head, git.uncommitted_files, git.tags, git.root_and_prefix):
        with pytest.raises(NotARepository, match="not a git work tree"):
            ask(tmp_path)


def test_without_git_it_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotARepository, match="git is not installed"):
        git.head(root)


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    run(tmp_path, "init", "--quiet")
    with pytest.raises(NotARepository, match="no commit yet"):
        git.head(tmp_path)


def test_git_says_once_where_a_folder_is_until_another_repository_is_nearer(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real, below = [], git.run, root / "below"

    def counted(root: Path, *arguments: str, **more: Any) -> Any:
        asked.append(arguments)
        return real(root, *arguments, **more)

    monkeypatch.setattr(git, "run", counted)
    below.mkdir()
    for _ in range(2):
        assert git.root_and_prefix(below) == (root.resolve(), "below")
        assert git.head(below)
    assert len(asked) == 4, asked
    run(below, "init", "--quiet")
    assert git.root_and_prefix(below) == (below.resolve(), "")
    with pytest.raises(NotARepository, match="no commit yet"):
        git.head(below)
    for each in (below, root):
        shutil.rmtree(each / ".git")
    for ask in (git.head, git.tags, git.root_and_prefix):
        with pytest.raises(NotARepository, match="not a git work tree"):
            ask(below)


def test_unclean_names_what_changed_was_moved_or_is_new(root: Path) -> None:
    (root / "ignored").touch()
    assert not git.uncommitted_files(root)
    run(root, "mv", "a.txt", "b c.txt")
    (root / "ümlaut.txt").touch()
    assert git.uncommitted_files(root) == ("b c.txt", "ümlaut.txt")


def test_unclean_sees_beside_a_project_in_a_subfolder(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "beside.py").touch()
    assert git.uncommitted_files(root / "sub") == ("beside.py",)


def test_show_reads_the_commit_and_not_the_work_tree(root: Path) -> None:
    (root / "a.txt").write_text("new\n")
    assert git.show(root, "HEAD", "a.txt") == "old\n"
    with pytest.raises(VersionUnknown, match=r"none\.txt"):
        git.show(root, "HEAD", "none.txt")


def test_tags_come_whole_and_light_ones_not_at_all(root: Path) -> None:
    run(root, "tag", "light@v1.0.0")
    run(root, "tag", "-a", "m@v1.0.0", "-m", "subject\n\none\ntwo: x\n")
    run(root, "tag", "-a", "m#prod#1", "-m", "only a subject")
    last, first = git.tags(root)
    assert (first.name, first.subject, first.body) == ("m@v1.0.0", "subject", "one\ntwo: x\n")
    assert (last.name, last.subject, last.body) == ("m#prod#1", "only a subject", "")
    assert first.commit == git.head(root)
    assert first.by == "Ada <ada@example.com>"


def test_identity_is_asked_for_and_never_made_up(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git.identity(root) == ("Ada", "ada@example.com")
    for name in list(os.environ):
        if name.startswith(("GIT_COMMITTER", "GIT_AUTHOR")) or name == "EMAIL":
            monkeypatch.delenv(name)
    with pytest.raises(PromotionRefused, match=r"git config user\.name") as caught:
        git.identity(root)
    assert "\n" not in str(caught.value)


def test_what_the_next_add_would_take(root: Path) -> None:
    assert git.would_add(root, root / "new.csv")
    assert git.would_add(root, root / "a.txt"), "it is in git already"
    assert not git.would_add(root, root / "ignored")
    outside = root.parent / "plain"
    outside.mkdir()
    assert not git.would_add(outside, outside / "new.csv")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    run(tmp_path, "init", "--quiet", "--bare", "bare.git")
    return tmp_path / "bare.git"


@pytest.mark.parametrize("name", git.ELSEWHERE)
def test_it_is_the_project_s_repository_whatever_the_environment_points_to(
    root: Path, bare: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    commit = git.head(root)
    monkeypatch.setenv(name, str(bare))
    assert git.head(root) == commit and git.uncommitted_files(root) == ()


def test_all_that_git_calls_a_repository_s_own_is_let_be_but_configuration() -> None:
    told = subprocess.check_output(["git", "rev-parse", "--local-env-vars"], text=True).split()
    kept = {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_NO_REPLACE_OBJECTS"}
    assert set(told) - {*git.ELSEWHERE} == kept


def test_what_git_tells_a_hook_of_its_own_repository_is_let_be(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git.head(root)
    index = root / ".git" / "index"
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    before = index.read_bytes()
    (tmp_path / "there").mkdir()
    git.export(root, commit, tmp_path / "there")
    assert git.uncommitted_files(root) == () and (tmp_path / "there" / ".git").is_dir()
    assert index.read_bytes() == before


def test_a_clone_is_made_and_brought_up_to_date_with_its_tags(root: Path, tmp_path: Path) -> None:
    clone = tmp_path / "deep" / "clone"
    git.update_or_clone(clone, str(root), None)
    assert git.head(clone) == git.head(root)
    run(root, "commit", "--quiet", "--allow-empty", "--message", "Later")
    run(root, "tag", "--annotate", "m@v1.0.0", "--message", "promoted")
    git.update_or_clone(clone, "", None)
    assert git.head(clone) == git.head(root)
    assert [tag.name for tag in git.tags(clone)] == ["m@v1.0.0"]


def test_an_empty_folder_as_a_volume_is_one_is_filled(root: Path, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    run(root, "branch", "night")
    git.update_or_clone(volume, str(root), "night")
    assert git.head(volume) == git.head(root)


def test_a_clone_that_cannot_be_updated_is_used_as_it_is(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clone = tmp_path / "clone"
    git.update_or_clone(clone, str(root), None)
    before = git.head(clone)
    root.rename(tmp_path / "gone")
    git.update_or_clone(clone, "", None)
    assert git.head(clone) == before
    assert "is used as it is" in caplog.text


@pytest.mark.parametrize("branch", [None, "no-such-branch"])
def test_what_cannot_be_cloned_is_named_without_its_password(
    root: Path, tmp_path: Path, branch: str | None
) -> None:
    place = str(root) if branch else "http://ada:s3cret@127.0.0.1:1/x.git"
    with pytest.raises(NotARepository, match="cannot be cloned") as caught:
        git.update_or_clone(tmp_path / "clone", place, branch)
    assert "s3cret" not in caught.value.line()


def test_a_folder_without_git_is_not_updated(tmp_path: Path) -> None:
    with pytest.raises(NotARepository):
        git.update_or_clone(tmp_path, "", None)


def test_a_bare_repository_has_no_root(bare: Path) -> None:
    with pytest.raises(NotARepository, match="a bare repository"):
        git.root_and_prefix(bare)
