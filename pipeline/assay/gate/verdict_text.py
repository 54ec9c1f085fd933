"""The verdict as Markdown: the file verdict.md, the comment on a pull request, the terminal.

One template, ``verdict.md``, says all of it. This module gives it what it shows: findings in order,
numbers as short texts, and the escaping of every text that comes from data or people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from assay.errors import GateNotPassed
from assay.gate.rules.leakage import leakage_title
from assay.pages.templating import MarkdownPart, render_markdown_parts
from assay.project import layout
from assay.project.text import counted, first_few
from assay.reports.verdict import DIGESTS, Finding, Outcome, Verdict

MARKDOWN = f"{layout.GATE_REPORT}/verdict.md"

Form = Literal["file", "terminal", "github", "gitlab"]
"""Where the text is read. A comment is cut to a code host's limit, the others are whole."""

HEADLINES = {
    Outcome.PASS: "everything that decides passed.",
    Outcome.FAIL: "it must not be promoted.",
    Outcome.INCONCLUSIVE: "nothing failed, but not everything could be told, so it must not be "
    "promoted.",
}
MARKS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INCONCLUSIVE: "❔"}
MOST = 10
"""The most findings that a comment lists unfolded."""

OVERRIDE = (
    "If it may go out all the same: a waiver with a reason and a last day (gate.waivers in "
    "params.yaml), or assay promote --override --because WHY."
)

_OUTCOMES = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)
_KINDS = (
    ("rule", "rules", "Rules"),
    ("behaviour", "behaviours", "Behaviour"),
    ("test", "model tests", "Model tests"),
)


NO_ANSWER: Mapping[str, Any] = {
    "unchanged": None,
    "refusal": None,
    "outcome": None,
    "differs": False,
    "problems": (),
    "commands": (),
}
"""In place of what the gate answers where only a verdict is shown."""

FACTS: Mapping[str, Any] = {
    "answer": NO_ANSWER,
    "compared": None,
    "evaluation": None,
    "rehearsal": None,
    "nights": None,
    "leakage": None,
    "changes": None,
    "plan": None,
    "metrics": (),
    "slices": None,
    "flipped": None,
    "reasons": "",
    "confidence": "",
    "commit": "",
    "page": "",
}
"""What the template shows besides the verdict, where it is not known."""


def render_markdown(verdict: Verdict, form: Form = "file") -> str:
    """The verdict alone, as in verdict.md. Equal verdicts give equal texts."""
    parts = render_parts(verdict, form, project=verdict.name)
    return "\n\n".join(part.text for part in parts) + "\n"


def render_parts(verdict: Verdict | None, form: Form, **facts: Any) -> Sequence[MarkdownPart]:
    """The parts of the text in order, those that have nothing to say left out.

    Parameters
    ----------
    facts
        ``project``, and what else is known of `FACTS`.
    """
    most = MOST if form in ("github", "gitlab") else len(verdict.findings) if verdict else 0
    return render_markdown_parts(
        "verdict.md",
        {"values": format_values, "measured": measured_quantity, "meant": leakage_title},
        **{**FACTS, **(_findings(verdict) if verdict else {}), **facts},
        v=verdict,
        form=form,
        most=most,
        whole=form in ("file", "terminal"),
        headlines=HEADLINES,
        # A terminal's encoding may have no such signs.
        marks={each: each.value for each in Outcome} if form == "terminal" else MARKS,
        passed=lambda findings: [each for each in findings if each.outcome is Outcome.PASS],
        failed=lambda findings: together(
            fold(each for each in sort_findings(findings) if each.outcome is not Outcome.PASS)
        ),
        **{outcome.value: outcome for outcome in Outcome},
    )


def _findings(verdict: Verdict) -> dict[str, Any]:
    """The findings as the template shows them."""
    kinds = {kind: findings_of_kind(verdict, kind) for kind, _, _ in _KINDS}
    undecided = [
        each
        for each in sort_findings(verdict.findings)
        if each.outcome is not Outcome.PASS and not each.blocks
    ]
    return {
        "blocking": together(fold(verdict.blocking)),
        "undecided": together(fold(undecided)),
        "rules": fold(sort_findings(kinds["rule"])),
        "number_of_rules": len(kinds["rule"]),
        "counts": [(title, kinds[kind]) for kind, title, _ in _KINDS],
        "tests": [(title, kinds[kind]) for kind, _, title in _KINDS[1:]],
        "rows_sentence": rows_sentence(verdict),
        "digests": [(name, digest) for name in DIGESTS if (digest := getattr(verdict, name))],
    }


def refusal(verdict: Verdict) -> GateNotPassed:
    """The error that a verdict ends with that is not PASS."""
    bad = verdict.blocking
    names = first_few((f"'{each.title}' {each.outcome}" for each in bad), 8, "; ")
    return GateNotPassed(
        f"the verdict is {verdict.outcome}",
        where=layout.VERDICT,
        found=names or "no finding that decides",
        fix=f"The reasons are in {MARKDOWN}.",
    )


def rows_sentence(verdict: Verdict) -> str:
    """Whose word the rows are that everything was measured on."""
    if verdict.rows is None:
        return "Rows as they lie here: this run did not compare them with the source."
    return verdict.rows.sentence


def findings_of_kind(verdict: Verdict, kind: str) -> list[Finding]:
    """The verdict's findings of one kind, in order."""
    return [finding for finding in verdict.findings if finding.kind == kind]


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings: blocking (FAIL before INCONCLUSIVE), then not counting, then passed."""
    return sorted(findings, key=lambda each: (not each.blocks, _OUTCOMES.index(each.outcome)))


def format_values(finding: Finding) -> tuple[str, str, str, str]:
    """Value, interval, limit and rows as short texts; empty if missing.

    A slice that is too small has rows and no value: that is said, not left blank.
    """
    small = finding.outcome is Outcome.INCONCLUSIVE and finding.rows is not None
    value = "not measured" if small else ""
    if finding.observed is not None:
        value = f"{finding.observed:.4g}"
    interval = ""
    if finding.low is not None and finding.high is not None:
        interval = f"{finding.low:.4g} to {finding.high:.4g}"
    limit = ""
    if finding.limit is not None:
        limit = f"{'at least' if finding.direction == 'min' else 'at most'} {finding.limit:.12g}"
    return value, interval, limit, "" if finding.rows is None else f"{finding.rows:,}"


def measured_quantity(finding: Finding) -> str:
    """What was measured: the metric, or its change if two models are compared."""
    metric = finding.metric or ""
    return f"change of {metric}" if finding.challenger is not None else metric


SHOWN = 10
"""So many findings of one rule that ended alike are shown."""


@dataclass(frozen=True, slots=True)
class OtherSlices:
    """Slices of one rule that ended as those shown before them; none is nearer to the limit."""

    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        return self.findings[0].outcome

    @property
    def sentence(self) -> str:
        """How many slices of which rule."""
        return f"{self.findings[0].rule}: {counted(len(self.findings), 'more slice')}"


Shown: TypeAlias = Finding | OtherSlices


def fold(findings: Iterable[Finding]) -> list[Shown]:
    """Keep the order of ``findings``; what is too much of one rule is gathered behind its last.

    Of a rule's findings with the same outcome and the same reason not to count, the `SHOWN` that
    are nearest to their limit stay. Those without a value come first. Checks for leakage are no
    slices: each is shown.
    """
    groups: dict[tuple[str, Outcome, str], list[Finding]] = {}
    for each in findings:
        rule = each.title if leakage_title(each) else each.rule
        groups.setdefault((rule, each.outcome, each.exemption_reason), []).append(each)
    shown: list[Shown] = []
    for group in groups.values():
        nearest = sorted(range(len(group)), key=lambda number: _distance(group[number]))
        kept = set(nearest[:SHOWN])
        shown += [each for number, each in enumerate(group) if number in kept]
        if rest := [each for number, each in enumerate(group) if number not in kept]:
            shown.append(OtherSlices(tuple(rest)))
    return shown


def together(shown: Iterable[Shown]) -> list[tuple[Shown, ...]]:
    """Findings of rules of which the same is told, in one group; in the order of each first."""
    groups: dict[object, list[Shown]] = {}
    for each in shown:
        groups.setdefault(_telling(each), []).append(each)
    return [tuple(group) for group in groups.values()]


def _telling(shown: Shown) -> object:
    """What is equal if the same is told; its own for a test, which is looked up by its name."""
    if isinstance(shown, OtherSlices) or shown.kind != "rule":
        return id(shown)
    return shown.outcome, shown.exemption_reason, shown.told, shown.owner, repr(shown.waiver)


def _distance(finding: Finding) -> float:
    if finding.observed is None or finding.limit is None:
        return -math.inf
    return abs(finding.observed - finding.limit)
