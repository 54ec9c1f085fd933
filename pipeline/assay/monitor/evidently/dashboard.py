"""The dashboard of the Evidently workspace: which metrics are plotted over the nights."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from evidently.sdk.models import (
    DashboardModel,
    DashboardPanelPlot,
    DashboardTabModel,
    PanelMetric,
)
from evidently.sdk.panels import line_plot_panel, text_panel

from assay.monitor.evidently import metrics
from assay.monitor.nights.content import ReportContent


def dashboard(name: str, told: ReportContent) -> DashboardModel:
    """One tab with all panels; deterministic for a project.

    Parameters
    ----------
    told
        Of any night: it gives the names of the score and of the headline metric.
    """
    metric = told.headline
    panels = [
        text_panel(
            f"{name}: published nights",
            "Counted on all rows of each night, and decided by Assay. Reports: a night each.",
        ),
        _line("Share of the features over a limit, and in alarm with the nights before",
              [_of(metrics.DriftShare, "over a limit"), _of(metrics.AlarmShare, "in alarm"),
               _of(metrics.DriftLimit, "may be over")]),
        _line(f"Mean {told.score}", [_of(metrics.ScoreMean, "mean")]),
        _line("Share of the rows read that are in quarantine",
              [_of(metrics.QuarantineShare, "quarantined")]),
        _line(f"How far {told.score} is from the reference",
              [_of(metrics.ColumnDistance, "distance", column=told.score),
               _of(metrics.ColumnLimit, "limit", column=told.score)]),
        _line(f"{metric}: expected without labels, and with the labels that came",
              [_of(metrics.EstimatedPerformance, "expected", metric=metric),
               _of(metrics.RealizedPerformance, "with labels", metric=metric)], size="full"),
        _line("How far each column is from the reference",
              [_of(metrics.ColumnDistance, "{{column}}")], size="full"),
    ]  # fmt: skip
    for panel in panels:
        panel.id = _id(name, panel.title)
    tab = DashboardTabModel(
        id=_id(name, "nights"), title="Nights", panels=[panel.id for panel in panels]
    )
    return DashboardModel(tabs=[tab], panels=panels)


def _line(title: str, values: list[PanelMetric], size: str = "half") -> DashboardPanelPlot:
    return line_plot_panel(title=title, values=values, size=size)


def _of(kind: type[metrics.ComputedMetric], legend: str, **labels: str) -> PanelMetric:
    return PanelMetric(legend=legend, metric=kind.__get_type__(), metric_labels=labels)


def _id(name: str, part: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"assay:{name}:{part}")
