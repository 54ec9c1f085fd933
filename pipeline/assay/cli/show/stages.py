"""Stages of `dvc repro` of which more is to be seen than the keys of their document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from assay.cli.result import lines, table, to_tree
from assay.cli.terminal import Line
from assay.contract.result import describe_result
from assay.evaluation.compare_page import headline
from assay.metrics.estimate import Estimate, describe_design_effects, format_cells
from assay.metrics.estimate import format_design_effect as format_effect
from assay.metrics.sampling_units import ROW, format_unit_count
from assay.project.tasks import HEADLINE, describe_direction
from assay.project.text import counted
from assay.reports import comparison, evaluation
from assay.training.train.model_card import describe_calibration, describe_vocabularies

if TYPE_CHECKING:
    from assay.contract.result import ContractResult
    from assay.training.candidates.agreed import AgreedModel
    from assay.training.train.stage import TrainSummary

WORST = 5
"""Slices shown; the files of the reports and the pages have all."""

LARGE = 100_000_000
"""Bytes of a model's files from which training warns of them."""


def agreed_lines(model: AgreedModel) -> Iterator[Line]:
    """The model of several sites, and what each site reaches alone."""
    yield (
        f"{counted(model.rows, 'row')} of {len(model.sites)} sites, "
        f"{counted(model.rounds, 'round')}: {model.FILE}"
    )
    yield from table(
        [
            {
                "site": site,
                "holdout": each.rows,
                "metric": each.metric,
                "alone": each.alone,
                "agreed": each.agreed,
            }
            for site, each in model.results.items()
        ]
    )
    yield "As a candidate: train.candidates.NAME: {federated: true}"


def contract_lines(result: ContractResult) -> Iterator[Line]:
    """The verdict and its reason, then the rules of the table and those that rows broke."""
    yield f"The contract {'holds' if result.ok else 'is broken'}: {result.where}"
    yield describe_result(result)
    rules = [
        {
            "": "broken" if rule.broken else "holds",
            "rule": rule.rule,
            "expected": rule.expected,
            "found": rule.found,
        }
        for rule in (
            *(each for each in result.rules if each.kind == "table"),
            *result.broken_row_rules,
        )
    ]
    yield from table(rows=rules)
    yield f"{counted(len(result.rules) - len(rules), 'more rule')} broken in no row."


def train_lines(summary: TrainSummary) -> Iterator[Line]:
    """The candidate's metrics, and what a person may want to change about it."""
    manifest = summary.manifest
    yield from lines({"selected_by": summary.by, **to_tree(summary)})
    yield from describe_vocabularies(manifest)
    yield from manifest.uncompiled
    if manifest.calibration_losses:
        yield f"calibration {describe_calibration(manifest)}"
    if summary.stored >= LARGE:
        trees = manifest.compiled["kind"] == "trees"
        lower = (
            "Lower max_depth or n_estimators, or raise min_samples_leaf,"
            if trees
            else "Change its args"
        )
        yield (
            f"a large model: {summary.scoring / 1e6:,.0f} MB in memory wherever it scores, "
            f"{summary.stored / 1e6:,.0f} MB in the bundle. {lower} under "
            f"train.candidates.{manifest.candidate} in params.yaml if that is too much."
        )


def evaluation_lines(report: evaluation.Evaluation) -> Iterator[Line]:
    """Metrics with their intervals, and the worst slices."""
    title = f"{report.name}: {report.candidate} on {counted(report.rows, 'row')} of holdout"
    if report.unit != ROW:
        title += f", {format_unit_count(report.units, report.unit)}"
    span = f"{report.confidence * 100:g}% interval"
    metrics = [
        {
            "metric": metric,
            **_cells(one, span),
            "design effect": format_effect(one),
            "better": one.why or describe_direction(metric, report.own_metrics),
        }
        for metric, one in report.metrics.items()
    ]
    yield from table(metrics, title=title)
    if effects := describe_design_effects(report.metrics):
        yield f"Rows are clustered: {effects}."
    by = report.rank_by
    slices = []
    for part in evaluation.sort_slices(report)[:WORST]:
        one = None if part.metrics is None else part.metrics[by]
        why = part.why or (one and one.why)
        cells = _cells(one, "interval", by) if one else {by: "not measured", "interval": ""}
        slices.append({"slice": part.title, "rows": part.rows, **cells, "why none": why})
    if slices:
        worst = f"worst {len(slices)} of {len(report.slices)} slices by {by}"
        yield from table(slices, title=worst)


def comparison_lines(report: comparison.Comparison) -> Iterator[Line]:
    """Differences with their intervals, and the slices with the largest losses."""
    if report.why:
        yield f"{headline(report)}: {report.why}"
    if report.differences is None:
        return
    span = f"{report.confidence * 100:g}% interval"

    def cells(one: Any) -> Mapping[str, Any]:
        sides = {"champion": one.champion, "challenger": one.challenger}
        return {**sides, **_cells(comparison.difference_estimate(one), span, "difference")}

    metrics = [
        {
            "metric": metric,
            **cells(one),
            "better": one.why or describe_direction(metric, report.own_metrics),
        }
        for metric, one in report.differences.items()
    ]
    title = f"{headline(report)} on {counted(report.rows, 'row')} of holdout, "
    yield from table(metrics, title=title + format_unit_count(report.units, report.unit))
    if report.stability is not None:
        names = "stability.distance stability.flipped? stability.rows?"
        yield from lines(to_tree(report), names)
    by = HEADLINE[report.task]
    slices = []
    for part in comparison.sort_slices(report)[:WORST]:
        one = None if part.differences is None else part.differences[by]
        shown = {"difference": "not measured"} if one is None else cells(one)
        why = part.why or (one and one.why)
        slices.append({"slice": part.title, "rows": part.rows, **shown, "why none": why})
    if slices:
        columns = ("slice", "rows", "champion", "challenger", "difference", span, "why none")
        worst = f"worst {len(slices)} of {len(report.slices)} slices by {by}"
        yield from table(slices, columns, title=worst)


def _cells(one: Estimate | None, span: str, value: str = "value") -> Mapping[str, str]:
    shown, interval = format_cells(one)
    return {value: shown, span: interval}
