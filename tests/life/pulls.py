"""Pull requests: what the required check and its comment say of one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.life.world import Answer, World

NOT_COPIED = shutil.ignore_patterns("store", "nights", "performance", "alerts.json")
"""What a runner does not have: nights, and the pages about them."""


@dataclass(frozen=True)
class Checked:
    """What a pull request's author sees."""

    check: Answer
    comment: str

    def violations(self) -> Iterator[str]:
        """A sentence for each thing wrong with the answer to a change that is not of the model."""
        if self.check.code or "the model is unchanged: v" not in self.check.out:
            yield f"the model did not change, but {self.check}"
        headline = next(line for line in self.comment.splitlines() if line.startswith("## "))
        if ("unchanged" in headline) != (self.check.code == 0):
            yield f"the check ended with {self.check.code}, the comment begins '{headline}'"


def of_docs(world: World) -> Checked:
    """Check a pull request that changes README.md alone, as gate.yml does in a clone."""
    place = world.root.parent / "runner"
    shutil.copytree(world.root, place, symlinks=True, ignore=NOT_COPIED)
    try:
        runner = World(place)
        runner.clock.now = world.clock.now
        runner.git("checkout", "--quiet", "--force", "-B", "change")
        (place / "README.md").write_text("# Parcels\n", encoding="utf-8")
        runner.git("add", "README.md")
        runner.git("commit", "--quiet", "--message", "Describe parcels")
        check = runner.assay("gate", "verdict", "--committed")
        summary = place / "summary.md"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GITHUB_REPOSITORY", "team/parcels")
            patch.setenv("GITHUB_STEP_SUMMARY", str(summary))
            patch.delenv("GITHUB_EVENT_PATH", raising=False)
            comment = runner.assay("comment")
        assert comment.code == 0, str(comment)
        return Checked(check, summary.read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(place)
