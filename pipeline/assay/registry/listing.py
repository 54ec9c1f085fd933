"""Lists the versions of a model and the history of a stage.

For every version the list shows what a person overruled to promote it, and whether its tags
contradict its commit's verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.project.params import Params
from assay.registry import fetch, tags, versions
from assay.registry.state import Assignment, RegistryState
from assay.registry.verification import verify_assignment, verify_version


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
