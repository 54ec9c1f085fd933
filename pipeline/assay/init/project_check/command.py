"""``assay check``: all that is wrong in a project's files, before the first `dvc repro`.

Each stage refuses what it cannot use, but one at a time, and some only after a training of minutes.
Here everything is looked at that needs no data.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeVar

from packaging.version import InvalidVersion, Version

from assay.contract.contradictions import contradictions
from assay.contract.definition import Contract
from assay.contract.loader import read_contract
from assay.errors import AssayError, NotARepository, ProjectUnready, SourceError
from assay.formats.definition import parse
from assay.gate import waivers
from assay.gate.pytest_run import own_modules
from assay.gate.pytest_run.findings import session_findings, uncollected_findings
from assay.gate.pytest_run.run import run_pytest
from assay.gate.rules.kind import Rule
from assay.gate.rules.kinds import read_policy
from assay.init.project_check.pipeline import PRODUCED, pipeline_faults
from assay.metrics.own_metrics import load_own_metrics
from assay.model.prediction import PREDICTION, score_column
from assay.monitor.drift.measures import Measure, read_measures
from assay.monitor.incidents.messages import load_own
from assay.project import digests, layout, source_code
from assay.project.params import NullShareParams, Params, load
from assay.project.params.behaviour import ColumnChange, Monotonicity, Robustness
from assay.project.params.inputs import NIGHT_IN_PATH, Own
from assay.project.params.messages import unknown_name
from assay.project.source_code import raised_at
from assay.project.tasks import NO_OWN, Task, inapplicable_reason, infer_task
from assay.project.text import quote_value
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
        measures = _kept(faults, partial(read_measures, params, root)) or ()
        faults += test_faults(root, params.gate.tests)
        faults += fold_faults(params)
        faults += waivers.too_long(params.gate.waivers, waivers.today())
        refused = _kept(faults, lambda: [*waivers.not_allowed(root, params.gate.waivers)])
        faults += [each.line() for each in refused or ()]
        for line in (*newer_assay(params.assay or "0"), *missing_inputs(params, root)):
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
        faults += drift_faults(params, contract, task, measures)
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
    lines = dvc_lock.missing_deps(pipeline, params, source_code.file_reader(root), tests)
    return [f"{layout.DVC_YAML}: {line}. Add it there" for line in lines]


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
    for finding in (*session_findings(planned, tests, there=True), *lost):
        yield f"{finding.rule}: {finding.detail}"


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


# --------------------------------------------------------------------------------------------------
# what params.yaml and data/source.py name, and what there is: columns, metrics, types, inputs

COLUMNS = "COLUMNS"
"""What `assay init` calls the types of columns in data/source.py."""


def column_faults(params: Params, contract: Contract) -> Iterator[str]:
    """Columns that params.yaml names and the contract lacks, or has for another purpose."""
    columns, slices = contract.columns, contract.slices
    sliced = "a column with the role slice or sensitive"
    nights = {
        "ingest.partition_by": params.ingest.partition_by,
        "score.input.night_by": getattr(params.score.input, "night_by", None),
    }
    for place, name in nights.items():
        if name in contract.private:
            yield (
                f"{layout.PARAMS}: {place}: {quote_value(name)} is private in {contract.file}, and "
                "nights are named by it in folders, logs and pages (expected another column)"
            )
    for part in ("training", "night"):
        for rule in getattr(params.contract, part):
            if isinstance(rule, NullShareParams):
                yield from unknown_name(rule.column, columns, f"contract.{part}: null_share")
    if params.evaluate.unit not in ("night", "row"):
        yield from unknown_name(params.evaluate.unit, columns, "evaluate.unit")
    if params.prepare.apart is not None:
        yield from unknown_name(params.prepare.apart, columns, "prepare.apart")
    for pair in params.evaluate.pairs:
        for name in pair:
            yield from unknown_name(name, slices, "evaluate.pairs", sliced)
    for behaviour in params.gate.behaviour:
        place = f"gate.behaviour '{behaviour.name}'"
        for name in _changed(behaviour):
            yield from unknown_name(name, columns, place)


def _changed(behaviour: Any) -> tuple[str, ...]:
    """The columns that a behaviour changes."""
    if isinstance(behaviour, Robustness):
        return behaviour.columns
    if isinstance(behaviour, Monotonicity):
        return (behaviour.column,)
    change = getattr(behaviour, "change", ())
    changes = (change,) if isinstance(change, ColumnChange) else change
    return tuple(each.column for each in changes)


def drift_faults(
    params: Params, contract: Contract, task: Task, measures: Iterable[Measure]
) -> Iterator[str]:
    """Columns of ``monitor`` that no drift is looked for in: they would limit and mute nothing."""
    classes = (PREDICTION,) if task == "multiclass" else ()
    known = (*contract.features, score_column(task), *classes)
    for name in params.monitor.limits:
        yield from unknown_name(name, known, "monitor.limits", "a feature or the score")
    for measure in measures:
        for name in measure.columns:
            yield from unknown_name(name, known, "monitor.measures", "a feature or the score")
    for each in params.monitor.snooze:
        yield from unknown_name(each.column, known, "monitor.snooze", "a feature or the score")


def rule_faults(
    rules: Iterable[Rule], params: Params, contract: Contract, task: Task
) -> Iterator[str]:
    """Columns and metrics that rules name, and that there are not."""
    for rule in rules:
        try:
            yield from rule.faults(params, contract, task)
        except Exception as error:  # a project's own kind may raise anything
            if "." not in rule.kind:
                raise
            what = f"{rule.kind}.faults failed with {type(error).__name__}: {error}"
            yield f"params.yaml: gate.rules '{rule.name}': {what}{raised_at(error)}"


def metric_faults(params: Params, task: Task) -> Iterator[str]:
    """The metric that selects a candidate, if the task of the label has it not."""
    if (reason := inapplicable_reason(params.train.select_by, task, NO_OWN)) is not None:
        yield f"{layout.PARAMS}: train.select_by: {reason}"


def fold_faults(params: Params) -> Iterator[str]:
    """A training window of fewer days than there are to be folds."""
    window, folds = params.prepare.train, params.train.folds
    if folds > window.days:
        yield AssayError(
            "too few days to cut into folds",
            where=f"{layout.PARAMS}: train.folds",
            expected=f"at most {window.days}, the days of prepare.train",
            found=f"{folds}",
            fix="Use fewer folds or a longer training window",
        ).line()


def newer_assay(wrote: str) -> Iterator[str]:
    """A line if another Assay than the installed one, and a newer one, wrote the project."""
    with suppress(InvalidVersion):
        if Version(wrote) > Version(here := version("assay")):
            yield AssayError(
                "a newer Assay wrote this project than the one that is installed",
                where=f"{layout.PARAMS}: assay",
                expected=f"at most {here}",
                found=wrote,
                fix="Install what requirements/ names: make setup",
            ).line()


def missing_inputs(params: Params, root: Path) -> Iterator[str]:
    """A line for each input that is not there, and that no stage of Assay's makes.

    Only local paths are looked at. No fault, because the first night may come later.
    """
    for key, path in _paths(params):
        # The name of a night is in the last part of a path alone.
        folder = path.rpartition("/")[0] if NIGHT_IN_PATH in path else path
        made = any(f"{folder}/".startswith(f"{each}/") for each in PRODUCED)
        if "://" not in folder and not made and not (root / folder).exists():
            yield AssayError(
                f"nothing lies at {quote_value(folder)} yet",
                where=f"{layout.PARAMS}: {key}",
                fix="Check the spelling, if it is not to come later",
            ).line()


def _paths(params: Params) -> Iterator[tuple[str, str]]:
    given, labels = params.score.input, params.labels.input
    for key, path in given.paths().items():
        yield f"score.input{key}", path
    if labels is not None:
        yield "labels.input", labels.path


def type_faults(source: Any, root: Path) -> Iterator[str]:
    """A line for each type in `COLUMNS` of data/source.py that no reader of `assay.sources` knows.

    Parameters
    ----------
    source
        The function of ``ingest.source``, which is looked at where it is defined in the project.
    """
    names = getattr(source, "__globals__", {})
    file = Path(names.get("__file__", ""))
    columns = names.get(COLUMNS)
    if not file.is_relative_to(root) or not isinstance(columns, Mapping):
        return
    for name, text in columns.items():
        try:
            parse(str(name), str(text))
        except SourceError as error:
            yield f"{file.relative_to(root).as_posix()}: {error.line()}"
