"""The verdict as one self-contained HTML page: a row per rule, its interval and limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from assay.errors import AssayError
from assay.gate.inputs import GateInputs
from assay.gate.rules.leakage import leakage_title
from assay.gate.verdict_text import (
    HEADLINES,
    OVERRIDE,
    findings_of_kind,
    fold,
    format_values,
    measured_quantity,
    rows_sentence,
    sort_findings,
    together,
)
from assay.metrics.estimate import Estimate
from assay.pages import charts
from assay.pages.svg import round_out
from assay.pages.templating import compose_page, render
from assay.project import layout
from assay.project.document import write_text
from assay.reports.verdict import DIGESTS, Finding, Outcome, Verdict


def write_page(
    root: Path,
    verdict: Verdict,
    inputs: GateInputs,
    refusal: AssayError | None = None,
    commands: Sequence[str] = (),
) -> None:
    """Write index.html; the other arguments are those of `render_page`."""
    confidence, changes = inputs.evaluation.confidence, inputs.comparison.reasons
    reasons = "" if changes is None else changes.sentence
    page = render_page(verdict, confidence, refusal, commands, reasons)
    write_text(root / layout.GATE_PAGE, page)


def render_page(
    verdict: Verdict,
    confidence: float,
    refusal: AssayError | None = None,
    commands: Sequence[str] = (),
    reasons: str = "",
) -> str:
    """The content of index.html. Equal arguments give equal pages.

    Parameters
    ----------
    confidence
        Confidence level of the intervals, as a share.
    refusal
        Why the verdict, which passes, is not the one that was committed; None if nobody asked.
    commands
        What is typed then, on the branch.
    reasons
        Whose reasons changed since the champion, in a sentence.
    """
    kinds = (("Behaviour", "behaviour"), ("Model tests", "test"))
    main = render(
        "verdict.html",
        v=verdict,
        refusal=refusal,
        commands=commands,
        reasons=reasons,
        headline=HEADLINES[verdict.outcome],
        confidence=f"{confidence * 100:.4g}%",
        rules=fold(sort_findings(findings_of_kind(verdict, "rule"))),
        blocking=together(fold(verdict.blocking)),
        override=OVERRIDE,
        lists=[
            (title, kind, sort_findings(findings_of_kind(verdict, kind))) for title, kind in kinds
        ],
        digests=[(name, digest) for name in DIGESTS if (digest := getattr(verdict, name))],
        rows_sentence=rows_sentence(verdict),
        passed=Outcome.PASS,
        decides=lambda finding: finding.outcome is Outcome.PASS or finding.blocks,
        value_words=format_values,
        strip=interval_chart,
        about=_about,
        note=_note,
        title=lambda finding: leakage_title(finding) or finding.rule,
        titles=lambda group: ", ".join(leakage_title(each) or each.title for each in group),
    )
    outcome = verdict.outcome if refusal is None else "NOT WHAT WAS COMMITTED"
    return compose_page(f"{outcome}: {verdict.name}, candidate {verdict.candidate}", main)


def interval_chart(finding: Finding) -> Markup:
    """A chart of one rule's interval with the limit as a dashed line, and its axis.

    Empty without an interval: a dot and a line say no more than two numbers.
    """
    if None in (finding.observed, finding.limit, finding.low, finding.high):
        return Markup("")
    assert finding.observed is not None and finding.limit is not None
    estimate = Estimate(finding.observed, finding.low, finding.high)
    shown = [
        number
        for number in (finding.low, finding.observed, finding.high, finding.limit)
        if number is not None
    ]
    least = 0.0 if min(shown) >= 0 else -math.inf
    low, high = round_out(min(shown), max(shown), least=least)
    drawn = charts.interval_strip(estimate, low, high, mark=finding.limit)
    return Markup("").join((drawn, charts.strip_axis(low, high)))


def _about(finding: Finding) -> list[str]:
    rule = finding.rule if leakage_title(finding) else None
    facts = dict.fromkeys((rule, finding.slice, measured_quantity(finding), finding.owner))
    return [text for text in facts if text]


def _note(finding: Finding) -> str:
    """What was found, in a sentence, and who waived it."""
    notes = [finding.statement]
    if finding.waiver is not None:
        notes.append(f"Waived by {finding.waiver.owner}: {finding.waiver.because}")
    return " ".join(notes)
