"""The parts of a comment that are folded away: all rules, tests, keys, slices, digests. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from assay.gate.comment.facts import CommentFacts
from assay.gate.comment.metrics import ALL, SHOWN, moved_slices
from assay.gate.comment.sections import key_words
from assay.gate.comment.words import MARKS, NAME, details, name_of, several, table
from assay.gate.verdict_text import (
    findings_of_kind,
    format_values,
    measured_quantity,
    sort_findings,
)
from assay.project.code_host.host_markdown import code, prose
from assay.reports.verdict import DIGESTS, Finding, Outcome, Verdict

MOST = 200
"""The most rows of a folded list."""


def all_rules(verdict: Verdict) -> str:
    """A row for each rule and slice."""
    rules = sort_findings(findings_of_kind(verdict, "rule"))
    if not rules:
        return ""
    head = ("", "rule", "what", "value", "interval", "limit", "rows", "because")
    rows = [_rule(each) for each in rules[:MOST]]
    more = f"\n\n…and {len(rules) - MOST:,} more." if len(rules) > MOST else ""
    return details(f"All rules ({len(rules):,})", table(head, rows, right=(3, 4, 6)) + more)


def _rule(each: Finding) -> tuple[str, ...]:
    note = f" ({prose(each.exemption_reason, NAME)})" if each.exemption_reason else ""
    return (
        MARKS[each.outcome] + ("" if each.outcome is Outcome.PASS else note),
        name_of(each),
        prose(measured_quantity(each), NAME),
        *format_values(each),
        prose(each.because or "", 120),
    )


def tests(verdict: Verdict) -> str:
    """Behaviours and model tests: those that did not pass, with what they said."""
    parts = []
    for kind, title in (("behaviour", "Behaviour"), ("test", "Model tests")):
        found = sort_findings(findings_of_kind(verdict, kind))
        passed = sum(each.outcome is Outcome.PASS for each in found)
        parts.append(f"**{title}**: {passed} of {len(found)} passed")
        parts += _lists(
            [
                f"- {MARKS[each.outcome]} {name_of(each)}: {prose(each.detail)}"
                for each in found
                if each.outcome is not Outcome.PASS
            ]
        )
    return details("Behaviour and model tests", "\n\n".join(parts))


def leakage(facts: CommentFacts) -> str:
    """The leakage checks; empty if there is no report."""
    if facts.leakage is None:
        return ""
    marks = {"ok": "✅", "suspect": "❌", "unknown": "❔"}
    rows = [
        (marks[each.outcome], prose(each.check, NAME), prose(each.detail, 200))
        for each in facts.leakage.checks
    ]
    bad = sum(each.outcome != "ok" for each in facts.leakage.checks)
    said = f"{bad} suspect or unknown" if bad else "none suspect"
    return details(f"Leakage: {said}", table(("", "check", "what was found"), rows))


def all_keys(facts: CommentFacts) -> str:
    """Every key of params.yaml that changed; empty if none did."""
    if facts.changes is None:
        return ""
    keys = [key for part in facts.changes.parts for key in part.keys] + [*facts.changes.others]
    if not keys:
        return ""
    content = "\n".join(_lists([f"- {key_words(each)}" for each in keys]))
    return details(f"Changed keys of params.yaml ({len(keys):,})", content)


def all_slices(facts: CommentFacts) -> str:
    """More slices than are shown unfolded; empty if there are no more."""
    compared = facts.comparison
    if compared is None or len(compared.slices) <= SHOWN:
        return ""
    listed = moved_slices(compared, ALL)
    return details(f"Slices ({len(compared.slices):,})", listed) if listed else ""


def about(verdict: Verdict) -> str:
    """The digests that the verdict is bound to."""
    rows = [(name, f"`{value[:19]}`") for name in DIGESTS if (value := _digest(verdict, name))]
    types = ", ".join(code(each, NAME) for each in verdict.types[:20]) or "none"
    more = f"\n\nModel types allowed by params.yaml: {types}"
    return details("What the verdict is bound to", table(("", "digest"), rows) + more)


def _digest(verdict: Verdict, name: str) -> str:
    value = str(getattr(verdict, name) or "")
    return value if value.removeprefix("sha256:").isalnum() else ""


def _lists(lines: Sequence[str]) -> list[str]:
    shown, more = several(lines, MOST)
    listed = [*shown, *([f"- {more}"] if more else [])]
    return ["\n".join(listed)] if listed else []
