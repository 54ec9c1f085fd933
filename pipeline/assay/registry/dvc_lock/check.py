"""``assay check --lock``: is dvc.lock current? Needs neither data, cache nor remote.

Two things that would make the answer meaningless are reported first: git tracks files that it must
not, or a file is marked so that git ignores its changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import LockStale
from assay.project import digests, layout, source_code
from assay.project.params import Params
from assay.registry import git
from assay.registry.dvc_lock import (
    assay_code,
    code_deps,
    evidence_commands,
    pipeline_reader,
    symlinks,
    tracked_data,
)
from assay.registry.dvc_lock.compare import LockChanges, Pipeline, compare


@dataclass(frozen=True)
class LockCheck:
    """What changed since dvc.lock was written; ``found`` lists other problems by kind."""

    stages: int
    lock: LockChanges
    found: Mapping[str, tuple[str, ...]]

    @property
    def current(self) -> bool:
        return not (self.lock.changes or any(self.found.values()))

    def document(self) -> dict[str, object]:
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


def run(root: Path, params: Params) -> LockCheck:
    """Find what changed since dvc.lock was written.

    Raises
    ------
    LockStale
        With a line for each difference. The result is attached to the error.
    TrackedByGit
        Git tracks data, a model or the store.
    """
    pipeline = pipeline_reader.read_pipeline(root)
    answer = compare(pipeline)
    offences = tracked_data.find_tracked_data(root, params, pipeline.cached_outputs)
    flagged = git.assume_unchanged_files(root)
    linked = symlinks.find_symlinks(root, params, pipeline)
    tests = digests.model_tests(root, params.gate.tests)
    own = code_deps.missing_deps(pipeline, params, source_code.file_reader(root), tests)
    foreign = evidence_commands.foreign_commands(pipeline)
    outdated = assay_code.outdated_stages(pipeline)
    found = {
        "tracked": tracked_data.describe_tracked_data(offences),
        "flagged": flagged,
        "links": linked,
        "uncovered": own,
        "foreign": foreign,
        "code": outdated,
    }
    checked = LockCheck(len(pipeline.stages), answer, found)
    if offences:
        raise tracked_data.tracked_data_error(offences).attach_report(checked)
    look = f"Run {git.LOOK_AGAIN}."
    stale = [f"{stage}: {'; '.join(found)}" for stage, found in answer.changes.items()]
    lines = [f"{layout.DVC_LOCK} is not current: {line}" for line in stale]
    lines += [f"{layout.DVC_YAML}: {line}. Add it there and run dvc repro." for line in own]
    lines += [f"{layout.DVC_YAML}: {line}. Put that there and run dvc repro." for line in foreign]
    lines += [f"{layout.DVC_LOCK} is not current: {line}. Run dvc repro." for line in outdated]
    lines += [f"{path}: git was told not to look whether it changed. {look}" for path in flagged]
    lines += [f"{path}: {symlinks.WHAT}. {symlinks.MEND}" for path in linked]
    if lines:
        raise LockStale(lines).attach_report(checked)
    return checked


def stale_lines(there: Path, params: Params, pipeline: Pipeline) -> tuple[str, ...]:
    """What of an exported commit its dvc.lock does not describe, one line each."""
    gate = pipeline.producer(layout.VERDICT)
    # A gate that refused keeps the entry of an earlier run. That its inputs differ is said of the
    # gate alone, not also of each stage that read the same files since.
    others = compare(pipeline.without_inputs(gate)).changes
    changes = {
        stage: found if stage == gate else others.get(stage, ())
        for stage, found in compare(pipeline).changes.items()
    }
    lines = [f"{stage}: {'; '.join(found)}" for stage, found in changes.items() if found]
    if gate is None:
        lines.append(f"no stage has {layout.VERDICT} as its output, so that no hash holds it")
    lines += evidence_commands.foreign_commands(pipeline)
    lines += assay_code.outdated_stages(pipeline)
    tests = digests.model_tests(there, params.gate.tests)
    missing = code_deps.missing_deps(pipeline, params, source_code.file_reader(there), tests)
    return (*lines, *missing)
