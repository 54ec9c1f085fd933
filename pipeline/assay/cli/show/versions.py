"""Versions, the history of a stage with its evidence, what goes to others, and plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.result import lines, table, to_tree
from assay.cli.terminal import Line
from assay.project import layout
from assay.project.text import counted, first_few
from assay.registry.remotes import ADD
from assay.registry.verification import Listing, unverified_warning
from assay.registry.versions import UNKNOWN, Assignment

if TYPE_CHECKING:
    from assay.hosting.promotion import NothingToPromote
    from assay.init.project_check.command import ProjectCheck
    from assay.plan.apply import Applied
    from assay.plan.document import PlannedNight
    from assay.plan.stage import Planned
    from assay.promotion.promote import StageMove
    from assay.registry.dvc_lock import LockCheck
    from assay.registry.remotes import Buckets, Transfer


def versions_lines(listing: Listing) -> Iterator[Line]:
    """Every version, the newest first, and the stage's history."""
    known, doubts = listing.known, listing.doubts
    versions = [
        {
            "version": each.version,
            "stage": " ".join(known.stages_of(each.version)),
            "commit": each.commit[:8],
            "date": each.at[:10],
            "by": each.by.partition(" <")[0],
            "bundle": _digits(each.bundle),
            "gate": (each.outcome or UNKNOWN)
            + (", overridden" if each.override else "")
            + (", unverified" if doubts[each.version] else ""),
            "why": each.why,
        }
        for each in reversed(known.versions)
    ]
    if not versions:
        yield f"{listing.name}: no version yet. Make one with assay promote."
    else:
        yield from table(versions, title=f"Versions of {listing.name}")
        for each in reversed(known.versions):
            if doubts[each.version]:
                yield unverified_warning(each.version, doubts[each.version])
        unsigned = [
            each.version for each in reversed(known.versions) if not listing.signed_by(each.tag)
        ]
        if unsigned:
            yield f"who made {first_few(unsigned)} is only claimed, not signed: docs/access.md"
    past = [
        {
            "date": move.at[:16].replace("T", " "),
            "what": move.kind,
            "version": move.version[:12],
            "by": move.by.partition(" <")[0],
            "evidence": _evidence(
                move, listing.verify_assignment(move), listing.signed_by(move.tag)
            ),
            "why": move.why,
        }
        for move in known.histories.get(listing.stage, ())
    ]
    if past:
        yield from table(past, title=f"History of {listing.stage}")


def promoted_lines(
    move: StageMove | NothingToPromote, root: Path, push: bool, merged: bool
) -> Iterator[str]:
    """The stage's new holder and how to share it or by whom, or why there is nothing to do."""
    from assay.hosting.promotion import NothingToPromote
    from assay.promotion.checks import short_digest

    if not isinstance(move, NothingToPromote):
        lines = list(moved_lines(move, root, push))
        by = f"promoted by {move.version.by}: {move.version.why}"
        yield from [lines[0], by] if merged else lines
    elif move.version == move.holder:
        yield (
            f"nothing to promote: {move.version} holds {move.stage} with the bundle of this "
            f"commit ({short_digest(move.bundle)})"
        )
    else:
        yield (
            f"nothing to promote: the model of this commit is {move.version}, and "
            f"{move.holder or 'no version'} holds {move.stage}"
        )
        yield (
            f"to give {move.stage} back to it: assay rollback --to {move.version} "
            "--because WHY --push; in GitHub Actions: promote, Run workflow"
        )


def moved_lines(move: StageMove, root: Path, push: bool) -> Iterator[str]:
    """The stage's new holder, and how to share it from this clone."""
    from assay.registry.remotes import remote_name

    return stage_move_lines(move, push, remote_name(root))


def stage_move_lines(
    move: StageMove, push: bool = False, remote: str | None = "origin"
) -> Iterator[str]:
    """The stage's new holder, and how to share it.

    Parameters
    ----------
    push
        Bundle and tags are pushed by the command itself.
    remote
        The one that git shares tags through; None if there is none.
    """
    from assay.promotion.checks import short_digest

    version = move.version
    yield (
        f"{move.done}: {version.name} {version.version} ({short_digest(version.bundle)}) "
        f"holds {move.stage}" + (f", before it {move.before}" if move.before else "")
    )
    if version.override:
        yield f"overridden: {version.override}"
    # The bundle before the tag, so that no visible champion is missing its bundle; and the remote
    # is named, as a branch that was never pushed has no upstream.
    promoted = f"dvc push && git push --follow-tags {remote} HEAD"
    if remote is None:
        yield "git has no remote, so nobody else can get it: docs/remotes.md"
    elif not push:
        steps = promoted if move.done == "promoted" else f"git push --tags {remote}"
        yield f"next, so that others get it: {steps}"


def _evidence(move: Assignment, doubt: str | None, signed_by: str | None) -> list[str]:
    """The evidence for assigning a stage, a line per fact; empty for an unassignment."""
    if move.kind == "unassign":
        return []
    verdict = f", verdict {_digits(move.verdict)}" if move.verdict else ""
    facts = [f"gate: {move.outcome or UNKNOWN}{verdict}"]
    if move.champion:
        facts.append(f"champion then: {move.champion[:12]}")
    if move.override:
        facts.append(f"OVERRIDDEN: {move.override}")
    if signed_by:
        facts.append(f"signed by {signed_by}")
    if doubt:
        facts.append(f"UNVERIFIED: {doubt}")
    return facts


def _digits(digest: str) -> str:
    return digest if digest == UNKNOWN else digest.removeprefix("sha256:")[:12]


def transfer_lines(moved: Transfer) -> Iterator[str]:
    """How many files were moved, or that there is no remote, what follows, and how to add one."""
    if moved.remote is None:
        yield (
            f"remote: DVC has no default remote, so nothing was {moved.done}. What was trained "
            "elsewhere is trained again here, and no bundle can be compared with that of a "
            f"promoted version. To add one: {ADD}."
        )
    else:
        yield f"remote: {counted(moved.files, 'file')} {moved.done} ({moved.remote})"


def check_lines(checked: ProjectCheck | LockCheck | Buckets) -> Iterator[Line]:
    """What is well, and what could not be compared; all else is an error."""
    from assay.registry.dvc_lock import LockCheck

    if not isinstance(checked, LockCheck):
        tree = to_tree(checked)
        if tree.pop("ready", False):
            yield "check: ready for dvc repro"
        yield from lines(tree)
        return
    if checked.current:
        yield f"check: {layout.DVC_LOCK} is current: {checked.stages} stages as it says"
    if paths := list(dict.fromkeys(path for _, path in checked.lock.unseen)):
        yield (
            f"check: not compared, also where the data is here: {first_few(paths)}; DVC keeps "
            "one hash of a whole output, and none of a single file inside it or of a folder of "
            "several"
        )


# ----------------------------------------------------------- plans: what a version would change

DECIDED = "decided otherwise"
WORDS = {
    "applied before": "was applied before",
    "changed": "is scored again",
    "left": "is left as it is",
}


def plan_lines(planned: Planned) -> Iterator[Line]:
    """What the plan changes, night by night, and where more is to be seen."""
    from assay.plan import page

    plan = planned.plan
    yield f"plan: {page.headline(plan)}"
    yield from (f"  {each}" for each in page.sentences(plan))
    if not plan.nights:
        return
    nights = [
        {
            "night": night.day,
            "readers see": night.by_version or "nothing",
            "scored": night.scored,
            "quarantined": night.quarantined,
            **({} if plan.task == "regression" else {DECIDED: _decided(night)}),
            "moved": night.changes.moved if night.changes else None,
            "mind": page.night_words(night),
        }
        for night in plan.nights
    ]
    yield from table(nights)
    for each in page.segment_words(plan):
        yield f"scores move where {each}"
    yield f"the rows that move most, with their reasons: {planned.page}"
    if plan.plan:
        when = "" if plan.version == plan.champion else f", once {plan.version} is promoted"
        yield f"plan {plan.plan[:19]}; to publish it{when}: assay apply"


def _decided(night: PlannedNight) -> int | None:
    return night.changes.decided if night.changes else None


def apply_lines(applied: Applied) -> Iterator[Line]:
    """What became of each planned night."""
    if not applied.nights:
        yield f"apply: no planned night of {applied.version} waits"
        return
    done = [each for each in applied.nights if each.done == "applied"]
    if {each.done for each in applied.nights} == {"applied before"}:
        yield f"apply: the plan of {applied.version} was applied before, nothing has changed"
        return
    rows = sum(each.rows or 0 for each in done)
    yield (
        f"apply: {counted(len(done), 'night')} of {applied.version} published as planned, "
        f"{counted(rows, 'row')}, none scored again"
    )
    for each in applied.nights:
        if each.done != "applied":
            why = f": {'; '.join(each.why)}" if each.why else ""
            yield f"  {each.partition} {WORDS[each.done]}{why}"
    if applied.scored is not None:
        from assay.cli.show.nights import score_lines

        yield from score_lines(applied.scored)
