"""The metrics again in each value of each slice field, with intervals of the same kind.

Nothing is left out: a slice with too few rows is listed without metrics and with the
reason, so that a rule about it fails instead of passing over it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.evaluate.bootstrap import estimates
from pipeline.evaluate.results import SliceResult
from pipeline.metrics.scored import Scored
from pipeline.params import Evaluate
from pipeline.slices import Part, parts

if TYPE_CHECKING:
    import pandas as pd


def evaluate_slices(
    frame: pd.DataFrame,
    scored: Scored,
    fields: Sequence[str],
    settings: Evaluate,
    seed: int,
) -> tuple[SliceResult, ...]:
    """A result for each value of each of ``fields`` and for each pair that is asked for.

    Parameters
    ----------
    frame
        Holds the slice fields, ``n`` rows.
    scored
        Their truths and scores.
    settings, seed
        As for the whole table; each slice has a random stream of its own, so adding a
        slice changes no other.

    Raises
    ------
    SchemaMismatch
        When ``frame`` lacks fields.
    """
    found = parts(frame, fields, settings.pairs)
    return tuple(_one(part, scored.rows(part.rows), settings, seed) for part in found)


def _one(part: Part, scored: Scored, settings: Evaluate, seed: int) -> SliceResult:
    rows = len(scored)
    head = (part.field, part.value, rows, scored.positives, scored.selected)
    if rows < settings.min_slice_rows:
        return SliceResult(*head, None, f"{rows} rows, fewer than {settings.min_slice_rows}")
    metrics = estimates(
        scored.table(),
        replicates=settings.replicates,
        confidence=settings.confidence,
        seed=[seed, _stream(part.field, part.value)],
    )
    return SliceResult(*head, metrics)


def _stream(field: str, value: str) -> int:
    name = hashlib.sha256(f"{len(field)}:{field}={value}".encode()).digest()
    return int.from_bytes(name[:8], "big")
