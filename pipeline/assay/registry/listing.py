"""Versions and the history of a stage.

What a person overruled to promote a version stands wherever that version does, and so does that
its tags do not say what its commit's verdict says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.project.params import Params
from assay.registry import fetch, tags, versions
from assay.registry.state import Assignment, RegistryState
from assay.registry.verification import doubt, doubt_of_move


@dataclass(frozen=True)
class Listing:
    """The versions of a model, and what happened to one stage.

    ``doubts`` says of each version why it is unverified, None where it is verified.
    """

    name: str
    stage: str
    known: RegistryState
    doubts: Mapping[str, str | None]

    def doubt_of(self, move: Assignment) -> str | None:
        """Why it is unverified that the stage was given as the tags say."""
        version = self.known.find(move.version)
        return doubt_of_move(move, version, self.doubts.get(move.version))

    def plain(self) -> dict[str, object]:
        known = self.known
        return {
            "schema": 1,
            "name": self.name,
            "stage": self.stage,
            "holder": known.holders.get(self.stage),
            "versions": [
                {
                    **asdict(each),
                    "stages": list(known.held_by(each.version)),
                    "unverified": self.doubts[each.version],
                }
                for each in reversed(known.versions)
            ],
            "history": [
                {**asdict(each), "unverified": self.doubt_of(each)}
                for each in known.histories.get(self.stage, ())
            ],
        }


def list_versions(root: Path, params: Params, *, stage: str | None = None) -> Listing:
    """Every version, the newest first, and what happened to the stage.

    Raises
    ------
    UsageError
        No name for a stage.
    NotARepository
    """
    stage = tags.asked(stage, params.registry.stage)
    known = versions.state(root, params.name)
    doubts = {each.version: doubt(each, fetch.verdict_of(root, each)) for each in known.versions}
    return Listing(params.name, stage, known, doubts)
