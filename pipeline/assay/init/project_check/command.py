"""``assay check``: all that is wrong in a project's files, before the first `dvc repro`.

Each stage refuses what it cannot use, but one at a time, and some only after a training of minutes.
Here everything is looked at that needs no data.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from assay.contract.contradictions import contradictions
from assay.contract.loader import read_contract
from assay.errors import AssayError, NotARepository, ProjectUnready
from assay.gate.rules.kinds import read_policy
from assay.init.project_check.columns import (
    column_faults,
    drift_faults,
    metric_faults,
    rule_faults,
)
from assay.init.project_check.model_tests import test_faults
from assay.init.project_check.pipeline import pipeline_faults
from assay.init.project_check.rows import fold_faults, missing_inputs
from assay.init.project_check.source_types import type_faults
from assay.metrics.own_metrics import load_own_metrics
from assay.monitor.incidents.own_receiver import load_own
from assay.project import digests, layout, source_code
from assay.project.params import Params, load
from assay.project.tasks import Task, infer_task
from assay.registry import git
from assay.registry.dvc_lock import code_deps, pipeline_reader
from assay.score.publication_checks import check_budget
from assay.training.candidates.pipeline import build_pipeline
from assay.training.tables.ingest import load_source

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class ProjectCheck:
    """What was looked at; a project that is not ready is an error with a line for each fault."""

    name: str
    task: Task
    features: int
    candidates: int
    rules: int
    ready: Literal[True] = True


def run(root: Path, commands: Collection[str] = ()) -> ProjectCheck:
    """Look at params.yaml, the contract, dvc.yaml, the tests, the project's own code, git and DVC.

    An input that is not there yet is a warning in the log.

    Parameters
    ----------
    commands
        The names of Assay's commands, one of which a stage of dvc.yaml may run.

    Raises
    ------
    ProjectUnready
        With a line for each fault: file, key or column, expected, found, and the fix.
    """
    faults: list[str] = []
    params = _kept(faults, lambda: load(root))
    faults += pipeline_faults(root, params, commands)
    faults += _repository(root)
    contract = None
    if params is not None:
        file = params.contract.file
        contract = _kept(faults, partial(read_contract, root / file, file, root=root))
        faults += type_faults(_kept(faults, partial(load_source, root, params)), root)
        if params.alerts.function is not None:
            _kept(faults, partial(load_own, params.alerts.function, root))
        faults += test_faults(root, params.gate.tests)
        faults += fold_faults(params)
        for line in missing_inputs(params, root):
            _log.warning(line)
        policy = _kept(faults, partial(read_policy, params, root))
        rules = () if policy is None else policy.rules
        for rule in rules:
            _kept(faults, partial(rule.check, root))
    if params is not None and contract is not None:
        faults += column_faults(params, contract)
        faults += [each.line() for each in contradictions(contract)]
        _kept(faults, partial(check_budget, params.quarantine, contract))
        columns = (*contract.columns, params.ingest.partition_by)
        for metric, better in params.evaluate.metrics.items():
            look = partial(load_own_metrics, {metric: better}, root, columns)
            _kept(faults, look)
        task = infer_task(contract.field(contract.label).kind, contract.label)
        faults += metric_faults(params, task)
        faults += rule_faults(rules, params, contract, task)
        faults += drift_faults(params, contract, task)
        for name, candidate in params.train.candidates.items():
            build = partial(build_pipeline, name, candidate, contract, task, params.seed, root)
            _kept(faults, build)
    if not faults and params is not None:
        faults += _kept(faults, partial(_unlisted_code, root, params)) or ()
    if faults or params is None or contract is None:
        raise ProjectUnready(faults)
    return ProjectCheck(
        name=params.name,
        task=task,
        features=len(contract.features),
        candidates=len(params.train.candidates),
        rules=len(params.gate.rules) + len(params.gate.behaviour),
    )


def _kept(faults: list[str], call: Callable[[], T]) -> T | None:
    """What ``call`` returns; its error becomes faults, and what rests on it is not looked at."""
    try:
        return call()
    except AssayError as error:
        faults.extend(error.lines())
        return None


def _unlisted_code(root: Path, params: Params) -> list[str]:
    """A line for each file of own code that a stage needs and does not list: promotion refuses it.

    To list it after a training of hours means to train again.
    """
    pipeline = pipeline_reader.read_pipeline(root, locked=False)
    tests = digests.model_tests(root, params.gate.tests)
    found = code_deps.missing_deps(pipeline, params, source_code.file_reader(root), tests)
    return [f"{layout.DVC_YAML}: {line}. Add it there" for line in found]


def _repository(root: Path) -> Iterator[str]:
    try:
        git.root_and_prefix(root)
    except NotARepository as error:
        yield error.line()
    if not any((folder / ".dvc").is_dir() for folder in (root, *root.parents)):
        yield git.unknown_to_dvc(root).line()
