"""The charts and tables of a report, built with Evidently's helpers from finished numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evidently.legacy.renderers.html_widgets import (
    ColumnDefinition,
    ColumnType,
    CounterData,
    RichTableDataRow,
    RowDetails,
    WidgetSize,
    counter,
    plotly_data,
    rich_table_data,
    table_data,
    text_widget,
)

from assay.columns import summary_statistics
from assay.columns.grid import CategoryGrid, NumberGrid
from assay.columns.profile import ColumnProfile
from assay.pages.histogram import build_histograms
from assay.pages.svg import BLUE, RED, REFERENCE
from assay.project.text.number_format import counted, format_fixed, format_percent

if TYPE_CHECKING:
    from evidently.legacy.model.widget import BaseWidgetInfo

    from assay.monitor.evidently.content import (
        ColumnContent,
        Mark,
        MetricContent,
        MetricValue,
        ReportContent,
    )

ROWS_A_PAGE = 25
MOST_DRAWN = 60
"""The most columns with histograms: each takes 5 kB of a page."""

STANDINGS: Mapping[Mark, str] = {
    "ok": "within limits",
    "odd": "▲ over a limit",
    "bad": "✕ decides",
}
NO_BARS: dict[str, Any] = {"x": [], "y": []}
QUARTERS = (0.25, 0.5, 0.75)


def text(words: str) -> BaseWidgetInfo:
    """A paragraph in Markdown."""
    return text_widget(text=words)


def number(label: str, value: str, half: bool = False) -> BaseWidgetInfo:
    """One large number; four fit in a row, or two."""
    size = WidgetSize.HALF if half else WidgetSize.SMALL
    return counter(counters=[CounterData(label, value)], size=size)


def histogram(column: ColumnContent, span: str) -> BaseWidgetInfo | None:
    """The reference's shares beside the night's; None if either has no value."""
    now = column.now
    if now is None or not _comparable(column.before, now):
        return None
    drawn = build_histograms(column.grid, column.before, now)
    colour = BLUE if column.standing == "ok" else RED
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": [_digits(at) for at in drawn.at] if drawn.at else list(drawn.names),
            "y": [_digits(share) for share in shares],
            "customdata": list(drawn.names),
            "marker": {"color": paint},
            "hovertemplate": "%{customdata}: %{y:.1%}",
        }
        for name, shares, paint in (
            ("reference", drawn.before, REFERENCE),
            (f"this {span}", drawn.now, colour),
        )
    ]
    layout = {
        "barmode": "group",
        "bargap": 0.15,
        "margin": {"l": 60, "r": 10, "t": 10, "b": 30},
        "xaxis": {"type": "linear" if drawn.at else "category", "automargin": True},
        "yaxis": {"tickformat": ".0%", "title": {"text": "share of the known values"}},
        "legend": {"orientation": "h", "y": 1.1},
    }
    return plotly_data(title=f"{column.name}: {column.words}", data=traces, layout=layout)


def columns(
    told: ReportContent, pictures: Mapping[str, Sequence[BaseWidgetInfo]]
) -> BaseWidgetInfo:
    """A row per column with two small histograms; expanded, its chart.

    Parameters
    ----------
    pictures
        By column.
    """
    shown = [
        ColumnDefinition("Column", "column"),
        ColumnDefinition("Standing", "standing"),
        ColumnDefinition("Distance", "distance"),
        ColumnDefinition("Limit of a night", "limit"),
        ColumnDefinition("Break limit", "break_limit"),
        ColumnDefinition("Nulls", "nulls"),
        ColumnDefinition("Reference", "before", ColumnType.HISTOGRAM, options=_axes(REFERENCE)),
        ColumnDefinition(f"This {told.span}", "now", ColumnType.HISTOGRAM, options=_axes(BLUE)),
    ]
    rows = []
    for place, each in enumerate(told.columns):
        finding = each.finding
        before, now = _small(each) if place < MOST_DRAWN else (NO_BARS, NO_BARS)
        fields = {
            "column": each.name,
            "standing": STANDINGS[each.standing],
            "distance": format_fixed(finding.distance),
            "limit": format_fixed(finding.limit),
            "break_limit": format_fixed(finding.break_limit),
            "nulls": format_percent(finding.null_share),
            "before": before,
            "now": now,
        }
        details = RowDetails()
        for picture in pictures.get(each.name, ()):
            details.with_part(each.name, picture)
        rows.append(RichTableDataRow(fields, details))
    title = f"Every column, on all {counted(told.rows_scored, 'scored row')}"
    return rich_table_data(title=title, rows_per_page=ROWS_A_PAGE, columns=shown, data=rows)


def quality(told: ReportContent) -> BaseWidgetInfo:
    """Summary statistics of each column."""
    names = (
        *("column", "nulls", "nulls in the reference", "distinct, about", "mean", "deviation"),
        *("least", "quarter", "median", "three quarters", "largest", "new categories"),
    )
    return table_data(
        title="What the columns hold", column_names=names, data=[_quality(c) for c in told.columns]
    )


def _quality(column: ColumnContent) -> list[str]:
    now, before = column.now, column.before
    if now is None or not now.rows:
        return [column.name, "not counted", *[""] * 10]
    known = [summary_statistics.mean(now), summary_statistics.standard_deviation(now), now.low]
    middle: list[float | None] = [None] * 3
    if isinstance(column.grid, NumberGrid):
        middle = [
            float(value) for value in summary_statistics.quantiles(column.grid, now, QUARTERS)
        ]
    found = summary_statistics.distinct_count(now)
    new = column.finding.new_category_share
    return [
        column.name,
        format_percent(now.nulls / now.rows),
        format_percent(before.nulls / before.rows if before.rows else None),
        "" if found is None else f"{found:,}",
        *(format_number(value) for value in (*known, *middle, now.high)),
        format_percent(new) if isinstance(column.grid, CategoryGrid) else "",
    ]


def broken_rules_table(told: ReportContent) -> BaseWidgetInfo | None:
    """The rules that quarantined rows broke; None if there are none, or none were counted."""
    if not told.rules:
        return None
    rows = [(rule, f"{count:,}") for rule, count in told.rules.items()]
    title = f"{counted(told.rows_quarantined, 'row')} in quarantine, by the rules that they broke"
    return table_data(title=title, column_names=("rule", "rows"), data=rows)


def pending_metric(told: ReportContent) -> BaseWidgetInfo | None:
    """A placeholder for the headline's realized value; None if it is known, or never will be."""
    headline = told.headline_metric
    if headline.realized is not None or headline.estimated is None:
        return None
    words = f"{headline.metric}, with labels: none had come when this was written"
    return number(words, "not known yet", half=True)


def performance(measured: Iterable[MetricContent]) -> BaseWidgetInfo | None:
    """A table of estimated and realized metrics; None if there are none."""
    rows = [
        (
            each.metric,
            format_interval(each.estimated),
            format_interval(each.realized),
            "" if each.maturity_days is None else counted(each.maturity_days, "day"),
            "" if each.rows is None else f"{each.rows:,}",
            format_percent(each.labelled_share),
        )
        for each in measured
    ]
    if not rows:
        return None
    names = (
        *("metric", "expected without labels", "with the labels that came"),
        *("which arrived within", "rows with a label", "share of the rows"),
    )
    return table_data(title="Performance", column_names=names, data=rows)


def format_number(value: float | None) -> str:
    """Four significant digits; empty if it is no finite number."""
    return "" if value is None or not math.isfinite(value) else f"{value:.4g}"


def format_interval(number: MetricValue | None) -> str:
    """A value and its interval."""
    if number is None:
        return ""
    if number.distrust is not None:
        return f"{number.value:.3f}, not to be trusted: {number.distrust}"
    if number.low is None or number.high is None:
        return format_fixed(number.value)
    return f"{number.value:.3f} ({number.low:.3f} to {number.high:.3f})"


def _comparable(before: ColumnProfile, now: ColumnProfile) -> bool:
    alike = (len(before.counts), len(before.fine)) == (len(now.counts), len(now.fine))
    return alike and sum(before.counts) > 0 and sum(now.counts) > 0


def _axes(colour: str) -> dict[str, Any]:
    return {"xField": "x", "yField": "y", "color": colour}


def _small(column: ColumnContent) -> tuple[dict[str, Any], dict[str, Any]]:
    if column.now is None or not _comparable(column.before, column.now):
        return NO_BARS, NO_BARS
    drawn = build_histograms(column.grid, column.before, column.now)
    places = list(range(len(drawn.names)))
    before, now = ([_digits(share) for share in each] for each in (drawn.before, drawn.now))
    return {"x": places, "y": before}, {"x": places, "y": now}


def _digits(value: float) -> float:
    return float(f"{value:.5g}")
