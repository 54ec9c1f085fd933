"""What each check for leakage asks for and what its result means, in a sentence for anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assay.project.params.gate import LeakageCheck, ModelLeakageCheck
from assay.reports.verdict import Finding, Outcome


@dataclass(frozen=True)
class Words:
    """``title``: what should be so; ``passed``, ``failed``: what the result means."""

    title: str
    passed: str
    failed: str


LEAKAGE_WORDS: Mapping[LeakageCheck | ModelLeakageCheck, Words] = {
    "same_key": Words(
        "No row in both training and holdout",
        "The model was not trained on any row it is tested on",
        "The model was trained on rows it is tested on, so the test flatters it",
    ),
    "near_duplicates": Words(
        "No copies of training rows in the holdout",
        "The holdout is new to the model, not a copy of training rows",
        "Part of the holdout copies training rows, so the test flatters the model",
    ),
    "time_overlap": Words(
        "Holdout later than training",
        "The model is tested on a later time than it was trained on, as at night",
        "The model was trained on rows from the time it is tested on, so it may know the future",
    ),
    "label_power": Words(
        "No feature that gives the label away",
        "No feature alone gives the label away",
        "One feature alone nearly is the label, and may be known only with it",
    ),
    "label_sum": Words(
        "No sum of features that gives the label away",
        "No sum or difference of features gives the label away",
        "Features together nearly are the label, and one may be known only with it",
    ),
    "label_name": Words(
        "No feature named like an answer",
        "No feature is named like the label or another model's answer",
        "A feature is named like the label or another model's answer, so it may give it away",
    ),
    "identifier": Words(
        "No feature that identifies a row",
        "Features describe rows, none identifies them",
        "A feature identifies rows, so the model may learn them by heart",
    ),
    "category_shift": Words(
        "Same mix of categories in training and holdout",
        "Training and holdout have about the same mix of categories",
        "The holdout has another mix of categories than training, so it tests another population",
    ),
    "label_shift": Words(
        "Same distribution of the label in training and holdout",
        "Training and holdout have about the same distribution of the label",
        "The label is distributed otherwise in the holdout than in training",
    ),
    "not_at_scoring": Words(
        "Every column there at scoring",
        "What the model needs is there when a night is scored",
        "What the model needs is missing when a night is scored",
    ),
    "shuffled_error": Words(
        "No model that depends on one feature",
        "The model does not depend on one feature more than features that describe a row allow",
        "The model depends on one feature as if the label were computed from it",
    ),
    "error_jump": Words(
        "No model that is too good to be true",
        "The model is as good as its features explain",
        "The model is far better than any feature or the champion, as if it knew the label",
    ),
}


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


def leakage_title(finding: Finding) -> str | None:
    """What a finding of a rule of kind ``leakage`` asked for; None for any other."""
    words = LEAKAGE_WORDS.get(finding.metric)  # type: ignore[call-overload]
    return words.title if words is not None and finding.slice == finding.metric else None


def with_meaning(finding: Finding) -> Finding:
    """The finding with what its result means before its numbers."""
    words = LEAKAGE_WORDS.get(finding.metric)  # type: ignore[call-overload]
    if words is None:
        return finding
    meaning = {Outcome.PASS: words.passed, Outcome.FAIL: words.failed}.get(
        finding.outcome, "This could not be tested"
    )
    return finding.model_copy(update={"detail": f"{meaning}: {finding.detail}"})
