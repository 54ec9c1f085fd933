"""A verdict in a line, for tests that say what differs and nothing else."""

from __future__ import annotations

from typing import Any

from assay.reports.verdict import Finding, HoldoutUse, JudgedChampion, Verdict, combine_outcomes


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
