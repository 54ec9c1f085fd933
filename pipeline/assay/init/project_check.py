"""``assay check``: all that is wrong in a project's files, before the first `dvc repro`.

Each stage refuses what it cannot use, but one at a time, and some only after a training of minutes.
Here everything is looked at that needs no data.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from assay.contract.definition import Contract
from assay.contract.loader import load_contract
from assay.contract.sensitive.fairness_rules import unsliced_rules
from assay.errors import AssayError, NotARepository, ProjectUnready
from assay.gate.rules import own
from assay.metrics.own_metrics import load_own_metrics
from assay.project import layout, plugins
from assay.project.params import NullShareParams, Params, load, yaml_text
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


def run(root: Path) -> ProjectCheck:
    """Look at params.yaml, the contract, dvc.yaml, the tests, the project's own code, git and DVC.

    Raises
    ------
    ProjectUnready
        With a line for each fault: file, key or column, expected, found, and the mend.
    """
    faults: list[str] = []
    params = _kept(faults, lambda: load(root))
    faults += _pipeline(root, params)
    faults += _repository(root)
    contract = None
    if params is not None:
        contract = _kept(faults, lambda: load_contract(root / params.contract.file, root=root))
        _kept(faults, lambda: plugins.resolve(params.ingest.source, key="ingest.source", root=root))
        faults += _tests(root, params)
        for rule in params.gate.rules:
            if isinstance(rule, OwnRule):
                _kept(faults, partial(_own_rule, rule, root))
    if params is not None and contract is not None:
        faults += _columns(params, contract)
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


# --------------------------------------------------------------------------- dvc.yaml, git, DVC


def _pipeline(root: Path, params: Params | None) -> Iterator[str]:
    """What DVC would refuse, or wait for in vain: keys and files that do not exist."""
    try:
        text = (root / layout.DVC_YAML).read_text(encoding="utf-8")
        tree = yaml_text.load(text)
        given = yaml_text.load((root / layout.PARAMS).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if Path(str(error.filename)).name == layout.DVC_YAML:
            yield f"{layout.DVC_YAML}: no such file. It names the stages: assay init writes one"
        return
    except (OSError, UnicodeDecodeError, yaml_text.YamlError) as error:
        yield f"{layout.DVC_YAML}: cannot be read as YAML ({error})"
        return
    if not isinstance(tree, Mapping) or not isinstance(tree.get("stages"), Mapping):
        yield f"{layout.DVC_YAML}: no stages in it (expected a mapping called stages)"
        return
    made = {path for stage in tree["stages"].values() for path in _outputs(stage)}
    for name, stage in tree["stages"].items():
        body = stage.get("do", stage) if isinstance(stage, Mapping) else {}
        for key in body.get("params", ()):
            if isinstance(key, str) and "${" not in key and not _has(given, key):
                yield (
                    f"{layout.DVC_YAML}: stage {name}: params: {key} is not in {layout.PARAMS}: "
                    "DVC needs it written out, with its default of docs/params.md"
                )
        for path in body.get("deps", ()):
            if "${" not in str(path) and not _comes_from(str(path), made, root):
                yield (
                    f"{layout.DVC_YAML}: stage {name}: deps: no stage makes {path}, and it is not "
                    "there"
                )
    artifacts = tree.get("artifacts", {})
    if params is not None and params.name not in artifacts:
        yield AssayError(
            "no artifact has the model's name",
            where=f"{layout.DVC_YAML}: artifacts",
            expected=params.name,
            found=", ".join(artifacts) or "none",
            mend=f"Name one as name: in {layout.PARAMS} does",
        ).line()


def _outputs(stage: Any) -> Iterator[str]:
    body = stage.get("do", stage) if isinstance(stage, Mapping) else {}
    for kind in ("outs", "metrics", "plots"):
        for each in body.get(kind, ()):
            yield from each if isinstance(each, Mapping) else (str(each),)


def _comes_from(path: str, made: Collection[str], root: Path) -> bool:
    if (root / path).exists() or (root / f"{path}.dvc").exists():
        return True
    # A stage may make a folder that the file lies in, or, for each candidate, a part of the folder.
    return any(
        path == out or path.startswith(f"{out}/") or out.startswith(f"{path}/") for out in made
    )


def _has(tree: Any, key: str) -> bool:
    for part in key.split("."):
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True


def _repository(root: Path) -> Iterator[str]:
    try:
        git.root_and_prefix(root)
    except NotARepository as error:
        yield error.line()
    if not any((folder / ".dvc").is_dir() for folder in (root, *root.parents)):
        yield f"{root}: DVC does not know this project. Run dvc init"
