"""The section of the evaluation page about features: which of them the model relies on."""

from __future__ import annotations

from assay.pages.drop_chart import drop_chart
from assay.project.text import counted
from assay.reports.evaluation import FeatureImportance

SHOWN = 20
"""Maximum number of features in the chart; evaluation.json has all."""


def template_variables(
    importance: FeatureImportance | None, rows: int, seed: int
) -> dict[str, object]:
    """Template variables of the section.

    Parameters
    ----------
    importance
        None leaves the section out.
    rows
        Of the holdout.
    seed
        That of the sample, if not all rows were taken.
    """
    if importance is None:
        return {"importance": None}
    drawn = [
        (one.feature, one.drop, one.low, one.high)
        for one in importance.features
        if one.drop is not None and one.low is not None and one.high is not None
    ]
    sampled = importance.rows < rows
    return {
        "importance": importance,
        "drops": drop_chart(drawn[:SHOWN], importance.metric) if drawn else None,
        "more": len(drawn) - SHOWN,
        "lost": [one.feature for one in importance.features if one.drop is None],
        "drawn_from": f"{importance.rows:,} of the {rows:,} rows, drawn at random with seed {seed}"
        if sampled
        else f"all {counted(rows, 'row')}",
    }
