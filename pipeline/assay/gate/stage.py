"""The stage ``gate``: evaluate rules, behaviours and model tests, and write the verdict."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.errors import MemoryShort, ParamsError
from assay.gate import holdout_history, provenance, verdict_page, verdict_text, waivers
from assay.gate.inputs import GateInputs, load_champion_verdict
from assay.gate.provenance import InputDigests
from assay.gate.pytest_run import decided, findings
from assay.gate.pytest_run.run import JUNIT, run_pytest
from assay.gate.verdict_text import MARKDOWN
from assay.project import digests, layout, source_code
from assay.project.document import write_text
from assay.project.params import Params
from assay.reports.raw_rows import RawRows
from assay.reports.verdict import (
    Finding,
    HoldoutUse,
    ModelTests,
    Outcome,
    Verdict,
    combine_outcomes,
)

HTML = layout.GATE_PAGE

_LOG = logging.getLogger("assay")


@dataclass(frozen=True)
class GateResult:
    """The verdict, and pytest's output if it helps to understand a failure."""

    verdict: Verdict
    output: str | None = None

    def document(self) -> Verdict:
        return self.verdict


def run(root: Path, params: Params) -> GateResult:
    """Judge the bundle of ``root``; write verdict.json, verdict.md, index.html and junit.xml.

    Raises
    ------
    GateNotPassed
        The verdict is not PASS. Raised after everything was written; carries the verdict. Not in an
        experiment of DVC, which records only what succeeds: there the verdict is a result as any
        other, and a line on standard error says what it is.
    MemoryShort
        Memory did not suffice for a model test, which says nothing about the model.
    ParamsError
        A waiver ends too late.
    NotAllowed
        Its owner may not waive a rule.

    Notes
    -----
    If an input is missing or unreadable, or git tracks data, its error passes through and no
    verdict is left, not even an older one.
    """
    from assay.registry import git_contents

    root = root.resolve()
    clear(root)
    git_contents.check_tracked_data(root, params)
    if lines := list(waivers.too_long(params.gate.waivers, waivers.today())):
        raise ParamsError(lines)
    for error in waivers.not_allowed(root, params.gate.waivers):
        raise error
    inputs = GateInputs.of(root)
    evaluation, champion = inputs.evaluation, provenance.judged_champion(inputs)
    before = InputDigests.of(root, params)
    challenger = holdout_history.place(root, before.bundle, before.data, champion.bundle)
    # Once, before a model test could change a report or the model. The digests before and after
    # reveal such a change.
    asked = (*decided.evaluate_rules(root, challenger), *decided.evaluate_behaviours(root, params))
    session = run_pytest(root, params.gate.tests, asked)
    if session.short_of_memory:
        clear(root)
        raise MemoryShort(
            "memory did not suffice for the model tests, so there is no verdict",
            where=params.gate.tests,
            found=session.short_of_memory,
            fix="Give it more memory, or a higher limit where there is one (ulimit -v), and run "
            "it again.",
        )
    former = load_champion_verdict(root, champion.bundle)
    after = InputDigests.of(root, params)
    there = (root / params.gate.tests).is_dir()
    tests = digests.model_tests(root, params.gate.tests)
    own = digests.project_imports(source_code.file_reader(root), params, tests)
    judged = (
        *findings.confirm_findings([each.finding for each in asked], session.seen),
        *findings.model_test_findings(session.seen, alone=champion.state == "none"),
        *provenance.champion_findings(inputs),
    )
    waived = waivers.apply_waivers(judged, params.gate.waivers, waivers.today())
    every = (
        *provenance.mismatch_findings(inputs, params, before, after),
        *waivers.waiver_findings(root, params.gate, judged),
        *holdout_history.findings(root),
        *findings.session_findings(session, params.gate.tests, there=there),
        *findings.module_findings(session.seen.modules, {*tests, *own}),
        *findings.uncollected_findings(root, params.gate.tests, session),
        *findings.fewer_tests_findings(params.gate.tests, session.seen, former, champion.version),
        *waived,
    )
    verdict = Verdict(
        outcome=combine_outcomes(every),
        name=params.name,
        candidate=evaluation.candidate,
        **asdict(after),
        champion=champion,
        findings=every,
        types=evaluation.types,
        tests=ModelTests.count(every, former),
        rows=RawRows.read(root),
        holdout=HoldoutUse(challenger=challenger, confidence=evaluation.confidence),
    )
    write_text(root / MARKDOWN, verdict_text.render_markdown(verdict))
    verdict_page.write_page(root, verdict, inputs)
    verdict.write(root)
    helps = any(_went_wrong(finding) for finding in every)
    done = GateResult(verdict, session.output if helps else None)
    if verdict.outcome is not Outcome.PASS:
        refusal = verdict_text.refusal(verdict)
        if not holdout_history.in_experiment():
            raise refusal.attach_report(done)
        _LOG.warning("gate: %s DVC records the experiment with this verdict.", refusal.line())
    return done


def clear(root: Path) -> None:
    """Create the folder and delete older outputs, so that none remains after an error."""
    (root / layout.GATE_REPORT).mkdir(parents=True, exist_ok=True)
    for name in (layout.VERDICT, MARKDOWN, HTML, JUNIT):
        (root / name).unlink(missing_ok=True)


def _went_wrong(finding: Finding) -> bool:
    """Whether pytest's own output helps to understand the finding."""
    return finding.kind != "rule" and finding.outcome is Outcome.FAIL
