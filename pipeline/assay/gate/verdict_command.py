"""``assay gate verdict``: verify the verdict in the work tree and return it.

Meant for CI workflows. A verdict that was edited or is out of date is refused.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assay.errors import (
    DataError,
    DataOutOfReach,
    GateNotPassed,
    PromotionRefused,
    StageInputMissing,
)
from assay.gate import (
    access,
    champion_verdict,
    committed_verdict,
    provenance,
    unchanged,
    verdict_page,
    verdict_text,
    verdict_verification,
)
from assay.gate.inputs import GateInputs
from assay.gate.unchanged import Unchanged
from assay.model.bundle import verified_digest
from assay.project import digests, layout
from assay.project.code_host.environment import read_environment
from assay.project.document import read_stage_file
from assay.project.params import Params
from assay.reports.verdict import Outcome, Verdict

_LOG = logging.getLogger("assay")


@dataclass(frozen=True)
class GateAnswer:
    """What the gate says here, decided once for exit code, comment and summary.

    Attributes
    ----------
    unchanged
        The model is a promoted version's; then nothing else was looked at.
    verdict
        The verdict in the work tree; it counts only if ``problems`` is empty.
    problems
        Why there is no verdict on what is here.
    refusal
        The error that the check ends with; None if it is green.
    commands
        What a maintainer types where it cannot be judged, or its author where it differs.
    """

    unchanged: Unchanged | None = None
    verdict: Verdict | None = None
    problems: tuple[str, ...] = ()
    refusal: GateNotPassed | DataOutOfReach | None = None
    commands: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the verdict passes, and is not the one that was committed."""
        passes = self.verdict is not None and self.verdict.outcome is Outcome.PASS
        return passes and not self.problems and self.refusal is not None

    @property
    def outcome(self) -> str | None:
        """In one word; None if there is no verdict on what is here."""
        if self.unchanged is not None:
            return "unchanged"
        if isinstance(self.refusal, DataOutOfReach):
            return "not judged"
        if self.differs:
            return "differs"
        return None if self.verdict is None or self.problems else str(self.verdict.outcome)


def run(root: Path, params: Params, *, committed: bool = False) -> Verdict | Unchanged:
    """The verdict in the work tree, verified against digests and reports.

    Parameters
    ----------
    committed
        It must also be about what the verdict in the checked-out commit is about. If the model of
        that commit is a promoted version's, that is the answer, and no verdict is looked at. In a
        run of CI, the gate's page then says what differs.

    Raises
    ------
    GateNotPassed
        The verdict is not PASS, is out of date, or does not follow from the reports; then the
        error carries it. Or it is missing or malformed.
    DataOutOfReach
        With ``committed``, in a run for a fork that may not read what the gate needs.
    """
    answer = decide(root, params, committed=committed)
    if answer.verdict is not None and answer.differs and read_environment() is not None:
        # Not on a laptop, where the page is what dvc.lock says, until its verdict is committed.
        confidence = GateInputs.of(root).evaluation.confidence
        verdict_page.write_page(root, answer.verdict, confidence, answer.refusal, answer.commands)
    if answer.refusal is not None:
        raise answer.refusal
    found = answer.unchanged or answer.verdict
    assert found is not None
    return found


def decide(root: Path, params: Params, *, committed: bool) -> GateAnswer:
    """What `run` returns or raises, as a value.

    Raises
    ------
    AssayError
        The bundle or the holdout is missing.
    """
    if committed and (same := unchanged.find(root, params).unchanged) is not None:
        return GateAnswer(unchanged=same)
    if committed and (reach := access.find(root, params)).missing is not None:
        return GateAnswer(refusal=reach.error(), commands=reach.commands)
    try:
        verdict = read_verdict(root)
    except (DataError, StageInputMissing, PromotionRefused) as error:
        refusal = GateNotPassed(error.what, where=layout.VERDICT, fix=error.fix)
        return GateAnswer(problems=(error.line(),), refusal=refusal)
    if wrong := find_differences(root, params, verdict):
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        refusal = GateNotPassed(
            "the verdict is not what the gate says of this project",
            where=layout.VERDICT,
            found="; ".join(wrong[:3]) + more,
            fix="Ask the gate: dvc repro.",
        ).attach_report(verdict)
        return GateAnswer(verdict=verdict, problems=wrong, refusal=refusal)
    if verdict.outcome is not Outcome.PASS:
        refusal = GateNotPassed(
            f"the verdict is {verdict.outcome}",
            where=layout.VERDICT,
            found="; ".join(f"'{each.title}' {each.outcome}" for each in verdict.blocking[:8]),
            fix=f"The reasons are in {verdict_text.MARKDOWN}.",
        ).attach_report(verdict)
        return GateAnswer(verdict=verdict, refusal=refusal)
    try:
        if committed and not committed_verdict.require_same(root, verdict):
            _LOG.warning(
                "gate: no verdict is committed, so there was nothing to compare this one with. "
                "Commit what dvc repro writes: a version can only be promoted from that."
            )
    except GateNotPassed as error:
        again = committed_verdict.JUDGE_AGAIN
        return GateAnswer(verdict=verdict, refusal=error, commands=again)
    return GateAnswer(verdict=verdict)


def read_verdict(root: Path) -> Verdict:
    """The verdict in the work tree, as it is written there.

    Raises
    ------
    DataError, StageInputMissing, PromotionRefused
        There is none, or it is malformed.
    """
    return Verdict.parse(read_stage_file(root, layout.VERDICT, "gate"), layout.VERDICT)


def find_differences(root: Path, params: Params, verdict: Verdict) -> tuple[str, ...]:
    """Why a verdict is not about what is in the work tree, or does not follow from the reports.

    Raises
    ------
    AssayError
        The bundle or the holdout is missing.
    """
    source = partial(read_stage_file, root)
    now = {
        "bundle": verified_digest(root / layout.BUNDLE),
        "data": digests.data(root),
        "contract": digests.worktree_contract(root, params),
        "policy": digests.policy(root, params),
        "code": digests.code(root, params),
        "reports": provenance.reports_digest(source),
    }
    wrong = [
        f"it is about another {'set of reports' if name == 'reports' else name}"
        for name in now
        if getattr(verdict, name) != now[name]
    ]
    former = champion_verdict.load_champion_verdict(root, verdict.champion.bundle)
    wrong += verdict_verification.find_discrepancies(verdict, source, params, former)
    return tuple(wrong)
