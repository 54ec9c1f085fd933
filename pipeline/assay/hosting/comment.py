"""``assay report --format`` and ``assay comment``: the verdict as a comment, printed or posted.

The comment is under the limit of every code host, and equal facts give equal bytes.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from assay.errors import AssayError, CodeHostFailed, UsageError
from assay.gate import verdict_command
from assay.gate.inputs import GateInputs
from assay.gate.verdict_command import GateAnswer
from assay.gate.verdict_text import render_parts
from assay.hosting.client import Gone, MayNotWrite
from assay.hosting.comment_changes import Changes, known, read_changes
from assay.hosting.comment_numbers import metric_rows, moved_slices, picture, signed
from assay.hosting.hosts import host_of, keep_one_comment
from assay.plan import page
from assay.plan.document import Plan
from assay.project import digests
from assay.project.ci_run import CiRun, read_environment
from assay.project.params import Params
from assay.registry import git
from assay.reports.comparison import Comparison
from assay.reports.evaluation import Evaluation
from assay.reports.rehearsal import Rehearsal
from assay.reports.verdict import Verdict
from assay.training.leakage.report import Leakage

log = logging.getLogger(__name__)

Format = Literal["github", "gitlab"]

LIMIT = 60_000
"""Characters. GitHub refuses more than 65,536, GitLab more than 1,000,000."""
LONGEST_NAME = 300
SHOWN = 6
"""The most slices that are shown."""


@dataclass(frozen=True)
class CommentFacts:
    """What a comment is about. A report that cannot be read is None.

    Attributes
    ----------
    name
        The project.
    answer
        What the check says, and the verdict.
    commit
        The commit that was judged; "" if unknown.
    page
        Where all reports can be had; "" if unknown.
    """

    name: str
    answer: GateAnswer
    evaluation: Evaluation | None = None
    comparison: Comparison | None = None
    rehearsal: Rehearsal | None = None
    leakage: Leakage | None = None
    changes: Changes | None = None
    plan: Plan | None = None
    commit: str = ""
    page: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict on what is here; None if there is none."""
        return None if self.answer.problems else self.answer.verdict


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
    comment = _written(root, params, run.kind, run, committed=git.is_in_work_tree(root))
    comment = replace(comment, summary=_add_to_summary(comment.text))
    number = pull_request or run.pull_request
    if number is None:
        if not comment.summary:
            raise UsageError(
                "this run is about no pull request",
                where="assay comment",
                fix="Say which: --pull-request N",
            )
        log.warning("this run is about no pull request, so the verdict stands in its summary only")
        return comment
    comment = replace(comment, pull_request=number)
    if not run.token:
        log.warning("%s", _not_posted(run, f"there is no {run.token_variable}", comment.summary))
        return comment
    try:
        done = keep_one_comment(host_of(run), number, marker(params.name), comment.text)
    except MayNotWrite as error:
        if pull_request is not None and isinstance(error, Gone):
            raise CodeHostFailed(
                f"there is no such pull request, or the token may not see it: {error.what}",
                where=f"--pull-request {pull_request}",
            ).attach_report(comment) from None
        log.warning("%s", _not_posted(run, error.what, comment.summary))
        return comment
    except AssayError as error:
        raise error.attach_report(comment) from None
    return replace(comment, posted=done)


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


def collect(
    root: Path, params: Params, commit: str = "", page: str = "", *, committed: bool = False
) -> CommentFacts:
    """The facts of a comment; a report that cannot be read is left out.

    Parameters
    ----------
    committed
        As for `assay.gate.verdict_command.run`.
    """
    try:
        answer = verdict_command.decide(root, params, committed=committed)
    except AssayError as error:
        answer = GateAnswer(problems=(error.line(),))
    facts = CommentFacts(params.name, answer, commit=commit, page=page)
    if answer.verdict is None and not answer.problems:
        return facts
    facts = replace(facts, changes=read_changes(root, params, facts.verdict))
    if facts.verdict is None:
        return facts
    inputs = GateInputs.of(root)
    return replace(
        facts,
        evaluation=known(lambda: inputs.evaluation),
        comparison=known(lambda: inputs.comparison),
        rehearsal=known(lambda: inputs.rehearsal),
        leakage=known(lambda: inputs.leakage),
        plan=known(lambda: Plan.read(root)),
    )


def marker(name: str) -> str:
    """The hidden first line that a comment is found again by."""
    quoted = quote(name, safe="")
    if len(quoted) > LONGEST_NAME:
        quoted = digests.digest_texts(name)
    return f"<!-- assay:gate:{quoted} -->"


def compose(facts: CommentFacts, form: Format, limit: int = LIMIT) -> str:
    """The comment as Markdown.

    Parameters
    ----------
    limit
        Whole parts are left out, the least important first, until it is shorter than this.
    """
    kept = list(render_parts(facts.verdict, form, **_shown(facts)))
    cut: list[str] = []
    while True:
        texts = [marker(facts.name), *(each.text for each in kept)]
        if cut:
            words = f"Left out, as a comment has room for {LIMIT:,} characters: {', '.join(cut)}."
            texts.insert(-1, words)
        text = "\n\n".join(texts) + "\n"
        if len(text) < limit:
            return text
        least = max(kept, key=lambda each: each.weight)
        if least.weight == 0:
            # Parts of weight 0 have bounds that keep them far below any limit of a code host.
            return text[: limit - 1]
        kept.remove(least)
        cut.append(least.title)


def _shown(facts: CommentFacts) -> dict[str, Any]:
    """What the template shows of the facts.

    What compares with the champion is left out where the model is the champion's own.
    """
    verdict, compared = facts.verdict, facts.comparison
    shown: dict[str, Any] = {
        "project": facts.name,
        "answer": facts.answer,
        "compared": compared,
        "evaluation": facts.evaluation,
        "rehearsal": facts.rehearsal,
        "leakage": facts.leakage,
        "changes": facts.changes,
        "commit": facts.commit,
        "page": facts.page,
    }
    if verdict is None or verdict.bundle == verdict.champion.bundle:
        return shown
    plan = facts.plan
    if plan is not None and plan.bundle == verdict.bundle:
        shown["plan"] = {
            "headline": page.headline(plan),
            "sentences": list(page.sentences(plan)),
            "digest": (plan.plan or "")[:19],
        }
    if (measured := compared or facts.evaluation) is not None:
        shown |= {
            "metrics": metric_rows(compared, facts.evaluation),
            "picture": picture,
            "signed": signed,
            "confidence": f"{measured.confidence * 100:.4g}%",
        }
    if compared is not None and compared.differences is not None:
        stability = compared.stability
        flipped = None if stability is None else stability.flipped
        shown |= {
            "slices": moved_slices(compared, SHOWN),
            "reasons": "" if compared.reasons is None else compared.reasons.sentence,
            "flipped": None
            if stability is None or flipped is None or flipped.value is None
            else {"share": flipped.value, "rows": stability.rows},
        }
    if facts.rehearsal is not None:
        shown["nights"] = facts.rehearsal.nights
    return shown
