"""The kinds of rules: which there are, a project's rules as values of them, and how they decide.

A rule whose input is missing or malformed is FAIL. pytest, ``assay stage gate`` and
``explain`` all use the same functions. Nothing else knows which kinds there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any, Literal, TypeGuard

from pydantic import ValidationError, create_model

from assay.contract.definition import Contract
from assay.errors import AssayError, ParamsError, PluginError
from assay.gate.inputs import GateInputs
from assay.gate.rules.change import Change
from assay.gate.rules.fairness import Fairness
from assay.gate.rules.flips import Flips
from assay.gate.rules.kind import Rule
from assay.gate.rules.leakage import NoLeakage
from assay.gate.rules.limit import Limit
from assay.gate.rules.one_report import Card, ContractKept, Cost, Parity
from assay.gate.rules.own import Own
from assay.gate.rules.reasons import Reasons
from assay.gate.rules.stability import Stability
from assay.metrics.intervals.spending import pass_level
from assay.metrics.label_effects import METRICS
from assay.project import plugins, source_code
from assay.project.params import Params
from assay.project.params.behaviour import GateParams, RuleKeys
from assay.project.params.values import Section
from assay.project.tasks import Task
from assay.project.text import format_certainty, ordinal
from assay.reports.verdict import Finding, Outcome

KINDS: Mapping[str, type[Rule]] = {
    "limit": Limit,
    "change": Change,
    "fairness": Fairness,
    "stability": Stability,
    "flips": Flips,
    "reasons": Reasons,
    "parity": Parity,
    "cost": Cost,
    "contract": ContractKept,
    "leakage": NoLeakage,
    "card": Card,
    "own": Own,
}

_NAMED: dict[str, Any] = {"kind": (Literal[tuple(KINDS)], ...)}
_KIND = create_model("_KIND", __base__=Section, **_NAMED)


class Policy(GateParams):
    """The section ``gate`` with each rule as a value of its kind."""

    rules: tuple[Rule, ...]


def read_policy(
    params: Params, root: Path | None = None, read: source_code.Reader | None = None
) -> Policy:
    """The policy of params.yaml.

    Parameters
    ----------
    root, read
        Where a kind of the project's own is imported from, as for `assay.project.plugins.resolve`.

    Raises
    ------
    ParamsError
        A line for each mistake: line and key, expected and found, and the closest valid key.
    PluginError
        A kind of the project's own cannot be had.
    """
    rules = _rules(params, [_kind(rule, root, read) for rule in params.gate.rules])
    return Policy.model_construct(**{**dict(params.gate), "rules": rules})


def refuse_early(params: Params, contract: Contract) -> None:
    """Refuse before a training what the gate could only fail after it.

    Kinds of the project's own are left to `assay check`: what trains does not need their code.

    Raises
    ------
    ParamsError
        With a line for each rule.
    """
    known = [None if "." in rule.kind else _kind(rule, None, None) for rule in params.gate.rules]
    rules = _rules(params, known)
    if lines := [line for rule in rules for line in rule.early_faults(params, contract)]:
        raise ParamsError(lines)


def make_rule(**keys: Any) -> Rule:
    """A rule of one of Assay's kinds, as params.yaml would give it."""
    return KINDS[keys.setdefault("kind", "limit")].model_validate(keys)


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
        findings = rule.judge(inputs, gate)
        if rule.kind not in KINDS and not _sound(rule, findings):
            return (_fail(rule, f"{rule.kind} gives no findings of its own"),)
        held = (_with_advice(rule, _held(rule, each, inputs)) for each in findings)
        return tuple(_asking(rule, each, inputs) for each in held)
    except AssayError as error:
        return (_fail(rule, error.line()),)
    except (Exception, SystemExit) as error:
        if rule.kind in KINDS:
            raise
        what = f"{rule.kind} failed with {type(error).__name__}: {error}"
        return (_fail(rule, what + source_code.raised_at(error)),)


def evaluate_rules(inputs: GateInputs, policy: Policy) -> tuple[Finding, ...]:
    """The findings of all rules, in the order of the policy, before waivers are applied."""
    return tuple(
        finding for rule in policy.rules for finding in evaluate_rule(rule, inputs, policy)
    )


def _fail(rule: Rule, reason: str) -> Finding:
    # By the base's own method, whatever a kind of the project's own makes of its finding.
    return Rule.finding(rule, Outcome.FAIL, reason)


def _sound(rule: Rule, findings: object) -> bool:
    """Whether a kind of the project's own gave findings, all of this rule and as it may decide."""
    if not isinstance(findings, tuple) or not findings:
        return False
    kept = (rule.name, "rule", rule.severity, rule.inconclusive == "pass", None)
    return all(
        isinstance(each, Finding)
        and (each.rule, each.kind, each.severity, each.tolerated, each.waiver) == kept
        for each in findings
    )


def _held(rule: Rule, finding: Finding, inputs: GateInputs) -> Finding:
    """The finding, as certain as a PASS of this challenger has to be."""
    if finding.chance is None or inputs.challenger == 1:
        return finding
    report = inputs.comparison if "comparison" in rule.reads else inputs.evaluation
    return hold(finding, inputs.challenger, report.confidence)


def can_be_asked(rule: Rule, task: Task) -> TypeGuard[Limit | Change]:
    """Whether `assay ask` can name the rows whose labels would settle a rule."""
    asked = isinstance(rule, Limit | Change) and rule.slice is None and rule.metric in METRICS
    return task == "binary" and asked


def _with_advice(rule: Rule, finding: Finding) -> Finding:
    """The finding, and what its owner can do if it is not PASS and does not say so itself."""
    allowed = finding.severity != rule.severity  # by name, as only a leakage rule can
    if finding.outcome is Outcome.PASS or allowed or finding.fix:
        return finding
    return finding.model_copy(update={"fix": rule.advice(finding)})


def _asking(rule: Rule, finding: Finding, inputs: GateInputs) -> Finding:
    """The finding, and the command that names rows whose labels would tell, if one can."""
    if finding.outcome is not Outcome.INCONCLUSIVE or not finding.fix:
        return finding
    if not isinstance(rule, Limit | Change):
        return finding
    of = inputs.comparison if isinstance(rule, Change) else inputs.evaluation
    if not can_be_asked(rule, of.task):
        return finding
    asks = f"assay ask --rule {quote(rule.name)} names the rows whose labels would tell."
    return finding.model_copy(update={"fix": f"{finding.fix} {asks}"})


def _kind(
    rule: RuleKeys, root: Path | None, read: source_code.Reader | None
) -> type[Rule] | ValidationError:
    """The class of a rule's kind, or that there is none."""
    if "." in rule.kind:
        key = f"gate.rules '{rule.name}': kind"
        kind = plugins.resolve(rule.kind, key=key, root=root, read=read)
        if isinstance(kind, type) and issubclass(kind, Rule) and kind.judge is not Rule.judge:
            return kind
        raise PluginError(
            "no kind of rule",
            where=f"params.yaml: {key}",
            expected="a class that is derived from assay.testing.Rule, with a method judge",
            found=rule.kind,
        )
    try:
        _KIND.model_validate({"kind": rule.kind})
    except ValidationError as error:
        return error
    return KINDS[rule.kind]


def _rules(params: Params, kinds: list[type[Rule] | ValidationError | None]) -> tuple[Rule, ...]:
    """The rules whose kind is given; all mistakes of all rules at once."""
    rules: list[Rule] = []
    lines: list[str] = []
    for number, (rule, kind) in enumerate(zip(params.gate.rules, kinds, strict=True)):
        at = ("gate", "rules", number)
        if isinstance(kind, ValidationError):
            lines += params.explain(kind, _KIND, at)
        elif kind is not None:
            try:
                rules.append(kind.model_validate(rule.keys))
            except ValidationError as error:
                lines += params.explain(error, kind, at)
    if lines:
        raise ParamsError(lines)
    return tuple(rules)


# ------------------ a holdout that is asked again and again: what a PASS of its k-th takes
# Every challenger that is judged on the same rows is another chance of a false PASS: of 50 that are
# no better, one passes a rule that asks for more in over a third of all cases. So the k-th needs a
# smaller one-sided p-value at the limit than the first (`assay.metrics.intervals.spending`). A FAIL
# and an INCONCLUSIVE stay what they are, since neither lets a model out. Rules without an interval,
# such as costs, the contract, and whatever the project's own code decides, have no such p-value.

FIX = (
    "Ask fresh nights, where the first challenger needs no more than the interval: assay window "
    "moves the holdout, once there are labels. Or promote a challenger that is better by more."
)


def hold(finding: Finding, challenger: int, confidence: float) -> Finding:
    """The finding; INCONCLUSIVE for a PASS that is not certain enough for this challenger.

    Parameters
    ----------
    challenger
        Its place on the holdout, 1 for the first.
    confidence
        Of the two-sided intervals.
    """
    level = pass_level(challenger, confidence)
    if finding.outcome is not Outcome.PASS or finding.chance is None or finding.chance <= level:
        return finding
    first, needed, here = (
        format_certainty(1 - chance)
        for chance in (pass_level(1, confidence), level, finding.chance)
    )
    detail = (
        f"{finding.detail}, but with {here} certainty: of the {ordinal(challenger)} challenger on "
        f"this holdout a PASS takes {needed}, not {first}"
    )
    changes = {"outcome": Outcome.INCONCLUSIVE, "detail": detail, "fix": FIX}
    return finding.model_copy(update=changes)
