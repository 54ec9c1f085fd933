"""Skill: the share of a constant's loss that a model saves, on the same rows.

1 minus the model's loss divided by the loss of the best constant: 1 for a model without loss, 0 for
one that is no better than always saying the same, below 0 for a worse one. The constant is the best
one for these very rows (their own shares of classes, their own median), which nobody could have
known before. So a model above 0 beats any constant, and chance favours the constant.

Both losses are of the same rows. What makes rows hard for both cancels out, as in a comparison of
two models: the interval of a skill is far narrower than that of the loss suggests.
"""

from __future__ import annotations

import math

import numpy as np

from assay.metrics.evaluator import Floats
from assay.metrics.influence import Influence

NO_SKILL = "every row has the same score, so it cannot be better than always saying the same"
"""A constant's skill is at most 0. It is exactly 0 for the best one, and then nothing varies."""


def compute_skill(loss: float, constant: float) -> float:
    """The skill of a model with this loss; NaN where the best constant has no loss."""
    return float(1 - loss / constant) if constant > 0 else math.nan


def skill_influence(loss: Floats, constant: Floats) -> Influence:
    """The influence of each row on a skill.

    Parameters
    ----------
    loss
        Of the model in each row, ``(n,)``.
    constant
        Of the best constant in each row, ``(n,)``. As it is the best, a row moves its mean loss by
        its own loss only.
    """
    model, base = loss.mean(), constant.mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return Influence((model * constant / base - loss) / base)
