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
from assay.gate import waivers
from assay.gate.pytest_run import own_modules
from assay.gate.pytest_run.findings import session_findings, uncollected_findings
from assay.gate.pytest_run.run import run_pytest
from assay.gate.rules.kinds import read_policy
from assay.init.project_check.names import (
    column_faults,
    drift_faults,
    fold_faults,
    metric_faults,
    missing_inputs,
    rule_faults,
    type_faults,
)
from assay.init.project_check.pipeline import pipeline_faults
from assay.metrics.own_metrics import load_own_metrics
from assay.monitor.incidents.delivery import load_own
from assay.project import digests, layout, source_code
from assay.project.params import Params, load
from assay.project.params.inputs import Own
from assay.project.tasks import Task, infer_task
from assay.registry import dvc_lock, dvc_pipeline, git
from assay.score.inputs.own import OwnFormat
from assay.score.publication_checks import check_budget
from assay.score.row_reasons import check_reasons, nameless
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
        if isinstance(params.score.input, Own):
            made = OwnFormat(root, params, params.score.input)
            _kept(faults, lambda: made.input)
        faults += test_faults(root, params.gate.tests)
        faults += fold_faults(params)
        faults += waivers.too_long(params.gate.waivers, waivers.today())
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
        _kept(faults, partial(check_reasons, params.score.reasons, task))
        if params.score.reasons is not None and (bare := nameless(contract)):
            _log.warning(bare)
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
    pipeline = dvc_pipeline.read_pipeline(root, locked=False)
    tests = digests.model_tests(root, params.gate.tests)
    found = dvc_lock.missing_deps(pipeline, params, source_code.file_reader(root), tests)
    return [f"{layout.DVC_YAML}: {line}. Add it there" for line in found]


def _repository(root: Path) -> Iterator[str]:
    try:
        git.root_and_prefix(root)
    except NotARepository as error:
        yield error.line()
    if not any((folder / ".dvc").is_dir() for folder in (root, *root.parents)):
        yield git.unknown_to_dvc(root).line()


# -------------------------------------------------------------------------------- model tests


def test_faults(root: Path, tests: str) -> Iterator[str]:
    """A line for each test that the gate could not run, and for a folder in which there is none.

    The files are imported as the gate imports them. No test and no fixture is called.

    Parameters
    ----------
    tests
        The folder ``gate.tests``, relative to ``root``.
    """
    unreadable = list(_unreadable(root, tests))
    if unreadable:
        yield from unreadable
        return
    planned = run_pytest(root, tests, (), plan=True)
    seen = planned.seen
    lost = uncollected_findings(root, tests, planned)
    if not (seen.tests or seen.uncollected or lost):
        yield AssayError(
            "there is no model test",
            where=tests,
            expected="a file test_*.py with a function test_* (gate.tests in params.yaml)",
            found="none" if (root / tests).is_dir() else "no such folder",
        ).line()
        return
    for node, detail in seen.details.items():
        if seen.outcomes[node] == "error":
            yield f"{node}: cannot run: {detail}"
    for node, left in seen.uncollected.items():
        if not left.skipped:
            yield f"{node}: could not be collected: {left.detail}"
    for found in (*session_findings(planned, tests, there=True), *lost):
        yield f"{found.rule}: {found.detail}"


def _unreadable(root: Path, tests: str) -> Iterator[str]:
    for path in sorted((root / tests).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        try:
            list(own_modules.parse_tests(path, file))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            yield AssayError(
                "not valid Python",
                where=f"{file}:{line}" if line else file,
                found=getattr(error, "msg", None) or str(error),
            ).line()
