"""What a kind of rule is: one class in one file that answers whatever the house asks of it.

A project's own kind is such a class too, named by ``kind: module.Class`` in params.yaml
(docs/own-code.md); `assay.gate.rules.kinds` finds both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, TypeVar, get_args

from pydantic import ConfigDict, PlainSerializer, WrapValidator, model_validator

from assay.gate.inputs import REPORTS
from assay.gate.rules.finding import format_limit, format_number, unknown_name_message
from assay.metrics.sampling_units import SamplingUnits, format_rounded_count
from assay.project import layout
from assay.project.params.behaviour import GateParams, RuleKeys
from assay.project.params.messages import unknown_name
from assay.project.params.values import Positive, Text, check_function_name
from assay.project.tasks import Metric, OwnMetrics, Task, inapplicable_reason
from assay.project.text import counted
from assay.reports.evaluation import SliceResult
from assay.reports.verdict import Finding, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from assay.contract.definition import Contract
    from assay.gate.inputs import GateInputs
    from assay.project.params import Params


ErrorRate = Literal["false_positive_rate", "false_negative_rate"]
"""What groups of people are compared by; measured by columns with the role sensitive."""
Rate = Literal["selection_rate", ErrorRate]
ERROR_RATES: tuple[str, ...] = get_args(ErrorRate)
RATES: tuple[str, ...] = get_args(Rate)
"""Shares of a binary model's answers, which fairness rules compare as they do metrics."""


def _own_or_ours(value: Any, ours: Callable[[Any], Any]) -> Any:
    """A name with a dot is a metric of the project's own, any other has to be one of Assay's."""
    if isinstance(value, str) and "." in value:
        return check_function_name(value)
    return ours(value)


# Without a serialiser of its own, pydantic warns of each name that is not among the literals.
_NAME = (WrapValidator(_own_or_ours), PlainSerializer(str, return_type=str))
if TYPE_CHECKING:
    RuleMetric = str
    Compared = str
else:
    RuleMetric = Annotated[Metric, *_NAME]
    Compared = Annotated[Literal[Metric, Rate], *_NAME]


class Rule(RuleKeys):
    """A rule of one kind; its fields are the kind's keys in params.yaml.

    Attributes
    ----------
    reads
        The reports that it is decided on, the main one first; names of `assay.gate.inputs.REPORTS`.
    more_holdout
        Whether a longer holdout decides what is INCONCLUSIVE.
    over
        What its findings are about if there are several.
    """

    model_config = ConfigDict(extra="forbid")

    reads: ClassVar[Sequence[str]] = ("evaluation",)
    more_holdout: ClassVar[bool] = False
    over: ClassVar[str] = "slices"

    def judge(self, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
        """The findings, at least one. Pure: equal reports give equal findings.

        Raises
        ------
        AssayError
            A report is missing or malformed; that is a FAIL.
        """
        raise NotImplementedError

    def finding(self, outcome: Outcome, detail: str, **facts: Any) -> Finding:
        """A finding of this rule: what is so in a sentence, and fields of `Finding`."""
        given = {"severity": self.severity, "tolerated": self.inconclusive == "pass", **facts}
        return Finding(
            rule=self.name,
            kind="rule",
            outcome=outcome,
            detail=detail,
            owner=self.owner,
            because=self.because,
            **given,
        )

    def fail(self, reason: str, **facts: Any) -> Finding:
        """A FAIL: the rule could not be evaluated for ``reason``."""
        return self.finding(Outcome.FAIL, reason, **facts)

    def at_most(
        self,
        metric: str,
        value: float,
        limit: float,
        words_for: str,
        rows: int,
        where: str | None = None,
    ) -> Finding:
        """The finding for a number without an interval against an upper limit."""
        facts = {"metric": metric, "slice": where, "rows": rows}
        if not math.isfinite(value) or value < 0:
            return self.fail(f"{words_for} {value}, which is no number to decide on", **facts)
        met = value <= limit
        return self.finding(
            Outcome.PASS if met else Outcome.FAIL,
            f"{words_for} {format_number(value, limit)}, which {'meets' if met else 'misses'} the "
            f"limit of {format_limit(limit, 'max')}",
            observed=value,
            limit=limit,
            direction="max",
            method="the value alone",
            **facts,
        )

    def insufficient_data(
        self, why: str, title: str | None, rows: int, units: SamplingUnits, needed: int | None
    ) -> Finding:
        """An INCONCLUSIVE for too few rows, labels or units.

        Parameters
        ----------
        needed
            Number of units that would be enough, if known.
        """
        metric = getattr(self, "metric", None)
        where = f" on {title}" if title else ""
        takes = ""
        if needed is not None:
            takes = f"; it takes about {format_rounded_count(needed, units.name)}"
        return self.finding(
            Outcome.INCONCLUSIVE,
            f"{metric or 'the answer'}{where} cannot be judged yet: {why}{takes}",
            metric=metric,
            slice=title,
            rows=rows,
            unit=units.name,
            units=units.count,
            units_needed=needed,
        )

    def advice(self, finding: Finding) -> str | None:
        """What its owner can do about a finding that is not PASS; None if nothing can be said."""
        if finding.outcome is Outcome.INCONCLUSIVE:
            return self._longer_holdout(finding) if self.more_holdout else None
        # What could not be measured has its reason in the detail.
        return None if finding.observed is None else self.missed()

    def missed(self) -> str | None:
        """What its owner can do about a FAIL whose number is known."""
        return None

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """Columns and metrics that it names and that there are not, a line each."""
        yield from self.early_faults(params, contract)

    def early_faults(self, params: Params, contract: Contract) -> Iterator[str]:
        """Faults for which nothing is trained."""
        yield from ()

    def check(self, root: Path) -> None:
        """Look at the project's own code that it names.

        Raises
        ------
        PluginError
            It cannot be imported, or asks for what there is not.
        """

    @property
    def source(self) -> str:
        """What it is decided from."""
        return REPORTS[self.reads[0]].FILE

    def settings(self, gate: GateParams, own: OwnMetrics) -> Iterator[str]:
        """What applies to all of its findings, in sentences."""
        if self.severity == "warn":
            yield "it warns: whatever it finds does not decide"
        if self.inconclusive == "pass":
            yield "INCONCLUSIVE is let pass, by this rule's name"

    def groups(self, inputs: GateInputs) -> tuple[SliceResult, ...]:
        """The groups of people that it compares."""
        return ()

    @property
    def group_metric(self) -> str:
        """What its groups are compared by."""
        return ""

    @property
    def place(self) -> str:
        """Where it stands in params.yaml."""
        return f"gate.rules '{self.name}'"

    def _longer_holdout(self, finding: Finding) -> str | None:
        if finding.tolerated:
            return None
        size = "be longer" if finding.units_needed is None else "have so many"
        looser = "ask for less in gate.rules"
        if finding.slice is not None and finding.observed is None:
            looser = "leave small slices out with min_rows in gate.rules"
        return f"Let the window holdout in params.yaml {size}, or {looser}."


def exactly_one(rule: Rule, *names: str) -> None:
    """Refuse a rule that has none or several of these keys.

    Raises
    ------
    ValueError
        It becomes a message of params.yaml.
    """
    given = [name for name in names if getattr(rule, name) is not None]
    if len(given) != 1:
        raise ValueError(f"exactly one of {' and '.join(names)}|{'both' if given else 'neither'}")


def metric_fault(rule: Rule, key: str, metric: str, params: Params, task: Task) -> Iterator[str]:
    """A line if the task of the label has no such metric."""
    reason = inapplicable_reason(metric, task, params.evaluate.metrics)
    if reason is not None:
        yield f"{layout.PARAMS}: {rule.place}: {key}: {reason}"


EVERY_SLICE = "*"
"""The ``slice`` of a rule on all slices that were measured."""


class SlicedRule(Rule):
    """A rule on all rows, or on each value of a slice field with at least ``min_rows`` rows."""

    slice: Text | None = None
    min_rows: Positive | None = None

    every_slice: ClassVar[bool] = False
    """Whether it can be about `EVERY_SLICE`."""
    more_rows: ClassVar[str] = "let the window holdout in params.yaml be longer"
    """What gives a slice more rows."""

    @model_validator(mode="after")
    def _sliced(self) -> SlicedRule:
        if self.min_rows is not None and self.slice is None:
            raise ValueError("a slice beside min_rows|none")
        if self.slice == EVERY_SLICE and not self.every_slice:
            raise ValueError(f"kind: change beside slice: '{EVERY_SLICE}'|kind: {self.kind}")
        return self

    def faults(self, params: Params, contract: Contract, task: Task) -> Iterator[str]:
        """A field that is not sliced."""
        yield from super().faults(params, contract, task)
        if self.slice is None:
            return
        sliced = "column with the role slice or sensitive"
        pairs = {" & ".join(pair) for pair in params.evaluate.pairs}
        if self.slice == EVERY_SLICE and not contract.slices:
            yield f"{self.place}: slice '{EVERY_SLICE}': there is no {sliced}"
        elif self.slice not in (*pairs, EVERY_SLICE):
            yield from unknown_name(
                self.slice, contract.slices, f"{self.place}: slice", f"a {sliced}"
            )

    def unmeasured_slice(self, title: str, rows: int, why: str) -> Finding:
        """An INCONCLUSIVE for a slice that was not measured."""
        detail = f"{title} is too small to measure: {why}"
        return self.finding(Outcome.INCONCLUSIVE, detail, slice=title, rows=rows)

    def excluded_slice(self, title: str, rows: int, min_rows: int) -> Finding:
        """A tolerated INCONCLUSIVE for a slice below the rule's ``min_rows``."""
        detail = f"{title} has {counted(rows, 'row')}; the rule is about {min_rows:,} or more"
        facts = {"slice": title, "rows": rows, "tolerated": True}
        return self.finding(Outcome.INCONCLUSIVE, detail, **facts)

    def settings(self, gate: GateParams, own: OwnMetrics) -> Iterator[str]:
        """What applies to all slices."""
        yield from super().settings(gate, own)
        if self.slice is not None and self.more_holdout:
            yield corrected(gate, self.over, every=self.slice == EVERY_SLICE)


def corrected(gate: GateParams, over: str, *, every: bool = False) -> str:
    """How the policy corrects for there being several."""
    if gate.correction == "none":
        return f"no correction for there being several {over}"
    if every:
        return f"a slice fails only by a loss beyond chance, after {gate.correction} over all"
    return f"all {over} must pass; a FAIL stands after {gate.correction} over the {over}"


class RuleSlice(Protocol):
    """A slice of an evaluation or a comparison."""

    @property
    def field(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def title(self) -> str: ...


AnySlice = TypeVar("AnySlice", bound=RuleSlice)


def select_slices(
    rule: SlicedRule, places: Sequence[AnySlice], where: str
) -> tuple[list[AnySlice], list[Finding]]:
    """The slices that the rule applies to, and findings for the others.

    If the field has no slices, or none has ``min_rows`` rows, there is one finding, a FAIL: a rule
    that applies to no row must not pass.
    """
    field = rule.slice or ""
    mine = [place for place in places if place.field == field]
    if not mine:
        known = (place.field for place in places)
        return [], [rule.fail(unknown_name_message("slice", field, known, where))]
    least = rule.min_rows or 0
    wanted = [place for place in mine if place.rows >= least]
    if not wanted:
        largest = max(place.rows for place in mine)
        reason = (
            f"none of the {counted(len(mine), 'slice')} of '{field}' has {counted(least, 'row')}, "
            f"the largest has {largest:,}"
        )
        return [], [rule.fail(reason, fix=f"Lower min_rows in gate.rules, or {rule.more_rows}.")]
    small = [
        rule.excluded_slice(place.title, place.rows, least) for place in mine if place.rows < least
    ]
    return wanted, small
