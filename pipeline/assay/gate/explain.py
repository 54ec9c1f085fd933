"""``assay gate explain RULE``: how a number of the verdict came about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from assay.errors import UsageError
from assay.gate import waivers
from assay.gate.inputs import Inputs
from assay.gate.rules import decide as rules
from assay.gate.rules import words
from assay.metrics.units import ROW, about, counted
from assay.project import jsonfile, layout
from assay.project.params import Params
from assay.project.params.gate import (
    ChangeRule,
    ContractRule,
    CostRule,
    FairnessRule,
    Gate,
    LeakageRule,
    LimitRule,
    ParityRule,
    Rule,
    StabilityRule,
)
from assay.project.tasks import better
from assay.reports.verdict import Finding, Outcome

FILES = {
    LimitRule: layout.EVALUATION,
    FairnessRule: layout.EVALUATION,
    ChangeRule: layout.COMPARISON,
    StabilityRule: layout.COMPARISON,
    ParityRule: layout.REHEARSAL,
    CostRule: layout.REHEARSAL,
    ContractRule: layout.CONTRACT_RESULT,
    LeakageRule: layout.LEAKAGE,
}
"""The file that each kind of rule is decided from."""


def run(root: Path, params: Params, name: str, as_json: bool = False) -> tuple[Finding, ...]:
    """Decide one rule again from what stages wrote, and say each step.

    Raises
    ------
    UsageError
        There is no such rule.
    """
    rule = next((each for each in params.gate.rules if each.name == name), None)
    if rule is None:
        raise UsageError(
            words.no_such("rule", name, (each.name for each in params.gate.rules), layout.PARAMS),
            where="assay gate explain",
        )
    decided = rules.decide(rule, Inputs.of(root), params.gate)
    found = waivers.applied(decided, params.gate.waivers, waivers.today())
    if as_json:
        plain = [each.tree() for each in found]
        document = {
            "schema": 1,
            "rule": rule.model_dump(mode="json"),
            "from": FILES[type(rule)],
            "correction": params.gate.correction,
            "findings": plain,
        }
        print(jsonfile.dumps(document), end="")
    else:
        print("\n".join(lines(rule, found, params.gate)))
    return found


def lines(rule: Rule, found: tuple[Finding, ...], gate: Gate) -> Iterator[str]:
    """The explanation, line by line."""
    yield f"{rule.name} ({rule.kind})"
    yield f"  asked by {rule.owner}, because {rule.because}"
    yield f"  decided from {FILES[type(rule)]}"
    for sentence in _policy(rule, gate):
        yield f"  {sentence}"
    for finding in found:
        yield ""
        standing = f" ({finding.standing})" if not finding.decides else ""
        yield f"{finding.outcome}{standing}  {finding.slice or 'all rows'}"
        for sentence in _steps(finding):
            yield f"  {sentence}"


def _policy(rule: Rule, gate: Gate) -> Iterator[str]:
    """What applies to all of the rule's findings."""
    if rule.severity == "warn":
        yield "it warns: whatever it finds does not decide"
    if rule.inconclusive == "pass":
        yield "INCONCLUSIVE is let pass, by this rule's name"
    if isinstance(rule, ChangeRule | LimitRule | FairnessRule):
        over = "pairs of groups" if isinstance(rule, FairnessRule) else "slices"
        sliced = isinstance(rule, FairnessRule) or rule.slice is not None
        if sliced and gate.correction == "none":
            yield f"no correction for there being several {over}"
        elif sliced:
            yield f"all {over} must pass; a FAIL stands after {gate.correction} over the {over}"
    if isinstance(rule, ChangeRule):
        asked = "no worse by more than" if rule.margin is not None else "better by at least"
        yield (
            f"the challenger has to be {asked} {abs(rule.worst):.12g}, "
            f"where better is {better(rule.metric)}"
        )


def _steps(finding: Finding) -> Iterator[str]:
    """From what was measured to the outcome."""
    if finding.champion is not None and finding.challenger is not None:
        yield (
            f"champion {finding.champion:.6g}, challenger {finding.challenger:.6g}"
            f" on the same {finding.rows or 0:,} rows"
        )
    if finding.observed is not None:
        text = f"{finding.metric or 'value'} {finding.observed:.6g}"
        if finding.low is not None and finding.high is not None:
            text += f", interval {finding.low:.6g} to {finding.high:.6g}"
        yield text + (f" by {finding.method}" if finding.method else "")
    if finding.limit is not None and finding.direction is not None:
        yield f"limit: {words.at(finding.limit, finding.direction)}"
    if finding.unit is not None and finding.units is not None:
        text = f"over {counted(finding.units, finding.unit)}"
        if finding.design_effect is not None:
            text += f", design effect {finding.design_effect:.2f}"
        yield text
    if finding.outcome is not Outcome.PASS and finding.units_needed is not None:
        yield f"about {about(finding.units_needed, finding.unit or ROW)} would tell"
    yield f"so: {finding.detail}"
    if finding.waiver is not None:
        waiver = finding.waiver
        yield f"waived until {waiver.until} by {waiver.owner}: {waiver.because}"
