"""What CI does with a model: ``assay propose``, ``promote --merged`` and ``rollback --approved``.

``propose`` puts a model that CI trained before people. It never promotes: the pull request goes
through the gate and a review like any other. Calling it again fixes what was killed: there is one
branch, one pull request and one comment.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assay.errors import CodeHostFailed, GateNotPassed, PromotionRefused, UsageError, VersionUnknown
from assay.gate import unchanged
from assay.hosting import comment
from assay.hosting.ci import MergedPullRequest, Run, require_check, signing_as
from assay.hosting.github_run import GitHubRun
from assay.hosting.gitlab_run import GitLabRun
from assay.hosting.hosts import GitHub, host_of
from assay.project import digests, layout
from assay.project.ci_run import read_environment
from assay.project.params import Params
from assay.project.text import escape_all
from assay.promotion.promote import StageMove, promote, rollback
from assay.registry import git, remotes, versions
from assay.reports.retrain import read_advice
from assay.reports.verdict import Verdict

BRANCH = "assay/retrain"
"""The branch that this command alone writes."""


def current_run() -> Run:
    """The run of GitHub Actions or the job of GitLab CI around this process.

    Raises
    ------
    UsageError
        There is none: on a laptop, or on another code host.
    CodeHostFailed
        Its environment is of no use, or it has no token.
    """
    run = read_environment()
    number = os.environ.get("GITHUB_RUN_ID", "")
    known = run is not None and (run.kind == "gitlab" or (number.isascii() and number.isdigit()))
    if run is None or not known:
        raise UsageError(
            "this is no run of GitHub Actions or GitLab CI, so nobody can be asked what was merged "
            "or approved",
            expected="GITHUB_REPOSITORY, GITHUB_RUN_ID and GITHUB_TOKEN, or CI_PROJECT_ID and "
            "GITLAB_TOKEN, in the environment",
            fix="By hand: assay promote --because WHY, or assay rollback --because WHY.",
        )
    host = host_of(run)
    return GitHubRun(host, number) if isinstance(host, GitHub) else GitLabRun(host)


@dataclass(frozen=True)
class Proposal:
    """The pull request; ``number`` is None if nothing changed, so that there is none."""

    number: int | None
    branch: str
    outcome: str | None
    judged_again: bool


def propose(root: Path, params: Params) -> Proposal:
    """Commit what changed to a branch, open or update its pull request, and say the verdict there.

    Raises
    ------
    UsageError
        This is no run of GitHub Actions or GitLab CI.
    GateNotPassed
        There is no verdict about what is here. One that is not PASS is no error.
    CodeHostFailed
        The code host did not do it; the next call goes on.
    """
    run = current_run()
    if comment.report(root, params, "github").outcome is None:
        raise GateNotPassed(
            "the gate has not judged what is here, so there is nothing to put before people",
            where=layout.VERDICT,
            fix="See why dvc repro ended before its last stage.",
        )
    title = (
        f"Train on {params.prepare.train.start} to {params.prepare.train.end}, "
        f"judge on {params.prepare.holdout.start} to {params.prepare.holdout.end}"
    )
    with signing_as(run.bot):
        if not commit_all(root, BRANCH, title):
            return Proposal(None, BRANCH, None, False)
    push_branch(root, BRANCH)
    number = run.open_request(BRANCH, title, _body(root, params))
    posted = comment.post(root, params, number)
    return Proposal(number, BRANCH, posted.outcome, run.judge_again(BRANCH))


def _body(root: Path, params: Params) -> str:
    lines = [
        f"Trained by CI on the newest nights of {escape_all(params.name)} that have labels. "
        "Nothing is promoted before a person has merged this and approved it.",
        "",
    ]
    advice = read_advice(root)
    lines += [f"- {escape_all(reason)}" for reason in (advice.reasons if advice else ())]
    return "\n".join(lines).rstrip() + "\n"


# ----------- ``assay promote --merged`` and ``assay rollback --approved``: stages moved by a CI run
# What a merged pull request was judged on is promoted, and nothing else: the check ``gate`` must
# have passed on its newest commit, and the verdict there must be, byte for byte, the one of the
# commit that is promoted. Everything that `assay promote` asks is asked as well.


@dataclass(frozen=True)
class NothingToPromote:
    """The commit's bundle is a promoted version's already: no tag was made.

    ``holder`` is the version that holds the stage; after a revert it is another one.
    """

    stage: str
    version: str
    bundle: str
    holder: str | None
    done: Literal["nothing"] = "nothing"


def promote_merged(
    root: Path, params: Params, *, because: str | None = None, push: bool = False
) -> StageMove | NothingToPromote:
    """Promote what the pull request that was merged into HEAD was judged on.

    Calling it again after it was killed, or after all was done, is safe.

    Parameters
    ----------
    because
        Defaults to the pull request's number and title.
    push
        Push the tags to ``origin``, both or none.

    Raises
    ------
    PromotionRefused
        Nothing was merged, the gate did not judge it, or it judged something else; or for any
        reason of ``assay promote``.
    CodeHostFailed
        The code host did not answer, or did not take the tags.
    """
    commit = git.head(root)
    text = _verdict_at(root, commit)
    same = unchanged.find(root, params).unchanged
    nothing = (
        NothingToPromote(same.stage, same.version, same.bundle, same.holder)
        if same is not None
        else _same_bundle(root, params, Verdict.parse(text, layout.VERDICT).bundle)
    )
    if nothing is not None:
        if push:  # a run that was killed may have made tags that origin never saw
            push_all(root, params)
        return nothing
    run = current_run()
    pull = run.merged(commit)
    require_check(run, pull)
    _require_same_verdict(root, run.ref.format(pull.number), pull, text)
    person = run.approver() or pull.merged_by or run.starter()
    if person is None:
        raise PromotionRefused("nobody approved or merged it, and a tag must say who did")
    why = because or f"{pull.name}: {pull.title}"
    with signing_as(person):
        moved = promote(root, params, because=why, ask_host=lambda _: run.reviewer(pull))
    if push:
        push_all(root, params)
    return moved


def rollback_approved(
    root: Path, params: Params, *, to: str | None, because: str, stage: str | None = None
) -> StageMove:
    """Roll back as the person who approved this CI run, or who started it.

    Raises
    ------
    PromotionRefused
        As for ``assay rollback``, or nobody is known.
    """
    run = current_run()
    person = run.approver() or run.starter()
    if person is None:
        raise PromotionRefused("nobody approved or started it, and a tag must say who did")
    with signing_as(person):
        return rollback(root, params, to=to, because=because, stage=stage)


def push_all(root: Path, params: Params) -> tuple[str, ...]:
    """Push the artifact's tags that ``origin`` lacks, all or none; their names."""
    names = unpushed_tags(root, params.name)
    if names:
        push_tags(root, names)
    return names


def _verdict_at(root: Path, commit: str) -> str:
    try:
        return git.show(root, commit, layout.VERDICT)
    except VersionUnknown:
        raise PromotionRefused(
            "the commit holds no verdict",
            where=layout.VERDICT,
            fix="Run dvc repro, and commit what it writes in a pull request.",
        ) from None


def _same_bundle(root: Path, params: Params, bundle: str) -> NothingToPromote | None:
    stage = params.registry.stage
    known = versions.read_state(root, params.name)
    label = known.holders.get(stage)
    version = known.find(label) if label else None
    if version is None or version.bundle != bundle:
        return None
    return NothingToPromote(stage, version.version, bundle, version.version)


def _require_same_verdict(root: Path, ref: str, pull: MergedPullRequest, text: str) -> None:
    head = fetch_commit(root, ref)
    where = f"{layout.VERDICT} of {pull.name}"
    if head != pull.head:
        raise PromotionRefused(
            "the pull request changed while it was looked at",
            where=where,
            expected=pull.head[:10],
            found=head[:10],
            fix="Run the workflow again.",
        )
    judged = _verdict_at(root, head)
    if judged != text:
        raise PromotionRefused(
            "what was merged is not what was judged in the pull request",
            where=where,
            expected=f"bundle {_bundle(judged)}",
            found=f"bundle {_bundle(text)}, verdict {digests.digest_content(text)[:19]}",
            fix="Bring the branch up to date with main, run dvc repro, and merge it again.",
        )


def _bundle(text: str) -> str:
    return Verdict.parse(text, layout.VERDICT).bundle[:19]


# -------------------------- git's ``origin``: fetch a pull request's commit, push tags and branches
# On a CI runner the checkout keeps no credentials. The token comes from the environment of the one
# step that needs it, and goes to git in its environment, never on a command line or into a file.

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
