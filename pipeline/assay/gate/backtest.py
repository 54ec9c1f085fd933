"""``assay gate backtest``: what today's policy would have said of earlier versions.

A version's reports are in git at its commit. Its rules are decided again from them, by the
policy in the work tree; its behaviours and model tests would need its data and model, so they
keep what its own verdict says. So does a rule about the contract, whose result shows rows of the
table and is therefore not in git. Other rules of the recorded verdict are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError
from assay.gate import binding, waivers
from assay.gate.inputs import GateInputs, Source
from assay.gate.rules import decide as rules
from assay.gate.rules import finding
from assay.project import layout
from assay.project.params import Params
from assay.project.params.gate import ContractRule, GateParams
from assay.reports.verdict import Finding, Outcome, Verdict, combine


@dataclass(frozen=True)
class ReplayedVerdict:
    """One version, as its verdict said and as the policy would say.

    ``flipped`` are findings that block now and did not, or do not now and did; ``dropped``
    are those that blocked and that the policy no longer asks for. ``problem`` says why it could
    not be told; then there is no outcome and nothing flips.
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

    def plain(self) -> dict[str, object]:
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
    """Every version of a model, the newest first."""

    name: str
    versions: tuple[ReplayedVerdict, ...]

    def plain(self) -> dict[str, object]:
        return {"schema": 1, "versions": [each.plain() for each in self.versions]}


def run(root: Path, params: Params) -> Backtest:
    """Decide the policy in the work tree on what each version was promoted with.

    Raises
    ------
    NotARepository
    """
    from assay.registry import git, versions

    found = []
    for version in reversed(versions.versions(root, params.name)):

        def text(name: str, stage: str, commit: str = version.commit) -> str:
            return git.show(root, commit, name)

        found.append(replay(version.version, version.at[:10], text, params.gate))
    return Backtest(params.name, tuple(found))


def replay(version: str, at: str, source: Source, gate: GateParams) -> ReplayedVerdict:
    """Decide ``gate`` on what stages wrote for one version."""
    try:
        recorded = Verdict.parse(source(layout.VERDICT, "gate"), layout.VERDICT)
    except AssayError as error:
        return ReplayedVerdict(version, at, None, None, problem=error.line())
    inputs = GateInputs(source)
    decided = [
        found
        for rule in gate.rules
        if not isinstance(rule, ContractRule)
        for found in rules.decide(rule, inputs, gate)
    ]
    try:
        champion = binding.champion_findings(inputs)
    except AssayError as error:
        return ReplayedVerdict(version, at, recorded.outcome, None, problem=error.line())
    kept = [each for each in recorded.findings if each.kind != "rule"]
    kept += _about_contract(recorded, gate)
    now = waivers.applied([*decided, *champion, *kept], gate.waivers, waivers.today())
    flipped, dropped = _flipped(recorded, now), _dropped(recorded, now)
    return ReplayedVerdict(version, at, recorded.outcome, combine(now), flipped, dropped)


def _about_contract(recorded: Verdict, gate: GateParams) -> list[Finding]:
    """What the version's verdict says under the names of the policy's rules on the contract."""
    kept = []
    for rule in gate.rules:
        if isinstance(rule, ContractRule):
            mine = [each for each in recorded.findings if each.rule == rule.name]
            kept += mine or [
                finding.tolerate(
                    finding.found(rule, Outcome.INCONCLUSIVE, "its verdict did not ask for it")
                )
            ]
    return kept


def _flipped(recorded: Verdict, now: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings that block now and did not, or do not now and did."""
    before = {each.title: each.blocks for each in recorded.findings}
    return tuple(each for each in now if each.blocks is not before.get(each.title, False))


def _dropped(recorded: Verdict, now: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings that blocked and that no rule, test or behaviour gives any more."""
    asked = {each.title for each in now}
    return tuple(each for each in recorded.blocking if each.title not in asked)
