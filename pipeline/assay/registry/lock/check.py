"""``assay check --lock``: is dvc.lock current? Needs neither data, cache nor remote.

Two things that would make the answer meaningless are reported first: git tracks files that it must
not, or a file is marked so that git ignores its changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import LockStale, UsageError
from assay.project import layout, sources
from assay.project.params import Params
from assay.registry import git
from assay.registry.lock import (
    assay_code,
    judges,
    links,
    own_code,
    tracked_data,
)
from assay.registry.lock import read as lock_read
from assay.registry.lock.compare import LockChanges, compare

_LOOK = "Run git update-index --no-assume-unchanged --no-skip-worktree FILE."


@dataclass(frozen=True)
class Checked:
    """What changed since dvc.lock was written; ``found`` lists other problems by kind."""

    stages: int
    lock: LockChanges
    found: Mapping[str, tuple[str, ...]]

    @property
    def current(self) -> bool:
        return not (self.lock.changes or any(self.found.values()))

    def plain(self) -> dict[str, object]:
        return {
            "schema": 1,
            "current": self.current,
            "stages": self.stages,
            **{name: list(lines) for name, lines in self.found.items()},
            "changed": [
                {"stage": stage, "changes": list(found)}
                for stage, found in self.lock.changes.items()
            ],
            "unseen": [{"stage": stage, "path": path} for stage, path in self.lock.unseen],
        }


def run(root: Path, params: Params, *, lock: bool) -> Checked:
    """Find what changed since dvc.lock was written.

    Raises
    ------
    UsageError
        ``lock`` is false: nothing to check.
    LockStale
        With a line for each difference. The result is attached to the error.
    TrackedByGit
        Git tracks data, a model or the store.
    """
    if not lock:
        raise UsageError(
            "say what to check", where="assay check", expected="--lock (is dvc.lock current?)"
        )
    pipeline = lock_read.read(root)
    answer = compare(pipeline)
    offences = tracked_data.offences(root, params, pipeline.kept_by_dvc)
    flagged = git.flagged(root)
    linked = links.offences(root, params, pipeline)
    own = own_code.uncovered(pipeline, params, sources.reader(root))
    foreign = judges.foreign(pipeline)
    outdated = assay_code.outdated(pipeline)
    found = {
        "tracked": offences,
        "flagged": flagged,
        "links": linked,
        "uncovered": own,
        "foreign": foreign,
        "code": outdated,
    }
    checked = Checked(len(pipeline.stages), answer, found)
    if offences:
        raise tracked_data.refusal(offences).after(checked)
    stale = [f"{stage}: {'; '.join(found)}" for stage, found in answer.changes.items()]
    lines = [f"{layout.DVC_LOCK} is not current: {line}" for line in stale]
    lines += [f"{layout.DVC_YAML}: {line}. Add it there and run dvc repro." for line in own]
    lines += [f"{layout.DVC_YAML}: {line}. Put that there and run dvc repro." for line in foreign]
    lines += [f"{layout.DVC_LOCK} is not current: {line}. Run dvc repro." for line in outdated]
    lines += [f"{path}: git was told not to look whether it changed. {_LOOK}" for path in flagged]
    lines += [f"{path}: {links.WHAT}. {links.MEND}" for path in linked]
    if lines:
        raise LockStale(lines).after(checked)
    return checked
