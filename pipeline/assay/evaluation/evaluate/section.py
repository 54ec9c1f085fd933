"""Our section of the page: every metric with its interval, plots and slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from assay.evaluation.evaluate.task_charts import MEANING
from assay.metrics.estimate import (
    Estimate,
    describe_design_effects,
    format_cells,
    format_design_effect,
)
from assay.metrics.sampling_units import format_unit_count, plural_unit
from assay.metrics.slices import AND
from assay.pages import axes, charts, templating
from assay.project.tasks import HEADLINE, describe_direction
from assay.reports.evaluation import (
    GROUP_RATES,
    LEAST_SHOWN,
    SECONDARY_METRIC,
    Measurement,
    SliceResult,
    group_rates,
    shown_groups,
    sort_slices,
)

SHOWN = 30
"""Maximum number of values shown per slice field, worst first."""

Group = tuple[SliceResult, list[Estimate | None]]
"""A group of people and its rates."""


@dataclass(frozen=True)
class PageHeader:
    """Facts for the page's header."""

    name: str
    candidate: str
    bundle: str
    label: str
    window: str


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that share an axis."""

    title: str
    rows: list[tuple[str, Estimate]]
    low: float
    high: float


def render(
    found: Measurement, about: PageHeader, body: Mapping[str, object], evidently: str
) -> Markup:
    """Our section as HTML.

    Parameters
    ----------
    found
        The evaluation.
    about
        Facts for the header.
    body
        The result of :func:`assay.evaluation.evaluate.task_charts.template_variables`.
    evidently
        A note on the Evidently report that follows.
    """
    first, second = HEADLINE[found.task], SECONDARY_METRIC[found.task]
    parts = [part.metrics[first] for part in found.slices if part.metrics is not None]
    low, high = axes.axis_limits([found.metrics[first], *parts], least=0.0)
    return templating.render(
        "evaluation.html",
        a=about,
        b=body,
        e=found,
        confidence=f"{found.confidence * 100:g}%",
        units=format_unit_count(found.units, found.unit),
        many=plural_unit(found.unit),
        effect=format_design_effect,
        hangs=describe_design_effects(found.metrics),
        groups=_groups(found, about.label),
        meaning={
            **MEANING[found.task],
            **dict.fromkeys(found.own_metrics, "by evaluate.metrics of params.yaml"),
        },
        cells=format_cells,
        shown=SHOWN,
        least=LEAST_SHOWN,
        charts=charts,
        fields=_fields(found),
        sensitive=_sensitive(found),
        rates=[name.replace("_", " ") for name in GROUP_RATES[found.task]],
        first=first,
        second=second,
        low=low,
        high=high,
        overall=found.metrics[first].value,
        evidently=evidently,
    )


def _groups(found: Measurement, label: str) -> list[MetricGroup]:
    higher, lower = (
        [
            (name, one)
            for name, one in found.metrics.items()
            if (describe_direction(name) == "higher") is way and name not in found.own_metrics
        ]
        for way in (True, False)
    )
    if found.task == "regression":
        zero = Estimate(0.0, None, None)
        scale = axes.axis_limits([zero, *(one for _, one in lower)])
        ends = [one.value if one.low is None else one.low for _, one in higher]
        worst = min((end for end in ends if end is not None), default=0.0)
        low = axes.round_out(worst, 1.0, most=1.0)[0] if worst < 0 else 0.0
        return [
            MetricGroup(f"Errors, in the unit of {label}; nearer 0 is better", lower, *scale),
            MetricGroup("Higher is better", higher, low, 1.0),
            *_own_groups(found),
        ]
    tops = [one.high or one.value or 0.0 for _, one in lower]
    return [
        MetricGroup("Higher is better", higher, 0.0, 1.0),
        MetricGroup("Lower is better", lower, 0.0, max(1.0, *tops)),
        *_own_groups(found),
    ]


def _sensitive(found: Measurement) -> list[tuple[str, list[Group], int]]:
    """Each sensitive field with its groups, the largest first, and the number of small ones."""
    result = []
    for name in found.sensitive:
        parts, small = shown_groups(part for part in found.slices if part.field == name)
        groups = [(part, [*group_rates(found.task, part).values()]) for part in parts]
        result.append((name, groups, small))
    return result


def _own_groups(found: Measurement) -> Iterator[MetricGroup]:
    """A group for each of the project's own metrics, since each may be in a unit of its own."""
    for name, better in found.own_metrics.items():
        one = found.metrics[name]
        scale = axes.axis_limits([Estimate(0.0, None, None), one])
        yield MetricGroup(f"The project's own; {better} is better", [(name, one)], *scale)


def _fields(found: Measurement) -> list[tuple[str, list[SliceResult], int]]:
    names = dict.fromkeys(part.field for part in found.slices)
    result = []
    for name in names:
        parts = [part for part in sort_slices(found) if part.field == name]
        if {name, *name.split(AND)} & {*found.sensitive}:
            parts = [part for part in parts if part.rows >= LEAST_SHOWN]
        result.append((name, parts[:SHOWN], max(0, len(parts) - SHOWN)))
    return result
