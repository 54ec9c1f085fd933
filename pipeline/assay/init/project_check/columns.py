"""Columns and metrics that params.yaml names, and that there are not."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any

from assay.contract.definition import Contract
from assay.contract.sensitive.fairness_rules import unsliced_rules
from assay.errors import AssayError
from assay.model.prediction import PREDICTION, score_column
from assay.project import layout
from assay.project.params import NullShareParams, Params
from assay.project.params.behaviour import ColumnChange, Monotonicity, Robustness
from assay.project.params.gate import (
    EVERY_SLICE,
    RATES,
    ChangeRule,
    FairnessRule,
    LimitRule,
    NightsRule,
)
from assay.project.tasks import NO_OWN, Task, inapplicable_reason
from assay.project.text.quoting import quote_value


def column_faults(params: Params, contract: Contract) -> Iterator[str]:
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
            if rule.slice == EVERY_SLICE and not slices:
                yield f"{place}: slice '{EVERY_SLICE}': there is no {sliced.removeprefix('a ')}"
            elif rule.slice not in (*pairs, EVERY_SLICE):
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


def drift_faults(params: Params, contract: Contract, task: Task) -> Iterator[str]:
    """Columns of ``monitor`` that no drift is looked for in: they would limit and mute nothing."""
    classes = (PREDICTION,) if task == "multiclass" else ()
    known = (*contract.features, score_column(task), *classes)
    for name in params.monitor.limits:
        yield from _known(name, known, "monitor.limits", "a feature or the score")
    for each in params.monitor.snooze:
        yield from _known(each.column, known, "monitor.snooze", "a feature or the score")


def metric_faults(params: Params, task: Task) -> Iterator[str]:
    """Metrics that the task of the label does not have."""
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
