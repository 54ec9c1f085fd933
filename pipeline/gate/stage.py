"""The stage ``gate``: evaluation, rules and model tests in; a bound verdict out."""

from __future__ import annotations

from pathlib import Path

from pipeline import digests, layout
from pipeline.errors import GateNotPassed
from pipeline.gate import evaluation as evaluations
from pipeline.gate import findings, page, rules
from pipeline.gate.run import JUNIT, run_pytest
from pipeline.params import Params
from pipeline.verdict import Finding, Outcome, Verdict, combine

PAGE = f"{layout.GATE_REPORT}/verdict.md"


def run(root: Path, params: Params, as_json: bool = False) -> Verdict:
    """Judge the bundle of ``root`` and write verdict.json, verdict.md and junit.xml.

    Parameters
    ----------
    as_json
        Print the verdict as JSON and nothing else.

    Raises
    ------
    GateNotPassed
        The verdict is not PASS. Raised after everything was written.
    StageInputMissing, DataError, BundleError, ContractFileError
        There is nothing to judge. Then no verdict is left, not even an older one.
    """
    root = root.resolve()
    _clear(root)
    evaluation = evaluations.read(root)
    before = _bound(root, params)
    session = run_pytest(root, params.gate.tests)
    after = _bound(root, params)
    decided = [finding for rule in params.gate.rules for finding in rules.decide(rule, evaluation)]
    found = (
        *findings.binding_findings(evaluation, params, before, after),
        *findings.rule_findings(decided, session.seen),
        *findings.session_findings(
            session, params.gate.tests, there=(root / params.gate.tests).is_dir()
        ),
        *findings.model_test_findings(session.seen),
    )
    verdict = Verdict(
        outcome=combine(found),
        name=params.name,
        candidate=evaluation.candidate,
        bundle=after.bundle,
        data=after.data,
        contract=after.contract,
        policy=after.policy,
        champion=None,  # the rules are absolute; the verdict's basis says so
        findings=found,
        types=evaluation.types,
    )
    text = verdict.to_json()
    (root / PAGE).write_text(page.markdown(verdict), encoding="utf-8")
    (root / layout.VERDICT).write_text(text, encoding="utf-8")
    if as_json:
        print(text, end="")
    else:
        if any(_went_wrong(finding) for finding in found):
            print(session.output)
        page.show(verdict)
    if verdict.outcome is not Outcome.PASS:
        raise _refusal(verdict)
    return verdict


def _clear(root: Path) -> None:
    """Make the folder and take away older files, so that none outlives an error."""
    (root / layout.GATE_REPORT).mkdir(parents=True, exist_ok=True)
    for name in (layout.VERDICT, PAGE, JUNIT):
        (root / name).unlink(missing_ok=True)


def _bound(root: Path, params: Params) -> findings.Bound:
    from pipeline.bundle import digest_of

    return findings.Bound(
        bundle=digest_of(root / layout.BUNDLE),
        data=digests.data(root),
        contract=digests.contract_at(root, params),
        policy=digests.policy(root, params),
    )


def _went_wrong(finding: Finding) -> bool:
    """Whether pytest's own output helps to understand the finding."""
    return finding.kind == "test" and finding.outcome is Outcome.FAIL


def _refusal(verdict: Verdict) -> GateNotPassed:
    bad = [item for item in page.worst_first(verdict.findings) if item.outcome is not Outcome.PASS]
    names = "; ".join(f"'{finding.title}' {finding.outcome}" for finding in bad[:8])
    more = f" and {len(bad) - 8} more" if len(bad) > 8 else ""
    return GateNotPassed(
        f"the verdict is {verdict.outcome}",
        where=layout.VERDICT,
        found=(names + more) or "no finding at all",
        mend=f"The reasons are in {PAGE}.",
    )
