"""Approval of a plan by those who use the scores: an annotated tag that names the plan's digest.

``approvals`` in params.yaml says who has to agree before a version is promoted. A plan that is made
again has another digest, so it needs a new approval.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assay.errors import PromotionRefused, UsageError
from assay.project import layout
from assay.project.params import Approval, Params, parse
from assay.project.params.access import address_of
from assay.project.text import suggest
from assay.registry import access, git, signatures, tags
from assay.registry.tag_writer import signing
from assay.store import open_store
from assay.store.plans import PlannedRun

TAGS = "plan-approved/"
"""How the names of the tags begin; then come who approves, and the first digits of the plan."""


DIGITS = 8
MADE = (layout.DVC_LOCK, layout.VERDICT, layout.PARAMS)
"""Files whose last authors made what is promoted."""


@dataclass(frozen=True)
class PlanApproval:
    """An approval: for whom, of which plan, by whom and why; ``tag`` is what git keeps of it."""

    who: str
    plan: str
    by: str
    because: str
    tag: str


def approve(
    root: Path, params: Params, who: str, because: str, plan: str | None = None
) -> PlanApproval:
    """Approve a plan; approving it again changes nothing.

    Parameters
    ----------
    who
        An entry of ``approvals`` in params.yaml that the user is one of the people of.
    plan
        The beginning of its digest; by default that of the plan that was made last.

    Raises
    ------
    UsageError
        No reason, or no such entry or plan.
    NotAllowed
        ``access`` does not let the user approve.
    PromotionRefused
        The user is not one of the people who may, or is the author.
    """
    if not because.strip():
        raise UsageError("an approval needs a reason", fix="Add --because 'what was looked at'.")
    commit = git.head(root)
    every = asked_at(root, commit)
    asked = next((each for each in every if each.who == who), None)
    if asked is None:
        known = [each.who for each in every]
        raise UsageError(
            "nobody is asked to approve under this name",
            where=f"--as {who}",
            expected=f"one of {', '.join(known)} (approvals in {layout.PARAMS})"
            if known
            else f"approvals in {layout.PARAMS}",
            fix=suggest(who, known),
        )
    digest = _find_plan(root, params, plan)[0].plan
    git.identity(root)
    person = access.require(root, "approve")
    why_not = _objection(root, asked, person, commit)
    if why_not:
        raise PromotionRefused(
            f"{person} cannot approve it as {who}",
            where=f"{layout.PARAMS}: approvals",
            expected=_people(asked),
            found=why_not,
            fix="One of them types the same command.",
        )
    for each in read_approvals(root, who):
        if each.plan == digest and not _objection(root, asked, each.by, commit):
            return each
    approval = PlanApproval(who, digest, person, because.strip(), f"{TAGS}{who}/{digest[7:19]}")
    trailers = {"As": who, "Plan": digest, "Because": approval.because, "By": person}
    message = tags.write_message(f"{params.name}: plan {digest[:19]} approved as {who}", trailers)
    done = git.run(
        root, "tag", *signing(root), "--force", "--message", message, approval.tag, commit
    )
    if done.returncode:
        raise PromotionRefused(
            "git would not write the tag",
            where=approval.tag,
            found=" ".join(done.stderr.decode(errors="replace").split()),
        )
    return approval


def refusals(root: Path, params: Params, bundle: str, commit: str) -> list[PromotionRefused]:
    """Who has not approved the newest plan of a bundle, one error each; none if nobody is asked.

    ``params`` are those of the commit.
    """
    every = params.approvals
    if not every:
        return []
    planned = open_store(root, params).newest_plan(bundle)
    if not planned:
        return [
            PromotionRefused(
                "nobody could approve it: there is no plan of this bundle",
                where=f"{layout.PARAMS}: approvals",
                expected=", ".join(each.who for each in every),
                fix="assay plan, and let them look at it",
            )
        ]
    return [
        PromotionRefused(
            f"{asked.who} has not approved the plan",
            where=f"{layout.PARAMS}: approvals",
            expected=f"an approval of {planned[0].plan[:19]} by {_people(asked)}",
            found=refusal,
            fix=f"One of them types: assay approve --as {asked.who} --because WHY",
        )
        for asked, refusal in answers(root, every, planned[0].plan, commit)[1]
    ]


def asked_at(root: Path, commit: str) -> tuple[Approval, ...]:
    """Who is asked, as params.yaml of a commit says; what is not committed does not count."""
    return parse(git.show(root, commit, layout.PARAMS), layout.PARAMS).approvals


def answers(
    root: Path, every: Iterable[Approval], plan: str, commit: str
) -> tuple[list[PlanApproval], list[tuple[Approval, str]]]:
    """The approvals of a plan that count; and who is asked and gave none, with what there is."""
    given, missing = [], []
    for asked in every:
        known = read_approvals(root, asked.who)
        objections = {
            each: _objection(root, asked, each.by, commit) for each in known if each.plan == plan
        }
        mine = [each for each, why in objections.items() if not why]
        given += mine
        if not mine:
            instead = "one of another plan" if known else "none"
            missing.append((asked, next(iter(objections.values()), instead)))
    return given, missing


def read_approvals(root: Path, who: str) -> list[PlanApproval]:
    """The approvals under a name, as tags tell them."""
    approvals = []
    mine = [tag for tag in git.tags(root) if tag.name.startswith(f"{TAGS}{who}/")]
    by = signatures.makers(root, mine)
    for tag in mine:
        if tag.name in by:
            trailers = tags.read_trailers(tag.body)
            plan, because = trailers.get("Plan", ""), trailers.get("Because", "")
            # Git's own name of the maker: what the message says can be typed by anyone.
            approvals.append(
                PlanApproval(trailers.get("As", ""), plan, by[tag.name], because, tag.name)
            )
    return [each for each in approvals if each.who == who]


def _find_plan(root: Path, params: Params, plan: str | None) -> tuple[PlannedRun, ...]:
    store = open_store(root, params)
    runs, start = store.planned_runs(), "" if plan is None else plan.removeprefix("sha256:")
    if plan is not None and len(start) < DIGITS:
        raise UsageError(
            "too little of a digest",
            where=f"assay approve --plan '{plan}'",
            expected=f"its first {DIGITS} digits or more",
        )
    fit = [each for each in runs if each.plan.removeprefix("sha256:").startswith(start)]
    if not fit:
        raise UsageError(
            "there is no such plan" if plan else "there is no plan to approve",
            where="assay approve" + (f" --plan {plan}" if plan else ""),
            expected="a plan that assay plan has made in this store",
            fix="assay plan",
        )
    newest = store.newest_plan(fit[-1].run.bundle)
    if newest[0].plan != fit[-1].plan:
        raise UsageError(
            "there is a newer plan of the same bundle, and only that one counts",
            where=f"assay approve --plan {plan}",
            expected=newest[0].plan[:19],
        )
    return newest


def _objection(root: Path, asked: Approval, person: str, commit: str) -> str:
    """Why a person's approval does not count; "" if it does."""
    name, address = person.partition(" <")[0], address_of(person)
    allowed = {each.lower() for each in asked.people}
    if not {name.lower(), address, person.lower()} & allowed:
        return f"{person} is none of them"
    if not access.read_policy(root).access.allows("approve", person):
        return f"{person} may not approve, as access says"
    if asked.not_author:
        authors = (_author(root, commit, path) for path in MADE)
        if address in (*authors, _author(root, commit)):
            return f"{person} is the author of {commit[:10]}, or of what it would promote"
    return ""


def _author(root: Path, commit: str, *paths: str) -> str:
    """The address of who last changed some files up to a commit, or who made it."""
    done = git.run(root, "log", "-1", "--format=%ae", commit, "--", *paths)
    return address_of(done.stdout.decode(errors="replace"))


def _people(asked: Approval) -> str:
    others = ", and not the author" if asked.not_author else ""
    return f"one of {', '.join(asked.people)}{others}"
