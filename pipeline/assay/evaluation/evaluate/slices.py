"""Metrics with intervals on each slice.

A slice with too few rows is listed without metrics and with the reason, so that rules about it
can see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.metrics.intervals.estimates import estimates, share_of
from assay.metrics.scored import Scored
from assay.metrics.slices import SliceRows, parts
from assay.metrics.units import Units
from assay.project.params import Evaluate
from assay.reports.evaluation import SliceResult

if TYPE_CHECKING:
    import pandas as pd


def evaluate_slices(
    frame: pd.DataFrame,
    scored: Scored,
    units: Units,
    fields: Sequence[str],
    settings: Evaluate,
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
    """
    found = parts(frame, fields, settings.pairs)
    return tuple(
        _one(part, scored.rows(part.rows), units.chosen(part.rows), settings) for part in found
    )


def _one(part: SliceRows, scored: Scored, units: Units, settings: Evaluate) -> SliceResult:
    rows = len(scored)
    said = scored.said
    selection = None if said is None else share_of(said, units, settings.confidence)
    few = rows < settings.min_slice_rows
    return SliceResult(
        field=part.field,
        value=part.value,
        rows=rows,
        positives=scored.positives,
        selected=scored.selected,
        units=units.count,
        selection_rate=selection,
        metrics=None if few else estimates(scored, units, settings.confidence),
        why=f"{rows} rows, fewer than {settings.min_slice_rows}" if few else None,
    )
