"""The page for people: our section, then Evidently's classification report, in one file.

This module is, with ``monitor/report.py``, the only one that imports evidently.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.evaluate import plots, section
from pipeline.evaluate.results import Evaluation
from pipeline.evaluate.section import About
from pipeline.metrics import Floats
from pipeline.page import compose, silenced

SAMPLE_ROWS = 50_000
"""Most rows that Evidently is given; our own section is always about all of them."""

FRESH = re.compile(
    r"(?<=metric_)[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
"""What Evidently names anew each time: the page's own root and, by UUID 7, its widgets."""


def render(
    found: Evaluation,
    positive: NDArray[np.bool_],
    p: Floats,
    calibration: pd.DataFrame,
    about: About,
    seed: int,
) -> str:
    """One HTML file that opens without a network.

    Parameters
    ----------
    found
        The evaluation of these rows.
    positive, p
        Labels and probabilities ``(n,)``.
    calibration
        As :func:`pipeline.evaluate.plots.calibration` makes it.
    about
        What the page is about.
    seed
        Of the sample that Evidently is given if there are more than ``SAMPLE_ROWS`` rows.

    Raises
    ------
    AssayError
        Evidently's page has no head and body to put ours into.
    """
    rows = np.arange(len(p))
    note = f"All {len(p):,} rows. Its numbers have no intervals."
    if len(p) > SAMPLE_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(p), SAMPLE_ROWS, replace=False))
        note = (
            f"A sample of {SAMPLE_ROWS:,} of the {len(p):,} rows, drawn at random with seed "
            f"{seed}: its numbers differ a little from those above, which are about all rows."
        )
    ours = section.render(
        found,
        about,
        calibration,
        plots.score_histogram(positive, p),
        plots.confusion(positive, p, found.threshold),
        note,
    )
    title = f"{about.name}: {about.candidate} on the holdout"
    return compose(title, ours, _evidently(positive[rows], p[rows], found.threshold, about.label))


def _evidently(positive: NDArray[np.bool_], p: Floats, threshold: float, label: str) -> str:
    with silenced():
        from evidently import BinaryClassification, DataDefinition, Dataset, Report
        from evidently.presets import ClassificationPreset

        table = pd.DataFrame(
            {
                label: positive.astype(np.int64),
                f"{label} (predicted)": (p >= threshold).astype(np.int64),
                f"{label} (probability)": p,
            }
        )
        definition = DataDefinition(
            classification=[
                BinaryClassification(
                    target=label,
                    prediction_labels=f"{label} (predicted)",
                    prediction_probas=f"{label} (probability)",
                    pos_label=1,
                )
            ],
            numerical_columns=[],
            categorical_columns=[],
        )
        report = Report([ClassificationPreset(probas_threshold=threshold)])
        snapshot = report.run(Dataset.from_pandas(table, data_definition=definition), None)
        return _stable(str(snapshot.get_html_str(as_iframe=False)))


def _stable(html: str) -> str:
    """``html`` with Evidently's fresh names numbered, so that the same rows give the same bytes.

    DVC would otherwise see another page in every run.
    """
    numbers: dict[str, str] = {}
    return FRESH.sub(lambda name: numbers.setdefault(name[0], f"{len(numbers):032x}"), html)
