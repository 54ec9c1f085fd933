"""Of a rule with many slices, show those that matter and count the others; tell the same once.

A rule across 2,000 slices has 2,000 findings. Whoever reads the verdict needs those that decide,
and those that nearly did; the others are in verdict.json. A night that could not be rehearsed is
the reason of every rule on nights, and is told for all of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from assay.gate.rules.leakage_words import leakage_title
from assay.project.text import counted
from assay.reports.verdict import Finding, Outcome

SHOWN = 10
"""So many findings of one rule that ended alike are shown."""


@dataclass(frozen=True, slots=True)
class OtherSlices:
    """Slices of one rule that ended as those shown before them; none is nearer to the limit."""

    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        return self.findings[0].outcome

    @property
    def sentence(self) -> str:
        """How many slices of which rule."""
        return f"{self.findings[0].rule}: {counted(len(self.findings), 'more slice')}"


Shown: TypeAlias = Finding | OtherSlices


def fold(findings: Iterable[Finding]) -> list[Shown]:
    """Keep the order of ``findings``; what is too much of one rule is gathered behind its last.

    Of a rule's findings with the same outcome and the same reason not to count, the `SHOWN` that
    are nearest to their limit stay. Those without a value come first. Checks for leakage are no
    slices: each is shown.
    """
    groups: dict[tuple[str, Outcome, str], list[Finding]] = {}
    for each in findings:
        rule = each.title if leakage_title(each) else each.rule
        groups.setdefault((rule, each.outcome, each.exemption_reason), []).append(each)
    shown: list[Shown] = []
    for group in groups.values():
        nearest = sorted(range(len(group)), key=lambda number: _distance(group[number]))
        kept = set(nearest[:SHOWN])
        shown += [each for number, each in enumerate(group) if number in kept]
        if rest := [each for number, each in enumerate(group) if number not in kept]:
            shown.append(OtherSlices(tuple(rest)))
    return shown


def together(shown: Iterable[Shown]) -> list[tuple[Shown, ...]]:
    """Findings of rules of which the same is told, in one group; in the order of each first."""
    groups: dict[object, list[Shown]] = {}
    for each in shown:
        groups.setdefault(_telling(each), []).append(each)
    return [tuple(group) for group in groups.values()]


def _telling(shown: Shown) -> object:
    """What is equal if the same is told; its own for a test, which is looked up by its name."""
    if isinstance(shown, OtherSlices) or shown.kind != "rule":
        return id(shown)
    return shown.outcome, shown.exemption_reason, shown.told, shown.owner, repr(shown.waiver)


def _distance(finding: Finding) -> float:
    if finding.observed is None or finding.limit is None:
        return -math.inf
    return abs(finding.observed - finding.limit)
