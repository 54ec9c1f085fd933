"""Evidently's report of a night: its own presets on a sample of rows, below Assay's answer.

Only this folder and ``evaluate/page.py`` import evidently.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from assay.monitor.evidently.sample import Sample
from assay.pages.page_layout import NOTHING_MORE, compose_page, evidently_document
from assay.project.partitions import parse_day

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

MOST_SAMPLED = 30
"""The most columns that Evidently is given: each takes a tenth of a second and 70 kB of a page."""

FRONT = (("../index.html", "All nights"),)
"""Pages of nights lie in a folder beside the front page."""


def render_page(
    title: str,
    section: str,
    partition: str,
    sample: Sample,
    keep: Callable[[Snapshot], None] | None = None,
) -> str:
    """One HTML file; where Evidently is not installed or fails, it says so in its place.

    Parameters
    ----------
    section
        Assay's own HTML, at the top.
    partition
        The night.
    keep
        Receives the report, to add it to a workspace.
    """

    def document() -> str:
        made = run_presets(sample, partition)
        if keep is not None:
            keep(made)
        return str(made.get_html_str(as_iframe=False))

    theirs = evidently_document(document) if sample.rows else NOTHING_MORE
    return compose_page(title, section, theirs, FRONT)


def run_presets(sample: Sample, partition: str) -> Snapshot:
    """Drift of the scores and the features, and a summary of all, as Evidently computes them."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    definition = DataDefinition(
        numerical_columns=list(sample.numeric), categorical_columns=list(sample.categorical)
    )
    columns = (*sample.numeric, *sample.categorical)
    features = [name for name in columns if name not in sample.scores]
    drift = [DataDriftPreset(columns=features)] if features else []
    scores = [ValueDrift(column=name) for name in sample.scores]
    day = parse_day(partition)
    return Report([*scores, *drift, DataSummaryPreset()]).run(
        Dataset.from_pandas(sample.night, data_definition=definition),
        Dataset.from_pandas(sample.reference, data_definition=definition),
        # A dashboard orders runs by it. Without a time zone: Evidently shows it unchanged.
        timestamp=None if day is None else datetime(day.year, day.month, day.day),
        name=partition,
    )
