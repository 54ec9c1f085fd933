"""A metric of a night as cells of a table: expected without labels, and with those that came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.project.text import counted, format_fixed, format_percent

if TYPE_CHECKING:
    from assay.monitor.nights.content import MetricContent, MetricValue

METRIC_NAMES = (
    *("metric", "expected without labels", "with the labels that came"),
    *("which arrived within", "rows with a label", "share of the rows"),
)


def metric_cells(metric: MetricContent) -> tuple[str, ...]:
    """The cells under `METRIC_NAMES`; empty where nothing is known."""
    pending = metric.realized is None and metric.estimated is not None
    return (
        metric.metric,
        format_interval(metric.estimated),
        "not known yet" if pending else format_interval(metric.realized),
        "" if metric.maturity_days is None else counted(metric.maturity_days, "day"),
        "" if metric.rows is None else f"{metric.rows:,}",
        format_percent(metric.labelled_share),
    )


def format_interval(number: MetricValue | None) -> str:
    """A value and its interval."""
    if number is None:
        return ""
    if number.distrust is not None:
        return f"{number.value:.3f}, not to be trusted: {number.distrust}"
    if number.low is None or number.high is None:
        return format_fixed(number.value)
    return f"{number.value:.3f} ({number.low:.3f} to {number.high:.3f})"
