"""The evaluation page: every metric with its interval, plots, slices, features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from markupsafe import Markup

from assay.evaluation.dependence import NONE, Dependences
from assay.evaluation.task_views import SHOWN, ZERO, MetricGroup, View, by_field
from assay.metrics.estimate import (
    Estimate,
    describe_design_effects,
    format_cells,
    format_design_effect,
)
from assay.metrics.sampling_units import format_unit_count, plural_unit
from assay.metrics.slices import AND
from assay.pages import charts, svg, templating
from assay.pages.templating import compose_page
from assay.project.tasks import CATALOGUE, HEADLINE, describe_direction
from assay.project.text import counted
from assay.reports.evaluation import (
    GROUP_RATES,
    LEAST_SHOWN,
    SECONDARY_METRIC,
    Evaluation,
    SliceResult,
    group_rates,
    shown_groups,
    sort_slices,
)

SHOWN_FEATURES = 20
"""Maximum number of features shown; evaluation.json has all."""


def render(
    report: Evaluation, view: View, window: str, seed: int, drawn: Dependences = NONE
) -> str:
    """One self-contained HTML file.

    Parameters
    ----------
    view
        The rows that ``report`` is about.
    window
        The days of the holdout.
    seed
        Seed of the samples.
    drawn
        How contributions depend on values.
    """
    title = f"{report.name}: {report.candidate} on the holdout"
    return compose_page(title, render_section(report, view, window, seed, drawn))


def render_section(
    report: Evaluation, view: View, window: str, seed: int, drawn: Dependences = NONE
) -> Markup:
    """What the page says, as HTML."""
    first, second = HEADLINE[report.task], SECONDARY_METRIC[report.task]
    parts = [part.metrics[first] for part in report.slices if part.metrics is not None]
    low, high = svg.axis_limits([report.metrics[first], *parts], least=0.0)
    return templating.render(
        "evaluation.html",
        label=view.label,
        window=window,
        b=view.variables(),
        e=report,
        confidence=f"{report.confidence * 100:g}%",
        units=format_unit_count(report.units, report.unit),
        many=plural_unit(report.unit),
        effect=format_design_effect,
        hangs=describe_design_effects(report.metrics),
        groups=_groups(report, view),
        meaning={
            **{one.name: one.meaning for one in CATALOGUE[report.task]},
            **dict.fromkeys(report.own_metrics, "by evaluate.metrics of params.yaml"),
        },
        cells=format_cells,
        shown=SHOWN,
        least=LEAST_SHOWN,
        charts=charts,
        fields=by_field(report.slices, _shown(report)),
        sensitive=[*_sensitive(report)],
        rates=[name.replace("_", " ") for name in GROUP_RATES[report.task]],
        first=first,
        second=second,
        low=low,
        high=high,
        overall=report.metrics[first].value,
        dependence=drawn[0],
        added=drawn[1],
        **_features(report, seed),
    )


def _groups(report: Evaluation, view: View) -> Iterator[MetricGroup]:
    higher, lower = (
        [
            (name, one)
            for name, one in report.metrics.items()
            if (describe_direction(name) == "higher") is way and name not in report.own_metrics
        ]
        for way in (True, False)
    )
    yield from view.groups(higher, lower)
    for name, better in report.own_metrics.items():  # each may be in a unit of its own
        one = report.metrics[name]
        scale = svg.axis_limits([ZERO, one])
        yield MetricGroup(f"The project's own; {better} is better", [(name, one)], *scale)


def _features(report: Evaluation, seed: int) -> dict[str, object]:
    """Template variables about how much the model relies on each feature.

    By its exact contributions, and only without them by how much a metric drops.
    """
    exact, shuffled = report.reasons, report.importance
    if exact is not None and exact.whole is not None:
        features, rows = list(exact.whole.features.items()), exact.whole.rows
    elif shuffled is not None:
        rows = shuffled.rows
        features = [
            (one.feature, Estimate(one.drop, one.low, one.high)) for one in shuffled.features
        ]
    else:
        return {"features": None}
    known = [(name, one) for name, one in features if one.value is not None]
    drawn = f"all {counted(report.rows, 'row')}"
    if rows < report.rows:
        drawn = f"{rows:,} of the {report.rows:,} rows, drawn at random with seed {seed}"
    return {
        "features": known[:SHOWN_FEATURES],
        "reasons": exact,
        "importance": shuffled,
        "feature_axis": svg.axis_limits([ZERO, *(one for _, one in known[:SHOWN_FEATURES])]),
        "more": len(known) - SHOWN_FEATURES,
        "lost": [name for name, one in features if one.value is None],
        "drawn_from": drawn,
    }


def _sensitive(report: Evaluation) -> Iterable[tuple[str, list[object], int]]:
    """Each sensitive field with its groups, the largest first, and the number of small ones."""
    for name in report.sensitive:
        parts, small = shown_groups(part for part in report.slices if part.field == name)
        rates = [(part, [*group_rates(report.task, part).values()]) for part in parts]
        yield name, [*rates], small


def _shown(report: Evaluation) -> list[SliceResult]:
    """The slices, the worst first, without groups of people that are too small to be shown."""
    return [
        part
        for part in sort_slices(report)
        if part.rows >= LEAST_SHOWN
        or not {part.field, *part.field.split(AND)} & {*report.sensitive}
    ]
