"""The comparison as HTML: every metric of both models, with a chart of the difference."""

from __future__ import annotations

from functools import partial

from markupsafe import Markup

from assay.evaluation.task_views import ZERO, MetricGroup, by_field
from assay.metrics.estimate import (
    Estimate,
    describe_design_effects,
    format_cells,
    format_design_effect,
)
from assay.metrics.intervals.difference import Difference
from assay.metrics.sampling_units import format_unit_count
from assay.pages import charts, templating
from assay.pages.svg import axis_limits
from assay.project.tasks import HEADLINE, describe_direction
from assay.project.text import format_short
from assay.reports.comparison import Comparison, difference_estimate, sort_slices

NO_COMPARISON = {
    "none": "There is no champion yet",
    "unreadable": "The champion cannot be read",
    "features_missing": "The champion's features are gone",
    "incomparable": "The champion answers another question",
}


def render(report: Comparison) -> Markup:
    """The main part of the page as HTML."""
    by = HEADLINE[report.task]
    drawn = [part.differences[by] for part in report.slices if part.differences is not None]
    low, high = _axis(drawn)
    return templating.render(
        "comparison.html",
        c=report,
        headline=headline(report),
        confidence=f"{report.confidence * 100:g}%",
        groups=_groups(report),
        fields=by_field(report.slices, sort_slices(report)),
        by=by,
        better=partial(describe_direction, own=report.own_metrics),
        cells=format_cells,
        charts=charts,
        units=format_unit_count(report.units, report.unit),
        effect=format_design_effect,
        hangs=describe_design_effects(_drawn(report)),
        interval=difference_estimate,
        short=format_short,
        low=low,
        high=high,
    )


def headline(report: Comparison) -> str:
    """The title of the page and the table."""
    if report.champion is None or report.state != "compared":
        return f"{report.name}: {NO_COMPARISON[report.state]}"
    return f"{report.name}: the challenger against {report.champion.version}"


def _groups(report: Comparison) -> list[MetricGroup]:
    groups = []
    for title, wanted in (
        ("Higher is better", ("higher",)),
        ("Lower or nearer 0 is better", ("lower", "nearer 0")),
    ):
        rows = [
            (name, one)
            for name, one in (report.differences or {}).items()
            if describe_direction(name) in wanted and name not in report.own_metrics
        ]
        if rows:
            groups.append(MetricGroup(title, rows, *_axis([one for _, one in rows])))
    for name, better in report.own_metrics.items():
        one = (report.differences or {}).get(name)
        if one is not None:  # each may be in a unit of its own
            title = f"The project's own; {better} is better"
            groups.append(MetricGroup(title, [(name, one)], *_axis([one])))
    return groups


def _drawn(report: Comparison) -> dict[str, Estimate]:
    """Metric -> difference as an estimate with its interval."""
    drawn = {name: difference_estimate(one) for name, one in (report.differences or {}).items()}
    return {name: one for name, one in drawn.items() if one is not None}


def _axis(differences: list[Difference]) -> tuple[float, float]:
    drawn = [one for one in map(difference_estimate, differences) if one is not None]
    return axis_limits([ZERO, *drawn])
