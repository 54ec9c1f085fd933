"""``assay gate explain NAME``: evaluate one rule again and show its findings and source.

Behaviours, model tests and the gate's own checks cannot be repeated from reports: they are shown as
the verdict records them. Without a name, all are listed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assay.errors import AssayError, StageInputMissing, UsageError
from assay.gate import holdout_history, waivers
from assay.gate.inputs import GateInputs
from assay.gate.rules import kinds
from assay.gate.rules.kind import Rule
from assay.gate.rules.kinds import Policy
from assay.gate.verdict_command import read_verdict
from assay.gate.verdict_text import sort_findings
from assay.project import layout
from assay.project.params import Params
from assay.project.tasks import OwnMetrics, Task
from assay.project.text import suggest
from assay.reports.evaluation import SliceResult, shown_groups
from assay.reports.verdict import Finding, Kind

_LOG = logging.getLogger("assay")


class _Found:
    """Has ``findings``, at least one."""

    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Finding:
        """The finding that speaks for all: one that blocks, if there is one."""
        return sort_findings(self.findings)[0]


@dataclass(frozen=True)
class ExplainedRule(_Found):
    """A rule, its findings, and the policy and the own metrics that it is decided with.

    ``groups`` are those of people that it compares, of a model of this ``task``.
    """

    rule: Rule
    findings: tuple[Finding, ...]
    gate: Policy
    own_metrics: OwnMetrics
    task: Task | None = None
    groups: tuple[SliceResult, ...] = ()

    @property
    def file(self) -> str:
        """The report that the rule is evaluated on, or the project's own function."""
        return self.rule.source

    def document(self) -> dict[str, object]:
        return {
            "schema": 1,
            "rule": self.rule.model_dump(mode="json"),
            "from": self.file,
            "correction": self.gate.correction,
            "findings": [each.tree() for each in self.findings],
            **(
                {"groups": [each.tree() for each in shown_groups(self.groups)[0]]}
                if self.groups
                else {}
            ),
        }


@dataclass(frozen=True)
class RecordedName(_Found):
    """A name that is no rule of the policy, with its findings in the verdict; never empty."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def kind(self) -> Kind:
        return self.findings[0].kind

    def document(self) -> dict[str, object]:
        return {
            "schema": 1,
            "name": self.name,
            "kind": self.kind,
            "from": layout.VERDICT,
            "findings": [each.tree() for each in self.findings],
        }


@dataclass(frozen=True)
class RuleList:
    """All rules of the policy with their findings, in its order, and what else is recorded."""

    rules: tuple[ExplainedRule, ...]
    recorded: tuple[RecordedName, ...] = ()

    def document(self) -> dict[str, object]:
        return {
            "schema": 1,
            "rules": [
                {"rule": each.rule.name, "kind": each.rule.kind, **_summary(each)}
                for each in self.rules
            ],
            "recorded": [
                {"name": each.name, "kind": each.kind, **_summary(each)} for each in self.recorded
            ],
        }


def list_rules(root: Path, params: Params) -> RuleList:
    """Evaluate every rule on the reports in the work tree, and read what the verdict has besides.

    A verdict that cannot be read is warned of: the outcomes of rules are those of now.
    """
    recorded = _recorded(root, params, logging.WARNING)
    inputs, policy = _inputs(root), kinds.read_policy(params, root)
    return RuleList(
        tuple(_explain(rule, inputs, policy, params) for rule in policy.rules),
        tuple(recorded.values()),
    )


def run(root: Path, params: Params, name: str) -> ExplainedRule | RecordedName:
    """Evaluate one rule on the reports in the work tree, with a warning as `list_rules` gives.

    Of any other name, what the verdict records.

    Raises
    ------
    UsageError
        Neither the policy nor the verdict has ``name``.
    """
    policy = kinds.read_policy(params, root)
    rule = next((each for each in policy.rules if each.name == name), None)
    # Of a name that there is not, the error is all that is to be said.
    recorded = _recorded(root, params, logging.WARNING if rule else logging.DEBUG)
    if rule is not None:
        return _explain(rule, _inputs(root), policy, params)
    if name in recorded:
        return recorded[name]
    known = {*(each.name for each in params.gate.rules), *recorded}
    raise UsageError(
        f"there is no rule, behaviour or model test '{name}'",
        where="assay gate explain",
        fix=suggest(name, sorted(known)) or "assay gate explain lists them.",
    )


def _inputs(root: Path) -> GateInputs:
    return GateInputs.of(root, holdout_history.place_of_reports(root))


def _summary(explained: _Found) -> dict[str, object]:
    return {
        "outcome": explained.worst.outcome.value,
        "decides": explained.worst.decides,
        "findings": len(explained.findings),
    }


def _recorded(root: Path, params: Params, level: int) -> Mapping[str, RecordedName]:
    """What the verdict has besides the policy's rules, by name; a broken one is logged."""
    try:
        verdict = read_verdict(root)
    except StageInputMissing:
        _LOG.log(level, "The gate has not decided: its rules are asked of the reports here.")
        return {}
    except AssayError as error:
        _LOG.log(level, "%s The rules are asked anew here.", error.line())
        return {}
    rules = {each.name for each in params.gate.rules}
    by_name: dict[str, tuple[Finding, ...]] = {}
    for finding in verdict.findings:
        if finding.rule not in rules:
            by_name[finding.rule] = (*by_name.get(finding.rule, ()), finding)
    return {name: RecordedName(name, mine) for name, mine in by_name.items()}


def _explain(rule: Rule, inputs: GateInputs, policy: Policy, params: Params) -> ExplainedRule:
    decided = kinds.evaluate_rule(rule, inputs, policy)
    findings = waivers.apply_waivers(decided, policy.waivers, waivers.today())
    explained = ExplainedRule(rule, tuple(findings), policy, params.evaluate.metrics)
    try:
        groups = rule.groups(inputs)
        return (
            replace(explained, task=inputs.evaluation.task, groups=groups) if groups else explained
        )
    except AssayError:
        # The finding already says what is wrong with the file.
        return explained
