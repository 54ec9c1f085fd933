"""Why a number may not be called good enough, however good it looks.

An interval says what other samples of rows like these would have given. Two kinds of error are
so rare and so large that a sample without them looks like proof that there are none:

- a probability that is sure and wrong. Log loss has no bound (36 for a probability of 0), and
  three such rows in a thousand add a tenth to it. Fewer than ``LEAST_ROWS`` rows would have
  missed all of them in more than 2.5 % of samples.
- errors with so heavy a tail that their squares have no variance. The mean square of a sample
  is then mostly below the true one, and its own standard error says nothing. The tail index is
  Hill's (1975, Annals of Statistics 3, 1163-1174); below 2 the variance is infinite. It has to lie
  above 2 by its own standard error.
"""

from __future__ import annotations

import math

import numpy as np

from assay.metrics.scored import Scored
from assay.metrics.table import Floats

LEAST_ROWS = 1_250
"""(1 - 0.003) to this power is 0.025."""


def doubts(scored: Scored) -> dict[str, str]:
    """By metric; empty if there are none."""
    if scored.task != "regression":
        rows = len(scored)
        if rows >= LEAST_ROWS:
            return {}
        return {
            "log_loss": f"{rows:,} rows are fewer than the {LEAST_ROWS:,} in which three rows in "
            "a thousand that are sure and wrong would have shown; log loss has no bound"
        }
    index = tail_index(np.square(scored.scores - scored.truth))
    if index * (1 - 1 / math.sqrt(_largest(len(scored)))) >= 2:
        return {}
    why = (
        f"the largest squared errors have a tail index of {index:.1f}, not surely above 2: their "
        "mean may mostly be the work of rows that were not drawn"
    )
    return {"rmse": why, "r2": why}


def tail_index(sizes: Floats) -> float:
    """Hill's estimate from the largest of ``(n,)``, as many as the root of n, at least ten.

    Infinite if they are all alike, 0 if all but a few are 0.
    """
    count = _largest(len(sizes))
    if len(sizes) <= count:
        return math.inf
    largest = np.sort(np.partition(sizes, len(sizes) - count - 1)[-count - 1 :])
    if largest[0] <= 0:
        return math.inf if largest[-1] <= 0 else 0.0
    mean = float(np.mean(np.log(largest[1:] / largest[0])))
    return 1 / mean if mean > 0 else math.inf


def _largest(rows: int) -> int:
    """How many of the largest the index is taken from."""
    return max(10, math.isqrt(rows))
