"""Select the slices that a sliced rule applies to, for evaluations and comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from pydantic import model_validator

from assay.gate.rules import finding, wording
from assay.gate.rules.kind import Rule
from assay.project.params.gate import GateParams
from assay.project.params.messages import unknown_name
from assay.project.params.values import Positive, Text
from assay.project.tasks import OwnMetrics, Task
from assay.project.text import counted
from assay.reports.verdict import Finding

if TYPE_CHECKING:
    from assay.contract.definition import Contract
    from assay.project.params import Params

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
        return [], [finding.fail(rule, wording.unknown_name_message("slice", field, known, where))]
    least = rule.min_rows or 0
    wanted = [place for place in mine if place.rows >= least]
    if not wanted:
        largest = max(place.rows for place in mine)
        reason = (
            f"none of the {counted(len(mine), 'slice')} of '{field}' has {counted(least, 'row')}, "
            f"the largest has {largest:,}"
        )
        return [], [
            finding.fail(rule, reason, fix=f"Lower min_rows in gate.rules, or {rule.more_rows}.")
        ]
    small = [
        finding.excluded_slice(rule, place.title, place.rows, least)
        for place in mine
        if place.rows < least
    ]
    return wanted, small
