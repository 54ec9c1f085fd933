"""``assay remote pull`` and ``push``: results of the stages from and to the DVC remote.

Unlike ``dvc pull`` and ``dvc push``, they end well in a project without a remote, and say how to
add one; and what nobody pushed is no error, because ``dvc repro`` can make it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from assay.errors import BundleMissing, NotARepository
from assay.project.params import Params

T = TypeVar("T")

ADD = "dvc remote add --default NAME URL, commit .dvc/config, dvc push"
"""How a project comes to a remote; docs/remotes.md has the rest."""


@dataclass(frozen=True)
class Transfer:
    """What was moved.

    Parameters
    ----------
    remote
        The name of the default remote; None without one, and then nothing was moved.
    files
        How many files were fetched or pushed; 0 if all were there.
    """

    done: Literal["pulled", "pushed"]
    remote: str | None
    files: int

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def pull(root: Path, params: Params) -> Transfer:
    """Fetch what the remote has of this commit's results, and check it out.

    Raises
    ------
    BundleMissing
        The remote cannot be reached or read.
    NotARepository
        DVC does not know this project.
    """
    del params

    def act(repo: Any) -> int:
        return int(repo.pull(allow_missing=True).get("fetched", 0))

    return _transfer(root, "pulled", act)


def push(root: Path, params: Params) -> Transfer:
    """Push this commit's results, so that others can fetch them; errors as above."""
    del params
    return _transfer(root, "pushed", lambda repo: int(repo.push()))


def _transfer(root: Path, done: Literal["pulled", "pushed"], act: Callable[[Any], int]) -> Transfer:
    def move(repo: Any) -> Transfer:
        name = repo.config["core"].get("remote")
        if name is None or name not in repo.config["remote"]:
            return Transfer(done, None, 0)
        return Transfer(done, str(name), act(repo))

    return _open(root, move)


def _open(root: Path, act: Callable[[Any], T]) -> T:
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            return act(repo)
    except NotDvcRepoError:
        raise NotARepository(
            "DVC does not know this project", where=str(root), mend="Run dvc init and commit."
        ) from None
    # Remotes raise whatever their client libraries raise, so every exception is caught.
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise BundleMissing(
            "the DVC remote did not answer as it should",
            where=".dvc/config",
            found=text[:300],
            mend="Are its address and the credentials right? assay doctor says more.",
        ) from None
