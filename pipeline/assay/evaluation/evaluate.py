"""The stage ``evaluate``: write the evaluation of the bundle on the holdout, plots and a page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from assay.evaluation import evaluate_page, plots
from assay.evaluation.champion import load_challenger
from assay.evaluation.dependence import NONE, dependences
from assay.evaluation.importance import measure_importance
from assay.evaluation.reasons import explain_rows, measure_reasons
from assay.evaluation.task_views import view_of
from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import Bools
from assay.metrics.intervals import own as own_metrics
from assay.metrics.intervals import pairing
from assay.metrics.intervals.estimates import estimate_share, estimates
from assay.metrics.intervals.own import OwnMeasures
from assay.metrics.intervals.pairing import Contributions
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.own_metrics import load_own_metrics
from assay.metrics.sampling_units import SamplingUnits, units_of
from assay.metrics.slices import SliceRows, iter_slices
from assay.model import bundle as bundles
from assay.model import holdout
from assay.model import model as models
from assay.project import digests, layout
from assay.project.document import write_json, write_text
from assay.project.params import Evaluate, Params
from assay.project.text import counted
from assay.reports.evaluation import Evaluation, GroupCorrelations, Measurement, SliceResult


def run(root: Path, params: Params) -> Evaluation:
    """Evaluate the bundle under ``root`` on the holdout.

    Writes evaluation.json, metrics.json, the plot tables and the page. Nothing is written until
    everything is computed.
    """
    data = digests.data(root)
    bundle = load_challenger(root, params)
    manifest = bundle.manifest
    frame = holdout.read(root)
    scored = holdout.score(bundle, frame)
    units = units_of(frame, params.evaluate.unit, params.ingest.partition_by)
    asked = load_own_metrics(params.evaluate.metrics, root, [*frame.columns])
    own = OwnMeasures.of(asked, frame, scored, params.seed)
    measured = evaluate(
        frame, scored, units, manifest.slices, params.evaluate, manifest.sensitive, own
    )
    explained = explain_rows(bundle, frame, scored, params.seed)
    importance = None
    if isinstance(explained, str) or manifest.task == "regression":
        importance = measure_importance(
            bundle.scorer, frame, scored, manifest.features, params.train.select_by, params.seed
        )
    evaluation = Evaluation(
        **dict(measured),
        name=manifest.name,
        candidate=manifest.candidate,
        bundle=bundle.digest,
        data=data,
        contract=digests.worktree_contract(root, params),
        importance=importance,
        reasons=measure_reasons(explained, units, manifest.slices, params.evaluate),
        # From the model file that was loaded, not from the bundle's manifest.
        types=tuple(models.untrusted_types(bundle.files[bundles.MODEL])),
    )
    view = view_of(scored, manifest.label)
    window = str(params.prepare.holdout)
    drawn = NONE if isinstance(explained, str) else dependences(explained)
    html = evaluate_page.render(evaluation, view, window, params.seed, drawn)
    evaluation.write(root)
    write_json(root / layout.METRICS, measured.summary())
    write_text(root / layout.EVALUATION_PAGE, html)
    plots.write(view.tables, root / layout.PLOTS)
    return evaluation


def evaluate(
    frame: pd.DataFrame,
    scored: LabelledScores,
    units: SamplingUnits,
    slices: Sequence[str],
    settings: Evaluate,
    sensitive: Collection[str] = (),
    own: OwnMeasures = own_metrics.NONE,
) -> Measurement:
    """Metrics with intervals, over all rows and on each slice.

    Parameters
    ----------
    frame
        The holdout, ``n`` rows, with the slice fields.
    scored
        Labels and scores of the same rows, all valid.
    units
        The unit (cluster of dependent rows) of each row.
    slices
        Columns to slice by.
    settings
        Confidence, pairs of slice fields and the minimum rows of a slice.
    sensitive
        Those of ``slices`` that are groups of people.
    own
        The project's own metrics.
    """
    units = units.followed(scored.losses(), scored.outputs())
    return Measurement(
        task=scored.task,
        rows=len(scored),
        unit=units.name,
        units=units.count,
        positives=scored.positives,
        selected=scored.selected,
        threshold=scored.threshold if scored.task == "binary" else None,
        confidence=settings.confidence,
        metrics={
            **estimates(scored, units, settings.confidence),
            **own.estimates(np.arange(len(scored)), units, settings.confidence),
        },
        own_metrics=own.directions,
        slices=evaluate_slices(frame, scored, units, slices, settings, sensitive, own),
        sensitive=tuple(name for name in slices if name in sensitive),
        correlations=correlate_groups(frame, scored, units, slices, settings, sensitive, own),
    )


def correlate_groups(
    frame: pd.DataFrame,
    scored: LabelledScores,
    units: SamplingUnits,
    fields: Sequence[str],
    settings: Evaluate,
    sensitive: Collection[str],
    own: OwnMeasures,
) -> tuple[GroupCorrelations, ...]:
    """How the errors of each field's groups go together; parameters as of `evaluate_slices`.

    Not of fields with more than `pairing.MOST_GROUPS` groups, and nothing where rows are the units,
    as no two groups have a row in common.
    """
    if units.codes is None:
        return ()
    by_field: dict[str, list[SliceRows]] = {}
    for part in iter_slices(frame, fields, settings.pairs):
        by_field.setdefault(part.field, []).append(part)
    correlations = []
    for field, parts in by_field.items():
        if not 1 < len(parts) <= pairing.MOST_GROUPS:
            continue
        groups = [
            _contributions(part, scored, units, settings, field in sensitive, own) for part in parts
        ]
        metrics = pairing.paired_metrics(groups, units)
        if metrics:
            correlations.append(
                GroupCorrelations.of(field, [part.value for part in parts], metrics)
            )
    return tuple(correlations)


def _contributions(
    part: SliceRows,
    scored: LabelledScores,
    units: SamplingUnits,
    settings: Evaluate,
    sensitive: bool,
    own: OwnMeasures,
) -> dict[str, Contributions | None]:
    """What each unit adds to the group's metrics and rates."""
    mine, rows = scored.take(part.rows), part.rows
    predicted = mine.predicted_positive
    contributions: dict[str, Contributions | None] = {}
    if len(rows) >= settings.min_slice_rows:
        contributions |= pairing.metric_contributions(mine, rows, units)
        contributions |= own.contributions(rows, units)
    if predicted is not None:
        every = np.ones(len(rows), dtype=bool)
        contributions["selection_rate"] = pairing.share_contributions(predicted, every, rows, units)
        if sensitive:
            wrong_yes = pairing.share_contributions(predicted, ~mine.truth, rows, units)
            wrong_no = pairing.share_contributions(~predicted, mine.truth, rows, units)
            contributions |= {"false_positive_rate": wrong_yes, "false_negative_rate": wrong_no}
    return contributions


def evaluate_slices(
    frame: pd.DataFrame,
    scored: LabelledScores,
    units: SamplingUnits,
    fields: Sequence[str],
    settings: Evaluate,
    sensitive: Collection[str],
    own: OwnMeasures,
) -> tuple[SliceResult, ...]:
    """One result per value of each of ``fields``, and per value of each configured pair.

    Parameters
    ----------
    frame
        The slice fields, ``n`` rows.
    scored, units
        Labels and scores of these rows, and the unit (cluster of dependent rows) of each.
    settings
        Confidence, pairs of slice fields and the minimum rows of a slice.
    sensitive
        The fields whose groups also get error rates.
    own
        The project's own metrics.
    """
    parts = iter_slices(frame, fields, settings.pairs)
    return tuple(
        _one(
            part,
            scored.take(part.rows),
            units.take(part.rows),
            settings,
            part.field in sensitive,
            own,
        )
        for part in parts
    )


def _one(
    part: SliceRows,
    scored: LabelledScores,
    units: SamplingUnits,
    settings: Evaluate,
    sensitive: bool,
    own: OwnMeasures,
) -> SliceResult:
    rows = len(scored)
    predicted = scored.predicted_positive
    selection = None if predicted is None else estimate_share(predicted, units, settings.confidence)
    wrong_yes = wrong_no = None
    if predicted is not None and sensitive:
        wrong_yes = _share_within(~scored.truth, predicted, units, settings)
        wrong_no = _share_within(scored.truth, ~predicted, units, settings)
    few = rows < settings.min_slice_rows
    return SliceResult(
        field=part.field,
        value=part.value,
        rows=rows,
        positives=scored.positives,
        selected=scored.selected,
        units=units.count,
        selection_rate=selection,
        false_positive_rate=wrong_yes,
        false_negative_rate=wrong_no,
        metrics=None
        if few
        else {
            **estimates(scored, units, settings.confidence),
            **own.estimates(part.rows, units, settings.confidence),
        },
        why=f"{counted(rows, 'row')}, fewer than {settings.min_slice_rows}" if few else None,
    )


def _share_within(
    among: Bools, chosen: Bools, units: SamplingUnits, settings: Evaluate
) -> Estimate:
    """The share of the rows ``among`` that are ``chosen``; both are masks ``(n,)``."""
    rows = np.flatnonzero(among)
    return estimate_share(chosen[rows], units.take(rows), settings.confidence)
