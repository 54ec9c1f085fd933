"""Folds of whole days."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import LabelError
from assay.project.text import counted


def assign_folds(
    days: NDArray[Any], folds: int, where: str = "params.yaml: train.folds"
) -> NDArray[np.int64]:
    """Index of the block, 0 to folds - 1, that each row's day belongs to.

    Parameters
    ----------
    where
        The setting that asks for the folds, for the error.

    Raises
    ------
    LabelError
        There are fewer days than folds.
    """
    distinct, position = np.unique(days, return_inverse=True)
    if len(distinct) < folds:
        raise LabelError(
            "too few days to cut into folds",
            where=where,
            expected=f"at least {counted(folds, 'day')}",
            found=f"{len(distinct)}",
        )
    return np.asarray(position * folds // len(distinct), dtype=np.int64)
