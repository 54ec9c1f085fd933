"""The verdict as one self-contained page: each rule a row, its interval against its limit."""

from __future__ import annotations

import math
from html import escape

from assay.gate.verdict_text import HEADLINES, of_kind, value_words, what, worst_first
from assay.metrics.estimate import Estimate
from assay.pages import charts
from assay.pages.frame import compose
from assay.reports.verdict import DIGESTS, Finding, Outcome, Verdict

CSS = """
.gate{background:#fff;color:#1f2933;font:15px/1.5 system-ui,"Segoe UI",Roboto,Arial,sans-serif;
 max-width:1240px;margin:0 auto;padding:28px 24px 40px}
.gate *{box-sizing:border-box}
.gate h1{font-size:30px;line-height:1.2;margin:0 0 4px;font-weight:650}
.gate h2{font-size:19px;margin:34px 0 6px;font-weight:650}
.gate p{margin:4px 0 10px;max-width:900px}
.gate .quiet{color:#5b6773}
.gate .wide{overflow-x:auto}
.gate table{border-collapse:collapse;width:100%;font-size:14px}
.gate th{text-align:left;font-weight:600;color:#5b6773;border-bottom:1px solid #c9d1d9}
.gate td,.gate th{padding:7px 14px 7px 0;vertical-align:top}
.gate td{border-bottom:1px solid #edf0f3}
.gate td.n{white-space:nowrap;font-variant-numeric:tabular-nums}
.gate .name{font-weight:600;overflow-wrap:anywhere;min-width:210px}
.gate .name small,.gate .note{display:block;font-weight:400;color:#5b6773;font-size:13px}
.gate .badge{display:inline-block;border-radius:4px;padding:1px 8px;font-size:12px;
 font-weight:650;white-space:nowrap}
.gate .PASS{background:#e0f3e6;color:#176437}.gate .FAIL{background:#fbe2df;color:#a1261a}
.gate .INCONCLUSIVE{background:#fdf0d3;color:#7a5200}
.gate .quietly{background:#eef1f4;color:#5b6773}
.gate svg{display:block}
.gate svg text{font:11px system-ui,Arial,sans-serif;fill:#5b6773}
.gate ul{margin:6px 0 0;padding-left:20px}.gate li{margin:3px 0;overflow-wrap:anywhere}
.gate dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:8px 0 0}
.gate dt{color:#5b6773}
.gate dd{margin:0;font:13px/1.6 ui-monospace,Consolas,monospace;overflow-wrap:anywhere}
"""


def page(verdict: Verdict, confidence: float) -> str:
    """The whole index.html; the same verdict always gives the same page.

    Parameters
    ----------
    confidence
        Of the intervals, as a share.
    """
    title = f"{verdict.outcome}: {verdict.name}, candidate {verdict.candidate}"
    parts = [
        f"<section class='gate' lang='en'><style>{CSS}</style>",
        f"<h1>{_badge(verdict.outcome)} {escape(verdict.name)}</h1>",
        f"<p>Candidate <b>{escape(verdict.candidate)}</b>: {HEADLINES[verdict.outcome]} "
        f"<span class='quiet'>Compared with: {escape(verdict.champion.words)}.</span></p>",
        _blocking(verdict),
        "<h2>Rules</h2>",
        f"<p class='quiet'>The bar is the {confidence * 100:.4g}% interval, the dot the value, "
        "the dashed line the limit. A rule passes when its whole bar is on the right side of "
        "the line.</p>",
        _rules(of_kind(verdict, "rule")),
        _listed("Behaviour", of_kind(verdict, "behaviour")),
        _listed("Model tests", of_kind(verdict, "test")),
        _about(verdict),
        "</section>",
    ]
    return compose(title, "\n".join(parts))


def strip(finding: Finding) -> str:
    """The interval of one rule on an axis of its own, the limit dashed, and the axis."""
    if finding.observed is None or finding.limit is None:
        return ""
    estimate = Estimate(finding.observed, finding.low, finding.high)
    shown = [
        number
        for number in (finding.low, finding.observed, finding.high, finding.limit)
        if number is not None
    ]
    least = 0.0 if min(shown) >= 0 else -math.inf
    low, high = charts.round_out(min(shown), max(shown), least=least)
    return charts.strip(estimate, low, high, mark=finding.limit) + charts.axis(low, high)


def _blocking(verdict: Verdict) -> str:
    if not verdict.blocking:
        return ""
    items = "".join(
        f"<li>{_badge(each.outcome)} <b>{escape(each.title)}</b>: {escape(each.detail)}</li>"
        for each in verdict.blocking
    )
    return f"<h2>What stands in the way</h2><ul>{items}</ul>"


def _rules(rules: list[Finding]) -> str:
    heads = ("", "rule", "against its limit", "value", "interval", "limit", "rows")
    rows = "".join(_row(each) for each in worst_first(rules))
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<div class='wide'><table><tr>{head}</tr>{rows}</table></div>"


def _row(finding: Finding) -> str:
    value, interval, limit, rows = value_words(finding)
    facts = dict.fromkeys((finding.slice, what(finding), finding.owner))
    about = " · ".join(escape(text) for text in facts if text)
    cells = [
        _standing(finding),
        f"{escape(finding.rule)}<small>{about}</small>"
        + (f"<small>because {escape(finding.because)}</small>" if finding.because else ""),
        strip(finding) + (f"<span class='note'>{escape(_note(finding))}</span>"),
        *(escape(text) for text in (value, interval, limit, rows)),
    ]
    kinds = ("", " class='name'", "", *(" class='n'",) * 4)
    inner = "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, cells, strict=True))
    return f"<tr>{inner}</tr>"


def _note(finding: Finding) -> str:
    """The sentence where the picture does not say it all, and who waived it."""
    notes = [] if finding.outcome is Outcome.PASS and strip(finding) else [finding.detail]
    if finding.waiver is not None:
        notes.append(f"Waived by {finding.waiver.owner}: {finding.waiver.because}")
    return " ".join(notes)


def _listed(title: str, findings: list[Finding]) -> str:
    if not findings:
        return f"<h2>{title}</h2><p>There are none.</p>"
    items = "".join(
        f"<li>{_standing(each)} {escape(each.title)}"
        + ("" if each.outcome is Outcome.PASS else f": {escape(each.detail)}")
        + "</li>"
        for each in worst_first(findings)
    )
    passed = sum(each.outcome is Outcome.PASS for each in findings)
    return f"<h2>{title}</h2><p>{passed} of {len(findings)} passed.</p><ul>{items}</ul>"


def _about(verdict: Verdict) -> str:
    pairs = [(name, digest) for name in DIGESTS if (digest := getattr(verdict, name))]
    pairs.append(("allowed types", ", ".join(verdict.types) or "none"))
    inner = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return f"<h2>About</h2><dl>{inner}</dl>"


def _standing(finding: Finding) -> str:
    """The outcome, and why it does not decide where it does not."""
    if finding.outcome is Outcome.PASS or finding.blocks:
        return _badge(finding.outcome)
    return (
        f"<span class='badge quietly'>{finding.outcome}</span>"
        f"<span class='note'>{escape(finding.standing)}</span>"
    )


def _badge(outcome: Outcome) -> str:
    return f"<span class='badge {outcome}'>{outcome}</span>"
