"""What can be known about dvc.yaml before the first `dvc repro`.

Assay's own stages are there, each by its own command and with its outputs, and every key, file and
command that it names exists.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import AssayError, PipelineFileError
from assay.project import layout
from assay.project.params import Params, yaml_text
from assay.project.text import quote_value, suggest
from assay.registry.dvc_lock import MAKERS, foreign_commands
from assay.registry.dvc_pipeline import Pipeline, PipelineStage, StageFile, refuse_unreadable

_BUNDLE = {layout.CODE: "code", layout.CANDIDATES: "train", layout.BUNDLE: "select"}
PRODUCED: Mapping[str, str] = {
    layout.RAW: "ingest",
    layout.CHECKED: "contract",
    **_BUNDLE,
    **MAKERS,
}
"""What later stages read, and the command that writes each. Rows may come from elsewhere."""


def stage_faults(tree: Mapping[str, Any], root: Path) -> Iterator[str]:
    """A line for each of Assay's stages that is missing, runs something else or lacks its output.

    Parameters
    ----------
    tree
        Stage -> its keys in dvc.yaml, without a ``foreach``.
    """
    stages = [_stage(name, body) for name, body in tree.items()]
    for line in foreign_commands(Pipeline(tuple(stages), {}), {**MAKERS, **_BUNDLE}):
        yield f"{layout.DVC_YAML}: stage {line}. Put that there"
    named = set()
    for path, command in PRODUCED.items():
        outs = [file.path for stage in stages for file in stage.outputs]
        if any(_meet(path, each) for each in outs) or command in named:
            continue
        named.add(command)
        runs = [
            each.name for each in stages if each.command.split()[:3] == ["assay", "stage", command]
        ]
        if not runs and command == "ingest" and _is_there(root / path):
            continue
        if runs:
            yield AssayError(
                f"{path} is not among its outputs",
                where=f"{layout.DVC_YAML}: stage {runs[0]}: outs",
                expected=f"{path}, which assay stage {command} makes",
                fix="Put it there: DVC keeps, and passes on, what it is told of alone",
            ).line()
        else:
            yield AssayError(
                f"no stage makes {path}",
                where=f"{layout.DVC_YAML}: stages",
                expected=f"one with cmd: assay stage {command}",
                found=", ".join(tree),
                fix="Put it there, as assay init writes it for a new project",
            ).line()


def _stage(name: str, body: Mapping[str, Any]) -> PipelineStage:
    given = body.get("cmd") or ""
    command = "\n".join(map(str, given)) if isinstance(given, list) else str(given)
    return PipelineStage(
        name=name,
        recorded=False,
        same_command=True,
        frozen=False,
        params={},
        recorded_params={},
        inputs=(),
        outputs=tuple(StageFile(path, None) for path in stage_outputs(body)),
        command=re.sub(r"\$\{[^}]*\}", "x", command),  # DVC fills it in
    )


def stage_outputs(body: Mapping[str, Any]) -> Iterator[str]:
    """The paths that a stage makes, as they are written."""
    for kind in ("outs", "metrics", "plots"):
        for each in body.get(kind) or ():
            yield from map(str, each) if isinstance(each, Mapping) else (str(each),)


def _meet(path: str, out: str) -> bool:
    """Whether an output is the path, or lies above or below it; or is a name that DVC fills in."""
    return out.startswith(("${", f"{path}/")) or f"{path}/".startswith(f"{out}/")


def _is_there(path: Path) -> bool:
    return path.exists() or path.with_name(f"{path.name}.dvc").exists()


def pipeline_faults(root: Path, params: Params | None, commands: Collection[str]) -> Iterator[str]:
    """A line for each key, file and command of dvc.yaml that does not exist.

    Parameters
    ----------
    params
        None if params.yaml has faults, which are not told again.
    commands
        The names of Assay's commands; empty if commands are not looked at.
    """
    try:
        tree = yaml_text.load((root / layout.DVC_YAML).read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield f"{layout.DVC_YAML}: no such file. It names the stages: assay init writes one"
        return
    except (OSError, UnicodeDecodeError, yaml_text.YamlError) as error:
        yield f"{layout.DVC_YAML}: cannot be read as YAML ({error})"
        return
    if not isinstance(tree, Mapping) or not isinstance(tree.get("stages"), Mapping):
        yield f"{layout.DVC_YAML}: no stages in it (expected a mapping called stages)"
        return
    stages = {name: _body(stage) for name, stage in tree["stages"].items()}
    made = {path for body in stages.values() for path in stage_outputs(body)}
    yield from stage_faults(stages, root)
    yield from _lock(root)
    for name, body in stages.items():
        yield from _unknown_commands(name, body.get("cmd"), commands)
        for path in body.get("deps", ()):
            if "${" not in str(path) and not _comes_from(str(path), made, root):
                yield (
                    f"{layout.DVC_YAML}: stage {name}: deps: no stage makes {path}, and it is not "
                    "there"
                )
    if params is None:
        return
    yield from _lost_store(params.store, made)
    artifacts = tree.get("artifacts", {})
    if params.name not in artifacts:
        yield AssayError(
            "no artifact has the model's name",
            where=f"{layout.DVC_YAML}: artifacts",
            expected=params.name,
            found=", ".join(artifacts) or "none",
            fix=f"Name one as name: in {layout.PARAMS} does",
        ).line()


def _unknown_commands(stage: str, cmd: Any, commands: Collection[str]) -> Iterator[str]:
    lines = cmd if isinstance(cmd, list) else str(cmd).splitlines()
    for line in lines if commands else ():
        program, *words = str(line).split() or [""]
        below = any(name.startswith(f"{words[0]} ") for name in commands) if words else False
        name = " ".join(words[: 2 if below else 1])
        # Options such as --version may stand in its place, and DVC fills in what has a $.
        if program == "assay" and name not in commands and not re.match(r"-|.*\$", name):
            yield AssayError(
                "assay has no such command",
                where=f"{layout.DVC_YAML}: stage {stage}: cmd",
                expected="one that assay --help lists",
                found=quote_value(name),
                fix=suggest(name, commands),
            ).line()


def _lost_store(store: str, made: Collection[str]) -> Iterator[str]:
    """A store in what a stage makes: DVC deletes it before the stage runs again."""
    place = posixpath.normpath(store)
    for out in sorted(made):
        if place == out or place.startswith(f"{out}/"):
            yield AssayError(
                "the store lies in what a stage makes, and DVC deletes that before it runs again",
                where=f"{layout.PARAMS}: store",
                expected="a folder of its own, such as store",
                found=f"{quote_value(store)}, in {quote_value(out)} of {layout.DVC_YAML}",
            ).line()


def _body(stage: Any) -> Mapping[str, Any]:
    """A stage's keys; those of a template under ``do``."""
    body = stage.get("do", stage) if isinstance(stage, Mapping) else None
    return body if isinstance(body, Mapping) else {}


def _lock(root: Path) -> Iterator[str]:
    """A dvc.lock that DVC could not read, such as one with the marks of a merge."""
    if (root / layout.DVC_LOCK).is_file():
        try:
            refuse_unreadable(root, layout.DVC_LOCK)
        except PipelineFileError as error:
            yield error.line()


def _comes_from(path: str, made: Collection[str], root: Path) -> bool:
    if (root / path).exists() or (root / f"{path}.dvc").exists():
        return True
    if any(path == each or path.startswith(f"{each}/") for each in PRODUCED):
        return True  # it is told of its stage
    # A stage may make a folder that the file lies in, or, for each candidate, a part of the folder.
    return any(
        path == out or path.startswith(f"{out}/") or out.startswith(f"{path}/") for out in made
    )
