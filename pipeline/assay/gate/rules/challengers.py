"""A holdout that is asked again and again: what a PASS of its k-th challenger takes.

Every challenger that is judged on the same rows is another chance of a false PASS: of 50 that are
no better, one passes a rule that asks for more in over a third of all cases. So the k-th needs a
smaller one-sided p-value at the limit than the first (`assay.metrics.intervals.spending`). A FAIL
and an INCONCLUSIVE stay what they are, since neither lets a model out. Rules without an interval,
such as costs, the contract, and whatever the project's own code decides, have no such p-value.
"""

from __future__ import annotations

from assay.metrics.intervals.spending import pass_level
from assay.project.text import format_certainty, ordinal
from assay.reports.verdict import Finding, Outcome

FIX = (
    "Ask fresh nights, where the first challenger needs no more than the interval: assay window "
    "moves the holdout, once there are labels. Or promote a challenger that is better by more."
)


def hold(found: Finding, challenger: int, confidence: float) -> Finding:
    """The finding; INCONCLUSIVE for a PASS that is not certain enough for this challenger.

    Parameters
    ----------
    challenger
        Its place on the holdout, 1 for the first.
    confidence
        Of the two-sided intervals.
    """
    level = pass_level(challenger, confidence)
    if found.outcome is not Outcome.PASS or found.chance is None or found.chance <= level:
        return found
    first, needed, here = (
        format_certainty(1 - chance) for chance in (pass_level(1, confidence), level, found.chance)
    )
    detail = (
        f"{found.detail}, but with {here} certainty: of the {ordinal(challenger)} challenger on "
        f"this holdout a PASS takes {needed}, not {first}"
    )
    changes = {"outcome": Outcome.INCONCLUSIVE, "detail": detail, "fix": FIX}
    return found.model_copy(update=changes)
