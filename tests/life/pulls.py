"""Pull requests: what the required check, its comment and its page say of one, and merging it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.life import branches
from tests.life.branches import Branch
from tests.life.world import Answer, World

NIGHTS = ("store", "nights", "performance", "alerts.json", "incoming", "bundles")
"""What a runner does not have: nights, and the pages about them."""
VERDICT = "reports/gate/verdict.json"
PAGE = Path("reports/gate/index.html")
OUTCOMES: dict[int, tuple[str | None, ...]] = {
    0: ("unchanged", "PASS"),
    3: ("FAIL", "INCONCLUSIVE", "differs", None),
    27: ("not judged",),
}
"""Exit code of the check -> outcomes that the comment may have then."""
Change = Literal["docs", "model", "policy", "revert", "forgotten"]


@dataclass(frozen=True)
class Pull:
    """What a pull request's author sees, and whether it should be green.

    Attributes
    ----------
    lock
        The job that asks whether dvc.lock is current.
    summary
        The comment, as the run's summary shows it.
    page
        The gate's page, if a gate ran.
    champion
        The bundle that held the stage.
    promoted
        The bundles of all versions.
    committed
        The verdict that the commit holds.
    """

    change: Change
    fork: bool
    lock: Answer
    check: Answer
    comment: Answer
    summary: str
    page: str
    champion: str
    promoted: frozenset[str]
    committed: dict[str, Any]

    @property
    def green(self) -> bool:
        return self.check.code == 0 and self.lock.code == 0

    def violations(self, unchanged: bool) -> Iterator[str]:
        """A sentence for each thing wrong with the answer; ``unchanged``: its model is promoted."""
        said, code = self.comment.document["outcome"], self.check.code
        if said not in OUTCOMES.get(code, ()):
            yield f"the check ended with {code}, the comment says {said}: {self.check}"
        headline = next(line for line in self.summary.splitlines() if line.startswith("## "))
        if ("unchanged" in headline) != (said == "unchanged"):
            yield f"the comment is '{headline}', its outcome {said}"
        if self.page and said in ("PASS", "FAIL") and said not in self.page:
            yield f"the comment says {said}, the gate's page does not"
        yield from self._colour(said, unchanged)

    def _colour(self, said: str | None, unchanged: bool) -> Iterator[str]:
        if unchanged and not (self.green and "the model is unchanged: v" in self.check.out):
            yield f"the model did not change, but {self.check}\n{self.lock}"
        if self.change == "forgotten" and (self.lock.code != 5 or self.check.code == 0):
            yield f"nobody ran dvc repro, but {self.check}\n{self.lock}"
        if said == "unchanged" and self.committed["bundle"] not in self.promoted:
            yield f"no version has this bundle, but {self.check}"
        if said == "unchanged" or self.change not in ("model", "policy"):
            return  # of a model, that was promoted before somebody made it again
        if self.fork and said != "not judged":
            yield f"a fork has no data, but {self.check}"
        if not self.fork:
            bundles = self.committed["bundle"], self.committed["champion"]["bundle"]
            if self.check.code == 0 and self.champion not in bundles:
                yield f"compared with another champion, and green: {self.check}"


def check(world: World, change: Change, *, fork: bool = False) -> Pull:
    """Open a pull request in a clone, and let the workflow `gate` answer for its merge with main.

    Parameters
    ----------
    fork
        It comes from a fork, whose runs may read no data.
    """
    with _runner(world) as runner:
        _merge(runner, change)
        return _answers(runner, change, _champion(runner), fork)


def prepare(world: World, branch: Branch) -> None:
    """Make the change on a branch from main, run `dvc repro`, and commit what that makes."""
    with _runner(world) as runner:
        root = runner.root
        branches.git(root, "checkout", "--quiet", "--force", "-B", branch)
        branches.edit(root, branch)
        branches.judge(root, _holder(runner), anew=False)
        branches.commit(root, f"Change the {branch}")
        branches.git(world.root, "fetch", "--quiet", "--force", str(root), f"{branch}:{branch}")
        branches.carry_cache(root, world.root)


def merge(world: World, change: Change) -> None:
    """Bring a change into main, whatever its check says."""
    with _runner(world) as runner:
        _merge(runner, change)
        branches.git(world.root, "fetch", "--quiet", str(runner.root), "change")
    branches.git(world.root, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    branches.check_out(world.root, ["select", "prepare"])


def committed_verdict(root: Path) -> dict[str, Any]:
    return dict(json.loads(branches.git(root, "show", f"HEAD:{VERDICT}")))


def _merge(runner: World, change: Change) -> None:
    """What main would become. Where generated files conflict the branch's stay."""
    root = runner.root
    branches.git(root, "checkout", "--quiet", "--force", "-B", "change")
    match change:
        case "docs":
            (root / "README.md").write_text("# Parcels\n", encoding="utf-8")
            branches.commit(root, "Describe parcels")
        case "revert":
            branches.git(root, "revert", "--no-edit", "-m", "1", "HEAD")
        case "forgotten":
            path = root / "params.yaml"
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("min: 0.6", "min: 0.5"), encoding="utf-8")
            branches.commit(root, "Ask for less")
        case "model" | "policy":
            theirs = ("--strategy-option", "theirs")
            branches.git(root, "merge", "--quiet", "--no-ff", *theirs, "--no-edit", change)


def _answers(runner: World, change: Change, champion: str, fork: bool) -> Pull:
    root = runner.root
    with pytest.MonkeyPatch.context() as patch:
        summary = root / ".assay" / "summary.md"
        summary.parent.mkdir(exist_ok=True)
        event = summary.with_name("event.json")
        place = "somebody/parcels" if fork else "team/parcels"
        head = {"sha": branches.git(root, "rev-parse", "HEAD").strip()}
        pull = {"number": 7, "head": {**head, "repo": {"full_name": place}}}
        event.write_text(json.dumps({"pull_request": pull}), encoding="utf-8")
        patch.setenv("GITHUB_REPOSITORY", "team/parcels")
        patch.setenv("GITHUB_EVENT_PATH", str(event))
        patch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        patch.delenv("GITHUB_TOKEN", raising=False)
        lock = runner.assay("check", "--lock")
        model = runner.assay("gate", "unchanged", "--json")
        assert model.code == 0, str(model)
        if fork:
            shutil.rmtree(root / "data", ignore_errors=True)
            shutil.rmtree(root / "models", ignore_errors=True)
            branches.git(root, "checkout", "--quiet", "--", "data")
        elif model.document["unchanged"] is None and change != "forgotten":
            (root / VERDICT).unlink()
            branches.judge(root, _holder(runner), anew=True)
        check = runner.assay("gate", "verdict", "--committed")
        comment = runner.assay("comment", "--json")
        assert comment.code == 0, str(comment)
        page = root / PAGE
        return Pull(
            change,
            fork,
            lock,
            check,
            comment,
            summary.read_text(encoding="utf-8"),
            page.read_text(encoding="utf-8") if page.exists() else "",
            champion,
            _promoted(runner),
            committed_verdict(root),
        )


def _champion(world: World) -> str:
    """The bundle of the version that holds the stage."""
    return str(world.assay("status", "--json").document["champion"]["bundle"])


def _promoted(world: World) -> frozenset[str]:
    versions = world.assay("versions", "--json").document["versions"]
    return frozenset(str(each["bundle"]) for each in versions)


def _holder(world: World) -> str:
    """The version that holds the stage, with its commit, which reports name."""
    found = world.assay("status", "--json").document["champion"]
    return f"{found['version']} {found['commit']}"


@contextmanager
def _runner(world: World) -> Iterator[World]:
    """A clone with its tags and DVC's cache, and no night."""
    place = world.root.parent / "runner"
    kept = shutil.ignore_patterns(*NIGHTS)
    shutil.copytree(world.root, place, symlinks=True, ignore=kept)
    try:
        runner = World(place)
        runner.clock.now = world.clock.now
        yield runner
    finally:
        shutil.rmtree(place)
