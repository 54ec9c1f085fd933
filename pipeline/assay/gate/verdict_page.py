"""The verdict as one self-contained HTML page: a row per rule, its interval and limit."""

from __future__ import annotations

import math

from markupsafe import Markup

from assay.gate.many_slices import fold, together
from assay.gate.rules.leakage_words import leakage_title
from assay.gate.rules.next_steps import OVERRIDE
from assay.gate.verdict_text import (
    HEADLINES,
    findings_of_kind,
    format_values,
    measured_quantity,
    sort_findings,
)
from assay.metrics.estimate import Estimate
from assay.pages import charts
from assay.pages.axes import round_out
from assay.pages.page_layout import compose_page
from assay.pages.templating import render
from assay.reports.verdict import DIGESTS, Finding, Outcome, Verdict


def render_page(verdict: Verdict, confidence: float) -> str:
    """The content of index.html. Equal verdicts give equal pages.

    Parameters
    ----------
    confidence
        Confidence level of the intervals, as a share.
    """
    kinds = (("Behaviour", "behaviour"), ("Model tests", "test"))
    main = render(
        "verdict.html",
        v=verdict,
        headline=HEADLINES[verdict.outcome],
        confidence=f"{confidence * 100:.4g}%",
        rules=fold(sort_findings(findings_of_kind(verdict, "rule"))),
        blocking=together(fold(verdict.blocking)),
        override=OVERRIDE,
        lists=[
            (title, kind, sort_findings(findings_of_kind(verdict, kind))) for title, kind in kinds
        ],
        digests=[(name, digest) for name in DIGESTS if (digest := getattr(verdict, name))],
        passed=Outcome.PASS,
        decides=lambda finding: finding.outcome is Outcome.PASS or finding.blocks,
        value_words=format_values,
        strip=interval_chart,
        about=_about,
        note=_note,
        title=lambda finding: leakage_title(finding) or finding.rule,
        titles=lambda group: ", ".join(leakage_title(each) or each.title for each in group),
    )
    return compose_page(f"{verdict.outcome}: {verdict.name}, candidate {verdict.candidate}", main)


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
    notes = [finding.detail]
    if finding.waiver is not None:
        notes.append(f"Waived by {finding.waiver.owner}: {finding.waiver.because}")
    return " ".join(notes)
