"""``assay code``: what Assay's own code was, for DVC to see that an upgrade changed it.

Every stage of dvc.yaml has its digest among its parameters, ``reports/code.json: [train]``. The
stage ``code`` writes them anew each time, so those run again whose code changed, and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from assay.project import code, jsonfile, layout
from assay.project.params import Params
from assay.registry.lock.compare import Pipeline, Stage


def run(root: Path, params: Params) -> dict[str, str]:
    """Write the digest of each stage's installed code."""
    digests = code.by_stage()
    jsonfile.write(root / layout.CODE, document(digests))
    return digests


def document(digests: Mapping[str, str]) -> dict[str, object]:
    """JSON values, in the order of the file."""
    return {"schema": 1, **digests}


def outdated(pipeline: Pipeline) -> tuple[str, ...]:
    """A line for each stage whose results, by dvc.lock, do not come from the installed code."""
    named = [(stage, name) for stage in pipeline.stages if (name := _ran(stage)) is not None]
    if named and pipeline.maker(layout.CODE) is None:
        what = f"no stage makes {layout.CODE}, by which DVC sees that Assay's own code changed"
        return (f"{what}; its command is assay code",)
    return tuple(_outdated(named, pipeline.whole(layout.CODE), code.by_stage()))


def _ran(stage: Stage) -> str | None:
    """The stage of Assay's that it runs."""
    words = stage.command.split()
    return words[1] if len(words) > 1 and words[0] == "assay" and words[1] in code.STAGES else None


def _outdated(
    named: Iterable[tuple[Stage, str]], path: str, now: Mapping[str, str]
) -> Iterator[str]:
    for stage, name in named:
        key = f"{path}: {name}"
        # DVC does not run a frozen stage again, and one without an entry is told elsewhere.
        if stage.frozen or not stage.recorded:
            continue
        # A file that was cut short lacks what dvc.yaml asks of it: dvc.lock has it all the same.
        if key not in stage.params.keys() | stage.recorded_params.keys():
            yield f"{stage.name}: its params lack {layout.CODE}: [{name}]"
        elif stage.recorded_params.get(key) != now[name]:
            yield f"{stage.name}: the installed Assay's code is not what made its results"
