"""``kind: fairness``: a metric or a rate of answers, compared across groups.

Every pair of groups is compared. The rule passes if no pair's interval reaches past the limit. It
fails if a pair's interval is entirely past it after the policy's correction over all pairs. There
is one finding, about the pair that is furthest apart.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from assay.errors import AssayError
from assay.gate.inputs import GateInputs
from assay.gate.rules import finding, groups
from assay.gate.rules.groups import Contrast, GroupValue
from assay.gate.rules.kind import (
    ERROR_RATES,
    RATES,
    Compared,
    Rule,
    corrected,
    exactly_one,
    metric_fault,
)
from assay.metrics.estimate import Estimate
from assay.metrics.intervals.chance import chance_at_limit
from assay.metrics.intervals.decisions import adjust_p_values
from assay.metrics.slices import AND
from assay.project import layout
from assay.project.params.behaviour import GateParams
from assay.project.params.values import Positive, Text
from assay.project.tasks import OwnMetrics, Task, inapplicable_reason
from assay.project.text import counted, quote_value
from assay.reports.evaluation import Evaluation, SliceResult
from assay.reports.verdict import Direction, Finding, Outcome

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.project.params import Params


class Fairness(Rule):
    """A metric or a rate of answers, compared across the groups of a slice field."""

    of: Compared
    across: Text
    max_difference: Annotated[float, Field(ge=0)] | None = None
    min_ratio: Annotated[float, Field(gt=0, le=1)] | None = None
    min_rows: Positive | None = None

    more_holdout: ClassVar = True
    over: ClassVar = "pairs"

    @model_validator(mode="after")
    def _one_limit(self) -> Fairness:
        exactly_one(self, "max_difference", "min_ratio")
        return self

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """One finding, about the pair that is furthest apart."""
        return evaluate(self, inputs.evaluation, gate)

    def missed(self) -> str:
        """Where to see the groups."""
        return (
            f"assay gate explain '{self.name}' lists the groups. See what sets the worst apart: "
            f"few rows, or features that stand for '{self.across}'."
        )

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """A field that is not sliced, or what the task has not."""
        yield from super().faults(params, contract, task)
        if self.of not in RATES:
            yield from metric_fault(self, "of", self.of, params, task)
        elif task != "binary":
            yield (
                f"{layout.PARAMS}: {self.place}: of: {self.of} is a share of "
                f"yes and no, which a {task} model does not say. Name a metric"
            )

    def early_faults(self, params: Params, contract: Contract) -> Iterator[str]:
        """A column that is not sliced, or by which no rates of errors are measured.

        Sliced are columns with the role slice or sensitive, and the pairs of ``evaluate.pairs``.
        """
        known = [*contract.slices, *(AND.join(pair) for pair in params.evaluate.pairs)]
        where = f"{layout.PARAMS}: {self.place}: across"
        if self.across in known:
            if self.of in ERROR_RATES and self.across not in contract.sensitive:
                yield AssayError(
                    f"{self.of} is measured by columns with the role sensitive",
                    where=where,
                    expected=", ".join(contract.sensitive) or f"such a column in {contract.file}",
                    found=quote_value(self.across),
                    fix=f"Give it that role in {contract.file}, or compare another metric",
                ).line()
            return
        near = difflib.get_close_matches(self.across, known)
        if near:
            fix = f"Did you mean {quote_value(near[0])}?"
        elif self.across in contract.columns:
            fix = f"Give {quote_value(self.across)} the role sensitive or slice in {contract.file}"
        else:
            fix = f"Name a column of {contract.file} that has the role sensitive or slice"
        yield AssayError(
            "a fairness rule across a column that is not sliced, so it has no groups to compare",
            where=where,
            expected=f"a column with the role slice or sensitive: {', '.join(known) or 'none'}",
            found=quote_value(self.across),
            fix=fix,
        ).line()

    def settings(self, gate: GateParams, own: OwnMetrics) -> Iterator[str]:
        """How pairs are corrected for."""
        yield from super().settings(gate, own)
        yield corrected(gate, "pairs of groups")

    def groups(self, inputs: GateInputs) -> tuple[SliceResult, ...]:
        """The groups of its field."""
        return tuple(part for part in inputs.evaluation.slices if part.field == self.across)

    @property
    def group_metric(self) -> str:
        """What its groups are compared by."""
        return self.of


MOST_GROUPS = 200
ONLY_PEOPLE = "it is measured by columns with the role sensitive"


def evaluate(rule: Fairness, evaluation: Evaluation, gate: GateParams) -> tuple[Finding, ...]:
    """Exactly one finding, for any number of groups."""
    mistaken = _mistaken(rule, evaluation)
    if mistaken is not None:
        return (rule.fail(mistaken),)
    mine = [part for part in evaluation.slices if part.field == rule.across]
    if not mine:
        known = (part.field for part in evaluation.slices)
        reason = finding.unknown_name_message("slice", rule.across, known, "the evaluation")
        return (rule.fail(reason),)
    wanted = [part for part in mine if part.rows >= (rule.min_rows or 0)]
    if len(wanted) < 2:
        reason = f"'{rule.across}' has {len(wanted)} group to compare, and it takes two"
        return (rule.fail(reason),)
    if len(wanted) > MOST_GROUPS:
        reason = (
            f"'{rule.across}' has {counted(len(wanted), 'group')}, more than {MOST_GROUPS}: every "
            "pair is compared. Put values together when ingesting, or name min_rows"
        )
        return (rule.fail(reason),)
    problems = [f"{part.title}: {why}" for part in wanted if (why := _problem(rule, part))]
    if problems:
        return (rule.fail("; ".join(problems), metric=rule.of),)
    read = [_group(rule, part) for part in wanted]
    unmeasured = [each for each in read if isinstance(each, str)]
    measured = [each for each in read if isinstance(each, GroupValue)]
    try:
        pairs = [_contrast(rule, *pair, evaluation) for pair in combinations(measured, 2)]
    except ValueError as error:
        return (rule.fail(str(error), metric=rule.of),)
    doubts = list(
        dict.fromkeys(one.doubt for part in wanted if (one := _measured(rule, part)) and one.doubt)
    )
    return (_judged(rule, pairs, unmeasured, doubts, evaluation, gate, len(mine) - len(wanted)),)


def limit_and_direction(rule: Fairness) -> tuple[float, Direction]:
    """The rule's limit and its direction."""
    if rule.min_ratio is not None:
        return rule.min_ratio, "min"
    assert rule.max_difference is not None
    return rule.max_difference, "max"


def _mistaken(rule: Fairness, evaluation: Evaluation) -> str | None:
    if rule.of in RATES:
        if evaluation.task == "binary":
            return None
        return f"{rule.of} is about yes and no, and this is a {evaluation.task} model"
    return inapplicable_reason(rule.of, evaluation.task, evaluation.own_metrics)


def _measured(rule: Fairness, part: SliceResult) -> Estimate | None:
    """The group's estimate; None if the group is too small to be measured."""
    if rule.of in RATES:
        rate: Estimate | None = getattr(part, rule.of)
        return rate
    return None if part.metrics is None else part.metrics.get(rule.of)


def _problem(rule: Fairness, part: SliceResult) -> str:
    """Why the group's estimate is invalid; empty if it is valid, or there are too few data."""
    measured = _measured(rule, part)
    if part.metrics is None and rule.of not in RATES:
        return ""
    if measured is None or measured.value is None:
        if measured is not None and measured.few:
            return ""
        why = ONLY_PEOPLE if measured is None and rule.of in ERROR_RATES else None
        why = why if measured is None else measured.why
        return f"{rule.of} could not be computed: {why or 'no reason was given'}"
    if part.rows == 0:
        return f"{rule.of} was measured on no rows"
    given = [end for end in (measured.low, measured.value, measured.high) if end is not None]
    if not all(math.isfinite(end) for end in given) or given != sorted(given):
        return f"{rule.of} or its interval is no number to decide on"
    if rule.of == "selection_rate" and part.selected is not None:
        if not 0 <= part.selected <= part.rows:
            return f"{part.selected} of {part.rows} rows got a yes, which cannot be"
        # Redundant fields: if they disagree, the file was edited.
        if abs(part.selected / part.rows - measured.value) > 1e-6:
            return f"{part.selected} of {part.rows} rows got a yes, not {measured.value:.6g}"
    return ""


def _group(rule: Fairness, part: SliceResult) -> GroupValue | str:
    """The group's value and interval, or the reason why there is none yet."""
    measured = _measured(rule, part)
    if measured is None:
        return f"{part.title} is too small to measure: {part.why or counted(part.rows, 'row')}"
    if measured.value is None or measured.low is None or measured.high is None:
        return f"{part.title} has no interval: {measured.why or 'no reason was given'}"
    return GroupValue(
        part.title, part.rows, measured.value, measured.low, measured.high, measured.degrees
    )


def _contrast(
    rule: Fairness, one: GroupValue, other: GroupValue, evaluation: Evaluation
) -> Contrast:
    contrast = groups.difference if rule.max_difference is not None else groups.ratio
    return contrast(one, other, _correlation(rule, one, other, evaluation) or 0.0)


def _correlation(
    rule: Fairness, one: GroupValue, other: GroupValue, evaluation: Evaluation
) -> float | None:
    """How the errors of two groups go together; None if nothing says so."""
    first, second = (each.title.removeprefix(f"{rule.across}=") for each in (one, other))
    for each in evaluation.correlations:
        if each.field == rule.across:
            return each.between(first, second, rule.of)
    return None


def _judged(
    rule: Fairness,
    pairs: list[Contrast],
    unmeasured: list[str],
    doubts: list[str],
    evaluation: Evaluation,
    gate: GateParams,
    left_out: int,
) -> Finding:
    limit, direction = limit_and_direction(rule)
    if not pairs:
        return rule.finding(Outcome.INCONCLUSIVE, "; ".join(unmeasured), metric=rule.of)
    sign = 1.0 if direction == "max" else -1.0
    # The least and the most favourable end of each interval.
    worst = [pair.high if direction == "max" else pair.low for pair in pairs]
    best = [pair.low if direction == "max" else pair.high for pair in pairs]
    chances = [
        groups.p_value(pair.value, near, limit, evaluation.confidence, pair.degrees)
        if sign * pair.value > sign * limit
        else 1.0
        for pair, near in zip(pairs, best, strict=True)
    ]
    certain = (1 - evaluation.confidence) / 2
    past = [each < certain for each in adjust_p_values(np.array(chances), gate.correction)]
    place = max(range(len(pairs)), key=lambda i: (past[i], sign * pairs[i].value))
    if any(past):
        outcome, verb = Outcome.FAIL, "misses"
    elif any(sign * end > sign * limit for end in worst):
        outcome, verb = Outcome.INCONCLUSIVE, "cannot be told from"
        place = max(range(len(pairs)), key=lambda i: sign * worst[i])
    elif unmeasured or doubts:
        outcome, verb = Outcome.INCONCLUSIVE, "meets"
    else:
        outcome, verb = Outcome.PASS, "meets"
    pair = pairs[place]
    chance = None
    if outcome is Outcome.PASS:  # of the pair that is least surely within the limit
        chance = max(
            chance_at_limit(
                *(each.value, each.low, each.high, limit),
                confidence=evaluation.confidence,
                degrees=each.degrees,
            )
            for each in pairs
        )
    what = "difference" if direction == "max" else "ratio"
    known = _correlation(rule, pair.first, pair.second, evaluation)
    paired = "" if known is None else f", paired by {evaluation.unit}"
    numbers = finding.format_interval(pair.value, pair.low, pair.high, limit, evaluation.confidence)
    detail = (
        f"the {what} of {rule.of} between {pair.title}, the furthest of {len(pairs)} pairs, is "
        f"{numbers} which {verb} the limit of {finding.format_limit(limit, direction)}"
    )
    if unmeasured or doubts:
        detail += f"; {'; '.join((*unmeasured, *doubts))}"
    if left_out:
        detail += (
            f"; {counted(left_out, 'group')} under {counted(rule.min_rows, 'row')} are left out"
        )
    return rule.finding(
        outcome,
        detail,
        metric=rule.of,
        observed=pair.value,
        low=pair.low,
        high=pair.high,
        limit=limit,
        direction=direction,
        chance=chance,
        rows=pair.first.rows + pair.second.rows,
        unit=evaluation.unit,
        units=evaluation.units,
        method=f"{'Newcombe and Zou-Donner' if direction == 'max' else 'Donner-Zou'}{paired}",
    )
