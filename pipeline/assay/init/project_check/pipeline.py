"""What can be known about dvc.yaml before the first `dvc repro`."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import AssayError, PipelineFileError
from assay.init.project_check.stages import PRODUCED, stage_faults, stage_outputs
from assay.project import layout
from assay.project.params import Params, yaml_text
from assay.project.text import quote_value
from assay.registry.dvc_lock.pipeline_reader import refuse_unreadable


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
    given = _params(root)
    stages = {name: _body(stage) for name, stage in tree["stages"].items()}
    made = {path for body in stages.values() for path in stage_outputs(body)}
    yield from stage_faults(stages, root)
    yield from _lock(root)
    yield from _lacking(stages, given)
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


def _params(root: Path) -> Any:
    """What params.yaml holds; None if it cannot be read."""
    try:
        return yaml_text.load((root / layout.PARAMS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml_text.YamlError):
        return None


def _lacking(stages: Mapping[str, Mapping[str, Any]], given: Any) -> Iterator[str]:
    """A line for each key that stages name and params.yaml lacks, though Assay has a default."""
    lacking: dict[str, list[str]] = {}
    for name, body in stages.items() if given is not None else ():
        for key in body.get("params") or ():
            known = "${" in str(key) or not isinstance(key, str)
            if not known and (gone := _first_gone(given, key)) is not None:
                lacking.setdefault(gone, []).append(name)
    for key, names in lacking.items():
        if not _is_required(key):  # then it is told as a fault of params.yaml
            stages_said = f"stage{'s' * (len(names) > 1)} {', '.join(dict.fromkeys(names))}"
            yield (
                f"{layout.DVC_YAML}: {stages_said}: params: {key} is not in {layout.PARAMS}: "
                "DVC needs it written out, with its default of docs/params.md"
            )


def _is_required(key: str) -> bool:
    """Whether params.yaml has no default for a key."""
    model: Any = Params
    needed = False
    for part in key.split("."):
        fields = getattr(model, "model_fields", {})
        field = next((each for n, each in fields.items() if part == (each.alias or n)), None)
        if field is None:
            return False
        model, needed = field.annotation, field.is_required()
    return needed


def _unknown_commands(stage: str, cmd: Any, commands: Collection[str]) -> Iterator[str]:
    lines = cmd if isinstance(cmd, list) else str(cmd).splitlines()
    for line in lines if commands else ():
        program, _, rest = str(line).strip().partition(" ")
        name = rest.split(maxsplit=1)[0] if rest.strip() else ""
        # Options such as --version may stand in its place, and DVC fills in what has a $.
        if program == "assay" and name not in commands and not re.match(r"-|.*\$", name):
            near = difflib.get_close_matches(name, commands, n=1)
            yield AssayError(
                "assay has no such command",
                where=f"{layout.DVC_YAML}: stage {stage}: cmd",
                expected="one that assay --help lists",
                found=quote_value(name),
                fix=f"Did you mean {quote_value(near[0])}?" if near else None,
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


def _first_gone(tree: Any, key: str) -> str | None:
    """The part of a key, up to the first step that is not there; None if all are."""
    parts = key.split(".")
    for number, part in enumerate(parts, start=1):
        if not isinstance(tree, Mapping) or part not in tree:
            return ".".join(parts[:number])
        tree = tree[part]
    return None
