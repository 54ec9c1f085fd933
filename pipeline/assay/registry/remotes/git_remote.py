"""Asks git's remote which tags it has, and this clone which commits it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from assay.errors import NotARepository
from assay.registry import git
from assay.registry.git import Tag
from assay.registry.tags import parse_tag


def remote_name(root: Path) -> str | None:
    """The remote that tags are shared through, None if there is none.

    That is the remote of the current branch, else ``origin``, else the first one.
    """
    names = _lines(root, "remote")
    branch = _lines(root, "symbolic-ref", "--quiet", "--short", "HEAD")
    followed = _lines(root, "config", f"branch.{branch[0]}.remote") if branch else []
    asked = [*followed, "origin", *names]
    return next((name for name in asked if name in names), None)


def remote_url(root: Path, remote: str) -> str:
    """The address of a remote, as configured; it may hold a password."""
    return next(iter(_lines(root, "remote", "get-url", remote)), "")


def local_tags(root: Path, artifact: str) -> dict[str, str]:
    """The tags of an artifact in this clone: name -> object."""
    lines = _lines(root, "for-each-ref", "--format=%(objectname) refs/tags/%(refname:strip=2)")
    return _of_artifact((line.split(" ", 1) for line in lines), artifact)


def remote_tags(root: Path, remote: str, artifact: str) -> dict[str, str]:
    """The tags of an artifact in a remote: name -> object.

    Raises
    ------
    NotARepository
        The remote does not answer, or refuses.
    """
    done = git.run(root, "ls-remote", "--tags", "--refs", remote)
    if done.returncode:
        raise NotARepository(
            "git's remote does not answer, so nobody knows whether it has newer tags",
            where=f"{remote} ({remote_url(root, remote)})",
            found=git.complaint(done),
            fix=f"Check the address and the credentials: git ls-remote {remote}",
        )
    lines = done.stdout.decode(errors="surrogateescape").splitlines()
    return _of_artifact((line.split("\t", 1) for line in lines), artifact)


def is_shallow(root: Path) -> bool:
    """Whether the clone has only a part of the history."""
    return _lines(root, "rev-parse", "--is-shallow-repository") == ["true"]


def missing_commits(root: Path, commits: Iterable[str]) -> frozenset[str]:
    """Those commits whose files this clone does not have."""
    return frozenset(
        commit
        for commit in commits
        if git.run(root, "cat-file", "-e", f"{commit}^{{tree}}").returncode
    )


def _lines(root: Path, *arguments: str) -> list[str]:
    done = git.run(root, *arguments)
    return [] if done.returncode else done.stdout.decode(errors="surrogateescape").splitlines()


def _of_artifact(pairs: Iterable[list[str]], artifact: str) -> dict[str, str]:
    found: Mapping[str, str] = {
        pair[1].removeprefix("refs/tags/"): pair[0] for pair in pairs if len(pair) == 2
    }
    return {name: oid for name, oid in found.items() if _artifact(name) == artifact}


def _artifact(name: str) -> str | None:
    event = parse_tag(Tag(name, "", "", 0, "", ""))
    return None if event is None else event.artifact
