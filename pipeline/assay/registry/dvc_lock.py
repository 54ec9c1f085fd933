"""``assay check --lock``: is dvc.lock current? Needs neither data, cache nor remote.

Recorded hashes are compared with those of the project. Files in git are hashed in the work tree.
Files that only DVC keeps need not be present: they are compared with what the stage that makes them
recorded. A path inside or above a stage's output folder can only be compared with what other stages
recorded for the same path. Inputs that cannot be checked are listed as ``unseen``, so that they do
not pass for unchanged.

What would make the answer meaningless is reported too: files that git must not track or was told
not to look at, the project's own code that no stage lists, evidence that other commands than
Assay's made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from assay.errors import LockStale
from assay.project import digests, layout, source_code
from assay.project.document import write_json
from assay.project.params import Params
from assay.registry import dvc_pipeline, git, git_contents
from assay.registry.dvc_pipeline import Pipeline, PipelineStage, StageFile

_SHOWN = 5


@dataclass(frozen=True)
class LockChanges:
    """The changes of each stage; and inputs that cannot be checked without the data."""

    changes: Mapping[str, tuple[str, ...]]
    unseen: tuple[tuple[str, str], ...]


def compare(pipeline: Pipeline) -> LockChanges:
    """Every change since dvc.lock was written, with the stages in the order of dvc.yaml."""
    stages, others = pipeline.stages, pipeline.others
    made = {file.path: (file.recorded, stage.name) for stage in stages for file in stage.outputs}
    made |= {path: (digest, f"{path}.dvc") for path, digest in others.items()}
    read: dict[str, dict[str, list[str]]] = {}
    for stage in stages:
        for file in stage.inputs:
            if file.recorded is not None and not stage.frozen:
                read.setdefault(file.path, {}).setdefault(file.recorded, []).append(stage.name)
    changes, unseen = {}, []
    for stage in stages:
        changed = tuple(_changes(stage, made, read))
        if changed:
            changes[stage.name] = changed
        unseen += [
            (stage.name, file.path)
            for file in stage.inputs
            if stage.recorded
            and not file.here
            and file.path not in made
            and len(read.get(file.path, {})) < 2
        ]
    changes |= dict.fromkeys(pipeline.gone, ("it is in dvc.lock, and gone from dvc.yaml",))
    return LockChanges(changes, tuple(unseen))


def _changes(
    stage: PipelineStage,
    made: Mapping[str, tuple[str | None, str]],
    read: Mapping[str, Mapping[str, Sequence[str]]],
) -> Iterator[str]:
    if not stage.recorded:
        yield "it is not in dvc.lock"
        return
    if not stage.same_command:
        yield "its command changed"
    # DVC does not rerun a frozen stage, whatever its inputs and parameters are.
    if not stage.frozen:
        yield from _params(stage)
        for file in stage.inputs:
            yield from _input(stage, file, made, read)
    for what, name in stage.gone:
        yield f"its {what} {name} is in dvc.lock, and gone from dvc.yaml"
    for file in stage.outputs:
        if file.recorded is None:
            yield f"its output {file.path} is not in dvc.lock"
        elif file.here and file.now != file.recorded:
            yield f"its output {file.path} {'is gone' if file.now is None else 'was changed'}"
        elif not file.here and not file.cached:
            yield f"its output {file.path} is kept by neither git nor DVC"


def _params(stage: PipelineStage) -> Iterator[str]:
    lines = [
        line
        for key in stage.params.keys() | stage.recorded_params.keys()
        for line in differences(
            stage.recorded_params.get(key, _ABSENT), stage.params.get(key, _ABSENT), key
        )
    ]
    yield from sorted(lines)[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"{len(lines) - _SHOWN} more parameters changed"


def _input(
    stage: PipelineStage,
    file: StageFile,
    made: Mapping[str, tuple[str | None, str]],
    read: Mapping[str, Mapping[str, Sequence[str]]],
) -> Iterator[str]:
    if file.recorded is None:
        yield f"{file.path} is not in its entry"
    elif file.path in made:
        left, maker = made[file.path]
        if left != file.recorded:
            yield f"{file.path} is not what {maker} left"
    elif file.here:
        if file.now != file.recorded:
            yield f"{file.path} {'is gone' if file.now is None else 'changed'}"
    elif len(read[file.path]) > 1:
        other = [name for names in read[file.path].values() for name in names]
        others = [name for name in other if name not in read[file.path][file.recorded]]
        yield f"{file.path} is not what {', '.join(others)} read"


_ABSENT = object()


def differences(was: Any, now: Any, key: str) -> Iterator[str]:
    """The differences between two nested values, each with its path."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*was, *now]):
            place = f"{key}.{name}"
            yield from differences(was.get(name, _ABSENT), now.get(name, _ABSENT), place)
    elif _is_list(was) and _is_list(now) and len(was) == len(now):
        for index, (before, after) in enumerate(zip(was, now, strict=True)):
            yield from differences(before, after, f"{key}[{index}]")
    elif was is _ABSENT and now is not _ABSENT:
        yield f"{key} is new"
    elif now is _ABSENT and was is not _ABSENT:
        yield f"{key} is gone"
    elif _is_list(was) and _is_list(now):
        yield f"{key} had {len(was)} items and has {len(now)}"
    elif was != now:
        yield f"{key} was {_short(was)} and is {_short(now)}"


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


Needed = tuple[str, Collection[str], Collection[str]]
"""What needs code, as a line says it, and the modules and files that it begins with."""


def missing_deps(
    pipeline: Pipeline, params: Params, read: source_code.Reader, tests: Collection[str]
) -> Iterator[str]:
    """A line for each file of the project's own code that a stage needs and no ``deps`` list.

    Parameters
    ----------
    tests
        The files of the model tests, as of `digests.model_tests`.
    """
    anywhere = [file.path for stage in pipeline.stages for file in stage.inputs]
    lacking = set()
    for stage in pipeline.stages:
        for name, modules, files in _needs(pipeline, stage, params, tests):
            mine = [file.path for file in stage.inputs]
            for path in source_code.find_dependencies(read, modules, files):
                if not _covers(mine, pipeline.path_from_dvc_root(path)):
                    lacking.add(path)
                    text = f"{path} is not among its deps, and {name} needs it"
                    yield f"{stage.name}: {text}"
    unused: Iterable[str] = ()
    if pipeline.producer(layout.RAW) is None:  # rows are not ingested
        unused = source_code.find_dependencies(read, (params.ingest.source,))
    for path in digests.project_imports(read, params, tests):
        if (
            path not in lacking
            and path not in unused
            and not _covers(anywhere, pipeline.path_from_dvc_root(path))
        ):
            yield f"no stage has {path} among its deps, and the project's own code needs it"


def _needs(
    pipeline: Pipeline, stage: PipelineStage, params: Params, tests: Collection[str]
) -> Iterator[Needed]:
    """The project's own code that a stage runs: candidates, metrics, rules and model tests."""
    inside, outputs = pipeline.path_from_dvc_root, [file.path for file in stage.outputs]
    for path in map(PurePosixPath, outputs):
        candidate = params.train.candidates.get(path.name)
        if str(path.parent) == inside(layout.CANDIDATES) and candidate is not None:
            yield f"candidate {path.name}", candidate.names, ()
    if inside(layout.EVALUATION) in outputs or inside(layout.COMPARISON) in outputs:
        yield from ((f"metric {name}", (name,), ()) for name in params.evaluate.metrics)
    if inside(layout.VERDICT) in outputs:
        yield from ((f"rule {name}", (name,), ()) for name in params.gate.functions)
        yield params.gate.tests, (), tests


def _covers(paths: Iterable[str], path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in paths)


MAKERS = {
    layout.CONTRACT_REPORT: "contract",
    layout.PREPARED: "prepare",
    layout.LEAKAGE: "leakage",
    layout.EVALUATION: "evaluate",
    layout.CHAMPION: "champion",
    layout.COMPARISON: "compare",
    layout.LAST_NIGHTS: "nights",
    layout.REHEARSAL: "rehearse",
    layout.VERDICT: "gate",
}
"""The files that a verdict depends on, and the command that writes each."""
_OPTIONS = r"(?: [\w./:=,@+-]+)*"
"""Words without special meaning in a shell."""


def foreign_commands(pipeline: Pipeline, makers: Mapping[str, str] = MAKERS) -> Iterator[str]:
    """A line for each stage that produces evidence by another command than Assay's.

    Parameters
    ----------
    makers
        What counts as evidence, and the command that writes it.
    """
    for stage in pipeline.stages:
        outputs = [file.path for file in stage.outputs]
        for path, name in makers.items():
            whole = pipeline.path_from_dvc_root(path)
            makes = any(each == whole or each.startswith(f"{whole}/") for each in outputs)
            if makes and not re.fullmatch(f"assay stage {name}{_OPTIONS}", stage.command):
                yield (
                    f"{stage.name}: {path} is made by {_short_command(stage.command)}, "
                    f"where only `assay stage {name}` alone is evidence"
                )


def _short_command(command: str) -> str:
    line = " ".join(command.split())
    return f"`{line if len(line) <= 60 else f'{line[:57]}...'}`"


def write_code_digests(root: Path, params: Params) -> dict[str, object]:
    """``assay stage code``: write a digest of each stage's code, so that DVC sees an upgrade.

    Of Assay, and of the installed packages that params.yaml or the project's own code names.

    Every stage of dvc.yaml has its digest among its parameters, ``reports/code.json: [train]``. The
    stage ``code`` always rewrites the file, so only stages whose code changed run again.
    """
    by_stage = _kept_digests(root / layout.WORK / "code.json")
    document: dict[str, object] = {"schema": 1, **digests.with_packages(by_stage, root, params)}
    write_json(root / layout.CODE, document)
    return document


def _kept_digests(path: Path) -> dict[str, str]:
    """`digests.stage_digests`, from ``path`` for as long as no file of Assay has changed.

    To find each stage's files takes longer than all else that the command does. Promotion, which
    decides by these digests, always computes them.
    """
    of = digests.package_digest()
    with suppress(OSError, ValueError, AttributeError):
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        if kept.pop("of", "") == of and kept.keys() == digests.STAGES.keys():
            return kept
    by_stage = digests.stage_digests()
    write_json(path, {"of": of, **by_stage})
    return by_stage


def _digests_now(root: Path, params: Params) -> dict[str, str]:
    return digests.with_packages(digests.stage_digests(), root, params)


def outdated_stages(pipeline: Pipeline, now: Mapping[str, str]) -> Iterator[str]:
    """A line for each stage whose results in dvc.lock were not made by the installed code.

    Parameters
    ----------
    now
        Of each stage the digest of that code, as of `write_code_digests`.
    """
    words = [(stage, stage.command.split()) for stage in pipeline.stages]
    named = [
        (stage, each[2])
        for stage, each in words
        if each[:2] == ["assay", "stage"] and len(each) > 2 and each[2] in digests.STAGES
    ]
    if named and pipeline.producer(layout.CODE) is None:
        what = f"no stage makes {layout.CODE}, by which DVC sees that Assay's own code changed"
        yield f"{what}; its command is assay stage code"
        return
    path = pipeline.path_from_dvc_root(layout.CODE)
    for stage, name in named:
        key = f"{path}: {name}"
        # DVC does not rerun a frozen stage; a stage without an entry is reported elsewhere.
        if stage.frozen or not stage.recorded:
            continue
        # If the file is truncated and lacks the key, dvc.lock still has it.
        if key not in stage.params.keys() | stage.recorded_params.keys():
            yield f"{stage.name}: its params lack {layout.CODE}: [{name}]"
        elif stage.recorded_params.get(key) != now[name]:
            yield f"{stage.name}: the installed code is not what made its results"


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
                {"stage": stage, "changes": list(changes)}
                for stage, changes in self.lock.changes.items()
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
    pipeline = dvc_pipeline.read_pipeline(root)
    answer = compare(pipeline)
    offences = git_contents.find_tracked_data(root, params, pipeline.cached_outputs)
    tests = digests.model_tests(root, params.gate.tests)
    faults = {
        "tracked": git_contents.describe_tracked_data(offences),
        "flagged": git.assume_unchanged_files(root),
        "links": git_contents.find_symlinks(root, params, pipeline),
        "uncovered": tuple(missing_deps(pipeline, params, source_code.file_reader(root), tests)),
        "foreign": tuple(foreign_commands(pipeline)),
        "code": tuple(outdated_stages(pipeline, _digests_now(root, params))),
    }
    checked = LockCheck(len(pipeline.stages), answer, faults)
    if offences:
        raise git_contents.tracked_data_error(offences).attach_report(checked)
    stale, stages = f"{layout.DVC_LOCK} is not current", layout.DVC_YAML
    not_looked = f"git was told not to look whether it changed. Run {git.LOOK_AGAIN}."
    lines = [
        *(f"{stale}: {stage}: {'; '.join(lines)}" for stage, lines in answer.changes.items()),
        *(f"{stages}: {line}. Add it there and run dvc repro." for line in faults["uncovered"]),
        *(f"{stages}: {line}. Put that there and run dvc repro." for line in faults["foreign"]),
        *(f"{stale}: {line}. Run dvc repro." for line in faults["code"]),
        *(f"{path}: {not_looked}" for path in faults["flagged"]),
        *(f"{path}: {git_contents.LINK}. {git_contents.LINK_FIX}" for path in faults["links"]),
    ]
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
        stage: lines if stage == gate else others.get(stage, ())
        for stage, lines in compare(pipeline).changes.items()
    }
    tests = digests.model_tests(there, params.gate.tests)
    unbound = f"no stage has {layout.VERDICT} as its output, so that no hash holds it"
    return (
        *(f"{stage}: {'; '.join(lines)}" for stage, lines in changes.items() if lines),
        *([unbound] if gate is None else []),
        *foreign_commands(pipeline),
        *outdated_stages(pipeline, _digests_now(there, params)),
        *missing_deps(pipeline, params, source_code.file_reader(there), tests),
    )
