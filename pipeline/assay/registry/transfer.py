"""``assay remote pull`` and ``push``: what DVC keeps of a commit, from and to the DVC remote.

``assay check --bucket`` asks whether what must outlive this machine lies elsewhere.

Unlike ``dvc pull`` and ``dvc push``, they end well in a project without a remote, and say how to
add one; and what nobody pushed is no error, because ``dvc repro`` can make it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from assay.errors import BundleMissing, StoreError
from assay.project import layout
from assay.project.params import Params
from assay.registry.remotes import open_to_ask, read_remotes

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


def pull(root: Path, params: Params, sources: bool = False) -> Transfer:
    """Fetch what the remote has of this commit's results, and check it out.

    Parameters
    ----------
    sources
        Only what no stage makes, such as a table that was added with ``dvc add``.

    Raises
    ------
    RemoteFailed
        The remote cannot be reached or read.
    NotARepository
        DVC does not know this project.
    """
    del params

    def act(repo: Any) -> int:
        wanted = None
        if sources:
            wanted = [each.path_in_repo for each in repo.index.stages if each.is_data_source]
            if not wanted:
                return 0  # without a target, DVC would fetch everything
        return int(repo.pull(wanted, allow_missing=True)["stats"]["fetched"])

    return _transfer(root, "pulled", act)


def push(root: Path, params: Params) -> Transfer:
    """Push this commit's sources and results, for others to fetch; errors as above."""
    del params
    return _transfer(root, "pushed", lambda repo: int(repo.push()))


def _transfer(root: Path, done: Literal["pulled", "pushed"], act: Callable[[Any], int]) -> Transfer:
    with open_to_ask(root) as (repo, remote):
        return Transfer(done, remote, 0 if remote is None else act(repo))


@dataclass(frozen=True)
class Buckets:
    """Where the store and the DVC remote lie."""

    store: str
    remote: str


def check_bucket(root: Path, params: Params) -> Buckets:
    """Where store and DVC remote lie, if that is outside this machine; no network is asked.

    Raises
    ------
    StoreError
        The store is a folder.
    BundleMissing
        The DVC remote is a folder, or there is no remote.
    """
    if not elsewhere(params.store):
        raise StoreError(
            "it is a folder of this machine, and a runner is thrown away with all nights in it",
            where=f"{layout.PARAMS}: store",
            expected="an address such as s3://BUCKET/store",
            found=params.store,
            fix="docs/github.md says how to make a bucket and let the workflow into it.",
        )
    found = read_remotes(root)
    remote = found.urls.get(found.default or "")
    if remote is None or not elsewhere(remote):
        raise BundleMissing(
            "the promoted bundle cannot be had on another machine",
            where=".dvc/config",
            expected="a default DVC remote outside of this machine",
            found=remote or "no default remote",
            fix=f"Add one: {ADD}.",
        )
    return Buckets(params.store, remote)


def elsewhere(address: str) -> bool:
    """Whether an address leads to another machine: it has a scheme, and that is not ``file``."""
    parts = urlsplit(address)
    return "://" in address and parts.scheme not in {"file", ""} and bool(parts.netloc)
