"""``assay gate verdict``: verify the verdict in the work tree and return it.

Meant for CI workflows. A verdict that was edited or is out of date is refused.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from assay.errors import DataError, GateNotPassed, PromotionRefused, StageInputMissing
from assay.gate import (
    champion_verdict,
    committed_verdict,
    provenance,
    verdict_text,
    verdict_verification,
)
from assay.model.bundle import verified_digest
from assay.project import digests, jsonfile, layout
from assay.project.params import Params
from assay.reports.verdict import Outcome, Verdict

_LOG = logging.getLogger("assay")


def run(root: Path, params: Params, *, committed: bool = False) -> Verdict:
    """The verdict in the work tree, verified against digests and reports.

    Parameters
    ----------
    committed
        It must also be about what the verdict in the checked-out commit is about.

    Raises
    ------
    GateNotPassed
        The verdict is not PASS, is out of date, or does not follow from the reports; then the
        error carries it. Or it is missing or malformed.
    """
    try:
        verdict = read_verdict(root)
    except (DataError, StageInputMissing, PromotionRefused) as error:
        raise GateNotPassed(error.what, where=layout.VERDICT, mend=error.mend) from None
    wrong = find_differences(root, params, verdict)
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise GateNotPassed(
            "the verdict is not what the gate says of this project",
            where=layout.VERDICT,
            found="; ".join(wrong[:3]) + more,
            mend="Ask the gate: dvc repro.",
        ).attach_report(verdict)
    if verdict.outcome is not Outcome.PASS:
        raise GateNotPassed(
            f"the verdict is {verdict.outcome}",
            where=layout.VERDICT,
            found="; ".join(f"'{each.title}' {each.outcome}" for each in verdict.blocking[:8]),
            mend=f"The reasons are in {verdict_text.MARKDOWN}.",
        ).attach_report(verdict)
    if committed and not committed_verdict.require_same(root, verdict):
        _LOG.warning(
            "gate: no verdict is committed, so there was nothing to compare this one with. "
            "Commit what dvc repro writes: a version can only be promoted from that."
        )
    return verdict


def read_verdict(root: Path) -> Verdict:
    """The verdict in the work tree, as it is written there.

    Raises
    ------
    DataError, StageInputMissing, PromotionRefused
        There is none, or it is malformed.
    """
    return Verdict.parse(jsonfile.read_stage_file(root, layout.VERDICT, "gate"), layout.VERDICT)


def find_differences(root: Path, params: Params, verdict: Verdict) -> tuple[str, ...]:
    """Why a verdict is not about what is in the work tree, or does not follow from the reports.

    Raises
    ------
    AssayError
        The bundle or the holdout is missing.
    """
    source = partial(jsonfile.read_stage_file, root)
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
