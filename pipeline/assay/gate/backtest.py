"""``assay gate backtest``: what today's policy would have said of earlier versions.

A version's reports are in git at its commit. Its rules are decided again from them, by the
policy in the work tree; its behaviours and model tests would need its data and model, so they
keep what its own verdict says. So does a rule about the contract, whose result shows rows of the
table and is therefore not in git. Other rules of the recorded verdict are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import AssayError
from assay.gate import binding, waivers
from assay.gate.inputs import Inputs, Source
from assay.gate.rules import decide as rules
from assay.gate.rules import finding
from assay.pages.terminal import console
from assay.project import jsonfile, layout
from assay.project.params import Params
from assay.project.params.gate import ContractRule, Gate
from assay.reports.verdict import Finding, Outcome, Verdict, combine


@dataclass(frozen=True)
class Replay:
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


def run(root: Path, params: Params, as_json: bool = False) -> tuple[Replay, ...]:
    """Print a table of verdicts that the policy in the work tree would flip.

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
    if as_json:
        print(jsonfile.dumps({"schema": 1, "versions": [_plain(each) for each in found]}), end="")
    else:
        _print(params.name, found)
    return tuple(found)


def replay(version: str, at: str, source: Source, gate: Gate) -> Replay:
    """Decide ``gate`` on what stages wrote for one version."""
    try:
        recorded = Verdict.parse(source(layout.VERDICT, "gate"), layout.VERDICT)
    except AssayError as error:
        return Replay(version, at, None, None, problem=error.line())
    inputs = Inputs(source)
    decided = [
        found
        for rule in gate.rules
        if not isinstance(rule, ContractRule)
        for found in rules.decide(rule, inputs, gate)
    ]
    try:
        champion = binding.champion_findings(inputs)
    except AssayError as error:
        return Replay(version, at, recorded.outcome, None, problem=error.line())
    kept = [each for each in recorded.findings if each.kind != "rule"]
    kept += _about_contract(recorded, gate)
    now = waivers.applied([*decided, *champion, *kept], gate.waivers, waivers.today())
    flipped, dropped = _flipped(recorded, now), _dropped(recorded, now)
    return Replay(version, at, recorded.outcome, combine(now), flipped, dropped)


def _about_contract(recorded: Verdict, gate: Gate) -> list[Finding]:
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


def _plain(replayed: Replay) -> dict[str, object]:
    return {
        "version": replayed.version,
        "at": replayed.at,
        "before": None if replayed.before is None else replayed.before.value,
        "now": None if replayed.now is None else replayed.now.value,
        "flips": replayed.flips,
        "flipped": [each.tree() for each in replayed.flipped],
        "dropped": [each.tree() for each in replayed.dropped],
        "problem": replayed.problem,
    }


def _print(name: str, found: Sequence[Replay]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    out = console(highlight=False)
    if not found:
        out.print(f"{name}: no version yet, so there is nothing to test the policy on.")
        return
    table = Table(
        title=f"Versions of {name} under the policy in params.yaml",
        box=box.SIMPLE,
        title_justify="left",
    )
    for heading in ("version", "date", "its verdict", "the policy says", "because of"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("version", "date"))
    for each in found:
        now = "cannot be told" if each.now is None else str(each.now)
        style = "bold" if each.flips else ""
        table.add_row(
            each.version,
            each.at,
            "none" if each.before is None else str(each.before),
            Text(now, style=style),
            Text("\n".join(_reasons(each))),
        )
    out.print(table)
    flips = sum(each.flips for each in found)
    untold = sum(each.now is None for each in found)
    more = f" {untold} cannot be told." if untold else ""
    out.print(f"{flips} of {len(found)} verdicts flip.{more}")


def _reasons(replayed: Replay) -> Iterator[str]:
    if replayed.problem:
        yield replayed.problem
    for each in replayed.flipped:
        yield f"{each.outcome} {each.title}: {each.detail}"
    for each in replayed.dropped:
        yield f"no longer asked: {each.title}, which was {each.outcome}"
