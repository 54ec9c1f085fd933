"""The verdict as Markdown for a pull request, and wording shared with the HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.gate.many_slices import OtherSlices, Shown, fold, together
from assay.gate.rules.leakage_words import leakage_title
from assay.gate.rules.next_steps import OVERRIDE
from assay.project import layout
from assay.project.text.markdown import escape_code, escape_line
from assay.reports.verdict import DIGESTS, Finding, Outcome, Verdict

MARKDOWN = f"{layout.GATE_REPORT}/verdict.md"

HEADLINES = {
    Outcome.PASS: "everything that decides passed.",
    Outcome.FAIL: "it must not be promoted.",
    Outcome.INCONCLUSIVE: "nothing failed, but not everything could be told, so it must not be "
    "promoted.",
}

_OUTCOMES = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


def render_markdown(verdict: Verdict) -> str:
    """The content of verdict.md. Equal verdicts give equal texts."""
    rules = findings_of_kind(verdict, "rule")
    parts = [
        f"# {verdict.outcome}: {escape_line(verdict.name)}, "
        f"candidate {escape_line(verdict.candidate)}",
        f"{verdict.outcome}: {HEADLINES[verdict.outcome]} Compared with: "
        f"{escape_line(verdict.champion.description)}.",
    ]
    if verdict.blocking:
        parts += ["## What stands in the way", _explained(verdict.blocking), OVERRIDE]
    parts += ["## Rules", _table(rules)]
    undecided = [each for each in rules if each.outcome is not Outcome.PASS and not each.blocks]
    if undecided:
        parts += ["Shown, but not deciding:", _explained(sort_findings(undecided))]
    for kind, title in (("behaviour", "Behaviour"), ("test", "Model tests")):
        parts += [f"## {title}", _counted(findings_of_kind(verdict, kind))]
    parts += ["## About", _about(verdict)]
    return "\n\n".join(parts) + "\n"


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


def _table(rules: Sequence[Finding]) -> str:
    head = ("", "rule", "what", "value", "interval", "limit", "rows", "owner", "because")
    lines = [_row(head), _row(("---",) * len(head))]
    for finding in fold(sort_findings(rules)):
        if isinstance(finding, OtherSlices):
            lines.append(_row((badge(finding.findings[0]), finding.sentence, *("",) * 7)))
            continue
        lines.append(
            _row(
                (
                    badge(finding),
                    leakage_title(finding) or finding.title,
                    measured_quantity(finding),
                    *format_values(finding),
                    finding.owner or "",
                    finding.because or "",
                )
            )
        )
    return "\n".join(lines)


def _explained(findings: Sequence[Finding]) -> str:
    return "\n".join(_line(group) for group in together(fold(findings)))


def _line(group: Sequence[Shown]) -> str:
    finding = group[0]
    if isinstance(finding, OtherSlices):
        return f"- {badge(finding.findings[0])} {escape_line(finding.sentence)}"
    names = ", ".join(_name(each) for each in group if isinstance(each, Finding))
    return f"- {badge(finding)} {names}: {escape_line(finding.told)}{_waived(finding)}"


def _waived(finding: Finding) -> str:
    waiver = finding.waiver
    if waiver is None:
        return ""
    owner, because = escape_line(waiver.owner), escape_line(waiver.because)
    return f" (waived until {waiver.until} by {owner}: {because})"


def _counted(tests: Sequence[Finding]) -> str:
    if not tests:
        return "There are none."
    passed = sum(finding.outcome is Outcome.PASS for finding in tests)
    bad = [finding for finding in sort_findings(tests) if finding.outcome is not Outcome.PASS]
    lines = [f"{passed} of {len(tests)} passed."]
    return "\n\n".join([*lines, _explained(bad)] if bad else lines)


def _about(verdict: Verdict) -> str:
    lines = [f"- {name}: `{digest}`" for name in DIGESTS if (digest := getattr(verdict, name))]
    lines.append(f"- {escape_line(rows_sentence(verdict))}")
    types = ", ".join(_code(name) for name in verdict.types)
    lines.append(f"- model types allowed by params.yaml: {types or 'none'}")
    return "\n".join(lines)


def rows_sentence(verdict: Verdict) -> str:
    """Whose word the rows are that everything was measured on."""
    if verdict.rows is None:
        return "Rows as they lie here: this run did not compare them with the source."
    return verdict.rows.sentence


def badge(finding: Finding) -> str:
    """The outcome: bold if it blocks, else with the reason why it does not count."""
    if finding.outcome is Outcome.PASS:
        return str(finding.outcome)
    return (
        f"**{finding.outcome}**"
        if finding.blocks
        else f"{finding.outcome} ({finding.exemption_reason})"
    )


def _name(finding: Finding) -> str:
    if finding.kind == "test":
        return _code(finding.title)
    if title := leakage_title(finding):
        return f"{escape_line(title)} ({_code(finding.title)})"
    return escape_line(finding.title)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape_line(cell) for cell in cells) + " |"


def _code(text: str) -> str:
    return f"`{escape_code(text)}`"
