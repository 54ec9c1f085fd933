"""The metrics again in each value of each slice field, with intervals of the same kind.

Nothing is left out: a slice with too few rows is listed without metrics and with the
reason, so that a rule about it fails instead of passing over it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import SchemaMismatch
from pipeline.evaluate.bootstrap import estimates
from pipeline.evaluate.results import SliceResult
from pipeline.metrics.scored import Scored
from pipeline.params import Evaluate

MISSING = "(missing)"
"""The slice of rows where the field is null."""


def evaluate_slices(
    frame: pd.DataFrame,
    scored: Scored,
    fields: Sequence[str],
    settings: Evaluate,
    seed: int,
) -> tuple[SliceResult, ...]:
    """A result for each value of each of ``fields``, in the order of fields, then of values.

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
    absent = [field for field in fields if field not in frame.columns]
    if absent:
        raise SchemaMismatch([f"slice field {field!r} is not in the holdout" for field in absent])
    results = []
    for field in fields:
        values = names(frame[field])
        for value in sorted(set(values)):
            rows = np.flatnonzero(values == value)
            results.append(_one(field, value, scored.rows(rows), settings, seed))
    return tuple(results)


def names(column: pd.Series) -> NDArray[np.object_]:
    """Each row's slice as text, ``(n,)``; null, NaN and None are ``MISSING``.

    Whole numbers read 6, also where a null among them made pandas hold them as floats.
    """
    null = column.isna().to_numpy()
    if pd.api.types.is_float_dtype(column) and bool((column[~null] % 1 == 0).all()):
        column = column.astype("Int64")
    text = column.astype(object).map(str).to_numpy(dtype=object)
    return np.where(null, MISSING, text).astype(object)


def _one(field: str, value: str, scored: Scored, settings: Evaluate, seed: int) -> SliceResult:
    rows = len(scored)
    if rows < settings.min_slice_rows:
        reason = f"{rows} rows, fewer than {settings.min_slice_rows}"
        return SliceResult(field, value, rows, scored.positives, None, reason)
    metrics = estimates(
        scored.table(),
        replicates=settings.replicates,
        confidence=settings.confidence,
        seed=[seed, _stream(field, value)],
    )
    return SliceResult(field, value, rows, scored.positives, metrics)


def _stream(field: str, value: str) -> int:
    name = hashlib.sha256(f"{len(field)}:{field}={value}".encode()).digest()
    return int.from_bytes(name[:8], "big")
