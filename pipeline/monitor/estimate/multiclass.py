"""The expected accuracy of a multiclass model, from the probability of its likeliest class.

That probability is the chance that the answer is right, so accuracy is its mean, exactly.
Other metrics would need what each class was given, which a profile does not keep.
"""

from __future__ import annotations

from pipeline.monitor.estimate.cells import ScoreCells
from pipeline.monitor.estimate.expected import Expected, Influence, expected, unknown

METRICS = ("accuracy",)


def estimate(cells: ScoreCells, confidence: float) -> dict[str, Expected]:
    """Accuracy, from cells of the top class's probability."""
    if not len(cells.counts):
        return {"accuracy": unknown("no rows")}
    value = float(cells.counts @ cells.means) / cells.rows
    right = Influence(value, 1 - value + 0 * cells.means, -value + 0 * cells.means)
    return {"accuracy": expected("accuracy", right, cells.counts, cells.means, confidence)}
