"""Checks of git, its tags and history, and of DVC's remote and the promoted bundle.

Each check gathers facts from one place and lets a pure function judge them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from assay.errors import PromotionRefused, RemoteFailed
from assay.ops.doctor.finding import Answer, Project, Skip, failed, first_few, ok, warning
from assay.project.text import counted
from assay.registry import git, remotes
from assay.registry.remotes import EXTRAS, DvcRemotes, scheme_of
from assay.registry.versions import artifact_name

GUIDE = "see docs/remotes.md"


def check_git(project: Project) -> Answer:
    head = git.head(project.root)
    try:
        identity = git.identity(project.root)
    except PromotionRefused:
        identity = None
    return judge_git(head, identity)


def judge_git(head: str, identity: tuple[str, str] | None) -> Answer:
    """The repository, and who would sign a tag."""
    if identity is None:
        return warning(
            f"commit {head[:10]}; git does not know who you are, which only a promotion needs",
            "git config user.name 'Your Name' && git config user.email you@example.com",
        )
    name, address = identity
    return ok(f"commit {head[:10]}; tags are written by {name} <{address}>")


def check_tags(project: Project) -> Answer:
    artifact = artifact_name(project.root, project.params.name)
    remote = remotes.remote_name(project.root)
    here = remotes.local_tags(project.root, artifact)
    there = remotes.remote_tags(project.root, remote, artifact) if remote else {}
    return judge_tags(remote, here, there)


def judge_tags(remote: str | None, here: Mapping[str, str], there: Mapping[str, str]) -> Answer:
    """The artifact's tags in this clone and in the remote: name -> object."""
    if remote is None:
        return warning(
            f"{_count(here)}; git has no remote, so nobody else can know them",
            "git remote add origin URL && git push --follow-tags --set-upstream origin HEAD",
        )
    shown = shlex.quote(remote)
    moved = sorted(name for name in there if name in here and here[name] != there[name])
    if moved:
        return failed(
            f"{remote} has another object under the same name: {first_few(moved)}",
            f"find out who moved it, then take theirs: git fetch --tags --force {shown}",
        )
    missing = sorted(there.keys() - here.keys())
    if missing:
        return failed(
            f"{remote} has {_count(missing)} that this clone lacks, so another version may hold "
            f"the stage: {first_few(missing)}",
            f"git fetch --tags {shown}",
        )
    extra = sorted(here.keys() - there.keys())
    if extra:
        return warning(
            f"{_count(extra)} not pushed to {remote}: {first_few(extra)}",
            f"git push {shown} {shlex.join(extra)}",
        )
    return ok(f"{_count(here)}, the same as in {remote}")


def check_history(project: Project) -> Answer:
    state = project.state
    gone = remotes.missing_commits(project.root, [each.commit for each in state.versions])
    here = {each.version: each.commit not in gone for each in state.versions}
    holder = state.holders.get(project.params.registry.stage)
    return judge_history(remotes.is_shallow(project.root), here, holder)


def judge_history(shallow: bool, here: Mapping[str, bool], holder: str | None) -> Answer:
    """Whether the clone reaches back to the versions' commits.

    Parameters
    ----------
    here
        Version -> whether this clone has the files of its commit.
    holder
        The version that holds the stage.
    """
    fix = "git fetch --unshallow --tags" if shallow else "git fetch --tags --refetch origin"
    gone = [version for version, is_here in here.items() if not is_here]
    kind = "a shallow clone" if shallow else "a clone with the whole history"
    if holder in gone:
        return failed(f"{kind} lacks the commit of {holder}, which is in use", fix)
    if gone:
        return warning(f"{kind} lacks the commits of {first_few(gone)}", fix)
    count = len(here)
    reach = f"with the commits of all versions ({count})" if count else "no versions yet"
    return ok(f"{kind}, {reach}")


def check_dvc(project: Project) -> Answer:
    return judge_dvc(project.remotes)


def judge_dvc(remotes: DvcRemotes) -> Answer:
    """The configuration of DVC's remotes; none was asked."""
    if not remotes.urls:
        return warning(
            "no remote, so this machine alone has the bundles",
            f"dvc remote add --default NAME URL && dvc push ({GUIDE})",
        )
    if remotes.default is None:
        return failed(
            f"none of the remotes is the default: {first_few(sorted(remotes.urls))}",
            f"dvc remote default {min(remotes.urls)}",
        )
    if remotes.default not in remotes.urls:
        return failed(
            f"the default remote {remotes.default} is not among those that are configured",
            f"dvc remote add {remotes.default} URL",
        )
    if remotes.missing is not None:
        extra = EXTRAS[remotes.scheme]
        return failed(
            f"{remotes.urls[remotes.default]} needs {remotes.missing}, which is not installed",
            f"make setup EXTRAS={extra}, or pip install 'assay[{extra}]'",
        )
    if remotes.exposed:
        name, _, option = remotes.exposed[0].partition(".")
        return warning(
            f"a secret stands in .dvc/config, which git keeps: {first_few(remotes.exposed)}",
            f"dvc remote modify --unset {name} {option}, then dvc remote modify --local {name} "
            f"{option} VALUE; and replace the secret, for git keeps the old one",
        )
    return ok(f"remote {remotes.default}: {remotes.urls[remotes.default]}")


def check_remote(project: Project) -> Answer:
    from assay.registry.remotes import is_empty

    if not project.remote_can_be_asked:
        raise Skip("there is no remote that could be asked: see the check dvc")
    return judge_remote(project.remotes, is_empty(project.root))


def judge_remote(remotes: DvcRemotes, empty: bool) -> Answer:
    """The default remote, after it answered."""
    url = remotes.urls[remotes.default or ""]
    if empty:
        return warning(f"{url} answers and holds nothing yet", "dvc push")
    how = "answers and accepts the credentials" if scheme_of(url) else "can be read"
    return ok(f"{url} {how}")


def check_bundle(project: Project) -> Answer:
    from assay.registry.fetch import BUNDLES, fetch_bundle, file_hashes_at
    from assay.registry.remotes import missing_objects

    version = project.champion()
    fetch_bundle(project.root, version, project.root / BUNDLES)
    hashes = file_hashes_at(project.root, project.params.name, version.commit)
    absent = None
    if project.remote_can_be_asked:
        try:
            lost = set(missing_objects(project.root, hashes.values()))
        except RemoteFailed as error:
            found = f"{version.version} is here; whether the remote has it is not known"
            return warning(f"{found}: {error.what}", "see the check remote")
        absent = sorted(name for name, md5 in hashes.items() if md5 in lost)
    return judge_bundle(version.version, version.bundle, len(hashes), absent)


def judge_bundle(version: str, digest: str, files: int, absent: Sequence[str] | None) -> Answer:
    """The promoted bundle, after it was fetched and its digest was checked.

    Parameters
    ----------
    absent
        Files of it that the remote does not have; None if there is no remote that could be asked.
    """
    here = f"{version} is here, {digest[:19]}"
    if absent is None:
        return ok(here)
    if absent:
        return warning(
            f"{here}, but the remote lacks {len(absent)} of its {counted(files, 'file')}, so no "
            f"other machine can score with it: {first_few(absent)}",
            "dvc push --all-tags",
        )
    return ok(f"{here} and in the remote")


def _count(names: Sequence[str] | Mapping[str, str]) -> str:
    return counted(len(names), "tag")
