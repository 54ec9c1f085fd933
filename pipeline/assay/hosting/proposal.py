"""``assay propose``: put a model that CI trained before people, as a pull request.

It never promotes: the pull request goes through the gate and a review like any other. Calling it
again fixes what was killed: there is one branch, one pull request and one comment.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from assay.errors import GateNotPassed
from assay.hosting import approval, comment, origin
from assay.hosting.client import MayNotWrite, number_of, text_of
from assay.project import layout
from assay.project.params import Params
from assay.project.text import escape_all
from assay.reports.retrain import read_advice

log = logging.getLogger(__name__)

BRANCH = "assay/retrain"
"""The branch that this command alone writes."""
GATE = "gate.yml"
BOT = approval.Person("github-actions[bot]", 41898282)
"""The account that GitHub shows for commits of a workflow."""


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
        This is no run of GitHub Actions.
    GateNotPassed
        There is no verdict about what is here. One that is not PASS is no error.
    CodeHostFailed
        The code host did not do it; the next call goes on.
    """
    run = approval.current_run()
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
    with approval.signing_as(BOT):
        if not origin.commit_all(root, BRANCH, title):
            return Proposal(None, BRANCH, None, False)
    origin.push_branch(root, BRANCH)
    number = _pull_request(run, title, _body(root, params))
    said = comment.post(root, params, number)
    return Proposal(number, BRANCH, said.outcome, _judge_again(run))


def _pull_request(run: approval.Run, title: str, body: str) -> int:
    owner = run.host.repository.partition("/")[0]
    text = {"title": title, "body": body}
    for each in run.pages("/pulls", head=f"{owner}:{BRANCH}", state="open"):
        number = number_of(each, "number")
        run.write("PATCH", f"/pulls/{number}", text)
        return number
    base = text_of(run.get(""), "default_branch")
    made = run.write("POST", "/pulls", {**text, "head": BRANCH, "base": base})
    return number_of(made, "number")


def _judge_again(run: approval.Run) -> bool:
    """Start gate.yml on the branch: what a workflow's token pushes starts no workflow by itself."""
    try:
        run.write("POST", f"/actions/workflows/{GATE}/dispatches", {"ref": BRANCH})
    except MayNotWrite:
        log.warning(
            "propose: the check was not started (permissions: actions: write); "
            "close the pull request and open it again, and it starts"
        )
        return False
    return True


def _body(root: Path, params: Params) -> str:
    lines = [
        f"Trained by CI on the newest nights of {escape_all(params.name)} that have labels. "
        "Nothing is promoted before a person has merged this and approved it.",
        "",
    ]
    advice = read_advice(root)
    lines += [f"- {escape_all(reason)}" for reason in (advice.reasons if advice else ())]
    return "\n".join(lines).rstrip() + "\n"
