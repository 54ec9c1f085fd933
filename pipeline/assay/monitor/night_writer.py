"""Write the documents and pages of judged nights, once, at the end of a command.

Everything is decided before this. The written documents are also returned, so that later steps
(front page, Evidently workspace, alerts) need not read them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assay.columns.grid import NumberGrid
from assay.columns.reference import Reference
from assay.model.bundle import Bundle
from assay.monitor.evidently import page
from assay.monitor.evidently.content import night_content
from assay.monitor.evidently.sample import sample_of
from assay.monitor.incidents.collect import AllNights
from assay.monitor.judge import JudgedNight
from assay.monitor.nights import documents, section
from assay.monitor.nights.documents import KnownDocument
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.night_path import night_path
from assay.monitor.nights.night_status import decide_status
from assay.monitor.nights.quarantine_rules import count_broken_rules
from assay.monitor.nights.sample import published_sample
from assay.monitor.nights.status_update import update_status, update_statuses
from assay.monitor.nights.summary import NightSummary, overall_metrics
from assay.monitor.nights.summary_read import parse_summary
from assay.project.params import Monitor, Params
from assay.project.textfile import write
from assay.store import Store

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


def summary_of(night: JudgedNight, facts: KnownNights, params: Params) -> NightSummary:
    """Build a night's summary, still without the sample of rows that its page shows.

    Parameters
    ----------
    facts
        Must include the night's estimated performance.
    """
    record = night.record
    return NightSummary(
        name=params.name,
        partition=record.partition,
        run_id=record.run_id,
        version=record.version,
        bundle=record.bundle,
        contract=record.contract,
        scored_at=f"{record.at:%Y-%m-%d %H:%M:%S} UTC" if record.at else "unknown",
        rows_read=record.rows_read or 0,
        rows_scored=record.rows_scored or 0,
        rows_quarantined=record.rows_quarantined or 0,
        sample_rows=0,
        page=night_path(record.partition, ".html"),
        limits=params.monitor,
        decision=night.decision,
        stand=decide_status("published", night.decision.crossed),
        weekday=night.weekday,
        label=night.label,
        performance=overall_metrics(facts.measured_on(record.partition)),
    )


def previous_summary(
    known: Mapping[str, KnownDocument], partition: str, limits: Monitor
) -> NightSummary | None:
    """The summary in a night's earlier document; None if there is none or it cannot be parsed."""
    document = known.get(partition)
    if document is None:
        return None
    try:
        return parse_summary(document.text, limits)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True)
class NightWriter:
    """Writes the pages and documents of nights into a project's reports."""

    root: Path
    params: Params
    store: Store

    def write(
        self,
        every: AllNights,
        facts: KnownNights,
        judged: Sequence[tuple[JudgedNight, NightSummary]],
        former: Mapping[str, KnownDocument],
        keep: bool = False,
    ) -> KnownNights:
        """Write the judged nights, and update the status on the other nights' pages.

        Parameters
        ----------
        every
            The current status of all nights, including the judged ones.
        judged
            Each with its `summary_of`.
        former
            Night -> its document before the command began.
        keep
            Keep a judged night's page if only its status changed, and skip redrawing its charts.
            This makes it fast to monitor a year again.

        Returns
        -------
        The facts with the current documents.
        """
        limits = self.params.monitor
        stands = {night.partition: night for night in every.nights}
        written = []
        for night, summary in judged:
            known = stands[night.partition]
            if known.drift is not None:  # None if the run was replaced in the meantime
                summary = replace(summary, stand=known.stand)
            old = previous_summary(former, night.partition, limits) if keep else None
            written.append(self._kept(summary, old) or self._drawn(night, summary))
            if len(judged) > 1:  # progress: drawing a page takes seconds
                log.info("looked at %s", night.partition)
        mine = {night.partition for night, _ in judged}
        others = (night for night in every.nights if night.partition not in mine)
        written += update_statuses(self.root, limits, others, facts.documents)
        return facts.with_documents(written)

    def _kept(self, summary: NightSummary, old: NightSummary | None) -> KnownDocument | None:
        """The document, if the page can stay except for its status; None if it must be redrawn."""
        if old is None or not (self.root / old.page).exists():
            return None
        same = replace(summary, sample_rows=old.sample_rows, broken_rules=old.broken_rules)
        if replace(same, stand=old.stand, in_alarm=old.in_alarm).to_json() != old.to_json():
            return None
        if (same.stand, same.in_alarm) == (old.stand, old.in_alarm):
            return documents.of_summary(same)
        return update_status(self.root, same)

    def _drawn(self, night: JudgedNight, summary: NightSummary) -> KnownDocument:
        record, loaded = night.record, night.loaded
        reference, manifest = loaded.reference, loaded.manifest
        rows, why_none = published_sample(
            self.root, self.params, self.store, record, manifest, reference.scores
        )
        sample = sample_of(
            rows,
            sample_reference(loaded, self.params),
            reference.scores,
            *columns_of(reference),
            why_none,
        )
        rules = count_broken_rules(self.store, record)
        summary = replace(summary, sample_rows=sample.rows, broken_rules=rules)
        told = night_content(summary, reference, manifest.task, night.profile())
        ours = section.render(summary, reference)
        document = documents.of_summary(summary)
        html = page.render_page(section.title(summary), ours, [(told, sample)])
        write(self.root / summary.page, html)
        write(self.root / night_path(record.partition, ".json"), document.text)
        return document


def columns_of(reference: Reference) -> tuple[list[str], list[str]]:
    """The names of the numeric and of the categorical columns."""
    numeric = [name for name, grid in reference.grid.items() if isinstance(grid, NumberGrid)]
    return numeric, [name for name in reference.grid if name not in numeric]


def sample_reference(loaded: Bundle, params: Params) -> pd.DataFrame:
    """At most ``monitor.sample_rows`` of the reference's rows."""
    rows = loaded.sample()
    limit = params.monitor.sample_rows
    return rows if len(rows) <= limit else rows.sample(limit, random_state=params.seed)
