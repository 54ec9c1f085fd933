"""Checks that the project's own code is listed in the ``deps`` of dvc.yaml. Pure.

A module that no stage lists can change without any stage running again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import PurePosixPath

from assay.project import digests, layout, source_code
from assay.project.params import Params
from assay.registry.dvc_lock.compare import Pipeline, PipelineStage

Needed = tuple[str, Collection[str], Collection[str]]
"""What needs code, as a line says it, and the modules and files that it begins with."""


def missing_deps(
    pipeline: Pipeline, params: Params, read: source_code.Reader, tests: Collection[str]
) -> tuple[str, ...]:
    """A line for each file of the project's own code that a stage needs and no ``deps`` list.

    Parameters
    ----------
    tests
        The files of the model tests, as of `digests.model_tests`.
    """
    return tuple(_uncovered(pipeline, params, read, tests))


def _uncovered(
    pipeline: Pipeline, params: Params, read: source_code.Reader, tests: Collection[str]
) -> Iterator[str]:
    anywhere = [file.path for stage in pipeline.stages for file in stage.inputs]
    lacking = set()
    for stage in pipeline.stages:
        for name, modules, files in (
            *_trained(pipeline, stage, params),
            *_measured(pipeline, stage, params),
            *_judged(pipeline, stage, params, tests),
        ):
            mine = [file.path for file in stage.inputs]
            for path in source_code.find_dependencies(read, modules, files):
                if not _covers(mine, pipeline.path_from_dvc_root(path)):
                    lacking.add(path)
                    told = f"{path} is not among its deps, and {name} needs it"
                    yield f"{stage.name}: {told}"
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


def _trained(pipeline: Pipeline, stage: PipelineStage, params: Params) -> Iterator[Needed]:
    """The candidates that a stage trains, and the names that each is built of."""
    above = pipeline.path_from_dvc_root(layout.CANDIDATES)
    for file in stage.outputs:
        path = PurePosixPath(file.path)
        candidate = params.train.candidates.get(path.name)
        if str(path.parent) == above and candidate is not None:
            yield f"candidate {path.name}", candidate.names, ()


def _measured(pipeline: Pipeline, stage: PipelineStage, params: Params) -> Iterator[Needed]:
    """The project's own metrics, where a stage measures: evaluate and compare."""
    reports = {pipeline.path_from_dvc_root(name) for name in (layout.EVALUATION, layout.COMPARISON)}
    if any(file.path in reports for file in stage.outputs):
        yield from ((f"metric {name}", (name,), ()) for name in params.evaluate.metrics)


def _judged(
    pipeline: Pipeline, stage: PipelineStage, params: Params, tests: Collection[str]
) -> Iterator[Needed]:
    """The project's own rules and model tests, where the gate decides."""
    if any(file.path == pipeline.path_from_dvc_root(layout.VERDICT) for file in stage.outputs):
        yield from ((f"rule {name}", (name,), ()) for name in params.gate.functions)
        yield params.gate.tests, (), tests


def _covers(paths: Iterable[str], path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in paths)
