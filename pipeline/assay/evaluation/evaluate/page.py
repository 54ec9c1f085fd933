"""The evaluation page: our section, then Evidently's report for the task, in one HTML file.

Only this module and ``monitor/evidently/`` import evidently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from assay.evaluation.evaluate import importance_section, section, task_charts
from assay.evaluation.evaluate.section import PageHeader
from assay.metrics.labelled_scores import LabelledScores
from assay.pages.page_layout import (
    NOTHING_MORE,
    compose_page,
    evidently_document,
    without_evidently,
)
from assay.project.text import counted
from assay.reports.evaluation import FeatureImportance, Measurement

SAMPLE_ROWS = 50_000
"""Maximum number of rows given to Evidently. Our own section always covers all rows."""

GENERATED_ID = re.compile(
    r"(?<=metric_)[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
"""Ids that Evidently generates on each run: the page's root, and its widgets (UUID 7)."""

NOT_ASKED = "It is left out, because evaluate.evidently in params.yaml says never."


def render(
    found: Measurement,
    scored: LabelledScores,
    tables: Mapping[str, pd.DataFrame],
    about: PageHeader,
    seed: int,
    importance: FeatureImportance | None = None,
    evidently: bool = True,
) -> str:
    """One self-contained HTML file; without Evidently it says so in its place.

    Parameters
    ----------
    found
        The evaluation of these rows.
    scored
        Their labels and scores.
    tables
        The result of :func:`assay.evaluation.evaluate.plots.tables`.
    about
        Facts for the page's header.
    seed
        Seed of the sample for Evidently, used if there are more than ``SAMPLE_ROWS`` rows.
    importance
        Of each feature; left out of the page if None.
    evidently
        Whether Evidently's report follows.
    """
    rows = np.arange(len(scored))
    note = f"All {counted(len(rows), 'row')}. Its numbers have no intervals."
    if len(rows) > SAMPLE_ROWS:
        note = (
            f"A sample of {SAMPLE_ROWS:,} of the {len(rows):,} rows, drawn at random with seed "
            f"{seed}: its numbers differ a little from those above, which are about all rows."
        )
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), SAMPLE_ROWS, replace=False))
    if scored.task == "regression":
        note += " Percentage errors (MAPE) say nothing where labels come near 0."
    if not evidently:
        note = NOT_ASKED
    body = {
        **task_charts.template_variables(scored, about.label, tables),
        **importance_section.template_variables(importance, found.rows, seed),
    }
    ours = section.render(found, about, body, note)
    title = f"{about.name}: {about.candidate} on the holdout"
    theirs = _evidently(scored.take(rows), about.label) if evidently else NOTHING_MORE
    return compose_page(title, ours, theirs)


def _evidently(scored: LabelledScores, label: str) -> str:
    if scored.task == "multiclass":
        seen = np.union1d(scored.truth, np.argmax(scored.scores, axis=1))
        if len(seen) == 2 < len(scored.classes):
            return without_evidently(
                f"these rows have only two of the {len(scored.classes)} classes, which it would "
                "take for yes and no"
            )
    return evidently_document(lambda: _report(scored, label))


def _report(scored: LabelledScores, label: str) -> str:
    from evidently import Dataset, Report

    table, definition, preset = _asked(scored, label)
    report = Report([preset])
    snapshot = report.run(Dataset.from_pandas(table, data_definition=definition), None)
    return _stable(str(snapshot.get_html_str(as_iframe=False)))


def _asked(scored: LabelledScores, label: str) -> tuple[pd.DataFrame, Any, Any]:
    """The rows as a table for Evidently, its data definition, and the preset to run."""
    from evidently import BinaryClassification, DataDefinition, MulticlassClassification, Regression
    from evidently.presets import ClassificationPreset, RegressionPreset

    predicted = f"{label} (predicted)"
    nothing: dict[str, list[str]] = {"numerical_columns": [], "categorical_columns": []}
    if scored.task == "regression":
        table = pd.DataFrame({label: scored.truth, predicted: scored.scores})
        one = Regression(target=label, prediction=predicted)
        return table, DataDefinition(regression=[one], **nothing), RegressionPreset()
    if scored.task == "binary":
        probability = f"{label} (probability)"
        table = pd.DataFrame(
            {
                label: scored.truth.astype(np.int64),
                predicted: (scored.scores >= scored.threshold).astype(np.int64),
                probability: scored.scores,
            }
        )
        binary = BinaryClassification(
            target=label, prediction_labels=predicted, prediction_probas=probability, pos_label=1
        )
        definition = DataDefinition(classification=[binary], **nothing)
        return table, definition, ClassificationPreset(probas_threshold=scored.threshold)
    names = np.array(scored.classes, dtype=object)
    # Evidently looks up each class of the probabilities among those of the rows' labels. Without
    # one of them the others add up to less than 1, so then it gets the predicted classes alone.
    whole = len(np.unique(scored.truth)) == len(names)
    table = pd.DataFrame(scored.scores, columns=list(scored.classes)) if whole else pd.DataFrame()
    many = MulticlassClassification(
        target=f"{label} (actual)",
        prediction_labels=predicted,
        prediction_probas=list(scored.classes) if whole else None,
    )
    table[many.target] = names[scored.truth]
    table[predicted] = names[np.argmax(scored.scores, axis=1)]
    return table, DataDefinition(classification=[many], **nothing), ClassificationPreset()


def _stable(html: str) -> str:
    """``html`` with generated ids replaced by numbers, so that equal rows give equal bytes.

    Otherwise DVC would see a changed page after every run.
    """
    numbers: dict[str, str] = {}
    return GENERATED_ID.sub(lambda name: numbers.setdefault(name[0], f"{len(numbers):032x}"), html)
