"""Evidently's report of a night: its own presets on a sample of rows, below Assay's answer.

Only this folder imports evidently.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
import pandas as pd

from assay.pages.templating import NOTHING_MORE, compose_page, evidently_document, suppress_output
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


@dataclass(frozen=True)
class Sample:
    """Sampled rows of the night and of the reference, with the same columns; for looking at only.

    ``scores`` are the columns of the model's scores. ``left_out`` says why features or all rows are
    missing; empty if nothing is.
    """

    night: pd.DataFrame
    reference: pd.DataFrame
    scores: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    left_out: str

    @property
    def rows(self) -> int:
        return len(self.night) if self.numeric or self.categorical else 0


def sample_of(
    night: pd.DataFrame,
    reference: pd.DataFrame,
    scores: Sequence[str],
    numeric: Sequence[str],
    categorical: Sequence[str],
    why_none: str = "",
    sensitive: Collection[str] = (),
    order: Sequence[str] = (),
    most: int = MOST_SAMPLED,
) -> Sample:
    """Reduce both frames to what Evidently can compare: columns with a value in each.

    Parameters
    ----------
    night, reference
        The features and the scores, one row a scored row.
    scores
        Which columns are the model's scores.
    numeric, categorical
        All columns, by type.
    why_none
        Why ``night`` is empty, if that is known.
    sensitive
        Columns that are left out: a sample is single rows.
    order, most
        The columns, the most important first, and how many of them are kept, scores before others.
    """
    hidden = [name for name in (*numeric, *categorical) if name in sensitive]
    kinds = [[name for name in names if name not in hidden] for names in (numeric, categorical)]
    columns = [*kinds[0], *kinds[1]]
    frames = [_plain(frame, *kinds) for frame in (night, reference)]
    gone = [
        name
        for name in columns
        if any(name not in frame or frame[name].isna().all() for frame in frames)
    ]
    if set(scores) & set(gone) or len(night) < 2 or len(reference) < 2:
        why = (
            f"There are too few rows to compare: {len(night)} of the night's and "
            f"{len(reference)} of the reference's" + (f"; {why_none}." if why_none else ".")
        )
        return Sample(frames[0], frames[1], tuple(scores), (), (), why)
    places = {name: place for place, name in enumerate(order)}
    here = [name for name in columns if name not in gone]
    here.sort(key=lambda name: (name not in scores, places.get(name, len(places))))
    kept = set(here[:most])
    reasons = [
        f"Left out, as sensitive: {', '.join(hidden)}." if hidden else "",
        f"Left out, for lack of values in the sample: {', '.join(gone)}." if gone else "",
        f"Only {len(kept)} of {len(here)} columns, to keep the page small."
        if len(kept) < len(here)
        else "",
    ]
    both = [name for name in columns if name in kept]
    return Sample(
        frames[0][both],
        frames[1][both],
        tuple(scores),
        tuple(name for name in kinds[0] if name in kept),
        tuple(name for name in kinds[1] if name in kept),
        " ".join(filter(None, reasons)),
    )


def _plain(frame: pd.DataFrame, numeric: Sequence[str], categorical: Sequence[str]) -> pd.DataFrame:
    """Float64 and str columns, nulls and infinities as NaN: Evidently fails on infinities."""
    made: dict[str, pd.Series[float] | pd.Series[str]] = {}
    for name in numeric:
        if name in frame:
            values = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
            made[name] = pd.Series(np.where(np.isfinite(values), values, np.nan))
    for name in categorical:
        if name in frame:
            column = frame[name].astype(object).reset_index(drop=True)
            made[name] = column.where(column.isna(), column.astype(str)).where(
                column.notna(), np.nan
            )
    return pd.DataFrame(made)


# ----- the workspace that ``evidently ui`` serves: a run for each night that has Evidently's report

SNAPSHOTS = "snapshots"
"""Evidently's name for the runs of a project, in a folder named by the project's id."""


def project_id(name: str) -> UUID:
    """The id of the project that shows the nights of the model ``name``."""
    return uuid5(NAMESPACE_URL, f"assay:{name}")


def runs_folder(workspace: Path, name: str) -> Path:
    """The folder with a file for each run."""
    return workspace / str(project_id(name)) / SNAPSHOTS


def create_project(workspace: Path, name: str) -> None:
    """Make the workspace and its project, with two panels over the nights, unless it is there."""
    if runs_folder(workspace, name).parent.exists():
        return
    with suppress_output():
        from evidently.sdk.models import DashboardPanelPlot, PanelMetric, ProjectModel
        from evidently.sdk.panels import line_plot_panel, text_panel
        from evidently.ui.workspace import Workspace

        panels: list[DashboardPanelPlot] = [
            text_panel(
                f"{name}: samples of nights",
                "Nothing is decided here: assay monitor decides on all rows of each night.",
            ),
            line_plot_panel(
                "Share of the features that Evidently finds drifted in the sample",
                [PanelMetric(metric="DriftedColumnsCount", metric_labels={"value_type": "share"})],
            ),
            line_plot_panel(
                "Evidently's drift score of each column of the sample",
                [PanelMetric(metric="ValueDrift", legend="{{column}}")],
            ),
        ]
        about = ProjectModel(id=project_id(name), name=name, description="Nights, by samples.")
        made = Workspace.create(str(workspace)).add_project(about)
        for panel in panels:
            made.dashboard.add_panel(panel)


def add_run(workspace: Path, name: str, partition: str, run: Snapshot) -> None:
    """Add a night's run, or replace it.

    ``Workspace.add_run`` gives each run a new id, so it would show a night as often as it was
    monitored. The file is written elsewhere and moved in, so a server that watches the folder never
    reads half of one.
    """
    create_project(workspace, name)
    target = runs_folder(workspace, name) / f"{uuid5(project_id(name), partition)}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.parent, prefix=".evidently-") as scratch:
        made = Path(scratch) / target.name
        made.write_text(str(run.dumps()), encoding="utf-8")
        made.replace(target)
