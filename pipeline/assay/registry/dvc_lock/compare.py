"""Compares recorded hashes in dvc.lock with those of the project, and lists the changes. Pure.

Files in git are hashed in the work tree. Files that only DVC keeps need not be present: they are
compared with what the stage that makes them recorded. A path inside or above a stage's output
folder can only be compared with what other stages recorded for the same path. Inputs that cannot be
checked are listed as ``unseen``, so that they do not pass for unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

_SHOWN = 5


@dataclass(frozen=True)
class StageFile:
    """A path that a stage reads or writes, relative to the repository's root.

    ``recorded`` is its hash in dvc.lock. ``here`` states that git keeps it; then ``now`` is its
    hash in the work tree, None if it is missing. ``cached`` states that DVC keeps this output.
    """

    path: str
    recorded: str | None
    here: bool = False
    now: str | None = None
    cached: bool = False


@dataclass(frozen=True)
class PipelineStage:
    """A stage of dvc.yaml with its entry in dvc.lock.

    Parameters
    ----------
    recorded
        There is such an entry.
    command
        The command; several commands one per line.
    params, recorded_params
        Values by file and key; recorded ones only if dvc.yaml still lists them.
    gone
        Inputs, outputs and parameters of the entry that dvc.yaml no longer lists, each with its
        kind: ``("input", "data/raw")``.
    """

    name: str
    recorded: bool
    same_command: bool
    frozen: bool
    params: Mapping[str, Any]
    recorded_params: Mapping[str, Any]
    inputs: tuple[StageFile, ...]
    outputs: tuple[StageFile, ...]
    gone: tuple[tuple[str, str], ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Pipeline:
    """dvc.yaml and dvc.lock side by side.

    Parameters
    ----------
    others
        Files that DVC keeps according to ``.dvc`` files: path to hash.
    gone
        Entries of dvc.lock for stages that dvc.yaml lacks.
    folder
        The project's folder, relative to DVC's root: "" if they are the same.
    """

    stages: tuple[PipelineStage, ...]
    others: Mapping[str, str | None]
    gone: tuple[str, ...] = ()
    folder: str = ""

    @property
    def cached_outputs(self) -> tuple[str, ...]:
        """Outputs that DVC keeps and git must not track, relative to the project's folder."""
        above = f"{self.folder}/" if self.folder else ""
        return tuple(
            file.path.removeprefix(above)
            for stage in self.stages
            for file in stage.outputs
            if file.cached and file.path.startswith(above)
        )

    def producer(self, path: str) -> str | None:
        """The stage with exactly this output path, relative to the project's folder."""
        made = ((file.path, stage.name) for stage in self.stages for file in stage.outputs)
        return next(
            (name for output, name in made if output == self.path_from_dvc_root(path)), None
        )

    def path_from_dvc_root(self, path: str) -> str:
        """A path of the project, relative to DVC's root as in the pipeline's files."""
        return f"{self.folder}/{path}" if self.folder else path

    def without_frozen(self) -> Pipeline:
        """The same pipeline with no frozen stages: shows what would have to run."""
        stages = tuple(replace(stage, frozen=False) for stage in self.stages)
        return replace(self, stages=stages)

    def without_inputs(self, name: str | None) -> Pipeline:
        """The same pipeline with no inputs of one stage: what the other stages say without it."""
        stages = tuple(
            replace(stage, inputs=()) if stage.name == name else stage for stage in self.stages
        )
        return replace(self, stages=stages)


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
        found = tuple(_changes(stage, made, read))
        if found:
            changes[stage.name] = found
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
    found = [
        line
        for key in stage.params.keys() | stage.recorded_params.keys()
        for line in differences(
            stage.recorded_params.get(key, _ABSENT), stage.params.get(key, _ABSENT), key
        )
    ]
    yield from sorted(found)[:_SHOWN]
    if len(found) > _SHOWN:
        yield f"{len(found) - _SHOWN} more parameters changed"


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
