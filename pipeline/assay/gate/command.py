"""``assay gate verdict``: verify the verdict in the work tree and return it.

Meant for CI workflows. A verdict that was edited or is out of date is refused.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from assay.errors import DataError, GateNotPassed, PromotionRefused, StageInputMissing
from assay.gate import binding, champion_verdict, recheck, verdict_text
from assay.model.bundle import digest_of
from assay.project import digests, jsonfile, layout
from assay.project.params import Params
from assay.reports.verdict import Outcome, Verdict


def run(root: Path, params: Params) -> Verdict:
    """The verdict in the work tree, verified against digests and reports.

    Raises
    ------
    GateNotPassed
        The verdict is not PASS, is out of date, or does not follow from the reports; then the
        error carries it. Or it is missing or malformed.
    """
    source = partial(jsonfile.text_of, root)
    try:
        verdict = Verdict.parse(source(layout.VERDICT, "gate"), layout.VERDICT)
    except (DataError, StageInputMissing, PromotionRefused) as error:
        raise GateNotPassed(error.what, where=layout.VERDICT, mend=error.mend) from None
    now = {
        "bundle": digest_of(root / layout.BUNDLE),
        "data": digests.data(root),
        "contract": digests.contract_at(root, params),
        "policy": digests.policy(root, params),
        "code": digests.code(root, params),
        "reports": binding.reports(source),
    }
    wrong = [f"it is about another {name}" for name in now if getattr(verdict, name) != now[name]]
    former = champion_verdict.verdict_of(root, verdict.champion.bundle)
    wrong += recheck.problems(verdict, source, params, former)
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise GateNotPassed(
            "the verdict is not what the gate says of this project",
            where=layout.VERDICT,
            found="; ".join(wrong[:3]) + more,
            mend="Ask the gate: dvc repro.",
        ).after(verdict)
    if verdict.outcome is not Outcome.PASS:
        raise GateNotPassed(
            f"the verdict is {verdict.outcome}",
            where=layout.VERDICT,
            found="; ".join(f"'{each.title}' {each.outcome}" for each in verdict.blocking[:8]),
            mend=f"The reasons are in {verdict_text.MARKDOWN}.",
        ).after(verdict)
    return verdict
