"""A verdict in a line, for tests that say what differs and nothing else."""

from __future__ import annotations

from typing import Any

from assay.reports.verdict import (
    Finding,
    HoldoutUse,
    JudgedChampion,
    Outcome,
    Verdict,
    combine_outcomes,
)

MEASURED: dict[str, Any] = {
    "detail": "auc 0.8 meets it",
    "metric": "auc",
    "observed": 0.80001,
    "low": 0.75,
    "high": 0.85,
    "limit": 0.7,
    "direction": "min",
    "rows": 1200,
    "owner": "us",
    "because": "it must",
}


def finding(outcome: Outcome = Outcome.PASS, rule: str = "ranks", **changes: Any) -> Finding:
    """One of a rule, without numbers."""
    given = {"rule": rule, "kind": "rule", "detail": "so it is", **changes}
    return Finding(outcome=outcome, **given)


def measured(outcome: Outcome = Outcome.PASS, rule: str = "ranks", **changes: Any) -> Finding:
    """One of a rule on a metric with its interval."""
    return finding(outcome, rule, **{**MEASURED, **changes})


def verdict(*findings: Finding, **changes: Any) -> Verdict:
    """What these findings come to, about something that nobody looks at."""
    digests = ("bundle", "data", "contract", "policy", "code", "reports")
    known: dict[str, Any] = {
        "outcome": combine_outcomes(findings),
        "name": "late-flights",
        "candidate": "boosting",
        **{name: f"sha256:{name}" for name in digests},
        "champion": JudgedChampion(state="none"),
        "holdout": HoldoutUse(challenger=1, confidence=0.95),
        "findings": findings,
    }
    return Verdict(**{**known, **changes})
