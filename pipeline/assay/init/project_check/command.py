"""``assay check``: all that is wrong in a project's files, before the first `dvc repro`.

Each stage refuses what it cannot use, but one at a time, and some only after a training of minutes.
Here everything is looked at that needs no data.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from assay.contract.definition import Contract, Kind
from assay.contract.loader import load_contract
from assay.contract.sensitive.fairness_rules import unsliced_rules
from assay.errors import AssayError, NotARepository, ProjectUnready
from assay.gate.rules import own
from assay.init.project_check.pipeline import pipeline_faults
from assay.init.project_check.source_types import type_faults
from assay.metrics.own_metrics import load_own_metrics
from assay.monitor.incidents.own_receiver import load_own
from assay.project import layout, plugins
from assay.project.params import NullShareParams, Params, load
from assay.project.params.behaviour import ColumnChange, Monotonicity, Robustness
from assay.project.params.gate import (
    RATES,
    ChangeRule,
    FairnessRule,
    LimitRule,
    NightsRule,
    OwnRule,
)
from assay.project.tasks import NO_OWN, Task, inapplicable_reason, infer_task
from assay.project.text.quoting import quote_value
from assay.registry import git
from assay.training.candidates.pipeline import build_pipeline
from assay.training.tables.ingest import load_source

T = TypeVar("T")


@dataclass(frozen=True)
class ProjectCheck:
    """What was looked at; a project that is not ready is an error with a line for each fault."""

    name: str
    task: Task
    features: int
    candidates: int
    rules: int

    def plain(self) -> dict[str, Any]:
        return {
            "ready": True,
            "name": self.name,
            "task": self.task,
            "features": self.features,
            "candidates": self.candidates,
            "rules": self.rules,
        }


def run(root: Path, commands: Collection[str] = ()) -> ProjectCheck:
    """Look at params.yaml, the contract, dvc.yaml, the tests, the project's own code, git and DVC.

    Parameters
    ----------
    commands
        The names of Assay's commands, one of which a stage of dvc.yaml may run.

    Raises
    ------
    ProjectUnready
        With a line for each fault: file, key or column, expected, found, and the mend.
    """
    faults: list[str] = []
    params = _kept(faults, lambda: load(root))
    faults += pipeline_faults(root, params, commands)
    faults += _repository(root)
    contract = None
    if params is not None:
        contract = _kept(faults, lambda: load_contract(root / params.contract.file, root=root))
        faults += type_faults(_kept(faults, partial(load_source, root, params)), root)
        if params.alerts.function is not None:
            _kept(faults, partial(load_own, params.alerts.function, root))
        faults += _tests(root, params)
        for rule in params.gate.rules:
            if isinstance(rule, OwnRule):
                _kept(faults, partial(_own_rule, rule, root))
    if params is not None and contract is not None:
        faults += _columns(params, contract)
        faults += _listed(contract, params.contract.file)
        columns = (*contract.columns, params.ingest.partition_by)
        for metric, better in params.evaluate.metrics.items():
            look = partial(load_own_metrics, {metric: better}, root, columns)
            _kept(faults, look)
        task = infer_task(contract.field(contract.label).kind, contract.label)
        faults += _metrics(params, task)
        for name, candidate in params.train.candidates.items():
            build = partial(build_pipeline, name, candidate, contract, task, params.seed, root)
            _kept(faults, build)
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


# ------------------------------------------------------------------------- columns and metrics


def _columns(params: Params, contract: Contract) -> Iterator[str]:
    """Columns that params.yaml names and the contract lacks, or has for another purpose."""
    columns, slices = contract.columns, contract.slices
    sliced = "a column with the role slice or sensitive"
    for part in ("training", "night"):
        for rule in getattr(params.contract, part):
            if isinstance(rule, NullShareParams):
                yield from _known(rule.column, columns, f"contract.{part}: null_share")
    if params.evaluate.unit not in ("night", "row"):
        yield from _known(params.evaluate.unit, columns, "evaluate.unit")
    if params.prepare.apart is not None:
        yield from _known(params.prepare.apart, columns, "prepare.apart")
    for pair in params.evaluate.pairs:
        for name in pair:
            yield from _known(name, slices, "evaluate.pairs", sliced)
    pairs = {" & ".join(pair) for pair in params.evaluate.pairs}
    for rule in params.gate.rules:
        place = f"gate.rules '{rule.name}'"
        if isinstance(rule, LimitRule | ChangeRule | NightsRule) and rule.slice is not None:
            if rule.slice not in pairs:
                yield from _known(rule.slice, slices, f"{place}: slice", sliced)
    yield from unsliced_rules(params, contract)
    for behaviour in params.gate.behaviour:
        place = f"gate.behaviour '{behaviour.name}'"
        for name in _changed(behaviour):
            yield from _known(name, columns, place)


_LISTS = {"isin": "allowed_values", "notin": "forbidden_values"}


def _listed(contract: Contract, file: str) -> Iterator[str]:
    """Lists of values that a field's type can never have."""
    for field in contract.fields:
        for rule in field.rules:
            name = str(getattr(rule.check, "name", ""))
            given = getattr(rule.check, "statistics", None) or {}
            values = given.get(_LISTS.get(name, ""), ())
            never = [each for each in values if _is_never(each, field.kind)]
            if never:
                yield AssayError(
                    f"{name} lists what {quote_value(field.name)} can never be",
                    where=f"{file}:{field.line}",
                    expected=f"values of its type, {field.kind}",
                    found=", ".join(map(repr, never[:5])) + (", …" if never[5:] else ""),
                    mend="Take them out, or declare the field with their type",
                ).line()


def _is_never(value: object, kind: Kind) -> bool:
    if value is None or kind == "timestamp":
        return False
    return isinstance(value, str) != (kind == "string")


def _changed(behaviour: Any) -> tuple[str, ...]:
    """The columns that a behaviour changes."""
    if isinstance(behaviour, Robustness):
        return behaviour.columns
    if isinstance(behaviour, Monotonicity):
        return (behaviour.column,)
    change = getattr(behaviour, "change", ())
    changes = (change,) if isinstance(change, ColumnChange) else change
    return tuple(each.column for each in changes)


def _known(
    name: str, known: Collection[str], place: str, wanted: str = "a column of the contract"
) -> Iterator[str]:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    yield AssayError(
        f"there is no {quote_value(name)}",
        where=f"{layout.PARAMS}: {place}",
        expected=f"{wanted}: {', '.join(known) or 'there is none'}",
        found=quote_value(name),
        mend=f"Did you mean {quote_value(near[0])}?" if near else None,
    ).line()


def _metrics(params: Params, task: Task) -> Iterator[str]:
    asked: dict[str, str] = {"train.select_by": params.train.select_by}
    for rule in params.gate.rules:
        if isinstance(rule, LimitRule | ChangeRule):
            asked[f"gate.rules '{rule.name}': metric"] = rule.metric
        if isinstance(rule, FairnessRule) and rule.of not in RATES:
            asked[f"gate.rules '{rule.name}': of"] = rule.of
        if isinstance(rule, FairnessRule) and rule.of in RATES and task != "binary":
            yield (
                f"{layout.PARAMS}: gate.rules '{rule.name}': of: {rule.of} is a share of "
                f"yes and no, which a {task} model does not say. Name a metric"
            )
    for key, metric in asked.items():
        known = NO_OWN if key == "train.select_by" else params.evaluate.metrics
        if (reason := inapplicable_reason(metric, task, known)) is not None:
            yield f"{layout.PARAMS}: {key}: {reason}"


def _own_rule(rule: OwnRule, root: Path) -> None:
    key = f"gate.rules '{rule.name}': function"
    own.wanted_reports(rule, plugins.resolve(rule.function, key=key, root=root))


def _tests(root: Path, params: Params) -> Iterator[str]:
    folder = root / params.gate.tests
    if not [*folder.glob("**/test_*.py"), *folder.glob("**/*_test.py")]:
        yield AssayError(
            "there is no model test",
            where=params.gate.tests,
            expected="a file test_*.py with a function test_* (gate.tests in params.yaml)",
            found="none" if folder.is_dir() else "no such folder",
        ).line()


# -------------------------------------------------------------------------------- git and DVC


def _repository(root: Path) -> Iterator[str]:
    try:
        git.root_and_prefix(root)
    except NotARepository as error:
        yield error.line()
    if not any((folder / ".dvc").is_dir() for folder in (root, *root.parents)):
        yield f"{root}: DVC does not know this project. Run dvc init"
