"""How much training itself changes over time: each of its windows against all its other rows.

A holdout in another season than training has other shares, and nothing is wrong with it. Training
that spans some seasons shows how far apart they lie.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assay.training.leakage.row_hashing import Codes
from assay.training.leakage.table_pair import ColumnPair

LEAST = 2
"""Training is at least so many times as long as the holdout, or its windows say nothing."""
OVERLAP = 2
"""A window begins after the one before by its length divided by this."""


def largest_distance(time: ColumnPair, codes: Codes) -> float:
    """The largest distance of a window of training, as long as the holdout, from its other rows.

    Parameters
    ----------
    time
        When the rows of both sides are from.
    codes
        The category of each row of training, shape (rows,), counted from 0.

    Returns
    -------
    float
        Total variation, in [0, 1]; 0 if training is too short to tell.
    """
    cells = int(codes.max(initial=0)) + 1
    whole = np.bincount(codes, minlength=cells)
    largest = 0.0
    for inside in _windows(_days(time.train), _days(time.holdout)):
        counts = np.bincount(codes[inside], minlength=cells)
        rows, others = counts.sum(), whole.sum() - counts.sum()
        if rows and others:
            distance = np.abs(counts / rows - (whole - counts) / others).sum() / 2
            largest = max(largest, float(distance))
    return largest


def _days(times: pa.ChunkedArray) -> NDArray[np.int64]:
    """Days since 1970, without rows that have no time: they are in no window."""
    days = pc.cast(pc.floor_temporal(times, 1, "day"), pa.date32(), safe=False)
    numbers = pc.fill_null(pc.cast(days, pa.int32()), _NONE).to_numpy()
    return np.asarray(numbers, np.int64)


_NONE = -(2**31)


def _windows(train: NDArray[np.int64], holdout: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    known, held = train[train != _NONE], holdout[holdout != _NONE]
    if not len(known) or not len(held):
        return
    length = int(held.max() - held.min()) + 1
    first, last = int(known.min()), int(known.max())
    if last - first + 1 < LEAST * length:
        return
    for start in range(first, last - length + 2, max(1, length // OVERLAP)):
        yield (train >= start) & (train < start + length)
