"""The metrics again in each value of each slice field, with intervals of the same kind.

Nothing is left out: a slice with too few rows is listed without metrics and with the
reason, so that a rule about it does not pass over it.
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
    """A result for each value of each of ``fields`` and for each pair that is asked for.

    Parameters
    ----------
    frame
        Holds the slice fields, ``n`` rows.
    scored, units
        Their truths and scores, and which rows hang together.
    settings
        As for the whole table.

    Raises
    ------
    SchemaMismatch
        When ``frame`` lacks fields.
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
