"""Which drifted column matters most to the model: importance times shift.

A feature's importance is how far scores move, on average, when its values are dealt out anew
among the reference rows (L. Breiman, "Random forests", Machine Learning 45, 2001, with the score
in the loss's place). Dealing out anew changes every row. A shift changes, by its total variation,
only a share of them, so the product estimates how far scores moved. What an ordinary night shows
too is taken off: a column that is no further away than the reference's middle night has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.reference import Reference


def importance_of(reference: Reference) -> Mapping[str, float]:
    """How far each feature moves the score; nothing if the bundle does not say."""
    return reference.importance


def effect(
    importance: float, total_variation: float, distance: float, usual: Sequence[float]
) -> float:
    """Estimated mean change of the score that comes from a column.

    Parameters
    ----------
    importance
        Of the column; 1 where it is not known, so that shifts alone are ranked.
    total_variation, distance
        Of the night from the baseline; the distance is Jensen-Shannon's.
    usual
        The reference nights' distances.
    """
    if not distance > 0:
        return 0.0
    middle = float(np.median(np.asarray(usual))) if len(usual) else 0.0
    return importance * total_variation * max(0.0, 1.0 - middle / distance)
