"""Check that the reports are about the current bundle, data and contract. Pure.

Compares the digests in the reports with those of the files, and returns findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Self

from assay.errors import AssayError
from assay.gate.inputs import REPORTS, GateInputs, Source
from assay.gate.rules import kinds
from assay.gate.rules.finding import own_finding
from assay.project import digests, layout
from assay.project.document import read_stage_file
from assay.project.params import Params
from assay.project.params.behaviour import CHAMPION_RULE
from assay.reports.verdict import STATES, Finding, JudgedChampion, Outcome

RULE = "what was measured is about what is here now"
BECAUSE = "a verdict counts only for the very files it names"


@dataclass(frozen=True)
class InputDigests:
    """Digests of the verdict's inputs, computed from the current files."""

    bundle: str
    data: str
    contract: str
    policy: str
    code: str
    reports: str

    @classmethod
    def of(cls, root: Path, params: Params) -> Self:
        """The digests of what is in the work tree.

        Raises
        ------
        AssayError
            The bundle or the holdout is missing.
        """
        from assay.model.bundle_files import verified_digest

        return cls(
            bundle=verified_digest(root / layout.BUNDLE),
            data=digests.data(root),
            contract=digests.worktree_contract(root, params),
            policy=digests.policy(root, params),
            code=digests.code(root, params),
            reports=reports_digest(partial(read_stage_file, root)),
        )


def reports_digest(source: Source) -> str:
    """Digest of the reports' names and texts; an unreadable report counts as empty."""
    parts = []
    for report in REPORTS.values():
        try:
            parts += [report.FILE, source(report.FILE, report.STAGE)]
        except AssayError:
            parts += [report.FILE, ""]
    return digests.digest_texts(*parts)


def mismatch_findings(
    inputs: GateInputs, params: Params, before: InputDigests, after: InputDigests
) -> tuple[Finding, ...]:
    """A FAIL for each disagreement between reports, files and params.yaml.

    Parameters
    ----------
    before, after
        The digests at the start and at the end of the gate run.
    """
    problems = _problems(inputs, params, before, after)
    return tuple(own_finding(RULE, detail, BECAUSE) for detail in problems)


def judged_champion(inputs: GateInputs) -> JudgedChampion:
    """The champion and its state, from the comparison."""
    comparison = inputs.comparison
    held = comparison.champion
    if held is None:
        return JudgedChampion(state="none")
    return JudgedChampion(state=comparison.state, version=held.version, bundle=held.bundle)


def champion_findings(inputs: GateInputs) -> tuple[Finding, ...]:
    """A FAIL if there is a champion that cannot be compared with, whatever the rules are.

    If the champion was trained on rows of the holdout, its metrics are too good. That is only a
    warning, because it can only disadvantage the challenger.
    """
    state, why = inputs.comparison.state, inputs.comparison.why
    if state == "compared" and why is not None:
        seen = "the champion has not seen the holdout"
        hard = "a champion that knows the answers is hard to beat"
        return (own_finding(seen, why, hard, outcome=Outcome.INCONCLUSIVE, severity="warn"),)
    if state in ("none", "compared"):
        return ()
    detail = f"{STATES[state]}: {inputs.comparison.why or 'no reason was given'}"
    unproven = "a champion that nobody can load proves nothing about its challenger"
    return (own_finding(CHAMPION_RULE, detail, unproven),)


def _problems(
    inputs: GateInputs, params: Params, before: InputDigests, after: InputDigests
) -> Iterator[str]:
    now = {"bundle": before.bundle, "data": before.data, "contract": before.contract}
    evaluation, comparison = inputs.evaluation, inputs.comparison
    for what, bundle, report in (
        ("evaluation", evaluation.bundle, evaluation),
        ("comparison", comparison.challenger.bundle, comparison),
    ):
        about = {"bundle": bundle, "data": report.data, "contract": report.contract}
        yield from _differ(what, about, now)
    policy = kinds.read_policy(params, read=inputs.own_code)
    reports = {name for rule in policy.rules for name in rule.reads}
    if "rehearsal" in reports:
        yield from _rehearsal(inputs, now)
    if "leakage" in reports:
        yield from _leakage(inputs, now)
    for what, name, confidence in (
        ("evaluation", evaluation.name, evaluation.confidence),
        ("comparison", comparison.name, comparison.confidence),
    ):
        if name != params.name:
            yield f"the {what} is about '{name}', not '{params.name}'"
        if confidence != params.evaluate.confidence:
            yield (
                f"the {what} has {confidence:.4g} intervals, "
                f"params.yaml asks for {params.evaluate.confidence:.4g}"
            )
    changed = [
        field.name
        for field in fields(InputDigests)
        if getattr(before, field.name) != getattr(after, field.name)
    ]
    if changed:
        yield f"{', '.join(changed)} changed while the gate ran"


def _rehearsal(inputs: GateInputs, now: Mapping[str, str]) -> Iterator[str]:
    try:
        rehearsal = inputs.rehearsal
    except AssayError:
        return  # the rules that need it already fail with the reason
    about = {"bundle": rehearsal.bundle, "data": rehearsal.data, "contract": rehearsal.contract}
    yield from _differ("rehearsal", about, now)
    held = inputs.comparison.champion
    if rehearsal.nights is not None and rehearsal.nights.champion.bundle != (held and held.bundle):
        yield "the rehearsal of the last nights is about another champion than the comparison"


def _leakage(inputs: GateInputs, now: Mapping[str, str]) -> Iterator[str]:
    try:
        leakage = inputs.leakage
    except AssayError:
        return
    about = {"data": leakage.holdout, "contract": leakage.contract}
    yield from _differ("leakage report", about, now)


def _differ(report: str, about: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for what, said in about.items():
        if said != now[what]:
            yield f"the {report} is about another {what}: {said[:19]}, now it is {now[what][:19]}"
