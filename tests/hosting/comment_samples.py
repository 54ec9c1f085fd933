"""A verdict as a pull request would have it, and what a comment says of it."""

from __future__ import annotations

from typing import Any

from assay.gate.verdict_command import GateAnswer
from assay.hosting.comment import CommentFacts
from assay.hosting.comment_changes import Changes, KeyChange, PartChange
from assay.reports.verdict import Finding, JudgedChampion, Outcome, Waiver
from tests.gate import build
from tests.verdicts import verdict

PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
CHAMPION = JudgedChampion(state="compared", version="v0.1.0", bundle="sha256:0123456789abcdef")


def finding(rule: str = "ranks", outcome: Outcome = PASS, **changes: Any) -> Finding:
    values: dict[str, Any] = {
        "rule": rule,
        "kind": "rule",
        "outcome": outcome,
        "detail": "auc 0.753 meets at least 0.72",
        "metric": "auc",
        "observed": 0.753,
        "low": 0.747,
        "high": 0.759,
        "limit": 0.72,
        "direction": "min",
        "rows": 27075,
        "owner": "data science",
        "because": "the hour alone ranks with 0.70",
    }
    return Finding(**{**values, **changes})


FINDINGS = (
    finding(),
    finding(
        "no airport pays for it",
        FAIL,
        slice="origin=JFK",
        detail="auc changed by -0.0312, worse than the margin of 0.01",
    ),
    finding(
        "no airport pays for it",
        INCONCLUSIVE,
        slice="origin=LGA",
        detail="auc changed by -0.004, which may be the margin of 0.01",
        unit="night",
        units=30,
        units_needed=118,
    ),
    finding("keeps its answers", FAIL, severity="warn", detail="12% of rows flipped"),
    finding(
        "old rule",
        FAIL,
        waiver=Waiver(because="see the ticket", owner="ada", until="2030-01-01"),
    ),
    finding("later is worse", kind="behaviour"),
    finding("tests/model/test_a.py::test_b", FAIL, kind="test", detail="it fell"),
)


def change(champion: float, value: float, error: float = 0.003) -> Any:
    return build.difference(value, error, champion=champion, challenger=champion + value)


def comparison(**changes: Any) -> Any:
    found = build.comparison(
        change(0.75, 0.01),
        build.compared_place("JFK", change(0.75, -0.0312), 8400),
        build.compared_place("EWR", change(0.75, 0.021), 9800),
        build.compared_place("LGA", change(0.75, -0.004, 0.005), 8875),
        build.compared_place("TEB", None, 12),
        rows=27075,
        unit="night",
        units=30,
        stability=build.flips(3330, 27075),
    )
    several = {"auc": change(0.7529, 0.0101), "log_loss": change(0.5512, -0.0061)}
    return build.changed(found, **{"differences": several, **changes})


CHANGES = Changes(
    (
        PartChange("model", True, (KeyChange("train.candidates.boosting.args.depth", None, "3"),)),
        PartChange(
            "policy",
            True,
            (KeyChange("gate.rules[no airport pays for it].margin", "0.02", "0.01"),),
            ("tests/model/test_airports.py",),
        ),
        PartChange("data", False),
        PartChange("contract", None),
        PartChange("code", False),
    ),
    (KeyChange("monitor.sample_rows", "4000", "5000"),),
)


def facts(*findings: Finding, **changes: Any) -> CommentFacts:
    about = changes.pop("champion", CHAMPION)
    judged = verdict(*(findings or FINDINGS), champion=about)
    known: dict[str, Any] = {
        "name": "late-flights",
        "answer": GateAnswer(verdict=judged, problems=changes.pop("problems", ())),
        "comparison": comparison(),
        "rehearsal": build.rehearsal(),
        "leakage": build.leakage(),
        "changes": CHANGES,
        "commit": "0f3c2ab991",
        "page": "https://github.com/acme/late-flights/actions/runs/12",
    }
    return CommentFacts(**{**known, **changes})
