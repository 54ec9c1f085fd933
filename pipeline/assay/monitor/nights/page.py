"""Assay's own section of a night's page: the drift decision on all rows, at the top."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from markupsafe import Markup

from assay.columns import summary_statistics
from assay.columns.grid import CategoryGrid, ColumnGrid, NumberGrid
from assay.columns.profile import ColumnProfile, Profile
from assay.columns.reference import Reference
from assay.monitor.drift.drift import DriftFinding, drifted_words, is_near
from assay.monitor.nights.night import EVIDENTLY, night_path
from assay.monitor.nights.summary import NightSummary
from assay.pages import charts, templating
from assay.pages.charts import HistogramPair, build_histograms
from assay.pages.svg import BLUE, RED, Picture
from assay.performance.realized_metrics import KnownMetric, Row, by_metric, metric_names
from assay.project.tasks import Task
from assay.project.text import counted, format_digits, format_fixed, format_percent

MOST_DRAWN = 60
"""The most columns with histograms: each takes 2 kB of a page."""

MOST_REASONS = 15
"""The most features whose contributions are drawn."""

QUARTERS = (0.25, 0.5, 0.75)

VALUE_NAMES = (
    *("column", "nulls", "nulls in the reference", "distinct, about", "mean", "deviation"),
    *("least", "quarter", "median", "three quarters", "largest", "new categories"),
)
METRIC_NAMES = (
    *("metric", "expected without labels", "with the labels that came"),
    *("which arrived within", "rows with a label", "share of the rows"),
)


class EvidentlyPart(Enum):
    """Whether Evidently's report of a night lies beside its page."""

    THERE = "there"
    NOT_ASKED = "not asked for"
    NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class ColumnContent:
    """A column's counts, the reference's, and the drift decision about it.

    ``now`` is None if it was not counted.
    """

    finding: DriftFinding
    grid: ColumnGrid
    before: ColumnProfile
    now: ColumnProfile | None

    @property
    def name(self) -> str:
        return self.finding.column

    @property
    def over(self) -> bool:
        """Whether it is over one of its limits."""
        return self.finding.crossed

    @property
    def picture(self) -> Picture | None:
        """Its histograms; None if either side has no value."""
        pair = self.histograms
        return None if pair is None else charts.histogram_pair(pair, RED if self.over else BLUE)

    @property
    def histograms(self) -> HistogramPair | None:
        """The shares of the reference and of the night; None if either has no value."""
        before, now = self.before, self.now
        cells = (len(before.counts), len(before.fine))
        if now is None or cells != (len(now.counts), len(now.fine)):
            return None
        if not sum(before.counts) or not sum(now.counts):
            return None
        return build_histograms(self.grid, before, now)

    def cells(self) -> list[str]:
        """Statistics on all rows under `VALUE_NAMES`, as text; empty where there is none."""
        now, before = self.now, self.before
        if now is None or not now.rows:
            return [self.name, "not counted", *[""] * 10]
        known = [summary_statistics.mean(now), summary_statistics.standard_deviation(now), now.low]
        middle: list[float | None] = [None] * 3
        if isinstance(self.grid, NumberGrid):
            quantiles = summary_statistics.quantiles(self.grid, now, QUARTERS)
            middle = [float(value) for value in quantiles]
        distinct = summary_statistics.distinct_count(now)
        new = self.finding.new_category_share
        return [
            self.name,
            format_percent(now.nulls / now.rows),
            format_percent(before.nulls / before.rows if before.rows else None),
            "" if distinct is None else f"{distinct:,}",
            *(_number(value) for value in (*known, *middle, now.high)),
            format_percent(new) if isinstance(self.grid, CategoryGrid) else "",
        ]


@dataclass(frozen=True, slots=True)
class PageContent:
    """The columns and metrics of a night's page.

    Attributes
    ----------
    columns
        Crossed limits first; scores before features.
    metrics
        A row of cells for each, under `METRIC_NAMES`, in the order in which its task lists them.
    """

    columns: tuple[ColumnContent, ...]
    metrics: tuple[tuple[str, ...], ...]


def night_content(
    summary: NightSummary, reference: Reference, task: Task, profile: Profile
) -> PageContent:
    """The columns and metrics of a night's page.

    Parameters
    ----------
    summary
        The decision about it.
    reference, task
        Of the bundle that scored it.
    profile
        Counts of all of its scored rows.
    """
    known = by_metric(summary.performance)
    return PageContent(
        columns=tuple(
            ColumnContent(each, reference.grid[name], reference.profile[name], profile.get(name))
            for each in summary.decision.findings
            if (name := each.column) in reference.grid
        ),
        metrics=tuple(
            _metric_cells(name, known[name]) for name in metric_names(task) if name in known
        ),
    )


def _metric_cells(metric: str, known: KnownMetric) -> tuple[str, ...]:
    """A metric expected without labels, and with those that came, at the longest maturity."""
    days, last = known.matured or (None, None)
    pending = last is None and known.estimated is not None
    return (
        metric,
        _interval(known.estimated),
        "not known yet" if pending else _interval(last),
        "" if days is None else counted(days, "day"),
        "" if last is None or last["rows"] is None else f"{last['rows']:,}",
        format_percent(None if last is None else last["labelled_share"]),
    )


def _interval(row: Row | None) -> str:
    """A value and its interval."""
    if row is None:
        return ""
    value, low, high = row["value"], row["low"], row["high"]
    if row.get("trusted") is False:
        return f"{value:.3f}, not to be trusted: {row['why']}"
    if low is None or high is None:
        return format_fixed(value)
    wider = f", {row['why']}" if row.get("why") else ""
    return f"{value:.3f} ({low:.3f} to {high:.3f}){wider}"


def _number(value: float | None) -> str:
    """Four significant digits; empty if it is no finite number."""
    return "" if value is None or not math.isfinite(value) else format_digits(value)


def render(
    summary: NightSummary, reference: Reference, content: PageContent, evidently: EvidentlyPart
) -> Markup:
    """Render the section as HTML. All text from data or people is escaped.

    Parameters
    ----------
    content
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
        measures=[*dict.fromkeys(m.title for f in summary.decision.findings for m in f.measured)],
        distances=charts.distance_strip,
        reasons=_reasons_picture(summary),
        columns=content.columns,
        most_drawn=MOST_DRAWN,
        value_names=VALUE_NAMES,
        metric_names=METRIC_NAMES,
        metrics=content.metrics,
        evidently=evidently,
        evidently_page=quote(night_path(summary.partition, EVIDENTLY).rpartition("/")[2]),
    )


def _reasons_picture(summary: NightSummary) -> Picture | None:
    """What moved scores most, on this night or in the reference."""
    shift = summary.decision.reasons_shift
    if shift is None:
        return None
    pairs = [(name, shift.before.get(name, 0.0), now) for name, now in shift.now.items()]
    pairs.sort(key=lambda each: -max(each[1:]))
    return charts.bar_pairs(pairs[:MOST_REASONS], RED if shift.drifted else BLUE)


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
    return f"{summary.record.name}: {summary.headline()}"


def render_status(summary: NightSummary) -> Markup:
    """Render the night's status: the part of the page that later nights may change."""
    tone = "bad" if summary.status.alarming else "odd"
    decision = summary.decision
    share = len(decision.drifted), decision.features, summary.limits.max_drifted_share
    near = summary.status.name == "ok" and is_near(*share)
    if summary.status.name == "ok" and not near:
        tone = "ok"
    return templating.render(
        "night_answer.html", s=summary, tone=tone, near=near, drifted=drifted_words(*share)
    ).strip()
