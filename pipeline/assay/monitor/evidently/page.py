"""A report page: Assay's section, its numbers as an Evidently report, then Evidently on a sample.

Only this folder and ``evaluate/page.py`` import evidently. Nothing outside this folder imports
``metrics`` or ``widgets``, which take seconds to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from assay.monitor.evidently.minify import minify_widget, round_numbers, share_library
from assay.monitor.evidently.sample import Sample
from assay.monitor.nights.content import ReportContent
from assay.pages.page_layout import (
    FILES_BESIDE,
    NOT_INSTALLED,
    compose_page,
    suppress_output,
    without_evidently,
)
from assay.project import textfile
from assay.project.extras import is_installed

if TYPE_CHECKING:
    from evidently.core.report import Snapshot

SAMPLE = (
    "**A sample of {rows:,} rows, for looking at.** Evidently's own methods with their own fixed "
    "thresholds, which see these rows and no others. Nothing above was decided on them. {left_out}"
)
MOST_SAMPLED = 30
"""The most columns shown of the sample: each takes 12 kB of a page that may have 5 MB."""

FRONT = (("../index.html", "All nights"),)
"""Pages of nights lie in a folder beside the front page."""

NO_SAMPLE = "**No sample of rows to look at.** {left_out}"


@dataclass(frozen=True)
class ReportPage:
    """A page, and the files that have to lie beside it, by their names: Evidently's library."""

    html: str
    beside: Mapping[str, str] = field(default_factory=dict)

    def write(self, file: Path) -> None:
        """Write the page to ``file``, and beside it what other pages have not brought already."""
        for name, text in self.beside.items():
            if not (file.parent / name).exists():
                textfile.write(file.parent / name, text)
        textfile.write(file, self.html)


def render_page(
    title: str, section: str, shown: Sequence[tuple[ReportContent, Sample]]
) -> ReportPage:
    """The page; where Evidently is not installed or fails, that stands in its place.

    Parameters
    ----------
    section
        Assay's own HTML, at the top.
    shown
        The content about all rows, and a sample of them: one pair, or for a week one per model.
    """
    if not is_installed("evidently"):
        return ReportPage(compose_page(title, section, without_evidently(NOT_INSTALLED), FRONT))
    try:
        with suppress_output():
            document, beside = share_library(_document(shown))
    except Exception as error:  # what Assay knows of the night is on the page, whatever it meets
        why = f"it ended with {type(error).__name__}: {error}"
        return ReportPage(compose_page(title, section, without_evidently(why), FRONT))
    return ReportPage(compose_page(title, section, document, FRONT, FILES_BESIDE), beside)


def snapshot(told: ReportContent) -> Snapshot:
    """The content about all rows, as an Evidently report that was run."""
    return _run(told, None, {})


def snapshot_json(told: ReportContent, at: datetime, about: Mapping[str, str]) -> str:
    """The same as JSON for a workspace, which any Evidently can read.

    Parameters
    ----------
    at
        The position on a time axis.
    about
        Further labels shown beside its name.
    """
    with suppress_output():
        made = _run(told, at, about)
        for result in made.metric_results.values():
            result.widget = []  # the report itself holds them all; halves the size
        return str(made.dumps())


def _run(told: ReportContent, at: datetime | None, about: Mapping[str, str]) -> Snapshot:
    from evidently import DataDefinition, Dataset, Report

    from assay.monitor.evidently.metrics import AllRows

    # Evidently runs a report on a table; the metrics already have their values.
    table = pd.DataFrame({"rows scored": [told.rows_scored]})
    definition = DataDefinition(numerical_columns=list(table))
    dataset = Dataset.from_pandas(table, data_definition=definition)
    report = Report([AllRows(told)], metadata=dict(about))
    return report.run(dataset, None, timestamp=at, name=told.title)


def _document(shown: Sequence[tuple[ReportContent, Sample]]) -> str:
    from evidently.core.metric_types import render_widgets
    from evidently.legacy.renderers.html_widgets import group_widget

    from assay.monitor.evidently import widgets

    found = []
    for told, every in shown:
        names = [column.name for column in told.columns]
        sample = every.first(names, max(1, MOST_SAMPLED // len(shown)))
        ours = snapshot(told).to_snapshot_model()
        words = SAMPLE if sample.rows else NO_SAMPLE
        introduction = widgets.text(words.format(rows=sample.rows, left_out=sample.left_out))
        theirs = _presets(sample).to_snapshot_model().widgets if sample.rows else []
        found += [
            group_widget(title="", widgets=ours.widgets),
            *ours.tests_widgets,
            group_widget(title="", widgets=[introduction, *theirs]),
        ]
    for widget in found:
        minify_widget(widget)
    return round_numbers(render_widgets(found, as_iframe=False))


def _presets(sample: Sample) -> Snapshot:
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
    report = Report([*scores, *drift, DataSummaryPreset()])
    return report.run(
        Dataset.from_pandas(sample.night, data_definition=definition),
        Dataset.from_pandas(sample.reference, data_definition=definition),
    )
