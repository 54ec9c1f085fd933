"""What facts about git mean: identity, tags and history. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.monitor.doctor.finding import Finding, failed, first_few, ok, warning
from assay.project.text import counted


@dataclass(frozen=True)
class VersionCommit:
    """A registered version, its commit, and whether this clone has the commit's files."""

    version: str
    commit: str
    here: bool


def judge_git(head: str, identity: tuple[str, str] | None) -> Finding:
    """The repository, and who would sign a tag."""
    if identity is None:
        return warning(
            "git",
            f"commit {head[:10]}; git does not know who you are, which only a promotion needs",
            "git config user.name 'Your Name' && git config user.email you@example.com",
        )
    name, address = identity
    return ok("git", f"commit {head[:10]}; tags are written by {name} <{address}>")


def judge_tags(remote: str | None, here: Mapping[str, str], there: Mapping[str, str]) -> Finding:
    """The artifact's tags in this clone and in the remote: name -> object."""
    if remote is None:
        return warning(
            "tags",
            f"{_count(here)}; git has no remote, so nobody else can know them",
            "git remote add origin URL && git push --follow-tags --set-upstream origin HEAD",
        )
    shown = shlex.quote(remote)
    moved = sorted(name for name in there if name in here and here[name] != there[name])
    if moved:
        return failed(
            "tags",
            f"{remote} has another object under the same name: {first_few(moved)}",
            f"find out who moved it, then take theirs: git fetch --tags --force {shown}",
        )
    missing = sorted(there.keys() - here.keys())
    if missing:
        return failed(
            "tags",
            f"{remote} has {_count(missing)} that this clone lacks, so another version may hold "
            f"the stage: {first_few(missing)}",
            f"git fetch --tags {shown}",
        )
    extra = sorted(here.keys() - there.keys())
    if extra:
        return warning(
            "tags",
            f"{_count(extra)} not pushed to {remote}: {first_few(extra)}",
            f"git push {shown} {shlex.join(extra)}",
        )
    return ok("tags", f"{_count(here)}, the same as in {remote}")


def judge_history(shallow: bool, versions: Sequence[VersionCommit], holder: str | None) -> Finding:
    """Whether the clone reaches back to the versions' commits.

    Parameters
    ----------
    holder
        The version that holds the stage.
    """
    fix = "git fetch --unshallow --tags" if shallow else "git fetch --tags --refetch origin"
    gone = [each.version for each in versions if not each.here]
    kind = "a shallow clone" if shallow else "a clone with the whole history"
    if holder in gone:
        return failed("history", f"{kind} lacks the commit of {holder}, which is in use", fix)
    if gone:
        return warning("history", f"{kind} lacks the commits of {first_few(gone)}", fix)
    count = len(versions)
    reach = f"with the commits of all versions ({count})" if count else "no versions yet"
    return ok("history", f"{kind}, {reach}")


def _count(names: Sequence[str] | Mapping[str, str]) -> str:
    return counted(len(names), "tag")
