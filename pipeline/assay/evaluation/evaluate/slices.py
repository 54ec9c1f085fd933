"""Metrics with intervals on each slice.

A slice with too few rows is listed without metrics and with the reason, so that rules about it
can see it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.metrics.estimate import Estimate
from assay.metrics.evaluator import Bools
from assay.metrics.intervals.estimates import estimate_share, estimates
from assay.metrics.intervals.own import OwnMeasures
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.metrics.slices import SliceRows, iter_slices
from assay.project.params import Evaluate
from assay.project.text import counted
from assay.reports.evaluation import SliceResult

if TYPE_CHECKING:
    import pandas as pd


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
    found = iter_slices(frame, fields, settings.pairs)
    return tuple(
        _one(
            part,
            scored.take(part.rows),
            units.take(part.rows),
            settings,
            part.field in sensitive,
            own,
        )
        for part in found
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
    said = scored.predicted_positive
    selection = None if said is None else estimate_share(said, units, settings.confidence)
    wrong_yes = wrong_no = None
    if said is not None and sensitive:
        wrong_yes = _share_within(~scored.truth, said, units, settings)
        wrong_no = _share_within(scored.truth, ~said, units, settings)
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
