"""The stage ``gate``: evaluate rules, behaviours and model tests, and write the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assay.errors import GateNotPassed
from assay.gate import binding, champion_verdict, verdict_page, verdict_text, waivers
from assay.gate.binding import Bound
from assay.gate.inputs import GateInputs
from assay.gate.under_pytest import behaviours, findings, items
from assay.gate.under_pytest.decided import Decided
from assay.gate.under_pytest.run import JUNIT, run_pytest
from assay.gate.verdict_text import MARKDOWN
from assay.project import digests, jsonfile, layout, textfile
from assay.project.params import Params
from assay.reports.verdict import Finding, Outcome, Verdict, combine

HTML = f"{layout.GATE_REPORT}/index.html"


@dataclass(frozen=True)
class JudgedBundle:
    """The verdict, and pytest's output if it helps to understand a failure."""

    verdict: Verdict
    output: str | None = None


def run(root: Path, params: Params) -> JudgedBundle:
    """Judge the bundle of ``root``; write verdict.json, verdict.md, index.html and junit.xml.

    Raises
    ------
    GateNotPassed
        The verdict is not PASS. Raised after everything was written; carries the verdict.

    Notes
    -----
    If an input is missing or unreadable, or git tracks data, its error passes through and no
    verdict is left, not even an older one.
    """
    from assay.registry.lock import tracked_data

    root = root.resolve()
    _clear(root)
    tracked_data.check(root, params)
    inputs = GateInputs.of(root)
    evaluation, champion = inputs.evaluation, binding.champion_of(inputs)
    before = _bound(root, params)
    # Once, before a model test could change a report or the model. The digests before and after
    # reveal such a change.
    rules = (Decided(each, items.sentence(each)) for each in items.findings_of(root))
    decided = (*rules, *behaviours.decide(root, params))
    session = run_pytest(root, params.gate.tests, decided)
    former = champion_verdict.verdict_of(root, champion.bundle)
    after = _bound(root, params)
    there = (root / params.gate.tests).is_dir()
    judged = (
        *findings.rule_findings([each.finding for each in decided], session.seen),
        *findings.model_test_findings(session.seen, alone=champion.state == "none"),
        *binding.champion_findings(inputs),
    )
    waived = waivers.applied(judged, params.gate.waivers, waivers.today())
    found = (
        *binding.findings(inputs, params, before, after),
        *waivers.problems(root, params.gate, judged),
        *findings.session_findings(session, params.gate.tests, there=there),
        *findings.vanished_findings(root, params.gate.tests, session),
        *findings.fewer_findings(params.gate.tests, session.seen, former, champion.version),
        *waived,
    )
    verdict = Verdict(
        outcome=combine(found),
        basis=champion.words,
        name=params.name,
        candidate=evaluation.candidate,
        bundle=after.bundle,
        data=after.data,
        contract=after.contract,
        policy=after.policy,
        code=after.code,
        reports=after.reports,
        champion=champion,
        findings=found,
        types=evaluation.types,
        tests=findings.counted(session.seen, former),
    )
    textfile.write(root / MARKDOWN, verdict_text.markdown(verdict))
    textfile.write(root / HTML, verdict_page.page(verdict, evaluation.confidence))
    verdict.write(root)
    helps = any(_went_wrong(finding) for finding in found)
    done = JudgedBundle(verdict, session.output if helps else None)
    if verdict.outcome is not Outcome.PASS:
        raise _refusal(verdict).after(done)
    return done


def _clear(root: Path) -> None:
    """Create the folder and delete older outputs, so that none remains after an error."""
    (root / layout.GATE_REPORT).mkdir(parents=True, exist_ok=True)
    for name in (layout.VERDICT, MARKDOWN, HTML, JUNIT):
        (root / name).unlink(missing_ok=True)


def _bound(root: Path, params: Params) -> Bound:
    from assay.model.bundle import digest_of

    return Bound(
        bundle=digest_of(root / layout.BUNDLE),
        data=digests.data(root),
        contract=digests.contract_at(root, params),
        policy=digests.policy(root, params),
        code=digests.code(root, params),
        reports=binding.reports(partial(jsonfile.text_of, root)),
    )


def _went_wrong(finding: Finding) -> bool:
    """Whether pytest's own output helps to understand the finding."""
    return finding.kind != "rule" and finding.outcome is Outcome.FAIL


def _refusal(verdict: Verdict) -> GateNotPassed:
    bad = verdict.blocking
    names = "; ".join(f"'{finding.title}' {finding.outcome}" for finding in bad[:8])
    more = f" and {len(bad) - 8} more" if len(bad) > 8 else ""
    return GateNotPassed(
        f"the verdict is {verdict.outcome}",
        where=layout.VERDICT,
        found=(names + more) or "no finding that decides",
        mend=f"The reasons are in {MARKDOWN}.",
    )
