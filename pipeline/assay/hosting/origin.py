"""Git's ``origin``: fetch a pull request's commit, push tags and branches.

On a CI runner the checkout keeps no credentials. The token comes from the environment of the one
step that needs it, and goes to git in its environment, never on a command line or into a file.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from assay.errors import CodeHostFailed, PromotionRefused
from assay.registry import git, remotes, versions

ORIGIN = "origin"
_SECONDS = 300


def fetch_commit(root: Path, ref: str) -> str:
    """The commit that ``origin`` has under a name, fetched; its hash.

    Raises
    ------
    CodeHostFailed
        ``origin`` did not give it.
    """
    _call(root, "fetch", "--quiet", "--no-tags", ORIGIN, ref)
    return _call(root, "rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()


def unpushed_tags(root: Path, name: str) -> tuple[str, ...]:
    """Tags of the artifact that ``origin`` lacks, or has as another tag of the same name.

    Raises
    ------
    CodeHostFailed
        ``origin`` does not answer.
    """
    artifact = versions.artifact_name(root, name)
    listed = _call(root, "ls-remote", "--tags", "--refs", ORIGIN).splitlines()
    there, here = remotes.tags_of(listed, artifact), remotes.local_tags(root, artifact)
    return tuple(tag for tag in sorted(here) if here[tag] != there.get(tag))


def push_tags(root: Path, names: Sequence[str]) -> None:
    """Push tags, all or none.

    Raises
    ------
    PromotionRefused
        ``origin`` has another tag of one of these names: somebody else promoted meanwhile. The
        local ones are deleted, so that this clone says what ``origin`` says.
    CodeHostFailed
        It was refused or did not arrive; the local tags stay, and the same command pushes them.
    """
    refs = [f"refs/tags/{name}:refs/tags/{name}" for name in names]
    try:
        _call(root, "push", "--quiet", "--atomic", ORIGIN, *refs)
    except CodeHostFailed as error:
        listed = _call(root, "ls-remote", "--tags", ORIGIN)
        taken = [name for name in names if f"refs/tags/{name}\n" in f"{listed}\n"]
        if not taken:
            raise
        _call(root, "tag", "--delete", *names)
        raise PromotionRefused(
            "somebody else promoted in the meantime, and nothing was pushed",
            where=ORIGIN,
            found=", ".join(taken),
            fix="git fetch --tags, then dvc repro: the gate has to compare with that version.",
        ) from error


def push_branch(root: Path, branch: str) -> None:
    """Make the branch of ``origin`` the checked-out commit, whatever it was.

    Only for branches that nobody but this command writes.

    Raises
    ------
    CodeHostFailed
        It was refused or did not arrive.
    """
    _call(root, "push", "--quiet", "--force", ORIGIN, f"HEAD:refs/heads/{branch}")


def commit_all(root: Path, branch: str, message: str) -> bool:
    """Commit every change to a new local branch; False if there was none to commit.

    Raises
    ------
    CodeHostFailed
        Git refuses.
    """
    if not git.uncommitted_files(root):
        return False
    git.identity(root)
    _call(root, "checkout", "--quiet", "-B", branch)
    _call(root, "add", "--all")
    _call(root, "commit", "--quiet", "--message", message)
    return True


def _call(root: Path, *arguments: str) -> str:
    try:
        done = git.run(root, *arguments, more=_credentials(), seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        raise CodeHostFailed(
            f"no answer within {_SECONDS} s", where=f"git {arguments[0]} {ORIGIN}"
        ) from None
    if done.returncode:
        stderr = done.stderr.decode(errors="replace")
        lines = [line for line in stderr.splitlines() if line.strip()]
        raise CodeHostFailed(
            "git could not do it",
            where=f"git {arguments[0]} {ORIGIN}",
            found="; ".join(lines[:3])[:300] or f"exit code {done.returncode}",
            fix="May the token write here (permissions: contents), and is origin the repository?",
        )
    return done.stdout.decode(errors="replace")


def _credentials() -> dict[str, str]:
    """Git's configuration for a token of GitHub or GitLab, as environment variables."""
    given = os.environ
    if given.get("GITHUB_TOKEN"):
        user, token, server = "x-access-token", given["GITHUB_TOKEN"], "GITHUB_SERVER_URL"
    else:
        user, token, server = "oauth2", given.get("GITLAB_TOKEN", ""), "CI_SERVER_URL"
    address = given.get(server, "")
    if not token or not address.startswith("https://") or "GIT_CONFIG_COUNT" in given:
        return {}
    plain = base64.b64encode(f"{user}:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{address}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {plain}",
    }
