"""How many challengers a holdout has had, whatever became of their branches and files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assay.errors import NotARepository
from assay.project import layout
from assay.registry import git, verification

ME, CHAMPION = "sha256:me", "sha256:champion"
DATA = "sha256:data"


class Clone:
    """A repository in which verdicts come and go; the project may be a folder of it."""

    def __init__(self, root: Path, project: str = ".") -> None:
        self.root = root
        self.project = root / project
        self.project.mkdir(parents=True, exist_ok=True)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def write(self, bundle: str, challenger: int | None = 1, data: str = DATA) -> None:
        path = self.project / layout.VERDICT
        path.parent.mkdir(parents=True, exist_ok=True)
        holdout = {} if challenger is None else {"holdout": {"challenger": challenger}}
        path.write_text(json.dumps({"bundle": bundle, "data": data, **holdout}))

    def ask(self, bundle: str, challenger: int | None = 1, data: str = DATA) -> str:
        self.write(bundle, challenger, data)
        return self.commit()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "verdict")
        return self.git("rev-parse", "HEAD")

    def place(self, bundle: str = ME, everywhere: bool = True, **more: Any) -> int:
        champion = more.pop("champion", None)
        return verification.place(
            self.project, bundle, DATA, champion, everywhere=everywhere, **more
        )


@pytest.fixture(params=[".", "models/late"])
def clone(tmp_path: Path, request: pytest.FixtureRequest) -> Clone:
    made = Clone(tmp_path / "clone", request.param)
    made.git("init", "--quiet", "--initial-branch=main")
    (made.project / ".keep").touch()
    made.commit()
    return made


def test_where_nothing_was_asked_it_is_the_first(clone: Clone, tmp_path: Path) -> None:
    assert clone.place() == clone.place(everywhere=False) == 1
    assert verification.place(tmp_path, ME, DATA, None, everywhere=True) == 1


def test_before_any_commit_it_is_the_first(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "new")
    clone.git("init", "--quiet")
    assert clone.place() == clone.place(everywhere=False) == 1


def test_other_bundles_on_this_holdout_count_once_each(clone: Clone) -> None:
    for bundle in ("a", "b", "a", "c"):
        clone.ask(bundle, None)
    clone.ask("d", data="sha256:other")
    assert clone.place() == clone.place(everywhere=False) == 4


def test_what_is_deleted_or_no_verdict_changes_nothing(clone: Clone) -> None:
    clone.ask("a")
    (clone.project / layout.VERDICT).unlink()
    clone.commit()
    for text in ("", "[]", "{", '{"bundle": 1, "data": "sha256:data"}', '{"bundle": "x"}'):
        (clone.project / layout.VERDICT).parent.mkdir(parents=True, exist_ok=True)
        (clone.project / layout.VERDICT).write_text(text)
        clone.commit()
    assert clone.place() == 2


def test_who_was_asked_before_keeps_the_place(clone: Clone) -> None:
    clone.ask("a")
    clone.ask(ME, 2)
    clone.ask("b", 3)
    clone.ask(ME, 2)
    assert clone.place() == clone.place(everywhere=False) == 2
    assert clone.place("c") == 4


def test_the_champion_is_no_challenger_but_those_before_it_are(clone: Clone) -> None:
    clone.ask("a")
    clone.ask(CHAMPION, 2)
    assert clone.place(champion=CHAMPION) == 2
    clone.git("checkout", "--quiet", "--orphan", "squashed")
    clone.ask(CHAMPION, 12)
    assert clone.place(everywhere=False, champion=CHAMPION) == 12
    assert clone.place(everywhere=False) == 13


@pytest.mark.parametrize("name", ["refs/heads/other", "refs/exps/ab/cd/bold", "refs/remotes/o/x"])
def test_whatever_a_ref_reaches_is_counted(clone: Clone, name: str) -> None:
    first = clone.git("rev-parse", "HEAD")
    clone.git("checkout", "--quiet", "--detach")
    clone.git("update-ref", name, clone.ask("a"))
    clone.git("checkout", "--quiet", "--force", first)
    assert clone.place() == 2
    # That much is not shown by the commit itself, which may have been asked before.
    assert clone.place(everywhere=False) == 1


def test_both_sides_of_a_merge_count_though_one_left_no_trace(clone: Clone) -> None:
    clone.ask("a")
    clone.git("checkout", "--quiet", "-b", "other", "HEAD~1")
    clone.ask("b")
    clone.git("checkout", "--quiet", "main")
    clone.git("merge", "--quiet", "--strategy=ours", "--no-edit", "other")
    clone.git("branch", "--delete", "--force", "other")
    assert clone.place(everywhere=False) == 3


def test_a_verdict_that_only_a_merge_has_counts(clone: Clone) -> None:
    clone.git("checkout", "--quiet", "-b", "other")
    (clone.root / "x").touch()
    clone.commit()
    clone.git("checkout", "--quiet", "main")
    clone.git("merge", "--quiet", "--no-ff", "--no-commit", "other")
    clone.ask("a")
    assert clone.place(everywhere=False) == 2


def test_a_squashed_branch_says_how_many_it_had(clone: Clone) -> None:
    for number, bundle in enumerate(("a", "b", "c"), 1):
        clone.git("checkout", "--quiet", "-B", "branch")
        clone.ask(bundle, number)
    clone.git("checkout", "--quiet", "main")
    clone.git("merge", "--quiet", "--squash", "branch")
    clone.commit()
    clone.git("branch", "--delete", "--force", "branch")
    assert clone.place(everywhere=False) == clone.place() == 4
    assert clone.place("c", everywhere=False) == 3


def test_others_that_were_asked_meanwhile_do_not_move_it(clone: Clone) -> None:
    clone.ask("a")
    clone.git("checkout", "--quiet", "-b", "mine")
    clone.ask(ME, 2)
    clone.git("checkout", "--quiet", "-b", "theirs", "main")
    clone.ask("b", 2)
    clone.git("checkout", "--quiet", "main")
    clone.git("merge", "--quiet", "--ff-only", "theirs")
    # What a host checks out for a pull request: a merge of main and the branch.
    clone.git("checkout", "--quiet", "--detach")
    clone.git("merge", "--quiet", "--strategy-option=theirs", "--no-edit", "mine")
    assert clone.place() == clone.place(everywhere=False) == 2
    # Merged last and squashed, it comes after what was merged before it.
    clone.git("checkout", "--quiet", "main")
    clone.ask(ME, 2)
    assert clone.place(everywhere=False) == 3
    # Unless that is the champion by then.
    assert clone.place(everywhere=False, champion="b") == 2


def test_asking_the_same_in_turns_asks_for_no_more_each_time(clone: Clone) -> None:
    clone.ask("a", 1)
    clone.ask("b", 2)
    for number, bundle in enumerate("ababab"):
        # Each from a history of its own, which does not have the places of before.
        clone.git("checkout", "--quiet", "--orphan", f"branch-{number}")
        clone.ask(bundle, clone.place(bundle))
    assert clone.place() == 3


def test_an_experiment_counts_in_the_project_that_it_is_part_of(
    clone: Clone, tmp_path: Path
) -> None:
    clone.ask("a")
    worker = Clone(tmp_path / "worker")
    worker.git("init", "--quiet")
    worker.commit()
    worker.write("b", 2)
    assert worker.place("b", also=[clone.project]) == 2


def test_a_place_that_is_no_number_is_the_first(clone: Clone) -> None:
    for number, value in enumerate(("many", -3, None, 0)):
        clone.ask(f"x{number}", value)  # type: ignore[arg-type]
    assert clone.place() == 5


def test_a_folder_without_git_is_not_shallow(tmp_path: Path) -> None:
    assert not git.is_shallow(tmp_path)


def test_a_shallow_clone_is_not_believed(clone: Clone, tmp_path: Path) -> None:
    clone.ask("a")
    clone.ask("b")
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", f"file://{clone.root}", "shallow"],
        cwd=tmp_path,
        check=True,
    )
    shallow = tmp_path / "shallow" / clone.project.relative_to(clone.root)
    assert git.is_shallow(shallow)
    with pytest.raises(NotARepository, match="lacks older commits"):
        verification.place(shallow, ME, DATA, None, everywhere=False)


def test_a_verdict_that_git_lost_is_not_overlooked(clone: Clone) -> None:
    clone.ask("a")
    path = (clone.project / layout.VERDICT).relative_to(clone.root)
    name = clone.git("rev-parse", f"HEAD:{path}")
    (clone.root / ".git" / "objects" / name[:2] / name[2:]).unlink()
    with pytest.raises(NotARepository, match="cannot read a verdict of its history"):
        clone.place()
