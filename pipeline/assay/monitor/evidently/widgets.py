"""The charts and tables of a report, built with Evidently's helpers from finished numbers."""

from __future__ import annotations

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

from assay.monitor.nights.column_values import (
    MOST_DRAWN,
    NAMES,
    STANDINGS,
    histograms,
    summary_cells,
)
from assay.monitor.nights.metric_cells import METRIC_NAMES, metric_cells
from assay.pages.svg import BLUE, RED, REFERENCE
from assay.project.text.number_format import counted, format_fixed, format_percent

if TYPE_CHECKING:
    from evidently.legacy.model.widget import BaseWidgetInfo

    from assay.monitor.nights.content import (
        ColumnContent,
        MetricContent,
        ReportContent,
    )

ROWS_A_PAGE = 25
NO_BARS: dict[str, Any] = {"x": [], "y": []}


def text(words: str) -> BaseWidgetInfo:
    """A paragraph in Markdown."""
    return text_widget(text=words)


def number(label: str, value: str, half: bool = False) -> BaseWidgetInfo:
    """One large number; four fit in a row, or two."""
    size = WidgetSize.HALF if half else WidgetSize.SMALL
    return counter(counters=[CounterData(label, value)], size=size)


def histogram(column: ColumnContent) -> BaseWidgetInfo | None:
    """The reference's shares beside the night's; None if either has no value."""
    drawn = histograms(column)
    if drawn is None:
        return None
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
            ("this night", drawn.now, colour),
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
        ColumnDefinition("This night", "now", ColumnType.HISTOGRAM, options=_axes(BLUE)),
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
    cells = [summary_cells(column) for column in told.columns]
    return table_data(title="What the columns hold", column_names=NAMES, data=cells)


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
    rows = [metric_cells(each) for each in measured]
    if not rows:
        return None
    return table_data(title="Performance", column_names=METRIC_NAMES, data=rows)


def _axes(colour: str) -> dict[str, Any]:
    return {"xField": "x", "yField": "y", "color": colour}


def _small(column: ColumnContent) -> tuple[dict[str, Any], dict[str, Any]]:
    drawn = histograms(column)
    if drawn is None:
        return NO_BARS, NO_BARS
    places = list(range(len(drawn.names)))
    before, now = ([_digits(share) for share in each] for each in (drawn.before, drawn.now))
    return {"x": places, "y": before}, {"x": places, "y": now}


def _digits(value: float) -> float:
    return float(f"{value:.5g}")
