"""How far apart two sets of counts over the same cells are.

The distance is the Jensen-Shannon distance: the square root of the divergence of
J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on
Information Theory 37(1), 1991, to base 2; the root is a metric (D. Endres and
J. Schindelin, IEEE Transactions on Information Theory 49(7), 2003). It is 0 for equal
shares and 1 for shares with nothing in common, and needs no smoothing.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pipeline.features import Floats

PSI_PSEUDO_COUNT = 0.5


def js_distance(p: npt.ArrayLike, q: npt.ArrayLike) -> Floats:
    """Jensen-Shannon distance, base 2, along the last axis.

    Parameters
    ----------
    p, q
        Counts, of shapes that broadcast to ``(..., cells)``.

    Returns
    -------
    numpy.ndarray
        Of shape ``(...)``, in [0, 1]; NaN where either has no count at all.
    """
    left, right = _shares(p), _shares(q)
    middle = (left + right) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = sum(
            np.where(side > 0, side * np.log2(side / middle), np.where(side == 0, 0.0, np.nan))
            for side in (left, right)
        )
    # The divergence of equal shares may round to just under zero, whose root is not a number.
    return np.asarray(np.sqrt(np.clip(np.sum(terms, axis=-1) / 2, 0.0, 1.0)), dtype=np.float64)


def _shares(counts: npt.ArrayLike) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    total = values.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, values / total, np.nan)


def psi(p: npt.ArrayLike, q: npt.ArrayLike) -> float:
    """Population stability index of the counts ``q`` against the counts ``p``.

    Half a row is added to every cell of both (an infinite index for one empty cell would
    say nothing), so small nights read a little nearer to the reference than they are.
    Shown because risk teams read it; nothing is decided on it. NaN if either is empty.
    """
    left, right = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if left.sum() <= 0 or right.sum() <= 0:
        return math.nan
    a, b = _shares(left + PSI_PSEUDO_COUNT), _shares(right + PSI_PSEUDO_COUNT)
    return float(np.sum((b - a) * np.log(b / a)))
