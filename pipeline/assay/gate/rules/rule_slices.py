"""Select the slices that a sliced rule applies to, for evaluations and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from assay.gate.rules import finding, wording
from assay.project.params.gate import NightsRule, SlicedRule
from assay.project.text.number_format import counted
from assay.reports.verdict import Finding


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
        return [], [finding.fail(rule, reason, mend=_more_rows(rule))]
    small = [
        finding.excluded_slice(rule, place.title, place.rows, least)
        for place in mine
        if place.rows < least
    ]
    return wanted, small


def _more_rows(rule: SlicedRule) -> str:
    more = (
        "rehearse more nights (rehearse.nights)"
        if isinstance(rule, NightsRule)
        else "let the window holdout in params.yaml be longer"
    )
    return f"Lower min_rows in gate.rules, or {more}."
