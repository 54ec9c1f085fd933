"""``assay gate backtest``: apply today's policy to earlier versions.

A version's reports are in git at its commit. The rules in the work tree are evaluated on them.
Behaviours and model tests would need the data and the model, so their recorded findings are kept.
The same holds for contract rules: the contract result contains table rows and is not in git.
Recorded findings of rules that are no longer in the policy are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError
from assay.gate import provenance, waivers
from assay.gate.inputs import GateInputs, Source
from assay.gate.rules import kinds
from assay.gate.rules.kind import Rule
from assay.gate.rules.kinds import Policy
from assay.project import layout, source_code
from assay.project.params import Params
from assay.reports.verdict import Finding, Outcome, Verdict, combine_outcomes, distinct_titles


@dataclass(frozen=True)
class ReplayedVerdict:
    """The recorded and the replayed outcome of one version.

    ``flipped`` are findings that block now and did not before, or the reverse. ``dropped`` are
    findings that blocked and are no longer in the policy. ``problem`` is the reason why the
    version could not be replayed; then ``now`` is None and nothing flips.
    """

    version: str
    at: str
    before: Outcome | None
    now: Outcome | None
    flipped: tuple[Finding, ...] = ()
    dropped: tuple[Finding, ...] = ()
    problem: str | None = None

    @property
    def flips(self) -> bool:
        return self.now is not None and self.before is not self.now

    def document(self) -> dict[str, object]:
        return {
            "version": self.version,
            "at": self.at,
            "before": None if self.before is None else self.before.value,
            "now": None if self.now is None else self.now.value,
            "flips": self.flips,
            "flipped": [each.tree() for each in self.flipped],
            "dropped": [each.tree() for each in self.dropped],
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Backtest:
    """All versions of a model, newest first."""

    name: str
    versions: tuple[ReplayedVerdict, ...]

    def document(self) -> dict[str, object]:
        return {"schema": 1, "versions": [each.document() for each in self.versions]}


def run(root: Path, params: Params) -> Backtest:
    """Replay the policy in the work tree on the reports of each version."""
    from assay.registry import git, versions

    found, code = [], source_code.file_reader(root)
    policy = kinds.read_policy(params, root)
    for version in reversed(versions.read_versions(root, params.name)):

        def text(name: str, stage: str, commit: str = version.commit) -> str:
            return git.show(root, commit, name)

        found.append(replay(version.version, version.at[:10], text, policy, code))
    return Backtest(params.name, tuple(found))


def replay(
    version: str,
    at: str,
    source: Source,
    gate: Policy,
    own_code: source_code.Reader | None = None,
) -> ReplayedVerdict:
    """Replay ``gate``, with the project's own code of its rules, on the reports of one version."""
    try:
        recorded = Verdict.parse(source(layout.VERDICT, "gate"), layout.VERDICT)
    except AssayError as error:
        return ReplayedVerdict(version, at, None, None, problem=error.line())
    inputs = GateInputs(source, own_code, recorded.holdout.challenger)
    decided = [
        found
        for rule in gate.rules
        if not _kept(rule)
        for found in kinds.evaluate_rule(rule, inputs, gate)
    ]
    try:
        champion = provenance.champion_findings(inputs)
    except AssayError as error:
        return ReplayedVerdict(version, at, recorded.outcome, None, problem=error.line())
    kept = [each for each in recorded.findings if each.kind != "rule"]
    kept += _about_contract(recorded, gate)
    now = waivers.apply_waivers([*decided, *champion, *kept], gate.waivers, waivers.today())
    flipped, dropped = _flipped(recorded, now), _dropped(recorded, now)
    return ReplayedVerdict(version, at, recorded.outcome, combine_outcomes(now), flipped, dropped)


def _kept(rule: Rule) -> bool:
    """Whether its recorded findings count: its report has rows of the table, so is not in git."""
    return "contract" in rule.reads


def _about_contract(recorded: Verdict, gate: Policy) -> list[Finding]:
    """The recorded findings for the contract rules of the policy."""
    kept = []
    for rule in gate.rules:
        if _kept(rule):
            mine = [each for each in recorded.findings if each.rule == rule.name]
            kept += mine or [
                rule.finding(Outcome.INCONCLUSIVE, "its verdict did not ask for it", tolerated=True)
            ]
    return kept


def _flipped(recorded: Verdict, now: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings that block now and did not before, or the reverse."""
    names = distinct_titles(recorded.findings)
    before = {name: each.blocks for name, each in zip(names, recorded.findings, strict=True)}
    return tuple(
        each
        for name, each in zip(distinct_titles(now), now, strict=True)
        if each.blocks is not before.get(name, False)
    )


def _dropped(recorded: Verdict, now: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings that blocked before and no longer exist."""
    asked = {each.title for each in now}
    return tuple(each for each in recorded.blocking if each.title not in asked)
