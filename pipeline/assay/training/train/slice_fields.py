"""Selects the slices to count every night: those with enough training rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from assay.columns.features import SliceField
from assay.contract.definition import NUMERIC, Contract
from assay.metrics.slices import MISSING, slice_names

if TYPE_CHECKING:
    import pandas as pd

MOST = 50
"""Most values of one field that are counted, the most frequent first, to keep profiles small."""


def select_slice_fields(
    contract: Contract, frame: pd.DataFrame, min_rows: int
) -> tuple[SliceField, ...]:
    """The contract's slice fields, each with its values that have ``min_rows`` rows or more.

    Parameters
    ----------
    frame
        The training table. Fields without such a value and timestamps are left out.
    """
    found = []
    for name in contract.slices:
        kind = contract.field(name).kind
        if kind == "timestamp":
            continue
        rows = Counter(slice_names(frame[name]).tolist())
        enough = sorted(
            ((value, count) for value, count in rows.items() if count >= min_rows),
            key=lambda item: (-item[1], item[0]),
        )[:MOST]
        values = tuple(sorted(value for value, _ in enough if value != MISSING))
        null = MISSING if MISSING in dict(enough) else None
        if values or null:
            found.append(SliceField(name, values, kind in NUMERIC, null))
    return tuple(found)
