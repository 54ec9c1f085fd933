"""The evaluation page: every metric with its interval, plots, slices; then Evidently's report.

Only `assay.evaluation.task_views`, this module and ``monitor/evidently/`` import evidently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from markupsafe import Markup

from assay.evaluation.dependence import NONE, Dependences
from assay.evaluation.importance import draw_rows
from assay.evaluation.task_views import SHOWN, ZERO, MetricGroup, View, by_field, view_of
from assay.metrics.estimate import (
    Estimate,
    describe_design_effects,
    format_cells,
    format_design_effect,
)
from assay.metrics.sampling_units import format_unit_count, plural_unit
from assay.metrics.slices import AND
from assay.pages import charts, svg, templating
from assay.pages.templating import (
    NOTHING_MORE,
    compose_page,
    evidently_document,
    without_evidently,
)
from assay.project.tasks import HEADLINE, describe_direction
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

SAMPLE_ROWS = 50_000
"""Maximum number of rows given to Evidently. Our own section always covers all rows."""

GENERATED_ID = re.compile(
    r"(?<=metric_)[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
"""Ids that Evidently generates on each run: the page's root, and its widgets (UUID 7)."""

NOT_ASKED = "It is left out, because evaluate.evidently in params.yaml says never."


def render(
    found: Evaluation,
    view: View,
    window: str,
    seed: int,
    evidently: bool = True,
    drawn: Dependences = NONE,
) -> str:
    """One self-contained HTML file; without Evidently it says so in its place.

    Parameters
    ----------
    view
        The rows that ``found`` is about.
    window
        The days of the holdout.
    seed
        Seed of the samples.
    evidently
        Whether Evidently's report follows.
    drawn
        How contributions depend on values.
    """
    scored, note = view.scored, NOT_ASKED
    if evidently:
        note = f"All {counted(len(scored), 'row')}. Its numbers have no intervals."
        if len(scored) > SAMPLE_ROWS:
            note = (
                f"A sample of {SAMPLE_ROWS:,} of the {len(scored):,} rows, drawn at random with "
                f"seed {seed}: its numbers differ a little from those above, which are about all "
                "rows."
            )
            scored = scored.take(draw_rows(len(scored), SAMPLE_ROWS, seed))
        note += view.caution
    title = f"{found.name}: {found.candidate} on the holdout"
    theirs = _evidently(view_of(scored, view.label)) if evidently else NOTHING_MORE
    return compose_page(title, render_section(found, view, window, seed, note, drawn), theirs)


def render_section(
    found: Evaluation,
    view: View,
    window: str,
    seed: int,
    evidently: str,
    drawn: Dependences = NONE,
) -> Markup:
    """Our section as HTML; ``evidently`` is a note on the report that follows."""
    first, second = HEADLINE[found.task], SECONDARY_METRIC[found.task]
    parts = [part.metrics[first] for part in found.slices if part.metrics is not None]
    low, high = svg.axis_limits([found.metrics[first], *parts], least=0.0)
    return templating.render(
        "evaluation.html",
        label=view.label,
        window=window,
        b=view.variables(),
        e=found,
        confidence=f"{found.confidence * 100:g}%",
        units=format_unit_count(found.units, found.unit),
        many=plural_unit(found.unit),
        effect=format_design_effect,
        hangs=describe_design_effects(found.metrics),
        groups=_groups(found, view),
        meaning={
            **view.meaning,
            **dict.fromkeys(found.own_metrics, "by evaluate.metrics of params.yaml"),
        },
        cells=format_cells,
        shown=SHOWN,
        least=LEAST_SHOWN,
        charts=charts,
        fields=by_field(found.slices, _shown(found)),
        sensitive=[*_sensitive(found)],
        rates=[name.replace("_", " ") for name in GROUP_RATES[found.task]],
        first=first,
        second=second,
        low=low,
        high=high,
        overall=found.metrics[first].value,
        evidently=evidently,
        dependence=drawn[0],
        added=drawn[1],
        **_features(found, seed),
    )


def _groups(found: Evaluation, view: View) -> Iterator[MetricGroup]:
    higher, lower = (
        [
            (name, one)
            for name, one in found.metrics.items()
            if (describe_direction(name) == "higher") is way and name not in found.own_metrics
        ]
        for way in (True, False)
    )
    yield from view.groups(higher, lower)
    for name, better in found.own_metrics.items():  # each may be in a unit of its own
        one = found.metrics[name]
        scale = svg.axis_limits([ZERO, one])
        yield MetricGroup(f"The project's own; {better} is better", [(name, one)], *scale)


def _features(found: Evaluation, seed: int) -> dict[str, object]:
    """Template variables about how much the model relies on each feature.

    By its exact contributions, and only without them by how much a metric drops.
    """
    exact, shuffled = found.reasons, found.importance
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
    drawn = f"all {counted(found.rows, 'row')}"
    if rows < found.rows:
        drawn = f"{rows:,} of the {found.rows:,} rows, drawn at random with seed {seed}"
    return {
        "features": known[:SHOWN_FEATURES],
        "reasons": exact,
        "importance": shuffled,
        "feature_axis": svg.axis_limits([ZERO, *(one for _, one in known[:SHOWN_FEATURES])]),
        "more": len(known) - SHOWN_FEATURES,
        "lost": [name for name, one in features if one.value is None],
        "drawn_from": drawn,
    }


def _sensitive(found: Evaluation) -> Iterable[tuple[str, list[object], int]]:
    """Each sensitive field with its groups, the largest first, and the number of small ones."""
    for name in found.sensitive:
        parts, small = shown_groups(part for part in found.slices if part.field == name)
        rates = [(part, [*group_rates(found.task, part).values()]) for part in parts]
        yield name, [*rates], small


def _shown(found: Evaluation) -> list[SliceResult]:
    """The slices, the worst first, without groups of people that are too small to be shown."""
    return [
        part
        for part in sort_slices(found)
        if part.rows >= LEAST_SHOWN or not {part.field, *part.field.split(AND)} & {*found.sensitive}
    ]


def _evidently(view: View) -> str:
    unfit = view.unfit()
    return without_evidently(unfit) if unfit else evidently_document(lambda: _report(view))


def _report(view: View) -> str:
    from evidently import Dataset, Report

    table, definition, preset = view.for_evidently()
    dataset = Dataset.from_pandas(table, data_definition=definition)
    return _stable(str(Report([preset]).run(dataset, None).get_html_str(as_iframe=False)))


def _stable(html: str) -> str:
    """``html`` with generated ids replaced by numbers, so that equal rows give equal bytes.

    Otherwise DVC would see a changed page after every run.
    """
    numbers: dict[str, str] = {}
    return GENERATED_ID.sub(lambda name: numbers.setdefault(name[0], f"{len(numbers):032x}"), html)
