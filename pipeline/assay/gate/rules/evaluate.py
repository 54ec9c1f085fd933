"""Evaluate a rule on reports. Pure: no clock, no randomness.

A rule whose input is missing or malformed is FAIL. pytest, ``assay gate``, ``explain`` and
``backtest`` all use the same function.
"""

from __future__ import annotations

from assay.errors import AssayError
from assay.gate.inputs import GateInputs
from assay.gate.rules import change, fairness, finding, limit, nights, own, report_rules
from assay.gate.rules.next_steps import with_next_step
from assay.project.params.gate import (
    ChangeRule,
    ContractRule,
    CostRule,
    FairnessRule,
    GateParams,
    LimitRule,
    NightsRule,
    OwnRule,
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
        return tuple(with_next_step(rule, each) for each in _decide(rule, inputs, gate))
    except AssayError as error:
        return (finding.fail(rule, error.line()),)


def evaluate_rules(inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
    """The findings of all rules, in the order of the policy, before waivers are applied."""
    return tuple(found for rule in gate.rules for found in evaluate_rule(rule, inputs, gate))


def _decide(rule: Rule, inputs: GateInputs, gate: GateParams) -> tuple[Finding, ...]:
    if isinstance(rule, LimitRule):
        return limit.evaluate(rule, inputs.evaluation, gate)
    if isinstance(rule, ChangeRule):
        return change.evaluate(rule, inputs.comparison, gate)
    if isinstance(rule, FairnessRule):
        return fairness.evaluate(rule, inputs.evaluation, gate)
    if isinstance(rule, StabilityRule):
        return report_rules.stability(rule, inputs.comparison)
    if isinstance(rule, ParityRule):
        return report_rules.parity(rule, inputs.rehearsal)
    if isinstance(rule, CostRule):
        return report_rules.cost(rule, inputs.rehearsal)
    if isinstance(rule, NightsRule):
        return nights.evaluate(rule, inputs.rehearsal)
    if isinstance(rule, OwnRule):
        return own.evaluate(rule, inputs)
    if isinstance(rule, ContractRule):
        return report_rules.contract(rule, inputs.contract)
    return report_rules.leakage(rule, inputs.leakage, inputs.evaluation, inputs.comparison)
