"""Assay's own stages in dvc.yaml: each is there, by its own command and with its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.project import layout
from assay.registry.dvc_lock.compare import Pipeline, PipelineStage, StageFile
from assay.registry.dvc_lock.evidence_commands import MAKERS, foreign_commands

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
    for name, body in tree.items():
        yield from _pretended(name, body)
    told = set()
    for path, command in PRODUCED.items():
        outs = [file.path for stage in stages for file in stage.outputs]
        if any(_meet(path, each) for each in outs) or command in told:
            continue
        told.add(command)
        runs = [each.name for each in stages if each.command.split()[:2] == ["assay", command]]
        if not runs and command == "ingest" and _is_there(root / path):
            continue
        if runs:
            yield AssayError(
                f"{path} is not among its outputs",
                where=f"{layout.DVC_YAML}: stage {runs[0]}: outs",
                expected=f"{path}, which assay {command} makes",
                fix="Put it there: DVC keeps, and passes on, what it is told of alone",
            ).line()
        else:
            yield AssayError(
                f"no stage makes {path}",
                where=f"{layout.DVC_YAML}: stages",
                expected=f"one with cmd: assay {command}",
                found=", ".join(tree),
                fix="Put it there, as assay init writes it for a new project",
            ).line()


def _pretended(name: str, body: Mapping[str, Any]) -> Iterator[str]:
    """An ingest that is none: what makes rows in its own way needs no digest of Assay's code."""
    digests = [each.get(layout.CODE) for each in body.get("params") or () if hasattr(each, "get")]
    claims = any("ingest" in (each or ()) for each in digests)
    if claims and "assay ingest" not in str(body.get("cmd")):
        yield AssayError(
            "the stage does not run assay ingest",
            where=f"{layout.DVC_YAML}: stage {name}: cmd",
            expected=f"assay ingest, because its params have {layout.CODE}: [ingest]",
            found=str(body.get("cmd")),
            fix="Put it there, or take this one out of its params if it makes the rows itself",
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
