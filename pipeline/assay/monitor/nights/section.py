"""Assay's own section of a night's page: the drift decision on all rows, at the top."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from markupsafe import Markup

from assay.columns.reference import Reference
from assay.monitor.drift.drift import drifted_words, is_near
from assay.monitor.nights.column_values import MOST_DRAWN, NAMES, histograms, summary_cells
from assay.monitor.nights.content import ColumnContent, ReportContent
from assay.monitor.nights.metric_cells import METRIC_NAMES, metric_cells
from assay.monitor.nights.night_path import EVIDENTLY, night_path
from assay.monitor.nights.summary import NightSummary
from assay.pages import charts, templating
from assay.pages.svg import BLUE, RED, Picture


class EvidentlyPart(Enum):
    """Whether Evidently's report of a night lies beside its page."""

    THERE = "there"
    NOT_ASKED = "not asked for"
    NOT_INSTALLED = "not installed"


def render(
    summary: NightSummary, reference: Reference, told: ReportContent, evidently: EvidentlyPart
) -> Markup:
    """Render the section as HTML. All text from data or people is escaped.

    Parameters
    ----------
    told
        What is known of all rows.
    evidently
        Whether Evidently's report of the night lies beside the page, or why not.
    """
    return templating.render(
        "night.html",
        answer=render_status(summary),
        s=summary,
        d=summary.decision,
        reference=reference,
        distances=charts.distance_strip,
        told=told,
        columns=[_figure(each) for each in told.columns[:MOST_DRAWN]],
        value_names=NAMES,
        values=[summary_cells(each) for each in told.columns],
        metric_names=METRIC_NAMES,
        metrics=[metric_cells(each) for each in told.performance],
        evidently=evidently,
        evidently_page=quote(night_path(summary.partition, EVIDENTLY).rpartition("/")[2]),
    )


@dataclass(frozen=True)
class ColumnFigure:
    """A column's histograms, and what is said of it; no picture if either side has no value."""

    name: str
    words: str
    over: bool
    picture: Picture | None


def _figure(column: ColumnContent) -> ColumnFigure:
    drawn = histograms(column)
    colour = BLUE if column.standing == "ok" else RED
    picture = None if drawn is None else charts.histogram_pair(drawn, colour)
    return ColumnFigure(column.name, column.words, column.standing != "ok", picture)


def introduce(summary: NightSummary, sample_rows: int, left_out: str) -> Markup:
    """What stands above Evidently's report of a night, which is a page of its own.

    Not the night's status, which later nights may change.

    Parameters
    ----------
    sample_rows
        How many rows Evidently shows; no decision uses them.
    left_out
        Which columns the sample lacks, or why there is none; may be empty.
    """
    return templating.render(
        "night_evidently.html",
        s=summary,
        sample_rows=sample_rows,
        left_out=left_out,
        page=quote(night_path(summary.partition, ".html").rpartition("/")[2]),
    )


def title(summary: NightSummary) -> str:
    """The page's title."""
    return f"{summary.name}: {summary.headline()}"


def render_status(summary: NightSummary) -> Markup:
    """Render the night's status: the part of the page that later nights may change."""
    tone = "bad" if summary.stand.alarming else "odd"
    decision = summary.decision
    share = len(decision.drifted), decision.features, summary.limits.max_drifted_share
    near = summary.stand.standing == "ok" and is_near(*share)
    if summary.stand.standing == "ok" and not near:
        tone = "ok"
    return templating.render(
        "night_answer.html", s=summary, tone=tone, near=near, drifted=drifted_words(*share)
    ).strip()
