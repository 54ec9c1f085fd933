"""Which places a sliced rule is about, in an evaluation or in a comparison alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from assay.gate.rules import finding, words
from assay.project.params.gate import SlicedRule
from assay.reports.verdict import Finding


class RuleSlice(Protocol):
    """The rows of one slice."""

    @property
    def field(self) -> str: ...

    @property
    def rows(self) -> int: ...

    @property
    def title(self) -> str: ...


AnyPlace = TypeVar("AnyPlace", bound=RuleSlice)


def chosen(
    rule: SlicedRule, places: Sequence[AnyPlace], where: str
) -> tuple[list[AnyPlace], list[Finding]]:
    """The slices that the rule is to be decided on, and findings for what it is not.

    A field without slices is FAIL, and so is one of which the rule's ``min_rows`` leaves
    nothing: a rule that is about no row passes nothing.
    """
    field = rule.slice or ""
    mine = [place for place in places if place.field == field]
    if not mine:
        known = (place.field for place in places)
        return [], [finding.fail(rule, words.no_such("slice", field, known, where))]
    least = rule.min_rows or 0
    wanted = [place for place in mine if place.rows >= least]
    small = [
        finding.left_out(rule, place.title, place.rows, least)
        for place in mine
        if place.rows < least
    ]
    if not wanted:
        reason = f"none of the {len(mine)} slices of '{field}' has {least} rows"
        return [], [finding.fail(rule, reason), *small]
    return wanted, small
