"""Evaluate a rule on reports. Pure: no clock, no randomness.

A rule whose input is missing or malformed is FAIL. pytest, ``assay gate``, ``explain`` and
``backtest`` all use the same function.
"""

from __future__ import annotations

from assay.errors import AssayError
from assay.gate.inputs import GateInputs
from assay.gate.rules import change as rule_change
from assay.gate.rules import fairness as rule_fairness
from assay.gate.rules import finding
from assay.gate.rules import limit as rule_limit
from assay.gate.rules import nights as rule_nights
from assay.gate.rules import report_rules as rule_reports
from assay.project.params.gate import (
    ChangeRule,
    ContractRule,
    CostRule,
    FairnessRule,
    GateParams,
    LimitRule,
    NightsRule,
    ParityRule,
    Rule,
    StabilityRule,
)
from assay.reports.verdict import Finding


def evaluate_rule(rule: Rule, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
    """The findings of one rule.

    Parameters
    ----------
    gate
        The policy of the rule, for its correction and power.

    Returns
    -------
    tuple of Finding
        Never empty. A missing or malformed file gives one FAIL with the reason.
    """
    try:
        return _decide(rule, inputs, gate)
    except AssayError as error:
        return (finding.fail(rule, error.line()),)


def evaluate_rules(inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
    """The findings of all rules, in the order of the policy, before waivers are applied."""
    return tuple(found for rule in gate.rules for found in evaluate_rule(rule, inputs, gate))


def _decide(rule: Rule, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
    if isinstance(rule, LimitRule):
        return rule_limit.evaluate(rule, inputs.evaluation, gate)
    if isinstance(rule, ChangeRule):
        return rule_change.evaluate(rule, inputs.comparison, gate)
    if isinstance(rule, FairnessRule):
        return rule_fairness.evaluate(rule, inputs.evaluation, gate)
    if isinstance(rule, StabilityRule):
        return rule_reports.stability(rule, inputs.comparison)
    if isinstance(rule, ParityRule):
        return rule_reports.parity(rule, inputs.rehearsal)
    if isinstance(rule, CostRule):
        return rule_reports.cost(rule, inputs.rehearsal)
    if isinstance(rule, NightsRule):
        return rule_nights.evaluate(rule, inputs.rehearsal)
    if isinstance(rule, ContractRule):
        return rule_reports.contract(rule, inputs.contract)
    return rule_reports.leakage(rule, inputs.leakage)
