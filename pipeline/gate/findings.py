"""From what pytest saw to findings. Pure, and suspicious: what did not run is FAIL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline import layout
from pipeline.gate.evaluation import Evaluation
from pipeline.gate.record import Seen
from pipeline.gate.run import Session
from pipeline.params import Params
from pipeline.verdict import Finding, Outcome

TEST_OUTCOMES = {
    "passed": Outcome.PASS,
    "failed": Outcome.FAIL,
    "error": Outcome.FAIL,
    "skipped": Outcome.INCONCLUSIVE,
    "xfailed": Outcome.INCONCLUSIVE,
    "xpassed": Outcome.INCONCLUSIVE,
}

_WORDS = {
    "failed": "failed",
    "error": "could not be set up or taken down",
    "skipped": "was skipped, so it says nothing",
    "xfailed": "is expected to fail, and did",
    "xpassed": "is expected to fail, but passed",
}


@dataclass(frozen=True)
class Bound:
    """Digests of what the verdict is about, as the files are now."""

    bundle: str
    data: str
    contract: str
    policy: str


def rule_findings(decided: Sequence[Finding], seen: Seen) -> tuple[Finding, ...]:
    """The findings decided here, each turned to FAIL unless pytest saw the very same.

    Parameters
    ----------
    decided
        What :func:`pipeline.gate.rules.decide` gives in this process.
    """
    return tuple(_confirmed(finding, seen) for finding in decided)


def _confirmed(finding: Finding, seen: Seen) -> Finding:
    node = f"{layout.PARAMS}::{finding.title}"
    if node not in seen.rules or node not in seen.outcomes:
        return replace(
            finding, outcome=Outcome.FAIL, detail=f"did not run under pytest ({finding.detail})"
        )
    passed = seen.outcomes[node] == "passed"
    if seen.rules[node] != finding or passed is not (finding.outcome is Outcome.PASS):
        return replace(
            finding,
            outcome=Outcome.FAIL,
            detail=f"pytest saw something else: {seen.outcomes[node]}, "
            f"'{seen.rules[node].detail}' instead of '{finding.detail}'",
        )
    return finding


def model_test_findings(seen: Seen) -> tuple[Finding, ...]:
    """One finding a model test, by node id, and one for whatever could not be collected."""
    found = [_test_finding(node, seen) for node in set(seen.collected) - set(seen.rules)]
    for node, reason in seen.uncollected.items():
        kind, _, detail = reason.partition(": ")
        outcome = Outcome.INCONCLUSIVE if kind == "skipped" else Outcome.FAIL
        words = "was skipped" if kind == "skipped" else "could not be collected"
        found.append(_about_tests(node, outcome, f"{words}: {detail}"))
    return tuple(sorted(found, key=lambda finding: (finding.rule, finding.detail)))


def _test_finding(node: str, seen: Seen) -> Finding:
    outcome = seen.outcomes.get(node)
    if outcome is None:
        return _about_tests(node, Outcome.FAIL, "was collected but did not run")
    if outcome == "passed":
        return _about_tests(node, Outcome.PASS, "passed")
    detail = seen.details.get(node)
    words = _WORDS[outcome] + (f": {detail}" if detail else "")
    return _about_tests(node, TEST_OUTCOMES[outcome], words)


def session_findings(session: Session, tests: str, *, there: bool) -> tuple[Finding, ...]:
    """What is wrong with the run as a whole; nothing if nothing is.

    Parameters
    ----------
    there
        Whether the folder ``tests`` exists.
    """
    found = []
    if not there:
        found.append(_about_tests(tests, Outcome.FAIL, "no such folder of model tests"))
    if session.crash:
        found.append(_about_tests("pytest", Outcome.FAIL, session.crash))
    elif session.code != 0 and not _explains(session.seen):
        detail = f"ended with exit code {session.code} though everything it reported passed"
        found.append(_about_tests("pytest", Outcome.FAIL, detail))
    return tuple(found)


def _explains(seen: Seen) -> bool:
    """Whether some item accounts for pytest's exit code 1."""
    failed = {"failed", "error", "xpassed"}
    return bool(seen.uncollected) or not failed.isdisjoint(seen.outcomes.values())


def binding_findings(
    evaluation: Evaluation, params: Params, before: Bound, after: Bound
) -> tuple[Finding, ...]:
    """FAIL for each thing that the evaluation, the files and params.yaml disagree about."""
    found = []
    for what, said, now in (
        ("bundle", evaluation.bundle, before.bundle),
        ("data", evaluation.data, before.data),
        ("contract", evaluation.contract, before.contract),
    ):
        if said != now:
            found.append(
                _about_binding(
                    f"evaluation is about another {what}: {said[:19]}, now it is {now[:19]}"
                )
            )
    if evaluation.name != params.name:
        found.append(
            _about_binding(f"evaluation is about '{evaluation.name}', not '{params.name}'")
        )
    if evaluation.confidence != params.evaluate.confidence:
        found.append(
            _about_binding(
                f"evaluation has {evaluation.confidence:.4g} intervals, "
                f"params.yaml asks for {params.evaluate.confidence:.4g}"
            )
        )
    if before != after:
        changed = [
            name
            for name in ("bundle", "data", "contract", "policy")
            if getattr(before, name) != getattr(after, name)
        ]
        found.append(_about_binding(f"{', '.join(changed)} changed while the gate ran"))
    return tuple(found)


def _about_tests(node: str, outcome: Outcome, detail: str) -> Finding:
    return Finding(rule=node, kind="test", outcome=outcome, detail=detail)


def _about_binding(detail: str) -> Finding:
    return Finding(
        rule="the evaluation is about what is here now",
        kind="rule",
        outcome=Outcome.FAIL,
        detail=detail,
        owner="assay",
        because="a verdict counts only for the very files it names",
    )
