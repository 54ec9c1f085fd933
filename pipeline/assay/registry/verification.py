"""Checks that the tags of a version agree with its commit's verdict. Pure.

Anyone who can push can make a tag by hand. Such a version is listed like any other, but shown as
unverified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.errors import AssayError, PromotionRefused
from assay.project import digests, layout
from assay.project.params import Params
from assay.registry import fetch, git, tags, versions
from assay.registry.versions import NONE, UNKNOWN, Assignment, RegistryState, Version
from assay.reports.verdict import Outcome, Verdict


def read_past_verdict(root: Path, commit: str, bundle: str | None) -> Verdict | None:
    """The verdict at a commit, if it is about this bundle; None if there is none.

    Both the gate and promotion use it, to count the champion's tests. A version may have been
    promoted without a verdict.
    """
    try:
        found = Verdict.parse(git.show(root, commit, layout.VERDICT), layout.VERDICT)
    except (AssayError, UnicodeDecodeError):
        return None
    return found if found.bundle == bundle else None


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


@dataclass(frozen=True)
class Listing:
    """The versions of a model, and the history of one stage.

    ``doubts`` states for each version why it is unverified, None if it is verified.
    """

    name: str
    stage: str
    known: RegistryState
    doubts: Mapping[str, str | None]

    def verify_assignment(self, move: Assignment) -> str | None:
        """Why this assignment of the stage is unverified, None if it is verified."""
        version = self.known.find(move.version)
        return verify_assignment(move, version, self.doubts.get(move.version))

    def document(self) -> dict[str, object]:
        known = self.known
        return {
            "schema": 1,
            "name": self.name,
            "stage": self.stage,
            "holder": known.holders.get(self.stage),
            "versions": [
                {
                    **asdict(each),
                    "stages": list(known.stages_of(each.version)),
                    "unverified": self.doubts[each.version],
                }
                for each in reversed(known.versions)
            ],
            "history": [
                {**asdict(each), "unverified": self.verify_assignment(each)}
                for each in known.histories.get(self.stage, ())
            ],
        }


def list_versions(root: Path, params: Params, *, stage: str | None = None) -> Listing:
    """Every version, the newest first, and the history of the stage."""
    stage = tags.resolve_stage(stage, params.registry.stage)
    known = versions.read_state(root, params.name)
    doubts = {
        each.version: verify_version(each, fetch.read_verdict(root, each))
        for each in known.versions
    }
    return Listing(params.name, stage, known, doubts)
