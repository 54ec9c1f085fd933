"""Checks that the tags of a version agree with its commit's verdict. Pure.

Anyone who can push can make a tag by hand. Such a version is listed like any other, but shown as
unverified.
"""

from __future__ import annotations

from assay.errors import PromotionRefused
from assay.project import digests, layout
from assay.registry.evidence import NONE
from assay.registry.state import UNKNOWN, Assignment, RegistryState, Version
from assay.reports.verdict import Outcome, Verdict


def verify_version(version: Version, text: str | None) -> str | None:
    """Why a version is unverified; None if its tags and verdict agree.

    Parameters
    ----------
    text
        verdict.json at the version's commit, None if there is none.
    """
    if version.bundle == UNKNOWN:
        return "its tags name no bundle"
    if version.outcome is None:
        return "its tags name no outcome of a gate"
    if version.outcome == NONE:
        return None if version.override else "its tags say that there was no verdict"
    if text is None:
        return "no verdict can be had from its commit"
    if version.verdict != digests.digest_content(text):
        return "its tags name another verdict than its commit holds"
    try:
        verdict = Verdict.parse(text, layout.VERDICT)
    except PromotionRefused as error:
        return error.what
    if verdict.bundle != version.bundle:
        return "its verdict is about another bundle"
    if verdict.outcome.value != version.outcome:
        return f"its tags say {version.outcome}, its verdict {verdict.outcome}"
    if verdict.outcome is not Outcome.PASS and not version.override:
        return f"its verdict is {verdict.outcome}, and nobody overruled it"
    return None


def verify_assignment(move: Assignment, version: Version | None, found: str | None) -> str | None:
    """Why a stage assignment is unverified, given the doubt about its version."""
    if move.kind == "unassign":
        return None
    if version is None:
        return "no version is at this commit"
    if move.outcome is None:
        return "its tag names no outcome of a gate"
    if (move.verdict or UNKNOWN) != version.verdict:
        return "its tag names another verdict than the version's"
    return found


def verify_holder(
    known: RegistryState, version: Version, stage: str, text: str | None
) -> str | None:
    """Why the holder of a stage, or the tag that assigned the stage to it, is unverified."""
    given = last_assignment(known, version, stage)
    found = verify_version(version, text)
    return found if given is None else verify_assignment(given, version, found)


def last_assignment(known: RegistryState, version: Version, stage: str) -> Assignment | None:
    """The last assignment of a stage to a version; None if there was none."""
    moves = reversed(known.histories.get(stage, ()))
    own = (each for each in moves if each.version == version.version and each.kind != "unassign")
    return next(own, None)


def unverified_warning(version: str, doubt: str | None) -> str:
    """The warning text wherever an unverified version is shown."""
    return f"{version} is unverified: {doubt}."
