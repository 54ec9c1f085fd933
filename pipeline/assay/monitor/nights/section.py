"""Assay's own section of a night's page: the drift decision on all rows, at the top."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from assay.columns.reference import Reference
from assay.monitor.nights.summary import NightSummary
from assay.pages import charts, templating


def render(summary: NightSummary, reference: Reference) -> Markup:
    """Render the section as HTML. All text from data or people is escaped."""
    return templating.render(
        "night.html",
        answer=render_status(summary),
        s=summary,
        d=summary.decision,
        reference=reference,
        distances=charts.distance_strip,
    )


def title(summary: NightSummary) -> str:
    """The page's title."""
    return f"{summary.name}: {summary.headline()}"


def render_status(summary: NightSummary) -> Markup:
    """Render the night's status: the part of the page that later nights may change."""
    tone = "bad" if summary.stand.alarming else "odd"
    if summary.stand.standing == "ok":
        tone = "ok"
    return templating.render("night_answer.html", s=summary, tone=tone).strip()


_ANSWER = re.compile(r"<!--answer-->.*?<!--/answer-->", re.DOTALL)
_TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)


def replace_status(html: str, summary: NightSummary) -> str:
    """Replace the status and the title in a night's page; the rest stays unchanged."""
    # The first match is ours: both precede any text from data, which is escaped as well.
    named = _TITLE.sub(lambda _: f"<title>{escape(title(summary))}</title>", html, count=1)
    return _ANSWER.sub(lambda _: render_status(summary), named, count=1)
