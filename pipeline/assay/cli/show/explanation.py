"""How a finding of the verdict came about, step by step."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assay.cli.terminal import Line
from assay.gate.explain import ExplainedRule, RecordedName, RuleList
from assay.gate.rules.finding import format_limit
from assay.gate.rules.kind import Rule
from assay.metrics.estimate import format_cells
from assay.metrics.sampling_units import ROW, format_rounded_count, format_unit_count
from assay.project import layout
from assay.project.tasks import Task
from assay.project.text import counted
from assay.reports.evaluation import LEAST_SHOWN, SliceResult, group_rates, shown_groups
from assay.reports.verdict import Finding, Outcome

if TYPE_CHECKING:
    from rich.table import Table


KINDS = {"rule": "check of the gate itself", "behaviour": "behaviour", "test": "model test"}
"""Kind of a finding that no rule of the policy made -> words for it."""


def lines(found: RuleList | ExplainedRule | RecordedName) -> Iterator[Line]:
    """All outcomes; or what one is asked and decided from, then the steps to each finding."""
    if isinstance(found, RuleList):
        yield from list_lines(found)
    elif isinstance(found, RecordedName):
        yield from _recorded(found)
    else:
        yield from _explained(found)


def list_lines(found: RuleList) -> Iterator[str]:
    """The outcome, name and kind of each rule and of what else the verdict has; how to ask."""
    if not found.rules:
        yield "params.yaml has no gate.rules"
    named: list[tuple[str, str, ExplainedRule | RecordedName]] = [
        *((each.rule.name, each.rule.kind, each) for each in found.rules),
        *((each.name, KINDS[each.kind], each) for each in found.recorded),
    ]
    if not named:
        return
    outcomes = [_standing(each.worst) for _, _, each in named]
    wide = max(map(len, outcomes))
    for outcome, (name, kind, each) in zip(outcomes, named, strict=True):
        yield f"{outcome:<{wide}}  {name} ({kind}{_several(each)})"
    asked = next((name for name, _, each in named if each.worst.blocks), named[0][0])
    yield f"How one came about: assay gate explain {shlex.quote(asked)}"


def _several(found: ExplainedRule | RecordedName) -> str:
    count = len(found.findings)
    if count == 1:
        return ""
    if isinstance(found, RecordedName):
        return f", the worst of {count}"
    return f", the worst of {count} {found.rule.over}"


def _recorded(found: RecordedName) -> Iterator[Line]:
    yield f"{found.name} ({KINDS[found.kind]})"
    if found.worst.owner and found.worst.because:
        yield f"  asked by {found.worst.owner}, because {found.worst.because}"
    yield f"  as recorded in {layout.VERDICT}"
    for finding in found.findings:
        yield ""
        yield _standing(finding)
        for sentence in _steps(finding):
            yield f"  {sentence}"


def _explained(explained: ExplainedRule) -> Iterator[Line]:
    """The rule and its data, the groups that it compares, then the steps to each finding."""
    rule = explained.rule
    yield f"{rule.name} ({rule.kind})"
    yield f"  asked by {rule.owner}, because {rule.because}"
    yield f"  decided from {explained.file}"
    for sentence in rule.settings(explained.gate, explained.own_metrics):
        yield f"  {sentence}"
    shown, small = shown_groups(explained.groups)
    if shown and explained.task is not None:
        yield ""
        yield _groups(explained.rule, explained.task, shown)
    if small:
        yield f"{counted(small, 'group')} of fewer than {LEAST_SHOWN} rows not shown"
    for finding in explained.findings:
        yield ""
        yield f"{_standing(finding)}  {finding.slice or 'all rows'}"
        for sentence in _steps(finding):
            yield f"  {sentence}"


def _groups(rule: Rule, task: Task, groups: Sequence[SliceResult]) -> Table:
    """Each group's rows and rates, the largest first; the rule's own metric too."""
    from rich.table import Table
    from rich.text import Text

    asked = rule.group_metric
    found = [(part, group_rates(task, part)) for part in groups]
    for part, rates in found:
        if asked not in rates:
            rates[asked] = (part.metrics or {}).get(asked)
    table = Table(box=None, pad_edge=False)
    table.add_column("group", overflow="fold")
    table.add_column("rows", justify="right", no_wrap=True)
    names = [name for name in found[0][1] if any(rates[name] for _, rates in found)]
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for part, rates in found:
        cells = (" (".join(format_cells(rates[name])) + ")" for name in names)
        table.add_row(Text(part.title), f"{part.rows:,}", *cells)
    return table


def _standing(finding: Finding) -> str:
    """The outcome, and why it does not count if it does not."""
    return f"{finding.outcome}" + ("" if finding.decides else f" ({finding.exemption_reason})")


def _steps(finding: Finding) -> Iterator[str]:
    """From the measured value to the outcome."""
    if finding.champion is not None and finding.challenger is not None:
        yield (
            f"champion {finding.champion:.6g}, challenger {finding.challenger:.6g}"
            f" on the same {counted(finding.rows or 0, 'row')}"
        )
    if finding.observed is not None:
        text = f"{finding.metric or 'value'} {finding.observed:.6g}"
        if finding.low is not None and finding.high is not None:
            text += f", interval {finding.low:.6g} to {finding.high:.6g}"
        yield text + (f" by {finding.method}" if finding.method else "")
    if finding.limit is not None and finding.direction is not None:
        yield f"limit: {format_limit(finding.limit, finding.direction)}"
    if finding.unit is not None and finding.units is not None:
        text = f"over {format_unit_count(finding.units, finding.unit)}"
        if finding.design_effect is not None:
            text += f", design effect {finding.design_effect:.2f}"
        yield text
    if finding.outcome is not Outcome.PASS and finding.units_needed is not None:
        yield f"about {format_rounded_count(finding.units_needed, finding.unit or ROW)} would tell"
    yield f"so: {finding.statement}"
    if finding.advice:
        yield f"next: {finding.advice}"
    if finding.waiver is not None:
        waiver = finding.waiver
        yield f"waived until {waiver.until} by {waiver.owner}: {waiver.because}"
