"""``assay code``: writes digests of Assay's own code, so that DVC notices an upgrade.

Every stage of dvc.yaml has its digest among its parameters, ``reports/code.json: [train]``. The
stage ``code`` always rewrites the file, so only stages whose code changed run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from assay.project import layout, stage_code
from assay.project.document import write_json
from assay.project.params import Params
from assay.registry.dvc_lock.compare import Pipeline, PipelineStage


def run(root: Path, params: Params) -> dict[str, str]:
    """Write the digest of each stage's installed code."""
    digests = stage_code.stage_digests()
    write_json(root / layout.CODE, document(digests))
    return digests


def document(digests: Mapping[str, str]) -> dict[str, object]:
    """JSON values, in the order of the file."""
    return {"schema": 1, **digests}


def outdated_stages(pipeline: Pipeline) -> tuple[str, ...]:
    """A line for each stage whose results in dvc.lock were not made by the installed code."""
    named = [(stage, name) for stage in pipeline.stages if (name := _ran(stage)) is not None]
    if named and pipeline.producer(layout.CODE) is None:
        what = f"no stage makes {layout.CODE}, by which DVC sees that Assay's own code changed"
        return (f"{what}; its command is assay code",)
    return tuple(
        _outdated(named, pipeline.path_from_dvc_root(layout.CODE), stage_code.stage_digests())
    )


def _ran(stage: PipelineStage) -> str | None:
    """The Assay command that the stage runs, None if it runs another."""
    words = stage.command.split()
    return (
        words[1]
        if len(words) > 1 and words[0] == "assay" and words[1] in stage_code.STAGES
        else None
    )


def _outdated(
    named: Iterable[tuple[PipelineStage, str]], path: str, now: Mapping[str, str]
) -> Iterator[str]:
    for stage, name in named:
        key = f"{path}: {name}"
        # DVC does not rerun a frozen stage; a stage without an entry is reported elsewhere.
        if stage.frozen or not stage.recorded:
            continue
        # If the file is truncated and lacks the key, dvc.lock still has it.
        if key not in stage.params.keys() | stage.recorded_params.keys():
            yield f"{stage.name}: its params lack {layout.CODE}: [{name}]"
        elif stage.recorded_params.get(key) != now[name]:
            yield f"{stage.name}: the installed Assay's code is not what made its results"
