"""Versions, the history of a stage with its evidence, its holder, and what goes to others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.project.text import counted
from assay.promotion.checks import short_digest
from assay.registry.transfer import ADD
from assay.registry.verification import Listing, unverified_warning
from assay.registry.versions import UNKNOWN, Assignment

if TYPE_CHECKING:
    from rich.table import Table

    from assay.hosting.merged_promotion import NothingToPromote
    from assay.hosting.proposal import Proposal
    from assay.promotion.promote import StageMove
    from assay.registry.transfer import Transfer
    from assay.reports.champion import StageHolder

VERSION = ("version", "stage", "commit", "date", "by", "bundle", "gate", "why")
MOVE = ("date", "what", "version", "by", "evidence", "why")
_WHOLE = frozenset({"version", "stage", "commit", "date", "bundle", "what"})
"""Columns that must not be wrapped on a narrow terminal."""


def versions_lines(found: Listing) -> Iterator[Line]:
    """Every version, the newest first, and the stage's history."""
    from rich.text import Text

    known, doubts = found.known, found.doubts
    if not known.versions:
        yield Text(f"{found.name}: no version yet. Make one with assay promote.")
    else:
        table = _table(f"Versions of {found.name}", *VERSION)
        for each in reversed(known.versions):
            table.add_row(
                each.version,
                " ".join(known.stages_of(each.version)),
                each.commit[:8],
                each.at[:10],
                each.by.partition(" <")[0],
                _digits(each.bundle),
                (each.outcome or UNKNOWN)
                + (", overridden" if each.override else "")
                + (", unverified" if doubts[each.version] else ""),
                each.why,
            )
        yield table
        for each in reversed(known.versions):
            if doubts[each.version]:
                yield Text(unverified_warning(each.version, doubts[each.version]))
    past = known.histories.get(found.stage, ())
    if past:
        table = _table(f"History of {found.stage}", *MOVE)
        for move in past:
            table.add_row(
                move.at[:16].replace("T", " "),
                move.kind,
                move.version[:12],
                move.by.partition(" <")[0],
                _evidence(move, found.verify_assignment(move)),
                move.why,
            )
        yield table


def promoted_lines(
    found: StageMove | NothingToPromote, root: Path, push: bool, merged: bool
) -> Iterator[str]:
    """The stage's new holder and how to share it or by whom, or why there is nothing to do."""
    from assay.hosting.merged_promotion import NothingToPromote

    if not isinstance(found, NothingToPromote):
        lines = list(moved_lines(found, root, push))
        by = f"promoted by {found.version.by}: {found.version.why}"
        yield from [lines[0], by] if merged else lines
    elif found.version == found.holder:
        yield (
            f"nothing to promote: {found.version} holds {found.stage} with the bundle of this "
            f"commit ({short_digest(found.bundle)})"
        )
    else:
        yield (
            f"nothing to promote: the model of this commit is {found.version}, and "
            f"{found.holder or 'no version'} holds {found.stage}"
        )
        yield (
            f"to give {found.stage} back to it: assay rollback --to {found.version} "
            "--because WHY --push; in GitHub Actions: promote, Run workflow"
        )


def moved_lines(found: StageMove, root: Path, push: bool) -> Iterator[str]:
    """The stage's new holder, and how to share it from this clone."""
    from assay.registry.remotes import remote_name

    return stage_move_lines(found, push, remote_name(root))


def stage_move_lines(
    move: StageMove, push: bool = False, remote: str | None = "origin"
) -> Iterator[str]:
    """The stage's new holder, and how to share it.

    Parameters
    ----------
    push
        The tags are pushed by the command itself.
    remote
        The one that git shares tags through; None if there is none.
    """
    version, before = move.version, move.before
    yield (
        f"{move.done}: {version.name} {version.version} ({short_digest(version.bundle)}) "
        f"holds {move.stage}"
        + (f", before it {before}" if before and before != version.version else "")
    )
    if version.override:
        yield f"overridden: {version.override}"
    # Push the bundle before the tag, so that no visible champion is missing its bundle.
    bundle = ["dvc push"] if move.done == "promoted" else []
    # A branch that was never pushed has no upstream, so the remote is named.
    tags = f"git push --follow-tags {remote} HEAD" if bundle else f"git push --tags {remote}"
    if remote is None:
        yield "git has no remote, so nobody else can get it: docs/remotes.md"
    elif steps := bundle if push else [*bundle, tags]:
        yield f"next, so that others get it: {' && '.join(steps)}"


def champion_lines(held: StageHolder) -> Iterator[str]:
    """The stage's holder, or why there is none to compare with."""
    if held.state == "found":
        yield f"champion: {held.version} holds {held.stage} ({held.bundle})"
    else:
        yield f"champion: {held.state}: {held.why}"


def _table(title: str, *headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
    return table


def _evidence(move: Assignment, doubt: str | None) -> str:
    """The evidence for assigning a stage, a line per fact; empty for an unassignment."""
    if move.kind == "unassign":
        return ""
    verdict = f", verdict {_digits(move.verdict)}" if move.verdict else ""
    lines = [f"gate: {move.outcome or UNKNOWN}{verdict}"]
    if move.champion:
        lines.append(f"champion then: {move.champion[:12]}")
    if move.override:
        lines.append(f"OVERRIDDEN: {move.override}")
    if doubt:
        lines.append(f"UNVERIFIED: {doubt}")
    return "\n".join(lines)


def _digits(digest: str) -> str:
    return digest if digest == UNKNOWN else digest.removeprefix("sha256:")[:12]


def transfer_lines(moved: Transfer) -> Iterator[str]:
    """How many files were moved, or that there is no remote, what follows, and how to add one."""
    if moved.remote is None:
        yield (
            "remote: DVC has no default remote, so nothing was "
            f"{moved.done}. What was trained elsewhere is trained again here, and no bundle can be "
            f"compared with that of a promoted version. To add one: {ADD}."
        )
    elif moved.files:
        yield f"remote: {counted(moved.files, 'file')} {moved.done} ({moved.remote})"
    else:
        yield f"remote: nothing to be {moved.done} ({moved.remote})"


def proposal_lines(found: Proposal) -> Iterator[str]:
    if found.number is None:
        yield "propose: nothing changed, so there is nothing to propose"
        return
    yield (
        f"propose: pull request #{found.number} from {found.branch}, verdict "
        f"{found.outcome or 'none'}"
    )
