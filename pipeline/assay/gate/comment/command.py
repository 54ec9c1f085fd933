"""``assay report --format`` and ``assay comment``: the verdict as a comment, printed or posted."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from assay.errors import AssayError, CodeHostFailed, UsageError
from assay.gate.comment.collect import collect
from assay.gate.comment.compose import Format, compose, marker
from assay.project.code_host.client import Gone, MayNotWrite
from assay.project.code_host.environment import CiRun, read_environment
from assay.project.code_host.one_comment import keep_one_comment
from assay.project.params import Params
from assay.registry import git

log = logging.getLogger(__name__)

SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file that GitHub shows on the page of a run."""

Posted = Literal["written", "updated", "unchanged", "none"]


@dataclass(frozen=True)
class VerdictComment:
    """The comment, and where it stands.

    Attributes
    ----------
    outcome
        Of the verdict; ``unchanged`` if the model is a promoted version's, ``differs`` if the
        verdict is not the committed one; None if there is no verdict on what is here.
    posted
        What became of the comment on the pull request.
    summary
        Whether the text was added to the run's summary.
    """

    SCHEMA: ClassVar[int] = 1

    name: str
    outcome: str | None
    text: str
    pull_request: int | None = None
    posted: Posted = "none"
    summary: bool = False


def report(root: Path, params: Params, form: Format) -> VerdictComment:
    """The comment of the verdict in ``reports/``, whatever its outcome.

    Where everything is committed, it is what `post` writes of that commit.

    Raises
    ------
    CodeHostFailed
        The environment of the CI run makes no sense.
    """
    committed = git.is_in_work_tree(root) and not git.uncommitted_files(root)
    return _written(root, params, form, read_environment(), committed=committed)


def post(root: Path, params: Params, pull_request: int | None = None) -> VerdictComment:
    """Keep the comment on the pull request up to date, and add it to the run's summary.

    It says what ``assay gate verdict --committed`` says. Without a token, or with one that may not
    write, as in a run for a fork, the summary is all.

    Parameters
    ----------
    pull_request
        Its number, if not the one that the CI run is about.

    Raises
    ------
    UsageError
        There is no CI run, or no pull request and no summary either.
    CodeHostFailed
        The code host did not take it. The summary is written; the next call goes on.
    """
    run = read_environment()
    if run is None:
        raise UsageError(
            "this is no run of GitHub Actions or GitLab CI",
            where="assay comment",
            expected="GITHUB_REPOSITORY or CI_PROJECT_ID in the environment",
            fix="Print the comment instead: assay report --format github",
        )
    found = _written(root, params, run.kind, run, committed=git.is_in_work_tree(root))
    found = replace(found, summary=_add_to_summary(found.text))
    number = pull_request or run.pull_request
    if number is None:
        if not found.summary:
            raise UsageError(
                "this run is about no pull request",
                where="assay comment",
                fix="Say which: --pull-request N",
            )
        log.warning("this run is about no pull request, so the verdict stands in its summary only")
        return found
    found = replace(found, pull_request=number)
    if not run.token:
        log.warning("%s", _not_posted(run, f"there is no {run.token_variable}", found.summary))
        return found
    try:
        done = keep_one_comment(run.host(), number, marker(params.name), found.text)
    except MayNotWrite as error:
        if pull_request is not None and isinstance(error, Gone):
            raise CodeHostFailed(
                f"there is no such pull request, or the token may not see it: {error.what}",
                where=f"--pull-request {pull_request}",
            ).attach_report(found) from None
        log.warning("%s", _not_posted(run, error.what, found.summary))
        return found
    except AssayError as error:
        raise error.attach_report(found) from None
    return replace(found, posted=done)


def _written(
    root: Path, params: Params, form: Format, run: CiRun | None, *, committed: bool
) -> VerdictComment:
    about = ("", "") if run is None else (run.commit, run.page)
    facts = collect(root, params, *about, committed=committed)
    return VerdictComment(params.name, facts.answer.outcome, compose(facts, form))


def _add_to_summary(text: str) -> bool:
    path = os.environ.get(SUMMARY)
    if not path:
        return False
    try:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
    except OSError as error:
        raise CodeHostFailed(
            "the run's summary cannot be written", where=SUMMARY, found=error.strerror
        ) from None
    return True


def _not_posted(run: CiRun, why: str, summary: bool) -> str:
    where = (
        "it stands in the run's summary only"
        if summary
        else f"print it: assay report --format {run.kind}"
    )
    if run.from_fork:
        return f"the pull request comes from a fork and gets no comment ({why}); {where}"
    fix = (
        "the job needs permissions: pull-requests: write"
        if run.kind == "github"
        else "the token needs the scope api and the role Reporter"
    )
    return f"the pull request gets no comment ({why}); {where}; {fix}"
