"""What a team's branches change of the model, each trained and judged once and then copied.

Stages run in this process under DVC, which saves the seconds that each process takes to start.
What they make depends on the commit's tree and on the champion, so all lives of a process share it.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from assay.cli.__main__ import main
from tests import projects
from tests.life import memory

Branch = Literal["model", "policy"]
BRANCHES: tuple[Branch, ...] = get_args(Branch)
EDITS: Mapping[Branch, tuple[str, str]] = {
    "model": (
        "class: sklearn.linear_model.LogisticRegression\n",
        "class: sklearn.linear_model.LogisticRegression\n      args: {C: 0.3}\n",
    ),
    "policy": ("min: 0.6\n", "min: 0.62\n"),
}
"""Branch -> what it changes in params.yaml."""

MADE = ("data/checked", "data/prepared", "models", "reports", "dvc.lock")
"""What the stages make after the source was read."""
CACHE = ".dvc/cache"
JUDGES = ("contract", "prepare", "leakage", "evaluate", "compare", "nights", "rehearse", "gate")
"""The stages that the workflow `gate` forces."""
DATE = "2024-03-01T05:00:00Z"
"""Of each commit: two lives in which the same was merged have the same commits."""


def git(root: Path, *command: str) -> str:
    """Call git; its commits depend on nothing but what is in them."""
    dates = (f"GIT_{role}_DATE={DATE}" for role in ("AUTHOR", "COMMITTER"))
    return projects.call(root, "env", *dates, "git", *command)


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", message)


def edit(root: Path, branch: Branch) -> None:
    """Make a branch's change of params.yaml; nothing if it is there already."""
    path, (old, new) = root / "params.yaml", EDITS[branch]
    text = path.read_text(encoding="utf-8")
    if new not in text:
        assert old in text, f"{branch}: params.yaml has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def check_out(root: Path, targets: Iterable[str] = ()) -> None:
    """`dvc checkout`, of all stages' outputs or of some."""
    from dvc.repo import Repo

    with pytest.MonkeyPatch.context() as patch, _quiet(), Repo(str(root)) as repo:
        patch.chdir(root)
        repo.checkout(targets=list(targets) or None, force=True)


def judge(root: Path, champion: str, *, anew: bool) -> None:
    """Let the work tree hold what `dvc repro` makes of it, or what the workflow `gate` makes.

    Parameters
    ----------
    champion
        What the model is compared with.
    anew
        As the workflow does: no result that came with the commit is believed.
    """
    place = _KEPT.get(key := (_tree(root), champion, anew))
    if place is None:
        check_out(root)
        _reproduce(root, anew)
        _KEPT[key] = place = Path(tempfile.mkdtemp(dir=_kept_in()))
        _copy(root, place)
        return
    _copy(place, root)


_KEPT: dict[tuple[str, str, bool], Path] = {}
"""Tree, champion and whether it was judged anew -> what the stages made."""
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def _kept_in() -> str:
    """A folder that is deleted when the process ends."""
    if not _FOLDERS:
        _FOLDERS.append(tempfile.TemporaryDirectory(prefix="life-judged-", dir=memory.folder()))
    return _FOLDERS[0].name


def _tree(root: Path) -> str:
    """What is in the work tree of git's files, but for README.md, which no stage reads."""
    names = sorted(set(git(root, "ls-files").splitlines()) - {"README.md"})
    whole = hashlib.sha256()
    for name in names:
        content = (root / name).read_bytes() if (root / name).exists() else b"gone"
        whole.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return whole.hexdigest()


def _reproduce(root: Path, anew: bool) -> None:
    """`dvc repro`, its stages called in this process."""
    from dvc.exceptions import ReproductionError
    from dvc.repo import Repo
    from dvc.stage import run
    from dvc.stage.exceptions import StageCmdFailedError

    def call(executable: str, command: str, **options: Any) -> None:
        words = command.split()
        assert words[0] == "assay", command
        if code := main([*words[1:], "--root", str(root)]):
            raise StageCmdFailedError(command, code)

    with pytest.MonkeyPatch.context() as patch, _quiet(), Repo(str(root)) as repo:
        patch.setattr(run, "_run", call)
        patch.chdir(root)
        try:
            if not anew:
                repo.reproduce()
                return
            repo.reproduce(["select", "champion"])
            for stage in JUDGES:
                repo.reproduce([stage], force=True, single_item=True)
        except ReproductionError:
            pass  # the gate said no


def carry_cache(here: Path, there: Path) -> None:
    """What `dvc push` here and `dvc pull` there do."""
    shutil.copytree(here / CACHE, there / CACHE, dirs_exist_ok=True, copy_function=_copy_new)


def _copy_new(source: str, target: str) -> str:
    if not Path(target).exists():
        shutil.copyfile(source, target)
    return target


def _copy(here: Path, there: Path) -> None:
    carry_cache(here, there)
    for name in MADE:
        source, target = here / name, there / name
        if target.is_dir():
            shutil.rmtree(target)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing that DVC prints is shown, and none of its warnings is an error."""
    out = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(out):
        warnings.simplefilter("ignore")
        yield
