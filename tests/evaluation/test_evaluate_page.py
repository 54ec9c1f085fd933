from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.table import Table

from assay.cli.show.stages import evaluation_lines
from assay.evaluation import evaluate_page as page
from assay.evaluation.dependence import Dependence
from assay.evaluation.evaluate import evaluate
from assay.evaluation.task_views import view_of
from assay.metrics.estimate import Estimate, describe_design_effects, format_design_effect
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.pages import charts, svg
from assay.project.params import Evaluate
from assay.project.tasks import METRICS
from assay.reports.evaluation import (
    Evaluation,
    ExplainedPart,
    FeatureDrop,
    FeatureImportance,
    Measurement,
    Reasons,
)

WINDOW = "2013-06-01 to 2013-06-30"


def named(found: Measurement, **more: Any) -> Evaluation:
    """The measurement as that of a bundle."""
    digests = dict.fromkeys(("bundle", "data", "contract"), f"sha256:{'0' * 64}")
    return Evaluation(**dict(found), name="late-flights", candidate="boosting", **digests, **more)


def page_of(
    scored: LabelledScores,
    origin: np.ndarray,
    units: SamplingUnits | None = None,
) -> str:
    frame = pd.DataFrame({"origin": origin})
    found = evaluate(
        frame, scored, units or SamplingUnits.rows(len(frame)), ("origin",), Evaluate()
    )
    return page.render(named(found), view_of(scored, "late"), WINDOW, 1)


@pytest.fixture(scope="module")
def html() -> str:
    random = np.random.default_rng(1)
    p = random.beta(2, 3, 1500)
    origin = np.where(np.arange(1500) < 30, "<script>alert(1)</script>", "JFK")
    return page_of(LabelledScores("binary", random.random(1500) < p, p, (), 0.4), origin)


def test_one_file_that_needs_no_network(html: str) -> None:
    assert len(html.encode()) < 200_000
    assert "default-src 'none'" in html[:1000]
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']https?:", html)


def test_the_page_is_whole(html: str) -> None:
    ours = html[html.index("<main") : html.index("</main>")]
    assert all(f'<th scope="row">{name}</th>' in ours for name in METRICS["binary"])
    assert "not measured: 30 rows, fewer than 200" in ours
    assert ours.count("<svg") == ours.count("</svg>") > len(METRICS["binary"])


def test_rows_that_hang_together_are_said_to() -> None:
    random = np.random.default_rng(1)
    p = random.beta(2, 3, 1500)
    units = SamplingUnits("night", 30, (np.arange(1500) // 50).astype(np.intp))
    truth = random.random(1500) < np.clip(p + random.normal(0, 0.2, 30)[units.codes], 0, 1)
    scored = LabelledScores("binary", truth, p, (), 0.4)
    frame = pd.DataFrame({"origin": ["JFK"] * 1500})
    found = evaluate(frame, scored, units, (), Evaluate())
    told = describe_design_effects(found.metrics)
    assert re.fullmatch(
        r"taken as independent, rows would give \d+ of 10 metrics an interval that is too narrow,"
        r" that of \w+ by a factor of \d\.\d",
        told,
    )
    html = page_of(scored, np.repeat("JFK", 1500), units)
    ours = html[html.index("<main") : html.index("</main>")]
    assert "interval over\n30 nights" in ours
    assert f"<b>Rows are clustered</b>: {told}." in ours
    for one in found.metrics.values():
        assert f'<td class="n">{format_design_effect(one)}</td>' in ours
    table, line = list(evaluation_lines(named(found)))[:2]
    assert line == f"Rows are clustered: {told}."
    assert isinstance(table, Table)
    assert table.title == "late-flights: boosting on 1,500 rows of holdout, 30 nights"
    assert "design effect" in [column.header for column in table.columns]


@pytest.mark.parametrize(("largest", "told"), [(1.5, False), (1.51, True), (None, False)])
def test_from_where_a_design_effect_is_said_in_words(largest: float | None, told: bool) -> None:
    few = Estimate(0.5, 0.4, 0.6, design_effect=1.0)
    found = describe_design_effects({"auc": replace(few, design_effect=largest), "brier": few})
    assert bool(found) is told
    if told:
        assert "1 of 2 metrics" in found and "that of auc by a factor of 1.2" in found


def test_values_from_the_data_are_escaped(html: str) -> None:
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_strip_without_a_value_draws_none() -> None:
    empty = str(charts.interval_strip(Estimate(None, None, None, "no rows"), 0, 1))
    assert "circle" not in empty and "rect" not in empty and "no value" in empty
    bare = str(charts.interval_strip(Estimate(0.5, None, None, "few"), 0, 1))
    assert "circle" in bare and "rect" not in bare


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.7, 0.9), (0.65, 0.7), (0, 3.4), (0, 0.12)])
def test_ticks_are_few_and_inside(low: float, high: float) -> None:
    found = svg.ticks(low, high)
    assert 3 <= len(found) <= 8
    assert low <= found[0] < found[-1] <= high


def test_several_classes() -> None:
    random = np.random.default_rng(1)
    names = ("<b>early</b>", "late", "lost")
    p = random.dirichlet([3, 2, 1], 1500)
    truth = (random.random(1500)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    html = page_of(LabelledScores("multiclass", truth, p, names), np.repeat(["JFK", "LGA"], 750))
    ours = html[html.index("<main") : html.index("</main>")]
    assert all(f'<th scope="row">{name}</th>' in ours for name in METRICS["multiclass"])
    assert "predicted &lt;b&gt;early" in ours and names[0] not in ours
    assert "Class by class" in ours and "Positive" not in ours


def test_numbers() -> None:
    random = np.random.default_rng(1)
    truth = random.gamma(2, 100, 1500)
    truth[:5] = 0.0  # nothing to take a share of
    scored = LabelledScores("regression", truth, truth + random.normal(-20, 50, 1500))
    html = page_of(scored, np.repeat(["JFK", "LGA"], 750))
    ours = html[html.index("<main") : html.index("</main>")]
    assert all(f'<th scope="row">{name}</th>' in ours for name in METRICS["regression"])
    assert "Predicted against actual" in ours and "Confusion" not in ours
    assert "in the unit of late" in ours


def test_groups_of_people_have_their_rates_on_the_page() -> None:
    random = np.random.default_rng(4)
    p = random.beta(2, 3, 600)
    scored = LabelledScores("binary", random.random(600) < p, p, (), 0.4)
    frame = pd.DataFrame({"sex": np.where(np.arange(600) < 200, "<f>", "m"), "o": "x"})
    frame.loc[:8, "sex"] = "rare"
    rows = SamplingUnits.rows(600)
    found = evaluate(frame, scored, rows, ("sex", "o"), Evaluate(), ("sex",))
    ours = str(page.render_section(named(found), view_of(scored, "late"), WINDOW, 1))
    people = ours[ours.index('id="groups"') : ours.index('id="slices"')]
    assert people.index('"row">m<') < people.index('"row">&lt;f&gt;<')  # the largest first
    assert "rare" not in ours and "1 group of fewer than 10 rows not shown" in ours
    assert "false negative rate</th>" in people and "<h3>o</h3>" not in people
    first = next(part for part in found.slices if part.value == "m")
    assert first.selection_rate is not None and first.selection_rate.value is not None
    assert f'<td class="n">{first.selection_rate.value:.4f}'[:-1] in people


def test_features_are_on_the_page_the_largest_drop_first() -> None:
    scored = LabelledScores("binary", np.arange(60) % 2 == 0, np.linspace(0, 1, 60))
    found = evaluate(pd.DataFrame(), scored, SamplingUnits.rows(60), (), Evaluate())
    drops = [FeatureDrop(feature=f"f{i}<", drop=1 - i / 30, low=0.0, high=1.0) for i in range(23)]
    lost = FeatureDrop(feature="odd", drop=None, low=None, high=None)
    for rows, drawn in ((60, "all 60 rows"), (5, "5 of the 60 rows, drawn at random with seed 3")):
        shown = FeatureImportance(metric="auc", rows=rows, repeats=5, features=(*drops, lost))
        given = named(found, importance=shown)
        ours = str(page.render_section(given, view_of(scored, "late"), WINDOW, 3))
        part = ours[ours.index('id="features"') :]
        assert f"On {drawn}." in part and "shuffled: odd." in part and "3 weaker features" in part
        assert part.index('"row">f0&lt;<') < part.index('"row">f1&lt;<')
        assert part.count("<circle") == page.SHOWN_FEATURES
        assert "Not by exact contributions" in part and 'id="groups"' not in ours


def test_exact_contributions_are_on_the_page_in_place_of_shuffling() -> None:
    scored = LabelledScores("binary", np.arange(60) % 2 == 0, np.linspace(0, 1, 60))
    found = evaluate(pd.DataFrame(), scored, SamplingUnits.rows(60), (), Evaluate())
    features = {f"f{place}<": Estimate(1 - place / 30, 0.0, 1.0) for place in range(22)}
    part = ExplainedPart(rows=50, units=50, features=features)
    exact = Reasons(scale="log odds", against="all training rows", whole=part)
    shuffled = FeatureImportance(metric="auc", rows=60, repeats=5, why="none")
    given = named(found, reasons=exact, importance=shuffled)
    drawn = (
        Dependence("f0<", charts.Picture(1, 1, "drawn"), ()),
        Dependence("f1<", None, [("<i>", 12, Estimate(0.5, 0.0, 1.0))]),
    )
    view = view_of(scored, "late")
    ours = str(page.render_section(given, view, WINDOW, 3, (drawn, (0.0, 1.0))))
    part = ours[ours.index('id="features"') :]
    assert (
        "compared with all training rows, on 50 of the 60 rows, drawn" in part
        and "shuffle" not in part
    )
    assert part.index('"row">f0&lt;<') < part.index('"row">f1&lt;<')
    assert part.count("<circle") == page.SHOWN_FEATURES + 1 and "2 weaker features" in part
    assert "<figcaption>f0&lt;</figcaption>" in part and "<title>drawn</title>" in part
    assert '"row">&lt;i&gt;</th><td class="n">12</td>' in part
