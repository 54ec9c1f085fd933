"""Reasons not to rely on a value, however good it looks.

An interval says what other samples of similar rows would give. That of few units is wide enough to
fail what is hopeless, and proves nothing good (`few_warning`). And two kinds of error are so rare
and so large that a sample without them looks like proof that there are none:

- A confident wrong probability. Log loss has no upper bound (36 for a probability of 0), and three
  such rows in a thousand add a tenth to it. Fewer than ``LEAST_ROWS`` rows miss all of them in more
  than 2.5 % of samples.
- Errors with a tail so heavy that their squares have infinite variance. The mean square of a sample
  is then mostly below the true one, and its standard error means nothing. The tail index is Hill's
  (1975, Annals of Statistics 3, 1163-1174); below 2 the variance is infinite. It has to exceed 2 by
  its own standard error.
"""

from __future__ import annotations

import math

import numpy as np

from assay.metrics.evaluator import Floats
from assay.metrics.labelled_scores import LabelledScores
from assay.metrics.sampling_units import SamplingUnits
from assay.project.text import counted

LEAST_ROWS = 1_250
"""(1 - 0.003) to this power is 0.025."""


def reliability_warnings(scored: LabelledScores) -> dict[str, str]:
    """Reasons by metric; empty if there are none."""
    if scored.task != "regression":
        why = few_rows_warning(len(scored))
        return {} if why is None else {"log_loss": why}
    index = tail_index(np.square(scored.scores - scored.truth))
    if index * (1 - 1 / math.sqrt(_largest(len(scored)))) >= 2:
        return {}
    why = (
        f"the largest squared errors have a tail index of {index:.1f}, not surely above 2: their "
        "mean may mostly be the work of rows that were not drawn"
    )
    return {"rmse": why, "r2": why}


def few_warning(units: SamplingUnits) -> str | None:
    """Why so few units cannot show that a metric is good enough; None if they can."""
    return None if units.few is None else f"it has {units.few}"


def few_rows_warning(rows: int) -> str | None:
    """Why so many labelled rows do not say what the log loss is; None if they do."""
    if rows >= LEAST_ROWS:
        return None
    return (
        f"{counted(rows, 'row')}, fewer than the {LEAST_ROWS:,} in which three rows in a thousand "
        "that are sure and wrong would have shown; log loss has no bound"
    )


def tail_index(sizes: Floats) -> float:
    """Hill's estimate from the largest of ``(n,)`` sizes: the root of n of them, at least ten.

    Infinite if all are equal, 0 if all but a few are 0.
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
    """How many of the largest sizes the index uses."""
    return max(10, math.isqrt(rows))
