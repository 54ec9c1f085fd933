"""What params.yaml and data/source.py name, and what there is: columns, metrics, types, inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.contract.definition import Contract
from assay.errors import AssayError, SourceError
from assay.formats.spelling import parse
from assay.gate.rules.kind import Rule
from assay.init.project_check.pipeline import PRODUCED
from assay.model.prediction import PREDICTION, score_column
from assay.project import layout
from assay.project.params import NullShareParams, Params
from assay.project.params.behaviour import ColumnChange, Monotonicity, Robustness
from assay.project.params.inputs import NIGHT_IN_PATH
from assay.project.params.messages import unknown_name
from assay.project.source_code import raised_at
from assay.project.tasks import NO_OWN, Task, inapplicable_reason
from assay.project.text import quote_value

COLUMNS = "COLUMNS"
"""What `assay init` calls the types of columns in data/source.py."""


def column_faults(params: Params, contract: Contract) -> Iterator[str]:
    """Columns that params.yaml names and the contract lacks, or has for another purpose."""
    columns, slices = contract.columns, contract.slices
    sliced = "a column with the role slice or sensitive"
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


def drift_faults(params: Params, contract: Contract, task: Task) -> Iterator[str]:
    """Columns of ``monitor`` that no drift is looked for in: they would limit and mute nothing."""
    classes = (PREDICTION,) if task == "multiclass" else ()
    known = (*contract.features, score_column(task), *classes)
    for name in params.monitor.limits:
        yield from unknown_name(name, known, "monitor.limits", "a feature or the score")
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
