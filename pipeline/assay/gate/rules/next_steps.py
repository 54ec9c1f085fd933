"""What to do about a finding that is not PASS, by the kind of its rule. Pure.

A finding says what is so; this is what its owner can do next. Rules of the project's own say it
themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.project import layout
from assay.project.params.gate import (
    ChangeRule,
    ContractRule,
    CostRule,
    FairnessRule,
    LeakageCheck,
    LeakageRule,
    LimitRule,
    ModelLeakageCheck,
    NightsMeasure,
    NightsRule,
    ParityRule,
    Rule,
    StabilityRule,
)
from assay.reports.verdict import Finding, Outcome

LEAKAGE: Mapping[LeakageCheck | ModelLeakageCheck, str] = {
    "same_key": "Leave copies out in data/source.py; where they are none, give the key role to "
    "what tells them apart.",
    "near_duplicates": "Leave copies out in data/source.py; if they are none, raise "
    "leakage.max_duplicate_share.",
    "time_overlap": "Let the window holdout begin after the window train in params.yaml.",
    "label_power": "If that is not known before the label, take it out of data/contract.py; if it "
    "is, raise leakage.max_label_power.",
    "label_sum": "Take what is known only with the label, as a total is, out of data/contract.py; "
    "if all are known before, raise leakage.max_sum_power (of classes leakage.max_label_power).",
    "label_name": "If it is known only with the label, or another model's answer, take it out of "
    "data/contract.py; if it is known before, name it in leakage.trusted_columns.",
    "identifier": "Take the role feature from it in data/contract.py; if it describes a row, raise "
    "leakage.max_identifier_share.",
    "category_shift": "If it stays so, train on newer rows; if it comes and goes, raise "
    "leakage.max_category_shift.",
    "label_shift": "If it stays so, train on newer rows; if it comes and goes as seasons do, raise "
    "leakage.max_label_shift.",
    "not_at_scoring": "Take it out of data/contract.py, or let score.input have it at night.",
    "shuffled_error": "See whether the feature is known before the label is, such as no total that "
    "has the label in it; if it is, raise max_shuffled_error of this rule in gate.rules.",
    "error_jump": "See which feature made it so good, and whether that is known before the label; "
    "if all are, raise max_error_jump of this rule in gate.rules.",
}
"""What to do about a check that is suspect."""

NIGHTS: Mapping[NightsMeasure, str] = {
    "flipped": "the answers that changed",
    "newly_quarantined": "the rows that the new contract refuses",
    "quarantined": "the rows that the contract refuses",
    "score_distance": "the scores that changed",
    "held": "why they would be held",
    "slower": "how long each takes",
}
"""What a rule of kind ``nights`` is about, to be looked at."""

BEHAVIOUR: Mapping[str, str] = {
    "invariance": "Take the column out of the features, or train on rows in which it decides "
    "nothing; if it should matter, take the behaviour out of gate.behaviour.",
    "direction": "Hold the model to it (monotonic_cst of boosted trees), or train on rows that "
    "show it; if it asks too much, raise max_failed in gate.behaviour.",
    "minimum": "Train on rows like these, or correct the expected answers in gate.behaviour.",
    "robustness": "Train on rows like these, or leave out what makes the answer jump; if it asks "
    "too much, raise max_failed in gate.behaviour.",
    "monotonicity": "Hold the model to it (monotonic_cst of boosted trees); if it asks too much, "
    "raise max_failed in gate.behaviour.",
}
"""What to do about a behaviour that the model does not show."""

OVERRIDE = (
    "If it may go out all the same: a waiver with a reason and a last day (gate.waivers in "
    "params.yaml), or assay promote --override --because WHY."
)


def with_next_step(rule: Rule, finding: Finding) -> Finding:
    """The finding, and what its owner can do if it is not PASS and does not say so itself."""
    allowed = finding.severity != rule.severity  # by name, as only a leakage rule can
    if finding.outcome is Outcome.PASS or allowed or finding.mend:
        return finding
    return finding.model_copy(update={"mend": _mend(rule, finding)})


def test_alone(node: str) -> str | None:
    """How to see a model test fail; None if ``node`` is no single test."""
    return f"See it alone: pytest '{node}'" if "::" in node else None


def _mend(rule: Rule, finding: Finding) -> str | None:
    if isinstance(rule, LeakageRule):
        known = finding.outcome is Outcome.FAIL and finding.metric in LEAKAGE
        return LEAKAGE[finding.metric] if known else None  # type: ignore[index]
    if finding.outcome is Outcome.INCONCLUSIVE:
        return _longer_holdout(rule, finding)
    if isinstance(rule, ContractRule):
        return (
            f"See the broken rules in {layout.CONTRACT_PAGE}; leave such rows out in "
            "data/source.py, or correct data/contract.py."
        )
    if finding.observed is None:
        return None  # it could not be measured, and the reason is in the detail
    return _measured(rule)


def _measured(rule: Rule) -> str | None:
    """What to do about a FAIL whose number is known."""
    if isinstance(rule, LimitRule):
        return (
            "Give the model better features (data/contract.py) or other settings (candidates in "
            "params.yaml); if the rule asks too much, change it in gate.rules."
        )
    if isinstance(rule, ChangeRule):
        what = "raise margin" if rule.gain is None else "lower gain"
        return (
            f"See where it is worse in {layout.COMPARISON_PAGE}; until it is mended the champion "
            f"stays. If that is accepted, {what} in gate.rules."
        )
    if isinstance(rule, FairnessRule):
        return (
            f"assay gate explain '{rule.name}' lists the groups. See what sets the worst apart: "
            f"few rows, or features that stand for '{rule.across}'."
        )
    if isinstance(rule, StabilityRule):
        limit = "max_distance" if rule.max_flipped is None else "max_flipped"
        return (
            f"See which answers changed in {layout.COMPARISON_PAGE}; if they should, raise {limit} "
            "in gate.rules."
        )
    if isinstance(rule, ParityRule):
        return (
            "Look for code of your own whose answer for a row depends on the rows around it, "
            "such as a mean over all rows that are scored at once."
        )
    if isinstance(rule, CostRule):
        return (
            "Take fewer features or a smaller model (candidates in params.yaml), or raise max in "
            "gate.rules."
        )
    if isinstance(rule, NightsRule):
        return (
            f"Look at {NIGHTS[rule.of]}, night by night, in {layout.REHEARSAL}; if that is "
            "accepted, raise max in gate.rules."
        )
    return None


def _longer_holdout(rule: Rule, finding: Finding) -> str | None:
    """What makes an INCONCLUSIVE decidable."""
    if finding.tolerated:
        return None
    if isinstance(rule, LimitRule | ChangeRule | FairnessRule | StabilityRule):
        size = "be longer" if finding.units_needed is None else "have so many"
        looser = "ask for less in gate.rules"
        if finding.slice is not None and finding.observed is None:
            looser = "leave small slices out with min_rows in gate.rules"
        return f"Let the window holdout in params.yaml {size}, or {looser}."
    return None
