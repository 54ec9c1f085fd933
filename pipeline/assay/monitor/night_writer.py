"""Write the documents and pages of judged nights, once, at the end of a command.

Everything is decided before this. The written documents are also returned, so that later steps
(front page, alerts) need not read them. A night's own page holds all that Assay knows of it.
Evidently's report, which takes two seconds, is a file beside it, for nights that cross a limit or
are asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.columns.grid import NumberGrid
from assay.columns.reference import Reference
from assay.model.bundle import Bundle
from assay.monitor.evidently import page, workspace
from assay.monitor.evidently.sample import Sample, sample_of
from assay.monitor.incidents.collect import AllNights
from assay.monitor.judge import JudgedNight
from assay.monitor.nights import documents, section
from assay.monitor.nights.content import night_content
from assay.monitor.nights.documents import KnownDocument
from assay.monitor.nights.facts import KnownNights
from assay.monitor.nights.night_path import EVIDENTLY, night_path
from assay.monitor.nights.night_status import decide_status
from assay.monitor.nights.quarantine_rules import count_broken_rules
from assay.monitor.nights.sample import published_sample
from assay.monitor.nights.section import EvidentlyPart
from assay.monitor.nights.status_update import update_status, update_statuses
from assay.monitor.nights.summary import NightSummary, overall_metrics
from assay.monitor.nights.summary_read import parse_summary
from assay.pages.page_layout import compose_page
from assay.project.extras import is_installed
from assay.project.params import Monitor, Params
from assay.project.textfile import write
from assay.store import RunRecord, Store

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
        evidently: bool = False,
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
        evidently
            Make Evidently's report of each judged night, whatever ``monitor.evidently`` says.

        Returns
        -------
        The facts with the current documents.
        """
        limits = self.params.monitor
        stands = {night.partition: night for night in every.nights}
        written, drawn = [], []
        for night, summary in judged:
            known = stands[night.partition]
            if known.drift is not None:  # None if the run was replaced in the meantime
                summary = replace(summary, stand=known.stand)
            old = previous_summary(former, night.partition, limits) if keep else None
            wanted = self._evidently_part(summary, evidently) is EvidentlyPart.THERE
            lacking = wanted and not self._evidently_file(summary).exists()
            kept = None if lacking else self._kept(summary, old)
            if kept is None:
                drawn.append((night, summary))
                continue
            written.append(kept)
            if len(judged) > 1:
                log.info("looked at %s", night.partition)
        for night, summary in drawn:
            written.append(self._drawn(night, summary, evidently))
            if len(judged) > 1:  # progress: drawing pages takes seconds
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

    def _drawn(self, night: JudgedNight, summary: NightSummary, asked: bool) -> KnownDocument:
        """Write the page and the document, and Evidently's report if the night is to have one."""
        record, loaded = night.record, night.loaded
        rules = count_broken_rules(self.store, record)
        summary = replace(summary, broken_rules=rules)
        file = self._evidently_file(summary)
        part = self._evidently_part(summary, asked or file.exists())
        sample = None
        if part is EvidentlyPart.THERE:
            sample = self._sample(night)
            summary = replace(summary, sample_rows=sample.rows)
        told = night_content(summary, loaded.reference, loaded.manifest.task, night.profile())
        title = section.title(summary)
        if sample is None:
            file.unlink(missing_ok=True)
        else:
            few = sample.first([column.name for column in told.columns], page.MOST_SAMPLED)
            ours = section.introduce(summary, few.left_out)
            write(file, page.render_page(title, ours, record.partition, few, self._keep(record)))
        ours = section.render(summary, loaded.reference, told, part)
        document = documents.of_summary(summary)
        write(self.root / summary.page, compose_page(title, ours, links=page.FRONT))
        write(self.root / night_path(record.partition, ".json"), document.text)
        return document

    def _keep(self, record: RunRecord) -> Callable[[Any], None] | None:
        """Adds a night's report to the workspace; None if there is to be none."""
        folder = self.params.monitor.workspace
        if folder is None:
            return None
        return partial(workspace.add_run, self.root / folder, self.params.name, record.partition)

    def _evidently_file(self, summary: NightSummary) -> Path:
        return self.root / night_path(summary.partition, EVIDENTLY)

    def _evidently_part(self, summary: NightSummary, asked: bool) -> EvidentlyPart:
        when = self.params.monitor.evidently
        if not (asked or when == "always" or (when == "alarming" and summary.stand.alarming)):
            return EvidentlyPart.NOT_ASKED
        return EvidentlyPart.THERE if is_installed("evidently") else EvidentlyPart.NOT_INSTALLED

    def _sample(self, night: JudgedNight) -> Sample:
        """The rows that Evidently sees."""
        record, loaded = night.record, night.loaded
        rows, why_none = published_sample(
            *(self.root, self.params, self.store, record, loaded.manifest),
            loaded.reference.scores,
        )
        return sample_of(
            rows,
            sample_reference(loaded, self.params),
            loaded.reference.scores,
            *columns_of(loaded.reference),
            why_none,
            loaded.manifest.sensitive,
        )


def columns_of(reference: Reference) -> tuple[list[str], list[str]]:
    """The names of the numeric and of the categorical columns."""
    numeric = [name for name, grid in reference.grid.items() if isinstance(grid, NumberGrid)]
    return numeric, [name for name in reference.grid if name not in numeric]


def sample_reference(loaded: Bundle, params: Params) -> pd.DataFrame:
    """At most ``monitor.sample_rows`` of the reference's rows."""
    rows = loaded.sample()
    limit = params.monitor.sample_rows
    return rows if len(rows) <= limit else rows.sample(limit, random_state=params.seed)
